"""The ledger's formats, against the golden files of the Go side."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librum import ed25519, genesis, ledger, merkle
from librum.encoding import decode, digest, encode
from librum.envelope import RECORD, TRANSACTION, parse
from librum.errors import KeyFileError, LibrumError, MalformedError, ProofError
from librum.keys import Key
from librum.transaction import amount, sign, transaction_id

from golden import IDENTITY, LEDGER, read_hex

GENESIS = genesis.parse(read_hex(LEDGER / "genesis.golden"))
FORMATS = ["genesis", "group", "header", "header-signature", "proof", "result", "group-trail", "block", "signed-block"]


def test_transaction_is_the_one_of_go() -> None:
    """A transaction signed here is Go's, byte for byte."""
    signed = sign(
        Key.from_seed(bytes([0x11]) * 32),
        chain=GENESIS.chain,
        sender=bytes([0x11]) * 16,
        contract="token",
        method="transfer",
        args={"to": bytes([0x12]) * 16, "amount": amount(1000)},
        nonce=bytes(range(16)),
        expiry=1767225660000,
    )
    assert signed.hex() == read_hex(LEDGER / "transaction.golden").hex()
    assert transaction_id(signed) == ledger.parse_result(read_hex(LEDGER / "result.golden")).id


@pytest.mark.parametrize(("field", "value"), [("chain", b"c"), ("sender", bytes(17)), ("nonce", b"")])
def test_lengths_are_checked(field: str, value: bytes) -> None:
    """A part of the wrong length is refused by name."""
    parts: dict[str, Any] = {
        "chain": bytes(32), "sender": bytes(16), "contract": "c", "method": "m", "args": {}, "expiry": 1, field: value,
    }  # fmt: skip
    with pytest.raises(ValueError, match=field):
        sign(Key.from_seed(bytes(32)), **parts)


def test_large_transactions_are_refused() -> None:
    """What no node takes is not signed."""
    with pytest.raises(ValueError, match="at most 65536"):
        sign(
            Key.from_seed(bytes(32)), chain=bytes(32), sender=bytes(16), contract="c", method="m",
            args={"a": bytes(1 << 16)}, expiry=1,
        )  # fmt: skip


@pytest.mark.parametrize("units", [-1, 1 << 256])
def test_amounts_out_of_range(units: int) -> None:
    """There are none below zero and beyond 256 bits."""
    with pytest.raises(ValueError, match="want 0 to"):
        amount(units)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_read(name: str) -> None:
    """Whatever Go wrote is read, and written again as the same bytes."""
    data = read_hex(LEDGER / f"{name}.golden")
    assert encode(decode(name, data, len(data))) == data


def test_proof() -> None:
    """The golden proof holds, and says what Go says."""
    groups = ledger.Groups(GENESIS.chain, GENESIS.shard, GENESIS.group)
    result, header = groups.check(ledger.parse_proof(read_hex(LEDGER / "proof.golden")))
    assert (result.code, header.height) == ("malformed", 1)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_changed_proof_holds(data: st.DataObject) -> None:
    """A proof with a bit changed anywhere proves nothing else."""
    good = read_hex(LEDGER / "proof.golden")
    groups = ledger.Groups(GENESIS.chain, GENESIS.shard, GENESIS.group)
    want = groups.check(ledger.parse_proof(good))[0]
    at = data.draw(st.integers(0, 8 * len(good) - 1))
    changed = bytearray(good)
    changed[at // 8] ^= 1 << (at % 8)
    try:
        got = groups.check(ledger.parse_proof(bytes(changed)))[0]
    except (MalformedError, ProofError):
        return
    assert got == want  # a signature that a quorum can do without


def test_trail() -> None:
    """The groups' trail is followed from its genesis on, and its end is told."""
    trail = ledger.parse_trail(read_hex(LEDGER / "group-trail.golden"))
    first = ledger.parse_header(trail[0][0])
    assert first.epoch == 0
    groups = ledger.Groups(GENESIS.chain, GENESIS.shard, GENESIS.group)
    fetched: list[int] = []

    def fetch(epoch: int) -> bytes:
        fetched.append(epoch)
        return read_hex(LEDGER / "group-trail.golden")

    groups.reach(1, fetch)
    groups.follow(trail)  # what is known already is the same
    assert fetched == [0]
    assert groups.of(0)[2] == first.height
    with pytest.raises(ledger.UnknownEpochError):
        groups.reach(len(trail) + 1, fetch)
    with pytest.raises(ProofError):
        ledger.Groups(bytes(32), GENESIS.shard, GENESIS.group).follow(trail)


def test_zip215() -> None:
    """Each crafted signature is valid here too, by the fast way and by the arithmetic alone."""
    lines = (IDENTITY / "zip215.golden").read_text().splitlines()
    cases = [line.split(" | ") for line in lines if line and line[0] != "#"]
    assert len(cases) == 196
    strict = 0
    for key, signature in ((bytes.fromhex(k), bytes.fromhex(s)) for k, s in cases):
        assert ed25519.verify(key, b"Zcash", signature)
        assert not ed25519.cofactored(key, b"Zcash", signature[:32] + ed25519.L.to_bytes(32, "little"))
        strict += ed25519._strict(key, b"Zcash", signature)
    assert 0 < strict < len(cases)  # the library is the stricter one, so that the arithmetic was needed


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.integers(0, 511))
@settings(max_examples=20, deadline=None)
def test_the_arithmetic_agrees_with_the_library(seed: bytes, message: bytes, bit: int) -> None:
    """Honest signatures hold, changed ones don't."""
    key = Key.from_seed(seed)
    signature = bytearray(key.sign(message))
    assert ed25519.cofactored(key.public, message, bytes(signature))
    signature[bit // 8] ^= 1 << (bit % 8)
    assert not ed25519.verify(key.public, message, bytes(signature))


def test_lengths_of_signatures() -> None:
    """What has no key's or signature's length holds nothing."""
    assert not ed25519.verify(bytes(31), b"", bytes(64))
    assert not ed25519.verify(bytes(32), b"", bytes(63))
    assert ed25519.decompress((2).to_bytes(32, "little")) is None  # no point of the curve


@given(st.lists(st.binary(max_size=3), max_size=20))
@settings(max_examples=60, deadline=None)
def test_merkle_root_is_the_recursive_one(leaves: list[bytes]) -> None:
    """The root is that of RFC 6962's definition, and each audit path leads to it."""

    def root(part: list[bytes]) -> bytes:
        if len(part) <= 1:
            return digest(b"\x00" + part[0]) if part else digest(b"")
        k = 1 << ((len(part) - 1).bit_length() - 1)
        return digest(b"\x01" + root(part[:k]) + root(part[k:]))

    def path(part: list[bytes], index: int) -> list[bytes]:
        if len(part) <= 1:
            return []
        k = 1 << ((len(part) - 1).bit_length() - 1)
        return [*path(part[:k], index), root(part[k:])] if index < k else [*path(part[k:], index - k), root(part[:k])]

    want = root(leaves)
    assert merkle.root(leaves) == want
    for i, leaf in enumerate(leaves):
        found = path(leaves, i)
        assert merkle.holds(leaf, i, len(leaves), found, want)
        assert not merkle.holds(leaf + b"x", i, len(leaves), found, want)
        assert not merkle.holds(leaf, i, len(leaves), [*found, bytes(32)], want)
        assert not found or not merkle.holds(leaf, i, len(leaves), found[1:], want)
    assert not merkle.holds(b"", len(leaves), len(leaves), [], want)


@pytest.mark.parametrize(
    "data",
    [
        "", "1801", "ff", "9f00ff", "5f4100ff", "c000", "f6", "f7", "f97e00", "f97c00", "fb7ff0000000000000", "1c",
        "a2616100616100", "a2616200616100", "9a00010000", "5b0000000100000000", "0000", "fa3f800000", "e0",
        "81" * 17 + "00", "62c328",
    ],
)  # fmt: skip
def test_other_encodings_are_malformed(data: str) -> None:
    """Long heads, nulls, tags, doubled and unordered keys, numbers without end, depth, and what never ends."""
    with pytest.raises(MalformedError):
        decode("it", bytes.fromhex(data), 64)


@given(
    st.recursive(
        st.integers(0, 2**64 - 1)
        | st.binary(max_size=9)
        | st.text(max_size=4)
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    )
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_values_come_back(value: object) -> None:
    """What was encoded is decoded as it was."""
    data = encode(value)
    assert decode("it", data, len(data)) == value
    with pytest.raises(MalformedError, match="at most"):
        decode("it", data, len(data) - 1)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_strangers_bytes(data: bytes) -> None:
    """Any bytes are read as themselves or refused as malformed, by all readers."""
    for reader in (
        genesis.parse,
        ledger.parse_header,
        ledger.parse_proof,
        ledger.parse_result,
        ledger.parse_trail,
    ):
        with pytest.raises(MalformedError):
            reader(data)
    with contextlib.suppress(MalformedError):
        assert encode(decode("it", data, 64)) == data


def test_envelopes() -> None:
    """An envelope has one form, and its kind keeps its id from counting for another."""
    signed = read_hex(LEDGER / "transaction.golden")
    envelope = parse("transaction", signed, len(signed))
    assert envelope.encode() == signed
    assert envelope.identify(TRANSACTION) != envelope.identify(RECORD)
    for other in (
        signed + b"\x00",
        signed[1:],
        b"\xd2" + signed,
        signed[:3] + b"\x59\x00\x26" + signed[5:],
        b"",
        signed[:-1],
    ):
        with pytest.raises(MalformedError):
            parse("transaction", other, 4096)
    with pytest.raises(MalformedError, match="at most"):
        parse("transaction", signed, 16)


def test_key_files(tmp_path: Any) -> None:
    """Files without a plain Ed25519 key are refused, and nothing of them is shown."""
    path = tmp_path / "key"
    for text in ("hush", "pkcs11:token=x", "-----BEGIN AGE ENCRYPTED FILE-----\nhush", "x" * 20_000, P256):
        path.write_text(text)
        with pytest.raises(KeyFileError) as refused:
            Key.load(path)
        assert "hush" not in str(refused.value)
    assert "private part not shown" in repr(Key.from_seed(bytes(32)))
    assert issubclass(KeyFileError, LibrumError)


def _p256() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )


P256 = _p256()
