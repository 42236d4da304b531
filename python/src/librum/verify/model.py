"""The built-in models: which tensors they have, and the initial weights that a seed gives.

Numbers come from ChaCha8 as Go's ``math/rand/v2`` has it (C2SP chacha8rand), its key the SHA-256 of what the
stream is for.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from librum.verify.weights import Tensor, canonical

_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_PER_KEY: Final = 124  # numbers that a key gives; the last four of 128 are the next one
_ROUNDS: Final = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13),
    (3, 4, 9, 14),
)  # fmt: skip


def layout(spec: dict[str, Any]) -> list[Tensor]:
    """Return the tensors of a job's model, in the order in which they are drawn."""
    name, sizes = spec["model"]["name"], list(spec["model"]["layers"])
    tensors: list[Tensor] = []
    if name == "lenet5":
        for i, shape in enumerate(((6, 1, 5, 5), (16, 6, 5, 5))):
            tensors += [Tensor(f"conv{i}.weight", "F32", shape), Tensor(f"conv{i}.bias", "F32", shape[:1])]
        sizes = [400, 120, 84, sizes[-1]]
    elif name not in ("mlp", "logistic", "linear") or len(sizes) < 2:
        raise ValueError(f"no model {name!r} of {len(sizes)} layers")
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        tensors += [Tensor(f"layer{i}.weight", "F32", (outputs, inputs)), Tensor(f"layer{i}.bias", "F32", (outputs,))]
    return tensors


def initial(spec: dict[str, Any]) -> tuple[str, int]:
    """Return SHA-256 and size of the file of a job's initial model: Glorot's uniform weights, biases zero."""
    drawn, stream = {}, _uniform(b"initial-model", spec["seed"])
    next(stream)
    for t in layout(spec):
        count = math.prod(t.shape)
        if len(t.shape) == 1:
            drawn[t.name] = np.zeros(count, np.float32)
            continue
        inputs = count // t.shape[0]
        bound = math.sqrt(6 / float(inputs + t.shape[0] * (inputs // t.shape[1])))
        drawn[t.name] = ((2 * stream.send(count) - 1) * bound).astype(np.float32)
    header, placed = canonical(layout(spec))
    digest = hashlib.sha256(header)
    for t in placed:
        digest.update(drawn[t.name].astype("<f4").tobytes())
    return digest.hexdigest(), len(header) + placed[-1].end


def _uniform(purpose: bytes, seed: int) -> Any:
    """Give as many numbers from [0, 1) as it is sent, one stream."""
    text = b"librum/fl/train/" + purpose + b"/" + struct.pack(">QQ", seed, 0)
    blocks = _chacha8(hashlib.sha256(text).digest())
    rest: NDArray[np.uint64] = np.empty(0, np.uint64)
    wanted = yield np.empty(0)
    while True:
        parts, have = [rest], len(rest)
        while have < wanted:
            parts.append(next(blocks))
            have += _PER_KEY
        numbers = np.concatenate(parts)
        numbers, rest = numbers[:wanted], numbers[wanted:]
        wanted = yield (numbers & np.uint64((1 << 53) - 1)).astype(np.float64) / float(1 << 53)


def _chacha8(key: bytes) -> Iterator[NDArray[np.uint64]]:
    """Give the numbers of one key after the other."""
    while True:
        words = np.frombuffer(key, "<u4").astype(np.uint32)
        state = np.zeros((16, 16), np.uint32)  # a row a word, a column a block
        state[:4] = np.array(_CONSTANTS, np.uint32)[:, None]
        state[4:12] = words[:, None]
        state[12] = np.arange(16, dtype=np.uint32)
        work = state.copy()
        for _ in range(4):
            for a, b, c, d in _ROUNDS:
                _quarter(work, a, b, c, d)
        work[4:12] += state[4:12]
        # Four blocks are interleaved word by word.
        buffers = [work[:, at : at + 4].astype("<u4").tobytes() for at in range(0, 16, 4)]
        numbers = np.frombuffer(b"".join(buffers), "<u8").astype(np.uint64)
        key = numbers[_PER_KEY:].astype("<u8").tobytes()
        yield numbers[:_PER_KEY]


def _quarter(x: NDArray[np.uint32], a: int, b: int, c: int, d: int) -> None:
    for left, right, other, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[left] += x[right]
        mixed = x[other] ^ x[left]
        x[other] = (mixed << np.uint32(by)) | (mixed >> np.uint32(32 - by))
