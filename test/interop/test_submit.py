"""A transaction made by other people's libraries, executed by a running node."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from transaction import Transaction, amount, public_key, transaction_id

MEMBERS = 6  # place of the members in the genesis file
OTHER = bytes([7]) * 16


@dataclass(frozen=True)
class Network:
    """A development network with the member whose key it holds."""

    base: str
    token: str
    chain: bytes
    member: bytes
    seed: bytes

    def transfer(self, units: int) -> Transaction:
        """Return a transfer that expires in a minute."""
        return Transaction(
            chain=self.chain,
            sender=self.member,
            contract="token",
            method="transfer",
            args={"to": OTHER, "amount": amount(units)},
            nonce=secrets.token_bytes(16),
            expiry=int(time.time() * 1000) + 60_000,
        )

    def submit(self, signed: bytes) -> tuple[int, dict[str, object]]:
        """Return the status and the answer to a submission."""
        request = urllib.request.Request(
            self.base + "/v1/transactions?wait=executed",
            data=signed,
            headers={"Authorization": "Bearer " + self.token, "Content-Type": "application/cose"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, json.load(problem)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Run ``librum dev`` for the tests of this module."""
    directory = tmp_path_factory.mktemp("dev") / "network"
    command = [os.environ["LIBRUM_BIN"], "dev", "--dir", str(directory), "--listen", "127.0.0.1:0", "--peers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = dict(line.split(" ", 1) for line in (process.stdout.readline().strip() for _ in range(3)))
        key = load_pem_private_key((directory / "member-key").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        seed = key.private_bytes_raw()
        genesis = cbor2.loads((directory / "genesis.cbor").read_bytes())
        members = {member[3]: member[0] for member in genesis[MEMBERS]}
        yield Network(
            base=said["listening"].removeprefix("at "),
            token=(directory / "token").read_text().strip(),
            chain=bytes.fromhex(said["genesis"]),
            member=members[public_key(seed)],
            seed=seed,
        )
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_accepted(network: Network) -> None:
    """A transfer signed by pycose takes effect, and once only."""
    signed = network.transfer(0).sign(network.seed)
    status, answer = network.submit(signed)
    assert (status, answer["code"], answer["id"]) == (200, "ok", transaction_id(signed).hex())
    again = network.submit(signed)
    assert (again[0], again[1]["position"]) == (200, answer["position"])


def test_refused_by_the_contract(network: Network) -> None:
    """A member without tokens cannot give any."""
    status, answer = network.submit(network.transfer(1).sign(network.seed))
    assert status >= 400
    assert str(answer["type"]).endswith("insufficient_funds")


def test_malformed_copies(network: Network) -> None:
    """Re-encoded, padded and doubly signed copies are no transactions."""
    signed = network.transfer(0).sign(network.seed)
    message = cbor2.loads(signed)
    protected, _, payload, signature = message.value
    copies = {
        "padded": signed + b"\x00",
        "unprotected header": cbor2.dumps(cbor2.CBORTag(18, [protected, {1: 1}, payload, signature])),
        "untagged": signed[1:],
        "longer head": signed[:3] + b"\x59\x00\x26" + signed[5:],
        "signed twice": cbor2.dumps(cbor2.CBORTag(18, [protected, {}, signed, signature])),
    }
    for name, copy in copies.items():
        status, answer = network.submit(copy)
        assert status == 400, name
        assert str(answer["type"]).endswith("malformed"), name


def test_foreign_signature(network: Network) -> None:
    """A stranger's key does not sign for the member."""
    status, answer = network.submit(network.transfer(0).sign(bytes(31) + b"\x01"))
    assert status >= 400
    assert str(answer["type"]).endswith("unknown_key")
