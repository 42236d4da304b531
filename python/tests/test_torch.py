"""A module of PyTorch as a peer's model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librum
from librum.errors import UpdateError

from frameworks import adapter, asked, run_example, same, weights
from network import Network, running

ours: Any = adapter("torch", "torch")
import torch  # noqa: E402

nn = torch.nn


def mlp(*inside: Any) -> Any:
    """Return the small job's model, something between its layers."""
    return nn.Sequential(nn.Linear(4, 3), *(inside or (nn.ReLU(),)), nn.Linear(3, 2))


def nothing(*_: object) -> None:
    """Train nothing."""


def forward(module: Any, _: librum.Round) -> None:
    """Show the module some rows."""
    module(torch.ones(5, 4))


def test_in_order_and_back() -> None:
    """What goes in comes out, bit for bit, as float32; the module has it in between."""
    module = mlp()
    seen: list[Any] = []
    trainer = ours.Trainer(module, lambda m, _: seen.append((m.training, m[0].weight.detach().clone())))
    given = weights(asked())
    update = trainer.train(given, asked())
    assert same(update.weights, given)
    assert (update.num_examples, update.metrics) == (None, {})
    assert seen[0][0]
    assert np.array_equal(seen[0][1].numpy(), given["layer0.weight"])
    assert np.array_equal(module[2].bias.detach().numpy(), given["layer1.bias"])


def test_trains() -> None:
    """Steps of an optimizer change what comes out, metrics and the number of examples come along."""
    features = torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(20) % 2

    def fit(module: Any, round_: librum.Round) -> dict[str, float]:
        optimizer = torch.optim.SGD(module.parameters(), lr=round_.spec["train"]["learning_rate"])
        loss = nn.functional.cross_entropy(module(features), labels)
        loss.backward()
        optimizer.step()
        return {"loss": loss.item(), "num_examples": 20}

    def measure(module: Any, _: librum.Round) -> dict[str, float]:
        assert not module.training
        assert not torch.is_grad_enabled()
        return {"loss": nn.functional.cross_entropy(module(features), labels).item()}

    trainer = ours.Trainer(mlp(), fit, measure)
    given = weights(asked())
    for array in given.values():
        array.flags.writeable = False  # as Peer gives it to evaluate
    before = trainer.evaluate(given, asked())
    update = trainer.train(given, asked())
    assert update.num_examples == 20
    assert update.metrics == before
    after = trainer.evaluate(update.weights, asked())
    assert after["loss"] < before["loss"]
    with pytest.raises(TypeError, match="no measure="):
        ours.Trainer(mlp(), nothing).evaluate(given, asked())


def test_buffers_and_counters_stay() -> None:
    """Statistics and counters of batch normalisation go on from round to round, and are no part of the update."""
    module = mlp(nn.BatchNorm1d(3, affine=False))
    trainer = ours.Trainer(module, forward)
    assert trainer.train(weights(asked()), asked()).weights.keys() == weights(asked()).keys()
    first = {name: tensor.clone() for name, tensor in module[1].state_dict().items()}
    assert first["num_batches_tracked"] == 1
    trainer.train(weights(asked(2)), asked(2))
    second = {name: tensor.clone() for name, tensor in module[1].state_dict().items()}
    assert second["num_batches_tracked"] == 2
    trainer.train(weights(asked(2)), asked(2, attempt=2))  # opened again: begins as before
    assert all(torch.equal(second[n], t) for n, t in module[1].state_dict().items())
    trainer.train(weights(asked()), asked(job="cd" * 32))  # another job: from the beginning
    assert all(torch.equal(first[n], t) for n, t in module[1].state_dict().items())


def test_rounds_that_nobody_waits_for_leave_nothing() -> None:
    """What a cancelled round did to the peer's own state is forgotten."""
    module = mlp(nn.BatchNorm1d(3, affine=False))
    trainer = ours.Trainer(module, forward)
    left = asked()
    left.cancelled.set()
    trainer.train(weights(left), left)
    trainer.train(weights(asked(2)), asked(2))
    assert module[1].num_batches_tracked == 1


def test_bfloat16() -> None:
    """A module in bfloat16 gets the nearest values and gives back exactly those that it has."""
    module = mlp().to(torch.bfloat16)
    given = weights(asked())
    trained = ours.Trainer(module, nothing).train(given, asked()).weights
    for name, array in given.items():
        assert trained[name].dtype == np.float32
        assert np.array_equal(trained[name], torch.tensor(array).to(torch.bfloat16).float().numpy())
    again = ours.Trainer(module, nothing).train(trained, asked()).weights
    assert same(again, trained)


def test_names() -> None:
    """Names say which tensor stands for which; what does not fit is named."""
    module = nn.ModuleDict({"out": nn.Linear(3, 2), "hidden": nn.Linear(4, 3), "head": nn.Linear(3, 7)})
    names = {
        "hidden.weight": "layer0.weight", "hidden.bias": "layer0.bias",
        "out.weight": "layer1.weight", "out.bias": "layer1.bias",
    }  # fmt: skip
    given = weights(asked())
    assert same(ours.Trainer(module, nothing, names=names).train(given, asked()).weights, given)
    assert np.array_equal(module["hidden"].weight.detach().numpy(), given["layer0.weight"])
    with pytest.raises(UpdateError, match=r"shares 4 tensors, layer0.weight.* the model trains 6, out.weight.*names="):
        ours.Trainer(module, nothing).train(given, asked())
    with pytest.raises(UpdateError, match=r"hidden.weight: the model has shape \(3, 4\), the job's layer1.weight"):
        ours.Trainer(
            module, nothing, names={**names, "hidden.weight": "layer1.weight", "out.weight": "layer0.weight"}
        ).train(given, asked())
    with pytest.raises(UpdateError, match=r"0 tensors stand for the job's 'layer1.bias'"):
        ours.Trainer(module, nothing, names={k: v for k, v in names.items() if k != "out.bias"}).train(given, asked())
    with pytest.raises(UpdateError, match=r"the model has no tensor 'there'"):
        ours.Trainer(module, nothing, names={**names, "out.bias": "", "there": "layer1.bias"}).train(given, asked())
    with pytest.raises(UpdateError, match=r"0.weight: the model has shape \(2, 4\)"):
        ours.Trainer(nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2)), nothing).train(given, asked())


def test_a_head_of_ones_own() -> None:
    """Tensors that the job leaves with its peers are trained here and stay."""
    job = asked(parameters={"keep_local": ["layer1.*"]})

    def fit(module: Any, _: librum.Round) -> None:
        with torch.no_grad():
            module[2].bias += 1

    module = mlp()
    names = {"0.weight": "layer0.weight", "0.bias": "layer0.bias", "2.weight": "layer1.weight", "2.bias": "layer1.bias"}
    first = module[2].bias.detach().clone()
    trainer = ours.Trainer(module, fit, names=names)
    assert trainer.train(weights(job), job).weights.keys() == {"layer0.weight", "layer0.bias"}
    trainer.train(weights(job), asked(2, parameters={"keep_local": ["layer1.*"]}))
    assert torch.allclose(module[2].bias, first + 2)


def test_what_stands_for_no_number() -> None:
    """A counter stands for none of a job's tensors; a function that returns something else is told so."""
    module = mlp()
    module.register_buffer("count", torch.zeros(2, dtype=torch.int64))
    names = {"0.weight": "layer0.weight", "0.bias": "layer0.bias", "2.weight": "layer1.weight", "count": "layer1.bias"}
    with pytest.raises(UpdateError, match=r"count: the module has type torch.int64"):
        ours.Trainer(module, nothing, names=names).train(weights(asked()), asked())
    with pytest.raises(UpdateError, match="returned float, want a dict"):
        ours.Trainer(mlp(), lambda *_: 0.5).train(weights(asked()), asked())
    with pytest.raises(UpdateError, match="no whole number"):
        ours.Trainer(mlp(), lambda *_: {"num_examples": 0.5}).train(weights(asked()), asked())


@pytest.fixture(scope="module")
def own_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Run a network."""
    with running(tmp_path_factory.mktemp("torch") / "network", peers=1) as found:
        yield found


def test_state_dicts_through_the_aggregator(own_network: Network) -> None:
    """State dicts with counters and bfloat16 are averaged by the nodes, and loaded into a module of the same types."""
    modules = [mlp(nn.BatchNorm1d(3)).to(torch.bfloat16) for _ in range(2)]
    for steps, module in enumerate(modules):
        module[1].num_batches_tracked += 10 + 2 * steps
    state = {f"peer{i}": ours.arrays(module) for i, module in enumerate(modules)}
    assert {a.dtype.name for a in state["peer0"].values()} == {"float32", "int64"}
    with librum.Client(own_network.url, token=own_network.token) as client:
        mean = librum.aggregate(state, client=client)
    ours.load(modules[0], mean)
    assert modules[0][1].num_batches_tracked == 11
    assert modules[0][0].weight.dtype == torch.bfloat16
    want = (state["peer0"]["0.weight"].astype(np.float64) + state["peer1"]["0.weight"]) / 2
    assert torch.equal(modules[0][0].weight, torch.tensor(want.astype(np.float32)).to(torch.bfloat16))
    with pytest.raises(ValueError, match="'extra' is none of the module"):
        ours.load(modules[0], {**mean, "extra": np.zeros(1)})
    with pytest.raises(ValueError, match="is missing"):
        ours.load(modules[0], {})
    with pytest.raises(ValueError, match=r"0.bias has shape \(2,\)"):
        ours.load(modules[0], {**mean, "0.bias": np.zeros(2)})


def test_the_page(tmp_path: Path) -> None:
    """The lines of docs/python.md run in a job beside peers in Go."""
    names = run_example("torch", tmp_path)
    assert all(r.averaged == 3 for r in names["rounds"])
