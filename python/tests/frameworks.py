"""What the tests of the adapters share: frameworks, rounds that nobody signed, and the page's examples."""

from __future__ import annotations

import importlib
import os
import re
from contextlib import chdir
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import librum
from librum.modelfile import shared
from librum.peer import Round

from golden import REPOSITORY
from network import running

MLP = {"name": "mlp", "layers": [4, 3, 2]}
TRAIN = {"local_epochs": 2, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.5}


def adapter(framework: str, package: str) -> ModuleType:
    """Return librum's module for a framework; skip whoever asks where the framework is not installed."""
    if not os.environ.get(
        f"LIBRUM_TEST_{framework.upper()}"
    ):  # tools/test-frameworks.sh sets it: no test is skipped there
        pytest.importorskip(
            package, reason=f"{package} is not installed; tools/test-frameworks.sh {framework} does that"
        )
    return importlib.import_module(f"librum.{framework}")


def asked(number: int = 1, attempt: int = 1, job: str = "ab" * 32, **more: Any) -> Round:
    """Return a round of a small job."""
    return Round(job, number, attempt, {"model": MLP, "train": TRAIN, "round_timeout_s": 60, **more})


def weights(of: Round) -> dict[str, NDArray[np.float32]]:
    """Return weights for a round, other numbers in each place."""
    draw = np.random.default_rng(of.number)
    return {t.name: draw.normal(size=t.shape).astype(np.float32) for t in shared(of.spec)}


def same(one: Any, other: Any) -> bool:
    """Return whether two updates have the same tensors, bit for bit."""
    return one.keys() == other.keys() and all(
        one[n].dtype == other[n].dtype and np.array_equal(one[n], other[n]) for n in one
    )


def run_example(framework: str, tmp_path: Path, **more: Any) -> dict[str, Any]:
    """Run the lines of docs/python.md for a framework in a job beside two peers in Go; return the names they leave.

    The lines find those of the page's section on peers, and more.
    """
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf'```python title="{framework}"\n(.*?)```', page, re.DOTALL)
    with (
        running(tmp_path / "network", peers=2, external=1) as network,
        librum.Client(network.url, token=network.token) as client,
        chdir(tmp_path),
    ):
        job = client.jobs.submit(
            {
                "num_rounds": 2, "min_train_peers": 3, "model": {"name": "mlp", "layers": [64, 30, 10]},
                "train": {"local_epochs": 1, "batch_size": 20, "learning_rate": 0.1},
            }
        )  # fmt: skip
        names: dict[str, Any] = {
            "librum": librum, "genesis": network.genesis, "client": client,
            "policy": librum.Policy.parse(b"creators: [any]\nmodels: [any]\n"),
            "rows": np.random.default_rng(1).normal(size=(200, 64)).astype(np.float32),
            "labels": np.arange(200) % 10, **more,
        }  # fmt: skip
        code = block.replace("http://127.0.0.1:8080", network.url).replace("librum-dev", str(network.directory))
        exec(compile(code, f"docs/python.md, {framework}", "exec"), names)
        names["peer"].close()
        names["done"] = client.jobs.wait(job.id, timeout=300)
        names["rounds"] = list(client.jobs.rounds(job.id))
    assert names["done"].state == "finished"
    return names
