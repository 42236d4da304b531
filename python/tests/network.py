"""A development network that the tests run against, and its members' keys."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import librum
from librum.dev import Network as Network  # the tests' name for it

BINARY = Path(os.environ.get("LIBRUM_BIN", str(Path(__file__).parents[2] / "bin" / "librum")))
LAYERS = [64, 10]


def running(directory: Path, *, peers: int, external: int = 0, hold_out: float = 0) -> Network:
    """Run ``librum dev`` with so many peers of its own, and keys for others, until the end of a with statement."""
    return Network(directory, peers=peers, external=external, hold_out=hold_out, binary=BINARY)


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
