"""What a peer in Python reads and writes: the same proofs hold as in Go, and updates are canonical files."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import librum
from librum import ledger, task
from librum.encoding import decode
from librum.errors import UpdateError
from librum.modelfile import ModelFile

from golden import REPOSITORY

VECTORS = json.loads((REPOSITORY / "fl" / "peer" / "testdata" / "tasks.json").read_text(encoding="utf-8"))


def groups() -> ledger.Groups:
    """Return what the vectors' genesis says of groups."""
    group = ledger.Group.of(ledger.GROUP(decode("group", bytes.fromhex(VECTORS["group"]), 1 << 20), "group"), "group")
    return ledger.Groups(bytes.fromhex(VECTORS["chain"]), VECTORS["shard"], group)


@pytest.mark.parametrize("vector", VECTORS["tasks"], ids=lambda v: v["name"])
def test_proofs(vector: dict[str, Any]) -> None:
    """What holds for the peer in Go holds here and says the same; what does not, does not."""

    def check() -> task.Opened:
        return task.check(
            bytes.fromhex(vector["job"]), vector["round"], vector["attempt"], bytes.fromhex(vector["proof"]),
            bytes.fromhex(vector["peer"]), groups(),
        )  # fmt: skip

    if not vector["holds"]:
        with pytest.raises(librum.ProofError) as refused:
            check()
        assert isinstance(refused.value, ledger.UnknownEpochError) == vector["epoch"]
        return
    opened, want = check(), vector["opened"]
    assert opened.job.hex() == vector["job"]
    assert [p.hex() for p in opened.cohort] == want["cohort"]
    assert [n.hex() for n in opened.withheld] == (want["withheld"] or [])
    for name in ("creator", "model", "state", "seed"):
        assert getattr(opened, name).hex() == want[name]
    for name in ("term", "model_size", "state_size", "deadline", "roster"):
        assert getattr(opened, name) == want[name]
    assert opened.spec == want["spec"]


def test_layout_is_the_jobs() -> None:
    """The size that the proof names is that of the job's model."""
    for vector in VECTORS["tasks"]:
        if vector["holds"] and "parameters" not in vector["opened"]["spec"]:
            assert ModelFile(vector["opened"]["spec"]).size == vector["opened"]["model_size"]


SMALL = {"model": {"name": "mlp", "layers": [3, 2, 2]}}


def weights() -> dict[str, NDArray[np.float32]]:
    """Return an update that fits SMALL."""
    return {t.name: np.full(t.shape, i + 0.5, np.float32) for i, t in enumerate(ModelFile(SMALL).tensors)}


def test_update_file() -> None:
    """An update is the canonical file, made in the bytes of the model where those are given."""
    model = ModelFile(SMALL)
    file = model.update(weights())
    assert len(file) == model.size
    views = model.arrays(file)
    assert {name: a.tobytes() for name, a in views.items()} == {name: a.tobytes() for name, a in weights().items()}
    changed = dict(views)
    changed["layer1.weight"] = views["layer1.weight"].T  # of the same shape, and of the same bytes
    views["layer1.weight"][0, 1] = 9
    again = model.update(changed, file)
    assert again is file
    assert model.arrays(file)["layer1.weight"][1, 0] == 9
    swapped = model.arrays(model.update(weights()))
    other = model.arrays(bytearray(model.update({**weights(), "layer1.bias": np.array([7, 8], np.float32)})))
    assert swapped.keys() == other.keys()
    with pytest.raises(librum.AnswerError, match="round's model"):
        model.arrays(file[:-1])
    with pytest.raises(librum.AnswerError, match="other tensors"):
        ModelFile({"model": {"name": "mlp", "layers": [3, 2, 3]}}).arrays(file)
    with pytest.raises(UpdateError, match="no model"):
        ModelFile({"model": {"name": "resnet", "layers": [3, 2]}})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layer0.bias": np.array([1, math.nan], np.float32)}, "layer0.bias: a value is NaN"),
        ({"layer0.bias": np.array([1, -math.inf], np.float32)}, "layer0.bias: a value is NaN or infinite"),
        (
            {"layer0.bias": np.array([1, 2, 3], np.float32)},
            r"layer0.bias: the update has shape \(3,\), the global model \(2,\)",
        ),
        (
            {"layer0.bias": np.array([1, 2], np.float64)},
            "layer0.bias: the update has type float64, the global model float32",
        ),
        ({"layer0.bias": "a"}, "layer0.bias"),
        ({"extra": np.array([1], np.float32)}, "has a tensor 'extra'"),
    ],
)
def test_updates_that_are_none(change: dict[str, Any], says: str) -> None:
    """What is wrong is said with the tensor's name."""
    with pytest.raises(UpdateError, match=says):
        ModelFile(SMALL).update({**weights(), **change})
    lacking = weights()
    del lacking["layer1.bias"]
    with pytest.raises(UpdateError, match=r"lacks the tensor 'layer1\.bias'"):
        ModelFile(SMALL).update(lacking)
