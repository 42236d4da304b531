"""Transactions, signed where the key is.

>>> from librum.keys import Key
>>> key = Key.from_seed(bytes(32))
>>> signed = sign(key, chain=bytes(32), sender=bytes(16), contract="token", method="transfer",
...               args={"to": bytes(16), "amount": amount(5)}, expiry=1_767_225_660_000, nonce=bytes(16))
>>> transaction_id(signed).hex()[:8]
'dd404b1f'
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from librum.encoding import encode
from librum.envelope import MAX_TRANSACTION_BYTES, TRANSACTION, parse, seal
from librum.keys import Key

VERSION: Final = 1


def amount(units: int) -> bytes:
    """Return an amount as contracts take it: units of the smallest size, big-endian, no leading zeros."""
    if not 0 <= units < 1 << 256:
        raise ValueError(f"amount {units}: want 0 to 2**256 - 1")
    return units.to_bytes((units.bit_length() + 7) // 8, "big")


def sign(
    key: Key,
    *,
    chain: bytes,
    sender: bytes,
    contract: str,
    method: str,
    args: Mapping[str, Any],
    expiry: int,
    nonce: bytes | None = None,
    shard: int = 0,
) -> bytes:
    """Return a signed transaction, to be sent as it is.

    Parameters
    ----------
    key
        That signs.
    chain
        SHA-256 of the genesis file, 32 bytes.
    sender
        Id of the member whose key it is, 16 bytes.
    contract, method, args
        What is called, and with what.
    expiry
        Log time in ms after which it is refused; at most as far ahead as the ledger's limits say.
    nonce
        16 random bytes, drawn where none are given; they make two equal orders two transactions.
    shard
        That executes it.

    Raises
    ------
    ValueError
        A part has the wrong length, or all of them are too long.
    """
    nonce = secrets.token_bytes(16) if nonce is None else nonce
    for name, value, size in (("chain", chain, 32), ("sender", sender, 16), ("nonce", nonce, 16)):
        if len(value) != size:
            raise ValueError(f"{name}: {len(value)} bytes, want {size}")
    fields = [VERSION, chain, shard, sender, contract, method, encode(dict(args)), nonce, expiry]
    signed = seal(key, TRANSACTION, encode(fields))
    if len(signed) > MAX_TRANSACTION_BYTES:
        raise ValueError(f"a transaction of {len(signed)} bytes, at most {MAX_TRANSACTION_BYTES} are allowed")
    return signed


def transaction_id(signed: bytes) -> bytes:
    """Return the id of a signed transaction, 32 bytes."""
    return parse("transaction", signed, MAX_TRANSACTION_BYTES).identify(TRANSACTION)
