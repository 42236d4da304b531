"""Which tensor of a framework's model stands for which tensor of a job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from librum.errors import UpdateError
from librum.modelfile import shared
from librum.peer import Round

Shape: TypeAlias = "tuple[int, ...]"


def pairs(
    round_: Round, own: Mapping[str, Shape], trained: Sequence[str], names: Mapping[str, str] | None
) -> list[tuple[str, str]]:
    """Return the names in the framework's model and in the job of each tensor that the job shares.

    Parameters
    ----------
    own
        Shape of each tensor of the framework's model, as the job would have it.
    trained
        Names of those that are trained, in the model's order.
    names
        The job's name for each of the model's tensors; None: a job's tensor stands for the model's of the same name
        where there is one for each, else they stand for what is trained in that order.

    Raises
    ------
    UpdateError
        They do not fit together; what does not is named.
    """
    tensors = shared(round_.spec)
    wanted = {t.name: t.shape for t in tensors}
    if names is not None:
        found = [(mine, name) for mine, name in names.items() if name in wanted]
    elif wanted.keys() <= own.keys():
        found = [(name, name) for name in wanted]
    elif len(trained) == len(tensors):
        found = list(zip(trained, wanted, strict=True))
    else:
        raise UpdateError(
            f"the job shares {len(tensors)} tensors, {_list(list(wanted))}; the model trains {len(trained)}, "
            f"{_list(trained)}: say with names= which stands for which"
        )
    given = [name for _, name in found]
    if lacking := [name for name in wanted if given.count(name) != 1]:
        raise UpdateError(f"names: {given.count(lacking[0])} tensors stand for the job's {lacking[0]!r}, want one")
    for mine, name in found:
        if mine not in own:
            raise UpdateError(f"names: the model has no tensor {mine!r}")
        if own[mine] != wanted[name]:
            raise UpdateError(f"{mine}: the model has shape {own[mine]}, the job's {name} {wanted[name]}")
    return found


def numbers(given: object) -> tuple[int | None, dict[str, float]]:
    """Return the number of examples and the metrics in what a training function returned.

    >>> numbers({"loss": 0.5, "num_examples": 30})
    (30, {'loss': 0.5})
    >>> numbers(None)
    (None, {})
    """
    if given is None:
        return None, {}
    if not isinstance(given, Mapping):
        raise UpdateError(f"the function returned {type(given).__name__}, want a dict of metrics or None")
    metrics = {name: float(value) for name, value in given.items()}
    examples = metrics.pop("num_examples", None)
    if examples is None:
        return None, metrics
    if not math.isfinite(examples) or examples != int(examples):
        raise UpdateError("num_examples is no whole number")
    return int(examples), metrics


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
