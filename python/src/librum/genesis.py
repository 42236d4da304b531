"""The genesis file: whose digest is the chain's id, and what a chain begins with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from librum.encoding import decode, digest
from librum.errors import MalformedError
from librum.ledger import GROUP, VERSION, Group
from librum.shape import array, identifier, integer, listing, string, text, uint

MAX_BYTES: Final = 64 << 20
MAX_BLOCK_BYTES: Final = 64 << 20
MAX_NAME_BYTES: Final = 64
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_AMOUNT: Final = string()
_GENESIS: Final = array(
    version=uint(16), name=text, shard=uint(32), time=integer,
    organisations=listing(array(id=identifier, name=text)),
    group=GROUP,
    members=listing(array(id=identifier, organisation=identifier, roles=listing(text), key=string(32))),
    delegates=listing(array(member=identifier, node=identifier, key=string(32), methods=listing(text), expiry=integer)),
    limits=array(block_transactions=uint(32), block_bytes=uint(32), max_ttl=integer),
    token=array(
        symbol=text, decimals=uint(8), supply=_AMOUNT,
        allocations=listing(array(account=identifier, purpose=text, amount=_AMOUNT)),
        presale=array(amount=_AMOUNT, splits=text, shares=listing(array(purpose=text, points=uint(32)))),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Genesis:
    """What a chain begins with.

    Attributes
    ----------
    chain
        SHA-256 of the file.
    time, max_ttl
        Log time before the first record, and how far ahead an expiry may lie, ms.
    group
        Of epoch 0.
    keys
        Public key -> member; nodes are members too.
    delegates
        Public keys that nodes hold for members.
    """

    chain: bytes
    name: str
    shard: int
    time: int
    group: Group
    keys: dict[bytes, bytes]
    delegates: frozenset[bytes]
    max_ttl: int


def parse(data: bytes) -> Genesis:
    """Read a genesis file.

    Raises
    ------
    MalformedError
        It is none, contradicts itself, or does not add up.
    """
    version, name, shard, time, organisations, raw, members, delegates, limits, token = _GENESIS(
        decode("genesis", data, MAX_BYTES), "genesis"
    )
    group = Group.of(raw, "genesis.group")
    _want(version == VERSION and _fits(name) and time > 0, "version, name or time")
    _want(limits[0] > 0 and 0 < limits[1] <= MAX_BLOCK_BYTES // 2 and 1000 <= limits[2] <= 86_400_000, "limits")
    known = {o[0] for o in organisations}
    _want(
        len(known) == len(organisations) > 0 and all(any(o[0]) and _fits(o[1]) for o in organisations), "organisations"
    )
    _want(group.epoch == 0 and all(n.organisation in known for n in group.nodes), "group")
    keys = _keys(group, known, members)
    _delegates(group, {m[0] for m in members}, set(keys), time, delegates)
    _token(*token)
    return Genesis(
        digest(data), name, shard, time, group, keys, frozenset(d[2] for d in delegates), limits[2]
    )  # fmt: skip


def _want(holds: bool, what: str) -> None:
    if not holds:
        raise MalformedError(f"genesis: {what} out of range or contradictory")


def _fits(name: str) -> bool:
    return 0 < len(name.encode()) <= MAX_NAME_BYTES


def _ascend(names: Sequence[str], most: int) -> bool:
    return len(names) <= most and sorted(set(names)) == list(names)


def _keys(group: Group, organisations: set[bytes], members: Sequence[Any]) -> dict[bytes, bytes]:
    keys = {n.key: n.node for n in group.nodes}
    ids = {n.node for n in group.nodes}
    for identity, organisation, roles, key in members:
        _want(any(identity) and identity not in ids and organisation in organisations and key not in keys, "members")
        _want(_ascend(roles, 16) and all(_NAME.fullmatch(role) for role in roles), "members' roles")
        ids.add(identity)
        keys[key] = identity
    return keys


def _delegates(group: Group, members: set[bytes], taken: set[bytes], time: int, delegates: Sequence[Any]) -> None:
    nodes = {n.node for n in group.nodes}
    for member, node, key, methods, expiry in delegates:
        _want(member in members and node in nodes and key not in taken and expiry > time, "delegates")
        _want(len(methods) > 0 and _ascend(methods, 64), "delegates' methods")
        for method in methods:
            _want(all(_NAME.fullmatch(part) for part in [*method.split(".", 1), ""][:2]), "delegates' methods")
        taken.add(key)


def _token(symbol: str, decimals: int, supply: bytes, allocations: Sequence[Any], presale: Sequence[Any]) -> None:
    del decimals
    amounts = [int.from_bytes(a[2], "big") for a in allocations]
    accounts = {a[0] for a in allocations}
    _want(_NAME.fullmatch(symbol) is not None and len(accounts) == len(allocations), "token")
    _want(all(len(a[1].encode()) <= MAX_NAME_BYTES for a in allocations), "token's purposes")
    for amount in (supply, presale[0], *(a[2] for a in allocations)):
        _want(len(amount) <= 32 and amount[:1] != b"\x00", "token's amounts")
    _want(sum(amounts) == int.from_bytes(supply, "big"), "token's allocations, which must add up to the supply,")
    circulating = sum(n for n, a in zip(amounts, allocations, strict=True) if a[1] == "circulating")
    sold, splits, shares = int.from_bytes(presale[0], "big"), presale[1], presale[2]
    _want(sold <= circulating, "presale")
    if sold:
        _want(splits in ("proceeds", "tokens") and all(_fits(purpose) for purpose, _ in shares), "presale")
        _want(sum(points for _, points in shares) == 10_000, "presale's shares")
