"""A Keras model as a peer's, its weights known by their paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from librum.errors import UpdateError

from frameworks import adapter, asked, run_example, same, weights

ours: Any = adapter("tensorflow", "keras")
import keras  # noqa: E402

layers = keras.layers


def mlp(*inside: Any) -> Any:
    """Return the small job's model, something between its layers."""
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="one"), *(inside or (layers.ReLU(),)), layers.Dense(2, name="two")],
        name="mlp",
    )


def nothing(*_: object) -> None:
    """Train nothing."""


def forward(model: Any, _: object) -> None:
    """Show the model some rows."""
    model(np.ones((5, 4), np.float32), training=True)


def test_in_order_and_back() -> None:
    """What goes in comes out, bit for bit; in between the model computes what the job's does."""
    model, given = mlp(), weights(asked())
    assert same(ours.Trainer(model, nothing).train(given, asked()).weights, given)
    rows = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)
    hidden = np.maximum(rows @ given["layer0.weight"].T + given["layer0.bias"], 0)
    want = hidden @ given["layer1.weight"].T + given["layer1.bias"]
    assert np.allclose(keras.ops.convert_to_numpy(model(rows)), want, atol=1e-5)


def test_trains() -> None:
    """What fit says of its last epoch are the metrics; what is measured comes from the round's weights."""
    features, labels = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32), np.arange(20) % 2
    model = mlp()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    trainer = ours.Trainer(
        model,
        lambda m, r: m.fit(features, labels, epochs=r.spec["train"]["local_epochs"], verbose=0),
        lambda m, _: m.evaluate(features, labels, return_dict=True, verbose=0),
    )
    given = weights(asked())
    for array in given.values():
        array.flags.writeable = False  # as Peer gives it to evaluate
    before = trainer.evaluate(given, asked())
    update = trainer.train(given, asked())
    assert update.num_examples is None
    assert update.metrics.keys() == {"loss"}
    assert trainer.evaluate(update.weights, asked())["loss"] < before["loss"]
    counted = ours.Trainer(mlp(), lambda *_: {"loss": 1, "num_examples": 3}).train(given, asked())
    assert (counted.num_examples, counted.metrics) == (3, {"loss": 1.0})
    with pytest.raises(TypeError, match="no measure="):
        ours.Trainer(mlp(), nothing).evaluate(given, asked())


def test_statistics_stay() -> None:
    """Statistics of batch normalisation go on from round to round, and are no part of the update."""
    model = mlp(layers.BatchNormalization(center=False, scale=False, momentum=0.5, name="norm"))
    trainer = ours.Trainer(model, forward)

    def mean(*place: Any, **more: Any) -> Any:
        given = weights(asked())
        assert same(trainer.train(given, asked(*place, **more)).weights, given)
        return keras.ops.convert_to_numpy(model.get_layer("norm").moving_mean)

    first, second, again, other = mean(1), mean(2), mean(2, 2), mean(1, job="cd" * 32)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, again)
    assert np.array_equal(first, other)


def test_bfloat16() -> None:
    """A model in bfloat16 gives back exactly what it has."""
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = mlp()
    finally:
        keras.config.set_dtype_policy("float32")
    given = weights(asked())
    trained = ours.Trainer(model, nothing).train(given, asked()).weights
    for name, array in given.items():
        assert trained[name].dtype == np.float32
        assert np.allclose(trained[name], array, rtol=2**-8)
    assert same(ours.Trainer(model, nothing).train(trained, asked()).weights, trained)


def test_paths() -> None:
    """Paths say which weight stands for which; what does not fit is named."""
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, name="one")(inputs)
    model = keras.Model(inputs, [layers.Dense(2, name="two")(hidden), layers.Dense(5, name="head")(hidden)])
    names = {
        "two/kernel": "layer1.weight", "two/bias": "layer1.bias",
        "one/kernel": "layer0.weight", "one/bias": "layer0.bias",
    }  # fmt: skip
    given = weights(asked())
    assert same(ours.Trainer(model, nothing, names=names).train(given, asked()).weights, given)
    with pytest.raises(UpdateError, match=r"shares 4 tensors.* the model trains 6, one/kernel"):
        ours.Trainer(model, nothing).train(given, asked())
    with pytest.raises(
        UpdateError, match=r"head/kernel: the model has shape \(5, 3\), the job's layer1.weight \(2, 3\)"
    ):
        ours.Trainer(model, nothing, names={**names, "head/kernel": "layer1.weight", "two/kernel": ""}).train(
            given, asked()
        )
    with pytest.raises(UpdateError, match="no tensor 'three/bias'"):
        ours.Trainer(model, nothing, names={**names, "three/bias": "layer1.bias", "two/bias": ""}).train(given, asked())
    with pytest.raises(ValueError, match="not built"):
        ours.Trainer(keras.Sequential([layers.Dense(3)]), nothing)


def test_convolutions() -> None:
    """A LeNet-5 in Keras computes what the job's does: kernels are turned, images flattened channels first."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"), layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="relu"), layers.AveragePooling2D(2),
            layers.Permute((3, 1, 2)), layers.Flatten(),
            layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10),
        ]
    )  # fmt: skip
    job = asked(model={"name": "lenet5", "layers": [784, 10]})
    given = {name: array / 10 for name, array in weights(job).items()}
    assert same(ours.Trainer(model, nothing).train(given, job).weights, given)
    images = np.random.default_rng(3).normal(size=(2, 1, 28, 28)).astype(np.float32)

    def convolved(found: Any, layer: str) -> Any:
        windows = np.lib.stride_tricks.sliding_window_view(found, (5, 5), (2, 3))
        out = np.einsum("ncyxhw,ochw->noyx", windows, given[f"{layer}.weight"]) + given[f"{layer}.bias"][:, None, None]
        n, c, y, x = out.shape
        return np.maximum(out, 0).reshape(n, c, y // 2, 2, x // 2, 2).mean((3, 5))

    found = convolved(convolved(np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2))), "conv0"), "conv1").reshape(2, -1)
    for i in range(3):
        found = found @ given[f"layer{i}.weight"].T + given[f"layer{i}.bias"]
        found = np.maximum(found, 0) if i < 2 else found
    assert np.allclose(keras.ops.convert_to_numpy(model(images.transpose(0, 2, 3, 1))), found, rtol=1e-3, atol=1e-3)


def test_the_page(tmp_path: Path) -> None:
    """The lines of docs/python.md run in a job beside peers in Go."""
    names = run_example("tensorflow", tmp_path)
    assert all(r.averaged == 3 for r in names["rounds"])
