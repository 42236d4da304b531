"""What other people's COSE and CBOR libraries make of Librum's formats."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pycose.keys.curves import Ed25519
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

import golden
from transaction import KIND, Transaction, amount, key_id, public_key, sig_structure, transaction_id

# Kinds of the enveloped golden files of chain/ledger, with the seed of the key that signed them.
ENVELOPES = {
    "transaction": (b"transaction", 0x11),
    "record-transactions": (b"record", 0x01),
    "record-wake": (b"wake", 0x01),
    "record-clock": (b"clock", 0x01),
    "record-marker": (b"marker", 0x01),
    "receipt": (b"receipt", 0x01),
}
PLAIN = ["result", "header", "header-signature", "block", "group", "genesis", "proof"]


def go_transaction() -> Transaction:
    """Return the transaction of Go's golden file."""
    return Transaction(
        chain=hashlib.sha256(golden.read_hex(golden.LEDGER / "genesis.golden")).digest(),
        sender=bytes([0x11]) * 16,
        contract="token",
        method="transfer",
        args={"to": bytes([0x12]) * 16, "amount": amount(1000)},
        nonce=bytes(range(16)),
        expiry=1767225660000,
    )


def test_same_bytes_as_go() -> None:
    """A transaction made with pycose and cbor2 is Go's, byte for byte."""
    want = golden.read_hex(golden.LEDGER / "transaction.golden")
    assert go_transaction().sign(bytes([0x11]) * 32).hex() == want.hex()


def test_signing_again_gives_the_golden_file() -> None:
    """What Go's tests verify is what pycose makes today."""
    lines = [line.split(" | ") for line in golden.SIGNED.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    today = [[name, golden.SEED.hex(), tx.sign(golden.SEED).hex()] for name, tx in golden.transactions().items()]
    assert today == lines


@pytest.mark.parametrize("name", ENVELOPES)
def test_envelopes_of_go_hold(name: str) -> None:
    """Pycose reads what Go signs, and the signature holds for its kind alone."""
    kind, seed_byte = ENVELOPES[name]
    seed = bytes([seed_byte]) * 32
    signed = golden.read_hex(golden.LEDGER / f"{name}.golden")
    tagged = cbor2.loads(signed)
    protected, unprotected, payload, _ = tagged.value
    assert (tagged.tag, unprotected) == (18, {})
    assert cbor2.loads(protected) == {1: -8, 4: key_id(seed)}
    assert cbor2.dumps(cbor2.loads(payload), canonical=True) == payload
    # Not Sign1Message.decode: inside a tag cbor2 6 gives tuples, and pycose 1.1 wants lists.
    message = Sign1Message.from_cose_obj(cbor2.loads(signed[1:]), True)
    message.key = OKPKey(crv=Ed25519, x=public_key(seed))
    for other, _ in ENVELOPES.values():
        message.external_aad = other  # type: ignore[misc]  # its setter stands too far from the getter for mypy
        assert message.verify_signature() is (other == kind)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_formats_are_deterministic(name: str) -> None:
    """Cbor2 writes what it read from Go with the same bytes."""
    encoded = golden.read_hex(golden.LEDGER / f"{name}.golden")
    assert cbor2.dumps(cbor2.loads(encoded), canonical=True) == encoded


def test_header_signature_holds() -> None:
    """A node's signature covers the header under the kind header."""
    header = golden.read_hex(golden.LEDGER / "header.golden")
    height, digest, node, signature = cbor2.loads(golden.read_hex(golden.LEDGER / "header-signature.golden"))
    assert (height, digest, node) == (1, hashlib.sha256(header).digest(), bytes([1]) * 16)
    seed = bytes([1]) * 32
    protected = cbor2.dumps({1: -8, 4: key_id(seed)}, canonical=True)
    covered = cbor2.dumps(["Signature1", protected, b"header", header], canonical=True)
    Ed25519PublicKey.from_public_bytes(public_key(seed)).verify(signature, covered)


def test_id_is_in_the_result() -> None:
    """The id that Python computes is the one that Go wrote into the result leaf."""
    result = cbor2.loads(golden.read_hex(golden.LEDGER / "result.golden"))
    assert result[0] == transaction_id(golden.read_hex(golden.LEDGER / "transaction.golden"))


def test_merkle_proof() -> None:
    """The proof's path leads from the leaf to the header's results root (RFC 6962, section 2.1.1)."""
    leaf, index, size, path, header, _ = cbor2.loads(golden.read_hex(golden.LEDGER / "proof.golden"))
    assert (index, size) == (1, 2)
    root = hashlib.sha256(b"\x01" + path[0] + hashlib.sha256(b"\x00" + leaf).digest()).digest()
    assert cbor2.loads(header)[8] == root


@pytest.mark.parametrize(
    ("units", "want"), [(0, ""), (1, "01"), (255, "ff"), (256, "0100"), ((1 << 256) - 1, "ff" * 32)]
)
def test_amount(units: int, want: str) -> None:
    """Amounts have no leading zeros."""
    assert amount(units).hex() == want


@pytest.mark.parametrize("units", [-1, 1 << 256])
def test_amount_out_of_range(units: int) -> None:
    """Amounts beyond 256 bits and below zero don't exist."""
    with pytest.raises(ValueError, match="want 0 to"):
        amount(units)


@pytest.mark.parametrize(("field", "value"), [("chain", b"c"), ("sender", bytes(17)), ("nonce", b"")])
def test_lengths_are_checked(field: str, value: bytes) -> None:
    """A field of the wrong length is refused here, with its name, not by the node."""
    good = go_transaction()
    tx = Transaction(**{**good.__dict__, field: value})
    with pytest.raises(ValueError, match=field):
        tx.sign(bytes(32))


def test_kind() -> None:
    """The kind keeps a transaction's signature from counting for anything else."""
    signed = go_transaction().sign(bytes([0x11]) * 32)
    assert sig_structure(signed) == sig_structure(signed, KIND) != sig_structure(signed, b"record")
