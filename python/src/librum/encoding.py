"""Deterministic CBOR (RFC 8949, section 4.2) as the ledger writes it, and nothing else.

Whatever is read was held against a limit first, has no tags, nulls, indefinite lengths or numbers that are not
finite, nests at most 16 levels deep, and encodes to the very bytes that were read.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
from typing import Any, Final

from librum.errors import MalformedError

MAX_DEPTH: Final = 16
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}


def digest(data: bytes) -> bytes:
    """Return the SHA-256 of data, 32 bytes."""
    return hashlib.sha256(data).digest()


def encode(value: object) -> bytes:
    """Return the one encoding of a value of ints, floats, bools, text, bytes, lists and maps with text keys."""
    import cbor2

    encoded: bytes = cbor2.dumps(value, canonical=True)
    return encoded


def decode(what: str, data: bytes, limit: int) -> Any:
    """Return the value that data encodes.

    Parameters
    ----------
    what
        Names the format in errors.
    data
        The bytes.
    limit
        How many there may be.

    Raises
    ------
    MalformedError
        They are no deterministic encoding of one value.
    """
    import cbor2

    if len(data) > limit:
        raise MalformedError(f"{what}: {len(data)} bytes, at most {limit} are allowed")
    end = _scan(what, data)
    if end != len(data):
        raise MalformedError(f"{what}: {len(data) - end} bytes follow it")
    try:
        value = cbor2.CBORDecoder(io.BytesIO(data)).decode()
    except Exception as error:  # whatever a library makes of hostile bytes
        raise MalformedError(f"{what}: not CBOR: {type(error).__name__}") from error
    if encode(value) != data:
        raise MalformedError(f"{what}: not the deterministic encoding (RFC 8949, section 4.2) of its value")
    return value


def _scan(what: str, data: bytes) -> int:
    """Go from head to head, and return where the first value ends."""
    at = 0
    left = [1]  # items to come, a number for each open level
    while left:
        if left[-1] == 0:
            left.pop()
            continue
        left[-1] -= 1
        if at >= len(data):
            raise MalformedError(f"{what}: ends at byte {at}, where a value should stand")
        major, info = data[at] >> 5, data[at] & 31
        size = 1 << (info - 24) if 24 <= info <= 27 else 0
        if info > 27 or at + 1 + size > len(data):
            raise MalformedError(f"{what}: byte {at}: no definite length")
        argument = int.from_bytes(data[at + 1 : at + 1 + size], "big") if size else info
        head, at = at, at + 1 + size
        if major in (2, 3):
            if argument > len(data) - at:
                raise MalformedError(f"{what}: byte {head}: a string of {argument} bytes, {len(data) - at} are left")
            at += argument
        elif major in (4, 5):
            items = argument * (major - 3)
            if items > len(data) - at:
                raise MalformedError(f"{what}: byte {head}: {argument} items, {len(data) - at} bytes are left")
            if len(left) > MAX_DEPTH:
                raise MalformedError(f"{what}: byte {head}: nested deeper than {MAX_DEPTH} levels")
            left.append(items)
        elif major == 6 or (major == 7 and not _allowed(info, data[head + 1 : at])):
            raise MalformedError(f"{what}: byte {head}: tags, nulls and numbers without end are not allowed")
    return at


def _allowed(info: int, body: bytes) -> bool:
    if info in _FLOATS:
        return math.isfinite(struct.unpack(_FLOATS[info], body)[0])
    return info in (20, 21)  # false, true
