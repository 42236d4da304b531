"""Build and sign Librum transactions with other people's libraries.

The bytes are what ``chain/ledger`` accepts: a COSE_Sign1 message (RFC 9052, tag 18) with the protected
header ``{1: -8, 4: SHA-256 of the public key}``, an empty unprotected header and the external data
``transaction``, over deterministic CBOR (RFC 8949, section 4.2). CBOR comes from cbor2, COSE from pycose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys.curves import Ed25519
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

VERSION = 1
KIND = b"transaction"


def amount(units: int) -> bytes:
    """Return an amount as contracts take it: big-endian, without leading zeros.

    Parameters
    ----------
    units
        Number of the smallest token units, 0 to 2**256 - 1.
    """
    if not 0 <= units < 1 << 256:
        raise ValueError(f"amount {units}: want 0 to 2**256 - 1")
    return units.to_bytes((units.bit_length() + 7) // 8, "big")


@dataclass(frozen=True)
class Transaction:
    """An order to a contract, not yet signed.

    Attributes
    ----------
    chain
        SHA-256 of the genesis file, 32 bytes.
    sender
        Id of the member, 16 bytes.
    contract, method
        What is called.
    args
        The method's arguments by name.
    nonce
        16 random bytes; they make two equal orders two transactions.
    expiry
        Log time in ms after which it is refused, at most ten minutes ahead.
    shard
        The shard that executes it.
    """

    chain: bytes
    sender: bytes
    contract: str
    method: str
    args: dict[str, Any]
    nonce: bytes
    expiry: int
    shard: int = 0

    def payload(self) -> bytes:
        """Return the deterministic CBOR that is signed."""
        for name, value, size in (("chain", self.chain, 32), ("sender", self.sender, 16), ("nonce", self.nonce, 16)):
            if len(value) != size:
                raise ValueError(f"{name}: {len(value)} bytes, want {size}")
        fields = [
            VERSION,
            self.chain,
            self.shard,
            self.sender,
            self.contract,
            self.method,
            cbor2.dumps(self.args, canonical=True),
            self.nonce,
            self.expiry,
        ]
        return cbor2.dumps(fields, canonical=True)

    def sign(self, seed: bytes) -> bytes:
        """Return the signed transaction.

        Parameters
        ----------
        seed
            The Ed25519 private key (RFC 8032), 32 bytes.
        """
        message = Sign1Message(
            phdr={Algorithm: EdDSA, KID: key_id(seed)},
            uhdr={},
            payload=self.payload(),
            external_aad=KIND,
            key=OKPKey(crv=Ed25519, d=seed, x=public_key(seed)),
        )
        signed: bytes = message.encode()
        return signed


def public_key(seed: bytes) -> bytes:
    """Return the Ed25519 public key of a seed, 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def key_id(seed: bytes) -> bytes:
    """Return the SHA-256 of the seed's public key, which names it in protected headers."""
    return hashlib.sha256(public_key(seed)).digest()


def sig_structure(signed: bytes, kind: bytes = KIND) -> bytes:
    """Return what the signature of a message covers (RFC 9052, section 4.4).

    Parameters
    ----------
    signed
        A COSE_Sign1 message.
    kind
        What it was signed as.
    """
    message = cbor2.loads(signed)
    protected, _, payload, _ = message.value
    return cbor2.dumps(["Signature1", protected, kind, payload], canonical=True)


def transaction_id(signed: bytes) -> bytes:
    """Return the id of a signed transaction: the SHA-256 of its Sig_structure."""
    return hashlib.sha256(sig_structure(signed)).digest()
