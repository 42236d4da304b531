"""Apps written for Flower, run as they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from librum.errors import UpdateError

from frameworks import adapter, asked, run_example, same, weights

ours: Any = adapter("flower", "flwr")
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict  # noqa: E402
from flwr.client import NumPyClient  # noqa: E402
from flwr.clientapp import ClientApp  # noqa: E402

ORDER = ["layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"]


def answering(arrays: Any, metrics: dict[str, Any], more: dict[str, Any] | None = None) -> Any:
    """Return an app that answers so, whatever it is asked."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Any) -> Message:
        found = {"arrays": arrays(message.content["arrays"]), "metrics": MetricRecord(metrics), **(more or {})}
        return Message(RecordDict(found), reply_to=message)

    return app


def test_an_app_by_messages() -> None:
    """The app finds arrays, config and context as under Flower; its answer becomes the update."""
    seen: list[Any] = []
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Any) -> Message:
        arrays = message.content["arrays"]
        seen.append(
            (list(arrays), dict(message.content["config"]), dict(context.node_config), dict(context.run_config))
        )
        trained = [array + 1 for array in arrays.to_numpy_ndarrays()]
        metrics = MetricRecord({"train_loss": 0.5, "num-examples": 7, "each": [1.0, 2.0]})
        return Message(RecordDict({"arrays": ArrayRecord(trained), "metrics": metrics}), reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Any) -> Message:
        sums = float(sum(array.sum() for array in message.content["arrays"].to_numpy_ndarrays()))
        metrics = MetricRecord({"eval_loss": sums, "eval-Accuracy": 0.25, "num-examples": 7})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    trainer = ours.Trainer(app, node_config={"partition-id": 3}, run_config={"a.b": 1})
    given = weights(asked())
    update = trainer.train(given, asked())
    assert same(update.weights, {name: array + 1 for name, array in given.items()})
    assert (update.num_examples, update.metrics) == (7, {"train_loss": 0.5})
    config = {"server-round": 1, "lr": 0.1, "momentum": 0.5, "local-epochs": 2, "batch-size": 8}
    assert seen == [(ORDER, config, {"partition-id": 3}, {"a.b": 1})]
    told = trainer.evaluate(given, asked())
    assert told == {"loss": pytest.approx(float(sum(a.sum() for a in given.values()))), "accuracy": 0.25}


def test_a_client() -> None:
    """A NumPyClient is asked as Flower asks it; its doubles are rounded."""

    class OneClient(NumPyClient):
        def fit(self, parameters: Any, config: Any) -> Any:
            assert config == {"server_round": 1, "lr": 0.1, "momentum": 0.5, "local_epochs": 2, "batch_size": 8}
            return [array.astype(np.float64) * 2 for array in parameters], 9, {"train-loss": 1.5}

        def evaluate(self, parameters: Any, config: Any) -> Any:
            return 0.25, 9, {"accuracy": float(parameters[3][0])}

    given = weights(asked())
    for app in (OneClient(), OneClient().to_client(), ClientApp(client_fn=lambda _: OneClient().to_client())):
        trainer = ours.Trainer(app)
        update = trainer.train(given, asked())
        assert same(update.weights, {name: array * 2 for name, array in given.items()})
        assert (update.num_examples, update.metrics) == (9, {"train_loss": 1.5})
        assert trainer.evaluate(given, asked()) == {"loss": 0.25, "accuracy": float(given["layer1.bias"][0])}


def test_metrics_that_are_not_told() -> None:
    """What can't be told is left out, so that the round is not declined for it; of equal names the first is told."""
    long = "a" * 36

    class OneClient(NumPyClient):
        def fit(self, parameters: Any, config: Any) -> Any:
            metrics = {"train-loss": 1, "train_loss": 2, "num_examples": 500, "good": True, "5th": 1, "_x": 1}
            return parameters, 9, {**metrics, long: 3, long + "bcdef": 4, "name": "a row"}

        def evaluate(self, parameters: Any, config: Any) -> Any:
            return 0.25, 9, {"loss": 0.5, long: 3, "eval_" + long[1:]: 4, "good": False, "5th": 1, "Ok": 1}

    trainer = ours.Trainer(OneClient())
    update = trainer.train(weights(asked()), asked())
    assert (update.num_examples, update.metrics) == (9, {"train_loss": 1, long: 3})
    assert trainer.evaluate(weights(asked()), asked()) == {"loss": 0.25, long[1:]: 4, "ok": 1}


def counting() -> Any:
    """Return an app that counts its rounds in its state, and tells the count."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Any) -> Message:
        count = context.state["count"]["n"] if "count" in context.state else 0
        context.state["count"] = MetricRecord({"n": count + 1})
        found = {"arrays": message.content["arrays"], "metrics": MetricRecord({"count": count + 1})}
        return Message(RecordDict(found), reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Any) -> Message:
        count = context.state["count"]["n"] if "count" in context.state else 0
        context.state["count"] = MetricRecord({"n": 100})
        return Message(RecordDict({"metrics": MetricRecord({"count": count})}), reply_to=message)

    return app


def test_state_stays() -> None:
    """State goes on from round to round; a round opened again begins as before, and each job from nothing."""
    trainer = ours.Trainer(counting())

    def count(*place: Any, **more: Any) -> float:
        found = trainer.train(weights(asked()), asked(*place, **more)).metrics["count"]
        assert isinstance(found, float)
        return found

    assert [count(1), count(2), count(2, 2), count(3)] == [1, 2, 2, 3]
    assert trainer.evaluate(weights(asked()), asked(4)) == {"count": 3}
    assert [count(4), count(1, job="cd" * 32)] == [4, 1]


def test_names_and_order() -> None:
    """Arrays go out and come back by the app's names, whatever their order, or by their order alone."""
    names = {"fc2.weight": ORDER[2], "fc2.bias": ORDER[3], "fc1.weight": ORDER[0], "fc1.bias": ORDER[1]}
    given = weights(asked())

    def turned(arrays: ArrayRecord) -> ArrayRecord:
        assert list(arrays) == list(names)
        return ArrayRecord({name: arrays[name] for name in sorted(arrays)})

    trainer = ours.Trainer(answering(turned, {}), names=names)
    assert same(trainer.train(given, asked()).weights, given)
    plain = ours.Trainer(answering(lambda arrays: ArrayRecord(arrays.to_numpy_ndarrays()), {}), names=names)
    assert same(plain.train(given, asked()).weights, given)


def test_config_of_ones_own() -> None:
    """What a function says of the round is what the app finds."""
    seen: list[Any] = []

    class OneClient(NumPyClient):
        def fit(self, parameters: Any, config: Any) -> Any:
            seen.append(config)
            return parameters, 1, {}

    ours.Trainer(OneClient(), config=lambda r: {"round": r.number}).train(weights(asked(4)), asked(4))
    assert seen == [{"round": 4}]


def test_answers_that_are_none() -> None:
    """What is wrong with an answer is said."""
    given = weights(asked())

    def refused(app: Any, says: str) -> None:
        with pytest.raises(UpdateError, match=says):
            ours.Trainer(app).train(given, asked())

    refused(answering(lambda a: a, {}, {"more": ArrayRecord()}), "2 records of arrays")
    refused(answering(lambda a: ArrayRecord(a.to_numpy_ndarrays()[:3]), {}), "3 arrays, want 4")
    refused(answering(lambda a: a, {"num-examples": 1.5}), "no whole number")
    failing = ClientApp()

    @failing.train()
    def train(message: Message, context: Any) -> Message:
        return Message(Error(code=7, reason="a row"), reply_to=message)

    refused(failing, "answered with error 7$")

    class Failing(NumPyClient):
        def fit(self, parameters: Any, config: Any) -> Any:
            raise KeyError("a row")

    with pytest.raises(KeyError):
        ours.Trainer(Failing()).train(given, asked())
    status = answering(lambda a: a, {}, {"fitres.status": ConfigRecord({"code": 5, "message": "a row"})})
    refused(status, "answered with status 5$")


def test_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project is found by its pyproject.toml, with its config as the app finds it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "its_app").mkdir()
    (tmp_path / "its_app" / "client.py").write_text("from flwr.clientapp import ClientApp\napp = ClientApp()\n")
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[tool.flwr.app.components]\nclientapp = "its_app.client:app"\n[tool.flwr.app.config]\nlr = 0.5\nb.c = "d"\n'
    )
    app, config = ours.load(tmp_path)
    assert isinstance(app, ClientApp)
    assert config == {"lr": 0.5, "b.c": "d"}
    project.write_text("[project]\n")
    with pytest.raises(ValueError, match=r"pyproject.toml: want tool.flwr.app"):
        ours.load(tmp_path)


def test_the_page(tmp_path: Path) -> None:
    """The lines of docs/python.md run in a job beside peers in Go."""
    names = run_example("flower", tmp_path)
    assert all(r.averaged == 3 for r in names["rounds"])
