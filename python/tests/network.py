"""A development network that the tests run against, and its members' keys."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librum

BINARY = Path(os.environ.get("LIBRUM_BIN", str(Path(__file__).parents[2] / "bin" / "librum")))
LAYERS = [64, 10]


@dataclass(frozen=True)
class Network:
    """Where it listens, its token, its genesis digest and its directory."""

    url: str
    token: str
    genesis: str
    directory: Path

    def key(self, peer: int) -> Path:
        """Return the key file of a peer that does not run by itself."""
        return self.directory / "peers" / f"external-{peer}-key"


@contextmanager
def running(directory: Path, *, peers: int, external: int = 0, hold_out: float = 0) -> Iterator[Network]:
    """Run ``librum dev`` with so many peers of its own, and keys for others."""
    command = [str(BINARY), "dev", "--dir", str(directory), "--listen", "127.0.0.1:0", "--peers", str(peers)]
    if hold_out:
        command += ["--hold-out", str(hold_out)]
    if external:
        command += ["--external-peers", str(external)]
    log = directory.with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        said: dict[str, str] = {}
        try:
            while "genesis" not in said:
                line = process.stdout.readline()
                assert line, log.read_text()[-2000:]
                word, _, rest = line.strip().partition(" ")
                said[word] = rest
            yield Network(
                url=said["listening"].removeprefix("at "),
                token=(directory / "token").read_text().strip(),
                genesis=said["genesis"],
                directory=directory,
            )
        finally:
            process.terminate()
            assert process.wait(timeout=120) == 0, log.read_text()[-2000:]


def spec(rounds: int = 2, peers: int = 2, **more: object) -> dict[str, object]:
    """Return a job that trains within a second or two."""
    return {
        "num_rounds": rounds,
        "min_train_peers": peers,
        "seed": 7,
        "model": {"name": "logistic", "layers": LAYERS},
        "train": {"local_epochs": 1, "batch_size": 32, "learning_rate": 0.1},
        **more,
    }


def first_verifier(path: Path, *arguments: str) -> dict[str, Any]:
    """Return what ``librum verify`` says."""
    done = subprocess.run([BINARY, "verify", path, "--json", *arguments], capture_output=True, text=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == {"right": 0, "wrong": 1, "incomplete": 3}[found["verdict"]]
    return found


def export(directory: Path, job: str, path: Path, *arguments: str) -> bytes:
    """Have ``librum job export`` write a job's evidence."""
    command = [str(BINARY), "job", "export", job, "--evidence", str(path), "--dir", str(directory), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path.read_bytes()


def until_final(client: librum.Client) -> None:
    """Wait until all that was executed is final."""
    limit = time.monotonic() + 60
    end = next(iter(client.jobs.list()))
    events = list(client.jobs.events(end.id))
    while True:
        status = client.chain.status()
        header = next(iter(client.blocks.list()))
        last = tuple(map(int, header.last.split(".")))
        if header.final and last >= tuple(map(int, (events[-1].position or "").split("."))):
            return
        assert time.monotonic() < limit, status
