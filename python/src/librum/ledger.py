"""Headers, results, groups and proofs of the ledger, checked from the genesis digest on.

The formats are those of ``docs/formats.md``; nothing here trusts who sent the bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from librum import ed25519, merkle
from librum.encoding import decode, digest, encode
from librum.envelope import HEADER, covered
from librum.errors import MalformedError, ProofError
from librum.shape import array, boolean, identifier, integer, listing, sha256, string, text, uint

VERSION: Final = 1
MAX_HEADER_BYTES: Final = 1 << 10
MAX_PROOF_BYTES: Final = 1 << 20
MAX_RECORD_BYTES: Final = 1 << 20
MAX_GROUP_NODES: Final = 256
MAX_HANDOVERS: Final = 64

POSITION: Final = array(offset=uint(64), index=uint(32))
SIGNATURE: Final = array(height=uint(64), header=sha256, node=identifier, signature=string(64))
SIGNATURES: Final = listing(SIGNATURE)
GROUP: Final = array(
    epoch=uint(64), nodes=listing(array(node=identifier, organisation=identifier, key=string(32)), MAX_GROUP_NODES)
)
HANDOVER: Final = array(header=string(), signatures=SIGNATURES, next=GROUP)
RESULT: Final = array(
    id=sha256, position=POSITION, code=text, events=listing(array(type=text, data=string())), writes=sha256
)
WRITE: Final = array(key=string(), value=string(), delete=boolean)
_HEADER: Final = array(
    version=uint(16), chain=sha256, shard=uint(32), epoch=uint(64), height=uint(64), previous=sha256, records=sha256,
    transactions=sha256, results=sha256, state=sha256, first=POSITION, last=POSITION, log_time=integer, group=sha256,
)  # fmt: skip
_PROOF: Final = array(
    leaf=string(), index=uint(64), size=uint(64), path=listing(string()), header=string(), signatures=SIGNATURES
)


@dataclass(frozen=True)
class Header:
    """A block's header; digests have 32 bytes, times are in milliseconds."""

    version: int
    chain: bytes
    shard: int
    epoch: int
    height: int
    previous: bytes
    records: bytes
    transactions: bytes
    results: bytes
    state: bytes
    first: list[int]
    last: list[int]
    log_time: int
    group: bytes


@dataclass(frozen=True)
class Node:
    """A node of a group: id and organisation of 16 bytes, key of 32."""

    node: bytes
    organisation: bytes
    key: bytes


@dataclass(frozen=True)
class Group:
    """The nodes that sign the blocks of an epoch, ids ascending."""

    epoch: int
    nodes: tuple[Node, ...]

    @property
    def quorum(self) -> int:
        """How many of them make a header final."""
        return 2 * len(self.nodes) // 3 + 1

    def digest(self) -> bytes:
        """Return the SHA-256 by which headers name the group."""
        return digest(encode([self.epoch, [[n.node, n.organisation, n.key] for n in self.nodes]]))

    @classmethod
    def of(cls, value: Sequence[Any], where: str) -> Group:
        """Return the group that a value of the shape ``GROUP`` is."""
        nodes = tuple(Node(*n) for n in value[1])
        if not nodes or any(a.node >= b.node for a, b in itertools.pairwise(nodes)) or not any(nodes[0].node):
            raise MalformedError(f"{where}: ids of a group's nodes must ascend, and there must be some")
        if len({n.key for n in nodes}) != len(nodes):
            raise MalformedError(f"{where}: two nodes of a group have one key")
        return cls(value[0], nodes)


@dataclass(frozen=True)
class Result:
    """The outcome of a transaction, as it stands in a block."""

    id: bytes
    position: list[int]
    code: str
    events: list[tuple[str, bytes]]
    writes: bytes


def parse_header(data: bytes) -> Header:
    """Read a header."""
    header = Header(*_HEADER(decode("header", data, MAX_HEADER_BYTES), "header"))
    if header.version != VERSION or header.height == 0 or header.last < header.first:
        raise MalformedError(f"header: version {header.version}, height {header.height}, or positions out of order")
    return header


def parse_result(data: bytes) -> Result:
    """Read the leaf of a result."""
    identity, position, code, events, writes = RESULT(decode("result", data, MAX_RECORD_BYTES), "result")
    return Result(identity, position, code, [(kind, content) for kind, content in events], writes)


def signers(header: bytes, group: Group, signatures: Sequence[Any]) -> int:
    """Return how many nodes of the group validly signed a header."""
    want, by_id, found = digest(header), {n.node: n for n in group.nodes}, set()
    for _, signed, node, signature in signatures:
        known = by_id.get(node)
        if known is None or node in found or signed != want:
            continue
        if ed25519.verify(known.key, covered(digest(known.key), HEADER, header), signature):
            found.add(node)
    return len(found)


def check_quorum(header: bytes, height: int, group: Group, signatures: Sequence[Any]) -> None:
    """Raise a :class:`ProofError` unless a quorum of the group signed the header."""
    if len(signatures) > len(group.nodes):
        raise ProofError(f"{len(signatures)} signatures of a group of {len(group.nodes)} nodes, want one each at most")
    count = signers(header, group, signatures)
    if count < group.quorum:
        raise ProofError(f"header {height} is signed by {count} of {len(group.nodes)} nodes, want {group.quorum}")


class UnknownEpochError(ProofError):
    """The group of an epoch is not known yet."""


@dataclass
class _Epoch:
    group: Group
    first: int
    last: int = 0  # 0 in the newest epoch known


class Groups:
    """The groups of a chain's epochs, as far as the trail was followed from the genesis."""

    def __init__(self, chain: bytes, shard: int, genesis: Group) -> None:
        self.chain = chain
        self.shard = shard
        self._epochs = [_Epoch(genesis, 1)]

    def of(self, epoch: int) -> tuple[Group, int, int]:
        """Return the group of an epoch, and the first and last height that it signs; last is 0 while not known."""
        if epoch >= len(self._epochs):
            raise UnknownEpochError(f"the group of epoch {epoch} is not known, but up to {len(self._epochs) - 1}")
        known = self._epochs[epoch]
        return known.group, known.first, known.last

    def follow(self, handovers: Sequence[Any]) -> None:
        """Check handovers, values of the shape ``HANDOVER``, and learn from them."""
        for raw, signatures, value in handovers:
            self._handover(raw, signatures, Group.of(value, "handover"))

    def _handover(self, raw: bytes, signatures: Sequence[Any], following: Group) -> None:
        if 0 < following.epoch < len(self._epochs):
            if self._epochs[following.epoch].group != following:
                raise ProofError(f"another group of epoch {following.epoch} is known")
            return
        header, old = parse_header(raw), self._epochs[-1]
        if (header.chain, header.shard, header.epoch) != (self.chain, self.shard, old.group.epoch):
            raise ProofError(f"handover: header {header.height} is of another chain, shard or epoch")
        if following.epoch != old.group.epoch + 1 or header.height < old.first or header.group != following.digest():
            raise ProofError(f"handover: header {header.height} does not announce this group")
        check_quorum(raw, header.height, old.group, signatures)
        old.last = header.height
        self._epochs.append(_Epoch(following, header.height + 1))

    def reach(self, epoch: int, fetch: Callable[[int], bytes]) -> None:
        """Follow the trail until the group of an epoch is known.

        Parameters
        ----------
        epoch
            The epoch.
        fetch
            Returns the encoded part of the trail that begins with the end of the given epoch.
        """
        while epoch >= len(self._epochs):
            known = len(self._epochs)
            self.follow(parse_trail(fetch(known - 1)))
            if len(self._epochs) == known:
                raise UnknownEpochError(f"the trail ends with epoch {known - 1}, want {epoch}")

    def check(self, proof: Proof) -> tuple[Result, Header]:
        """Return what a proof proves, or raise a :class:`ProofError`."""
        header = parse_header(proof.header)
        group, first, last = self.of(header.epoch)
        if header.chain != self.chain or header.shard != self.shard:
            raise ProofError(f"header {header.height} is of another chain or shard")
        if header.height < first or (last and header.height > last):
            raise ProofError(f"header {header.height} lies outside epoch {header.epoch}, from height {first} to {last}")
        check_quorum(proof.header, header.height, group, proof.signatures)
        if not merkle.holds(proof.leaf, proof.index, proof.size, proof.path, header.results):
            raise ProofError(f"the leaf is not under the results root of block {header.height}")
        return parse_result(proof.leaf), header


@dataclass(frozen=True)
class Proof:
    """A claim that a block which a quorum signed holds a result; believed after :meth:`Groups.check`."""

    leaf: bytes
    index: int
    size: int
    path: list[bytes]
    header: bytes
    signatures: list[Any]


def parse_proof(data: bytes) -> Proof:
    """Read a proof. It is not checked."""
    return Proof(*_PROOF(decode("proof", data, MAX_PROOF_BYTES), "proof"))


def parse_trail(data: bytes) -> list[Any]:
    """Read a part of the groups' trail, handovers that :meth:`Groups.follow` checks."""
    trail = array(handovers=listing(HANDOVER, MAX_HANDOVERS))(decode("group trail", data, MAX_PROOF_BYTES), "trail")
    handovers: list[Any] = trail[0]
    return handovers


def writes_digest(writes: Sequence[Any]) -> bytes:
    """Return the digest of a write set as results carry it."""
    return digest(encode([list(w) for w in writes])) if writes else bytes(32)
