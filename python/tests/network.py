"""A development network that the tests run against, and its members' keys."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
        said = dict(line.split(" ", 1) for line in (process.stdout.readline().strip() for _ in range(3)) if line)
        try:
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
