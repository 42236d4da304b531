"""A round's model as numpy arrays, and the update that is made of them: canonical safetensors files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from librum.errors import AnswerError, UpdateError
from librum.spec import shares
from librum.verify.model import layout
from librum.verify.weights import FormatError, Tensor, canonical, read_layout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def shared(spec: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors of a job's model that peers share, layer by layer.

    >>> [t.name for t in shared({"model": {"name": "logistic", "layers": [4, 3]}})]
    ['layer0.weight', 'layer0.bias']
    """
    try:
        return [t for t in layout(dict(spec)) if shares(spec, t.name)]
    except ValueError as error:
        raise UpdateError(f"the job's model: {error}") from error


class ModelFile:
    """The tensors of a job's model that peers share, all float32.

    Attributes
    ----------
    tensors
        Name, type and shape of each, by name.
    size
        Bytes of the file.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._header, self.tensors = canonical(shared(spec))
        self.size = len(self._header) + (self.tensors[-1].end if self.tensors else 0)

    def arrays(self, content: bytearray) -> dict[str, NDArray[np.float32]]:
        """Return the tensors of a file, as views of its bytes.

        Raises
        ------
        AnswerError
            It holds another model.
        """
        try:
            start, found = read_layout(memoryview(content), len(content))
        except FormatError as error:
            raise AnswerError(f"the round's model: {error}") from error
        if len(found) != len(self.tensors) or not all(a.same(b) for a, b in zip(found, self.tensors, strict=True)):
            raise AnswerError("the round's model has other tensors than the job's")
        return {t.name: _view(content, start, t) for t in found}

    def update(self, weights: Mapping[str, Any], into: bytearray | None = None) -> bytearray:
        """Return the file of an update.

        Parameters
        ----------
        weights
            An array for each tensor, float32, of its shape.
        into
            Bytes of a canonical file that may be overwritten, so that no second file is held in memory. The arrays
            may be views of it, as :meth:`arrays` gives them.

        Raises
        ------
        UpdateError
            A tensor is missing, not known, of another shape or type, or holds what is not finite; it is named.
        """
        import numpy as np

        arrays = {}
        for name, value in weights.items():
            try:
                arrays[name] = np.asarray(value)
            except Exception as error:  # whatever a stranger's type makes of it; its words may hold data
                raise UpdateError(f"{name}: no array, but {type(error).__name__}") from None
        self._check(arrays)
        if into is None or len(into) != self.size or not into.startswith(self._header):
            into = bytearray(self.size)
            into[: len(self._header)] = self._header
        whole = np.frombuffer(into, np.uint8)
        for t in self.tensors:  # what is a view of another place would be overwritten before it is read
            place, array = _view(into, len(self._header), t), arrays[t.name]
            if np.may_share_memory(array, whole) and not _same(array, place):
                arrays[t.name] = array.copy()
        for t in self.tensors:
            _view(into, len(self._header), t)[...] = arrays[t.name]
        return into

    def _check(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        import numpy as np

        known = {t.name for t in self.tensors}
        if unknown := sorted(arrays.keys() - known):
            raise UpdateError(f"the update has a tensor {unknown[0]!r}, the global model has {_names(sorted(known))}")
        for t in self.tensors:
            if t.name not in arrays:
                raise UpdateError(f"the update lacks the tensor {t.name!r}")
            array = arrays[t.name]
            if array.shape != t.shape:
                raise UpdateError(f"{t.name}: the update has shape {array.shape}, the global model {t.shape}")
            if array.dtype != np.float32:
                raise UpdateError(f"{t.name}: the update has type {array.dtype}, the global model float32")
            if not np.isfinite(array).all():
                raise UpdateError(f"{t.name}: a value is NaN or infinite")


def _view(content: bytearray, start: int, tensor: Tensor) -> NDArray[np.float32]:
    import numpy as np

    count = (tensor.end - tensor.begin) // 4
    found: NDArray[np.float32] = np.frombuffer(content, "<f4", count, start + tensor.begin).reshape(tensor.shape)
    return found


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return (
        one.__array_interface__["data"] == other.__array_interface__["data"]
        and one.strides == other.strides
        and one.shape == other.shape
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
