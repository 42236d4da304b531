"""Signed envelopes: COSE_Sign1 messages (RFC 9052) in the one form that the ledger takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from librum.encoding import decode, digest, encode
from librum.errors import MalformedError
from librum.keys import Key
from librum.shape import string

TRANSACTION: Final = b"transaction"
RECORD: Final = b"record"
WAKE: Final = b"wake"
CLOCK: Final = b"clock"
MARKER: Final = b"marker"
HEADER: Final = b"header"
RECEIPT: Final = b"receipt"
TOKEN_REQUEST: Final = b"token-request"

MAX_TRANSACTION_BYTES: Final = 64 << 10

_BEFORE: Final = bytes.fromhex("d28458 26a201270458 20".replace(" ", ""))
_BETWEEN: Final = b"\xa0"
_SIGNATURE: Final = b"\x58\x40"


@dataclass(frozen=True)
class Envelope:
    """A signed message whose signature is not checked yet.

    Attributes
    ----------
    key
        SHA-256 of the public key that signed, 32 bytes.
    payload
        What it holds.
    signature
        Ed25519, 64 bytes.
    """

    key: bytes
    payload: bytes
    signature: bytes

    def covered(self, kind: bytes) -> bytes:
        """Return what the signature covers if the message is of that kind."""
        return covered(self.key, kind, self.payload)

    def identify(self, kind: bytes) -> bytes:
        """Return the id of a message of that kind, 32 bytes."""
        return digest(self.covered(kind))

    def encode(self) -> bytes:
        """Return the bytes of the message."""
        return _BEFORE + self.key + _BETWEEN + encode(self.payload) + _SIGNATURE + self.signature


def covered(key: bytes, kind: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052, section 4.4) of a payload that the key with that id signs as a kind."""
    return encode(["Signature1", encode({1: -8, 4: key}), kind, payload])


def seal(key: Key, kind: bytes, payload: bytes) -> bytes:
    """Return the bytes of a message of that kind, signed."""
    return Envelope(key.id, payload, key.sign(covered(key.id, kind, payload))).encode()


def parse(what: str, data: bytes, limit: int) -> Envelope:
    """Read a message; its signature is not checked.

    Raises
    ------
    MalformedError
        It has another form than the one that there is.
    """
    start, end = len(_BEFORE) + 32 + 1, len(data) - 66
    if len(data) > limit:
        raise MalformedError(f"{what}: {len(data)} bytes, at most {limit} are allowed")
    if end <= start or data[: len(_BEFORE)] != _BEFORE or data[start - 1 : start] != _BETWEEN:
        raise MalformedError(f"{what}: not the one form of an envelope")
    if data[end : end + 2] != _SIGNATURE:
        raise MalformedError(f"{what}: no signature of 64 bytes at its end")
    payload = string()(decode(what, data[start:end], limit), what)
    return Envelope(data[len(_BEFORE) : start - 1], payload, data[end + 2 :])
