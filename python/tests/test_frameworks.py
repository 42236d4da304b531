"""A PyTorch, a Keras, a Flower, a Syft and a Go peer train one perceptron together."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import librum
from librum.verify import evidence

from framework_peer import LAYERS
from golden import REPOSITORY
from network import BINARY, Network, export, first_verifier, running, spec, until_final

FRAMEWORKS = ["torch", "tensorflow", "flower", "syft"]
GO = "go"
PART = 200  # rows of each peer
ROUNDS = 8
# A batch is all that a peer has, so that no order of rows makes a difference.
TRAIN = {"local_epochs": 10, "batch_size": PART, "learning_rate": 0.2, "momentum": 0.9}
DIGITS = np.loadtxt(REPOSITORY / "fl" / "data" / "digits.csv.gz", dtype=np.float32, delimiter=",")
SCHEMA = "columns:\n" + "".join(f"  - {{name: p{i}, type: number, min: 0, max: 16}}\n" for i in range(64))
SCHEMA += '  - {name: digit, type: category, values: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]}\n'


def digits(part: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return features and labels as peers in Go see them under SCHEMA."""
    return ((part[:, :-1] - 8) / 8).astype(np.float32), part[:, -1].astype(np.int64)


def command(kind: str, network: Network, number: int, folder: Path) -> list[str]:
    """Write a peer's rows and return what runs it."""
    part = DIGITS[number * PART : (number + 1) * PART]
    if kind == GO:
        names = ",".join([*(f"p{i}" for i in range(64)), "digit"])
        np.savetxt(folder / "rows.csv", part, "%d", ",", header=names, comments="")
        (folder / "schema.yaml").write_text(SCHEMA)
        (folder / "policy.yaml").write_text("creators: [any]\nmodels: [mlp]\n")
        return [
            str(BINARY), "peer", "run", "--server", network.url, "--genesis", network.genesis,
            "--identity", str(network.key(number)), "--data", "csv:rows.csv?label=digit&schema=schema.yaml",
            "--data-root", str(folder), "--policy", str(folder / "policy.yaml"),
        ]  # fmt: skip
    features, labels = digits(part)
    np.savez(folder / "rows.npz", features=features, labels=labels)
    return [
        os.environ[f"LIBRUM_TEST_{kind.upper()}"], str(Path(__file__).with_name("framework_peer.py")), kind,
        network.url, network.genesis, str(network.key(number)), str(folder / "rows.npz"), str(folder),
    ]  # fmt: skip


@contextlib.contextmanager
def peers(kinds: list[str], network: Network, base: Path) -> Iterator[None]:
    """Run peers in processes of their own; print what they said where the test fails."""
    working: list[subprocess.Popen[bytes]] = []
    logs = [base / f"{i}-{kind}.log" for i, kind in enumerate(kinds)]
    try:
        for i, kind in enumerate(kinds):
            folder = base / f"{i}-{kind}"
            folder.mkdir()
            with logs[i].open("wb") as out:
                working.append(subprocess.Popen(command(kind, network, i, folder), stdout=out, stderr=out))
        yield
    except BaseException:
        for log in logs:
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        for one in working:
            one.terminate()
        for one in working:
            one.wait(timeout=120)


def trained(kinds: list[str], base: Path) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Have peers train a job; return the model, and what the verifiers say."""
    base.mkdir()
    with (
        running(base / "network", peers=0, external=len(kinds)) as network,
        librum.Client(network.url, token=network.token) as client,
        peers(kinds, network, base),
    ):
        job = client.jobs.submit(
            spec(
                rounds=ROUNDS, peers=len(kinds), min_available_peers=len(kinds), round_timeout_s=600,
                model={"name": "mlp", "layers": LAYERS},
                train=TRAIN,
            )
        )  # fmt: skip
        client.jobs.wait(job.id, timeout=900)
        rounds = list(client.jobs.rounds(job.id))
        assert [(r.averaged, r.declined, r.refused) for r in rounds] == [(len(kinds), 0, None)] * ROUNDS
        model: dict[str, Any] = dict(client.models.weights(job.id))
        until_final(client)
    export(base / "network", job.id, base / "job.evidence")
    theirs = first_verifier(base / "job.evidence", "--genesis", network.genesis)
    ours = evidence.verify_file(base / "job.evidence", bytes.fromhex(network.genesis))
    return model, theirs, ours


def accuracy(model: dict[str, Any]) -> float:
    """Return a model's accuracy on rows that no peer has."""
    features, labels = digits(DIGITS[5 * PART :])
    hidden = np.maximum(features @ model["layer0.weight"].T + model["layer0.bias"], 0)
    found = (hidden @ model["layer1.weight"].T + model["layer1.bias"]).argmax(1)
    return float((found == labels).mean())


@pytest.mark.skipif(
    not all(f"LIBRUM_TEST_{name.upper()}" in os.environ for name in FRAMEWORKS),
    reason="needs all frameworks: tools/test-frameworks.sh installs them and runs this",
)
def test_one_job(tmp_path: Path) -> None:
    """The job is right by both verifiers, and its model that of five peers in Go, but for rounding."""
    in_go, _, _ = trained([GO] * 5, tmp_path / "go")
    in_all, theirs, ours = trained([*FRAMEWORKS, GO], tmp_path / "all")
    alone, together = accuracy(in_go), accuracy(in_all)
    apart = max(float(np.abs(in_go[name] - in_all[name]).max()) for name in in_go)
    print(f"accuracy of five peers in Go {alone:.4f}, of five frameworks {together:.4f}; weights {apart:.1e} apart")
    assert (ours.verdict, ours.first) == (theirs["verdict"], None) == ("right", None)
    assert (ours.updates, ours.averages) == (5 * ROUNDS, ROUNDS)
    assert alone > 0.85
    assert abs(alone - together) <= 0.01
    assert apart < 1e-3
