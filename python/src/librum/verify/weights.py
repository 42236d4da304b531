"""Safetensors files of strangers, checked byte by byte, and their average in numpy.

The format is read here and not by a library, since a refusal is part of a round's result: all nodes must come to
the same one.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SIZES: Final = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2,
    "U8": 1, "BOOL": 1,
}  # fmt: skip
MAX_TENSORS: Final = 100_000
MAX_NAME_BYTES: Final = 1_024
MAX_RANK: Final = 32
MIN_HEADER_BYTES: Final = 1 << 20
_MOST: Final = (1 << 63) - 1
_LITERAL: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class FormatError(ValueError):
    """Bytes are not safetensors."""


@dataclass(frozen=True)
class Tensor:
    """Name, type and shape of a tensor, and where its bytes lie in the data section."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int = 0
    end: int = 0

    def same(self, other: Tensor) -> bool:
        """Return whether names, types and shapes are the same."""
        return (self.name, self.dtype, self.shape) == (other.name, other.dtype, other.shape)


def canonical(tensors: Sequence[Tensor]) -> tuple[bytes, list[Tensor]]:
    """Return header and layout of the canonical file: tensors by name, padded to 8 bytes, no metadata."""
    placed, at, parts = [], 0, []
    for t in sorted(tensors, key=lambda t: t.name.encode()):
        size = SIZES[t.dtype] * int(np.prod(t.shape, dtype=object)) if t.shape else SIZES[t.dtype]
        placed.append(Tensor(t.name, t.dtype, t.shape, at, at + size))
        name = t.name.replace("\\", "\\\\").replace('"', '\\"')
        shape = ",".join(map(str, t.shape))
        parts.append(f'"{name}":{{"dtype":"{t.dtype}","shape":[{shape}],"data_offsets":[{at},{at + size}]}}')
        at += size
    text = ("{" + ",".join(parts) + "}").encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, placed


def read_layout(data: memoryview, header_limit: int) -> tuple[int, list[Tensor]]:
    """Return where the data section begins, and the tensors by name.

    Raises
    ------
    FormatError
        The file is malformed; nothing is allocated from a number in it before that was held against a limit.
    """
    if len(data) < 8:
        raise FormatError("shorter than the length of a header")
    (length,) = struct.unpack("<Q", data[:8])
    if not 2 <= length <= header_limit or length > len(data) - 8:
        raise FormatError(f"a header of {length} bytes")
    tensors = _parse(bytes(data[8 : 8 + length]))
    at = 0
    for t in sorted(tensors, key=lambda t: (t.begin, t.end)):
        if t.begin != at:
            raise FormatError(f"tensor {t.name!r} begins at byte {t.begin}, the one before ends at {at}")
        at = t.end
    if at != len(data) - 8 - length:
        raise FormatError(f"the tensors take {at} bytes, the file has others")
    return 8 + length, sorted(tensors, key=lambda t: t.name.encode())


def _parse(header: bytes) -> list[Tensor]:
    try:
        found = _object(header.decode())
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError("the header is no JSON") from error
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError("__metadata__ is no map of strings")
    if len(found) > MAX_TENSORS:
        raise FormatError(f"{len(found)} tensors")
    return [_tensor(name, value) for name, value in found.items()]


def _object(text: str) -> dict[str, Any]:
    """Return the one object of a header, read more strictly than JSON is by default."""
    if not text.startswith("{"):
        raise FormatError("the header does not begin with {")
    for literal in _LITERAL.findall(text):
        # Half a surrogate pair, or an escape of what stands for one, would make two names one.
        if "\\" in literal and any(c == "\ufffd" or "\ud800" <= c <= "\udfff" for c in json.loads(literal)):
            raise FormatError("a string that escapes half a surrogate pair")
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
    )
    found, end = decoder.raw_decode(text)
    if text[end:].strip(" "):
        raise FormatError("the header goes on behind its object")
    return dict(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("a key stands twice")
    return found


def _integer(text: str) -> int:
    if text.startswith("-") or len(text) > 19:
        raise FormatError("a number that is not from 0 to 2^63-1")
    number = int(text)
    if number > _MOST:
        raise FormatError("a number above 2^63-1")
    return number


def _refuse(text: str) -> Any:
    raise FormatError(f"{text[:16]} is no whole number")


def _tensor(name: str, value: Any) -> Tensor:
    if not name or len(name.encode()) > MAX_NAME_BYTES or any(unicodedata.category(c) == "Cc" for c in name):
        raise FormatError("a name that is empty, long or holds control characters")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"{name!r}: want dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise FormatError(f"{name!r}: an unknown type")
    for numbers, most in ((shape, MAX_RANK), (offsets, 2)):
        if not isinstance(numbers, list) or len(numbers) > most or not all(type(n) is int for n in numbers):
            raise FormatError(f"{name!r}: want a list of at most {most} numbers")
    size = SIZES[dtype]
    for n in shape:
        size *= n or 1  # a zero further on does not excuse an overflow
    if size > _MOST or len(offsets) != 2 or offsets[1] - offsets[0] != (0 if 0 in shape else size):
        raise FormatError(f"{name!r}: its offsets do not span its shape")
    return Tensor(name, dtype, tuple(shape), offsets[0], offsets[1])


def refusal(data: memoryview, model: Sequence[Tensor]) -> str:
    """Return why an update of a float32 model may take no part in its average; ``""`` where it may."""
    header, placed = canonical(model)
    header_limit = max(MIN_HEADER_BYTES, 4 * len(header))
    if len(data) > 8 + header_limit + (placed[-1].end if placed else 0):
        return "format"
    try:
        start, tensors = read_layout(data, header_limit)
    except FormatError:
        return "format"
    if len(tensors) != len(placed) or not all(t.same(want) for t, want in zip(tensors, placed, strict=True)):
        return "shape"
    return "" if all(np.isfinite(values(data, start, t)).all() for t in tensors) else "nan"


def values(data: memoryview, start: int, tensor: Tensor) -> NDArray[np.float32]:
    """Return the stored float32 numbers of a tensor, flat."""
    return np.frombuffer(data[start + tensor.begin : start + tensor.end], "<f4")


def average(updates: Sequence[tuple[memoryview, int]], model: Sequence[Tensor]) -> tuple[str, int]:
    """Return SHA-256 and size of the mean of updates that may take part, in the order of their peers.

    The mean is that of all nodes, bit for bit: float64 sums in this order, products before sums, one division, one
    rounding.
    """
    header, placed = canonical(model)
    total = np.float64(sum(weight for _, weight in updates))
    layouts = [read_layout(data, len(data)) for data, _ in updates]
    digest = hashlib.sha256(header)
    for i, t in enumerate(placed):
        step = 1 << 20
        for at in range(0, (t.end - t.begin) // 4, step):
            acc = np.zeros(min(step, (t.end - t.begin) // 4 - at), np.float64)
            for (data, weight), (start, tensors) in zip(updates, layouts, strict=True):
                part = values(data, start, tensors[i])[at : at + step].astype(np.float64)
                acc += part * np.float64(weight)
            digest.update((acc / total).astype("<f4").tobytes())
    return digest.hexdigest(), len(header) + (placed[-1].end if placed else 0)
