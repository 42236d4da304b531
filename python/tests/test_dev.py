"""Networks that Python starts."""

from __future__ import annotations

from pathlib import Path

import pytest

import librum
from librum.dev import Network

from network import BINARY


def test_a_temporary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It works until it is closed, and leaves nothing; the program is found by the environment."""
    monkeypatch.setenv("LIBRUM_BIN", str(BINARY))
    with Network(peers=1) as network:
        with network.client() as client:
            assert client.health.ready()
        assert "jobs" in network.command("job", "list", "--json")
        with pytest.raises(RuntimeError, match="job show"):
            network.command("job", "show", "00" * 32)
        network.stop()
        assert network.directory.is_dir()
        assert "findings" in network.command("fsck", "--dir", str(network.directory), "--json")
    assert not network.directory.exists()


def test_taken_up_again(tmp_path: Path) -> None:
    """A directory that is there is taken up where it was left."""
    with Network(tmp_path / "network", peers=1, binary=BINARY) as first:
        pass
    with Network(tmp_path / "network", peers=1, binary=BINARY) as second:
        assert second.genesis == first.genesis


def test_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program says is told."""
    (tmp_path / "network").write_text("a file where the directory goes")
    with pytest.raises(librum.UnreachableError, match="network"):
        Network(tmp_path / "network", binary=BINARY)
    monkeypatch.setenv("LIBRUM_BIN", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="LIBRUM_BIN"):
        Network()
