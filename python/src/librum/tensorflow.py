"""TensorFlow: a peer that trains a Keras 3 model of yours, its weights known by their paths.

A job's tensors are those of its built-in model, float32, laid out as PyTorch has them; kernels of Keras' dense and
convolutional layers are turned to that layout and back. What of the model's weights the job does not share, such as
the statistics of batch normalisation or a head of the peer's own, stays with the peer from round to round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from librum.errors import UpdateError
from librum.kept import Kept
from librum.naming import numbers, pairs
from librum.peer import Round, Update, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Trainer"]

Fit: TypeAlias = "Callable[[keras.Model, Round], Any]"


class Trainer:
    """Gives :meth:`librum.Peer.run` its functions: ``peer.run(trainer.train, trainer.evaluate, rows=…)``.

    Parameters
    ----------
    model
        What is trained, built; its weights are overwritten by each round.
    fit
        Gets the model with the round's weights, and the :class:`librum.Round`; trains it in place and returns metrics
        about the rows, or None, or what ``model.fit`` returns: its last epoch's numbers are the metrics then. A
        ``num_examples`` among them is the number of rows that it trained on. What it raises is met as that of any
        function of a peer.
    measure
        Gets the model and the round; returns metrics over rows that the peer holds out, as
        ``model.evaluate(…, return_dict=True)`` does. None: the peer measures nothing, and :attr:`evaluate` is not to be
        given to it.
    names
        The job's name for each weight that stands for one, by its path, ``sequential/dense/kernel`` for instance; None:
        the model's trainable weights in their order stand for the job's tensors, layer by layer, weight before bias.
        Shapes are checked, so what is mixed up and of one shape is all that is not noticed.

    The state of the model's optimizer goes on from round to round; make a new one in ``fit`` where that is not wanted.
    Behind a convolution, Keras flattens channels last and PyTorch channels first: a model that shares the dense layer
    behind it permutes before it flattens, or has ``data_format="channels_first"``.

    Weights that the job does not share begin, in each job, as they were when the trainer was made, and are kept in
    memory: a peer that is started again begins with the model that it is given then.
    """

    def __init__(
        self,
        model: keras.Model,
        fit: Fit,
        measure: Callable[[keras.Model, Round], Mapping[str, float]] | None = None,
        *,
        names: Mapping[str, str] | None = None,
    ) -> None:
        if not model.built:
            raise ValueError("model: it is not built, so it has no weights; give it an Input")
        self._model, self._fit, self._measure, self._names = model, fit, measure, names
        self._variables = {v.path: v for v in model.weights}
        if len(self._variables) != len(model.weights):
            raise ValueError("model: two of its weights have one path")
        self._axes = {v.path: axes for layer in _layers(model) for v, axes in _turned(layer)}
        self._first = {path: _array(v) for path, v in self._variables.items()}
        self._kept: Kept[dict[str, NDArray[Any]]] = Kept()

    def train(self, weights: Weights, round_: Round) -> Update:
        """Load the round's weights into the model, have it trained, and return what came out."""
        found = self._place(weights, round_)
        told = self._fit(self._model, round_)
        if isinstance(told, keras.callbacks.History):
            told = {name: values[-1] for name, values in told.history.items() if values}
        examples, metrics = numbers(told)
        trained = {name: self._out(path) for path, name in found}
        stands = dict(found)
        self._kept.after(round_, {path: _array(v) for path, v in self._variables.items() if path not in stands})
        return Update(trained, examples, metrics)

    def evaluate(self, weights: Weights, round_: Round) -> Mapping[str, float]:
        """Load the round's weights into the model, and return what is measured."""
        if self._measure is None:
            raise TypeError("evaluate: the trainer has no measure=")
        self._place(weights, round_)
        return self._measure(self._model, round_)

    def _place(self, weights: Weights, round_: Round) -> list[tuple[str, str]]:
        shapes = {path: self._shape(path) for path in self._variables}
        found = pairs(round_, shapes, [v.path for v in self._model.trainable_weights], self._names)
        for path, _ in found:
            if not keras.backend.is_float_dtype(self._variables[path].dtype):
                raise UpdateError(f"{path}: the model has type {self._variables[path].dtype}, want a floating one")
        own = self._kept.before(round_)
        for path, array in (self._first if own is None else own).items():
            self._variables[path].assign(array)
        for path, name in found:
            axes = self._axes.get(path)
            array = weights[name]
            self._variables[path].assign(array if axes is None else array.transpose(np.argsort(axes)))
        return found

    def _out(self, path: str) -> NDArray[Any]:
        array, axes = _array(self._variables[path]).astype(np.float32), self._axes.get(path)
        return array if axes is None else array.transpose(axes)

    def _shape(self, path: str) -> tuple[int, ...]:
        shape, axes = tuple(self._variables[path].shape), self._axes.get(path)
        return shape if axes is None else tuple(shape[i] for i in axes)


def _array(variable: Any) -> NDArray[Any]:
    found: NDArray[Any] = np.array(keras.ops.convert_to_numpy(variable))
    return found


def _layers(layer: Any) -> Iterator[Any]:
    """Give a layer and all inside it."""
    yield layer
    for inner in getattr(layer, "layers", []):
        yield from _layers(inner)


def _turned(layer: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Give the weights of a layer that PyTorch lays out otherwise, and which axes make its layout of them."""
    if isinstance(layer, keras.layers.Dense):
        yield layer.kernel, (1, 0)
    elif isinstance(layer, (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)):
        spatial = len(layer.kernel.shape) - 2
        yield layer.kernel, (spatial + 1, spatial, *range(spatial))
