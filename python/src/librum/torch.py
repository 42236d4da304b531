"""PyTorch: a peer that trains a module of yours, and state dicts as numpy arrays.

A job's tensors are those of its built-in model, float32. The module may be on any device and of any floating type;
what of its state the job does not share, such as the statistics and counters of batch normalisation or a head of
the peer's own, stays with the peer from round to round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from librum.errors import UpdateError
from librum.kept import Kept
from librum.naming import numbers, pairs
from librum.peer import Round, Update, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Trainer", "arrays", "load"]

State: TypeAlias = "dict[str, torch.Tensor]"
Fit: TypeAlias = "Callable[[torch.nn.Module, Round], Mapping[str, float] | None]"


class Trainer:
    """Gives :meth:`librum.Peer.run` its functions: ``peer.run(trainer.train, trainer.evaluate, rows=…)``.

    Parameters
    ----------
    module
        What is trained; its state is overwritten by each round.
    fit
        Gets the module, in training mode and with the round's weights, and the :class:`librum.Round`; trains it in
        place and returns metrics about the rows, or None. A ``num_examples`` among them is the number of rows that it
        trained on. What it raises is met as that of any function of a peer.
    measure
        Gets the module in evaluation mode, without gradients, and the round; returns metrics over rows that the peer
        holds out. None: the peer measures nothing, and :attr:`evaluate` is not to be given to it.
    names
        The job's name for each tensor of the module's state dict that stands for one; None: those of the same name,
        else the module's parameters in their order stand for the job's tensors, layer by layer, weight before bias.
        Shapes are checked, so what is mixed up and of one shape is all that is not noticed.

    State that the job does not share begins, in each job, as it was when the trainer was made, and is kept in memory:
    a peer that is started again begins with the module that it is given then.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        fit: Fit,
        measure: Fit | None = None,
        *,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._module, self._fit, self._measure, self._names = module, fit, measure, names
        self._first = _copies(_tensors(module).items())
        self._kept: Kept[State] = Kept()

    def train(self, weights: Weights, round_: Round) -> Update:
        """Load the round's weights into the module, have it trained, and return what came out."""
        found = self._place(weights, round_)
        self._module.train()
        examples, metrics = numbers(self._fit(self._module, round_))
        state, stands = _tensors(self._module), dict(found)
        trained = arrays({name: state[mine] for mine, name in found})
        self._kept.after(round_, _copies((name, t) for name, t in state.items() if name not in stands))
        return Update(trained, examples, metrics)

    def evaluate(self, weights: Weights, round_: Round) -> Mapping[str, float]:
        """Load the round's weights into the module, and return what is measured."""
        if self._measure is None:
            raise TypeError("evaluate: the trainer has no measure=")
        self._place(weights, round_)
        self._module.eval()
        with torch.no_grad():
            return self._measure(self._module, round_) or {}

    def _place(self, weights: Weights, round_: Round) -> list[tuple[str, str]]:
        state = _tensors(self._module)
        shapes = {name: tuple(t.shape) for name, t in state.items()}
        found = pairs(round_, shapes, [name for name, _ in self._module.named_parameters()], self._names)
        for mine, _ in found:
            if not state[mine].is_floating_point():
                raise UpdateError(f"{mine}: the module has type {state[mine].dtype}, which stands for no float32")
        own = self._kept.before(round_)
        with torch.no_grad():
            for name, tensor in (self._first if own is None else own).items():
                state[name].copy_(tensor)
            for mine, name in found:  # after those, which may be tied to them
                state[mine].copy_(torch.tensor(weights[name]))
        return found


def arrays(state: Mapping[str, Any] | torch.nn.Module) -> dict[str, NDArray[np.generic]]:
    """Return a state dict as numpy arrays, for :func:`librum.aggregate` or a file.

    Parameters
    ----------
    state
        A module, or tensors by name, on any device. bfloat16 and float16 become float32, which holds each of their
        values; integers, such as counters, and other types stay what they are. What is no tensor is left out. An array
        may share memory with its tensor.
    """
    given = state.state_dict() if isinstance(state, torch.nn.Module) else state
    found: dict[str, NDArray[np.generic]] = {}
    for name, tensor in given.items():
        if isinstance(tensor, torch.Tensor):
            here = tensor.detach().cpu()
            found[name] = (here.float() if here.dtype in (torch.bfloat16, torch.float16) else here).numpy()
    return found


def load(module: torch.nn.Module, given: Mapping[str, NDArray[np.generic]]) -> None:
    """Copy arrays into a module's state, each in the type and on the device of its tensor.

    Raises
    ------
    ValueError
        An array is missing, not known or of another shape; nothing is copied then.
    """
    state = _tensors(module)
    if wrong := sorted(state.keys() ^ given.keys()):
        raise ValueError(f"load: {wrong[0]!r} is {'missing' if wrong[0] in state else 'none of the module'}")
    for name, tensor in state.items():
        if tuple(tensor.shape) != given[name].shape:
            raise ValueError(f"load: {name} has shape {given[name].shape}, the module's {tuple(tensor.shape)}")
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.tensor(given[name]))


def _tensors(module: torch.nn.Module) -> State:
    """Return the module's state, which shares memory with it, without what is no tensor."""
    return {name: t.detach() for name, t in module.state_dict().items() if isinstance(t, torch.Tensor)}


def _copies(given: Iterable[tuple[str, torch.Tensor]]) -> State:
    return {name: tensor.clone() for name, tensor in given}
