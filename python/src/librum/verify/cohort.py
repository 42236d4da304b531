"""Draws a round's cohort: docs/formats.md in Python."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final

from librum.encoding import digest, encode

CHAIN_LENGTH: Final = 1 << 16


def leads(value: bytes, known: bytes, steps: int) -> bool:
    """Whether a value of a hash chain lies that many steps behind a known one."""
    if not 0 <= steps <= CHAIN_LENGTH:
        return False
    for _ in range(steps):
        value = hashlib.sha256(value).digest()
    return value == known


def roster_digest(roster: list[bytes]) -> bytes:
    """Return the SHA-256 of a roster."""
    return digest(encode(roster))


def seed(job: bytes, number: int, roster: bytes, reveals: list[tuple[bytes, bytes]]) -> bytes:
    """Return the seed of a round's draw, by what the nodes revealed, in the order of the group's nodes."""
    return digest(encode(["librum cohort", job, number, roster, [list(reveal) for reveal in reveals]]))


def draw(start: bytes, roster: list[bytes], size: int) -> list[bytes]:
    """Return that many peers of a roster, ascending."""
    pool, words = list(roster), _words(start)
    size = min(size, len(pool))
    for i in range(size):
        n = len(pool) - i
        word = next(words)
        while word >= (1 << 64) // n * n:
            word = next(words)
        j = i + word % n
        pool[i], pool[j] = pool[j], pool[i]
    return sorted(pool[:size])


def _words(start: bytes) -> Iterator[int]:
    counter = 0
    while True:
        yield from struct.unpack(">4Q", hashlib.sha256(start + struct.pack(">Q", counter)).digest())
        counter += 1
