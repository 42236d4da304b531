"""Accounts, blocks, governance, keys, transactions and where a node stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the ledger knows under an id.

    Attributes
    ----------
    balance
        In the smallest unit, decimal.
    member
        Missing where the account is no member.
    """

    id: str
    balance: str
    symbol: str
    decimals: int
    member: Member | None = None


@dataclass(frozen=True, kw_only=True)
class Approval:
    """An organisation's agreement to a proposal.

    Attributes
    ----------
    time
        Log time, ms.
    counts
        The organisation stands, and the officer was not replaced since.
    """

    organisation: str
    officer: str
    time: int
    counts: bool


@dataclass(frozen=True, kw_only=True)
class BearerToken:
    """A token as its member sees it.

    Attributes
    ----------
    node
        The node that knows it; it opens no other.
    current
        The token of this request.
    key
        Ed25519 public key of the node's own with which it signs for the member; missing where the token
        only reads.
    key_id
        SHA-256 of the key.
    methods
        What the ledger lets the key sign; missing while it lists none.
    proof
        The key's signature that it is to be the member's, for identity.addDelegate; shown to the member
        alone.
    """

    id: str
    member: str
    node: str
    created: str
    expiry: str
    current: bool | None = None
    key: bytes | None = None
    key_id: str | None = None
    methods: list[str] | None = None
    name: str | None = None
    proof: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block with what was in it.

    Attributes
    ----------
    encoded
        The header's bytes, for checking signatures.
    num_skipped
        Records of strangers, kept as digests.
    hash
        SHA-256 of the encoded header.
    state
        Commitment to the state after the block.
    first
        Position of the first transaction.
    last
        Position of the last transaction.
    log_time
        ms
    final
        A quorum signed it.
    """

    encoded: bytes
    signatures: list[Signature]
    num_records: int
    num_skipped: int
    results: list[Result]
    height: int
    hash: str
    previous: str
    epoch: int
    records_root: str
    transactions_root: str
    state: str
    first: str
    last: str
    log_time: int
    final: bool


@dataclass(frozen=True, kw_only=True)
class CA:
    """A certificate authority that was ever agreed on.

    Attributes
    ----------
    certificate
        SHA-256 of its DER.
    key
        Ed25519 public key.
    from_
        Log time, ms.
    until
        Log time from which it may not vouch, ms.
    """

    certificate: str
    organisation: str
    key: bytes
    from_: int
    until: int
    removed: bool


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a contract said about a transaction.

    Attributes
    ----------
    n
        Place among the events of the transaction.
    data
        The event's data; byte strings of 16 and 32 bytes as hexadecimal digits, others as base64.
    log_time
        ms
    """

    type: str
    n: int
    data: Any
    log_time: int | None = None
    position: str | None = None


@dataclass(frozen=True, kw_only=True)
class Governance:
    """What all nodes have agreed on.

    Attributes
    ----------
    height
        Of the block being made, at least: a proposal names a later one.
    log_time
        ms
    protocol
        Version of the rule set in force.
    quorum
        Organisations that a proposal takes.
    nodes
        The group that signs the block being made.
    suspended
        Nodes whose signatures don't count.
    """

    height: int
    log_time: int
    protocol: int
    limits: Limits
    quorum: int
    organisations: list[Organisation]
    epoch: int
    nodes: list[GroupNode]
    suspended: list[str]
    cas: list[CA]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The nodes that sign the blocks of an epoch.

    Attributes
    ----------
    first_height
        Of the blocks that it signs.
    digest
        What the header before announces.
    """

    epoch: int
    first_height: int
    digest: str
    nodes: list[GroupNode]


@dataclass(frozen=True, kw_only=True)
class GroupNode:
    """A node of a group.

    Attributes
    ----------
    key
        Ed25519 public key.
    """

    node: str
    organisation: str
    key: bytes


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Which nodes sign the blocks, and the proof of it.

    Attributes
    ----------
    epoch
        Of the group that signs the block being made.
    groups
        The groups that the trail leads to.
    trail
        Deterministic CBOR: the proof of these groups. Ask again from the last of them for more.
    """

    epoch: int
    groups: list[Group]
    trail: bytes


@dataclass(frozen=True, kw_only=True)
class Header:
    """A block's header.

    Attributes
    ----------
    hash
        SHA-256 of the encoded header.
    state
        Commitment to the state after the block.
    first
        Position of the first transaction.
    last
        Position of the last transaction.
    log_time
        ms
    final
        A quorum signed it.
    """

    height: int
    hash: str
    previous: str
    epoch: int
    records_root: str
    transactions_root: str
    results_root: str
    state: str
    first: str
    last: str
    log_time: int
    final: bool


@dataclass(frozen=True, kw_only=True)
class KeyOwner:
    """Whose a key is.

    Attributes
    ----------
    delegated
        A node holds it for the member.
    """

    member: str
    delegated: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What blocks and transactions may hold.

    Attributes
    ----------
    max_ttl
        How far ahead an expiry may lie, ms.
    """

    block_transactions: int
    block_bytes: int
    max_ttl: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """The standing of a member.

    Attributes
    ----------
    expiry
        Log time after which it may not act, ms; missing where it has none.
    """

    organisation: str
    roles: list[str]
    status: str
    keys: list[MemberKey]
    expiry: int | None = None


@dataclass(frozen=True, kw_only=True)
class MemberKey:
    """A key of a member with its validity.

    Attributes
    ----------
    id
        SHA-256 of the public key.
    key
        Ed25519 public key.
    from_
        Log time, ms.
    until
        Log time, ms; missing while it has no end.
    """

    id: str
    key: bytes
    from_: int
    until: int | None = None


@dataclass(frozen=True, kw_only=True)
class NewBearerToken:
    """A token with its secret, which is told once.

    Attributes
    ----------
    secret
        Send it as Authorization: Bearer SECRET. It is told once.
    node
        The node that knows it; it opens no other.
    current
        The token of this request.
    key
        Ed25519 public key of the node's own with which it signs for the member; missing where the token
        only reads.
    key_id
        SHA-256 of the key.
    methods
        What the ledger lets the key sign; missing while it lists none.
    proof
        The key's signature that it is to be the member's, for identity.addDelegate; shown to the member
        alone.
    """

    secret: str = field(repr=False)
    id: str
    member: str
    node: str
    created: str
    expiry: str
    current: bool | None = None
    key: bytes | None = None
    key_id: str | None = None
    methods: list[str] | None = None
    name: str | None = None
    proof: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """An organisation that stands."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The proof of a transaction's result; believed only once it was checked.

    Attributes
    ----------
    proof
        The whole proof in deterministic CBOR, which verifiers read.
    index
        Of the result among the block's results.
    size
        Number of results in the block.
    path
        RFC 6962 audit path.
    """

    proof: bytes
    result: Result
    header: Header
    index: int
    size: int
    path: list[str]
    signatures: list[Signature]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A change that organisations decide on.

    Attributes
    ----------
    id
        Of the transaction that proposed it.
    kind
        Name of the action.
    action
        What it does, under its name.
    height
        The first block that the change holds for.
    organisation
        That proposed.
    created
        Log time, ms.
    expiry
        Log time after which it takes no approvals, ms.
    quorum
        Approvals that it takes, of the organisations that stand now.
    decided
        Log time, ms; missing while it is open.
    failure
        Why its change did not fit any more.
    withdrawals
        Of organisations that want it back since it passed; as many as pass one withdraw it.
    """

    id: str
    state: str
    kind: str
    action: Any
    height: int
    organisation: str
    created: int
    expiry: int
    approvals: list[Approval]
    quorum: int
    decided: int | None = None
    failure: str | None = None
    withdrawals: list[Approval] | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of a transaction as it stands in a block."""

    id: str
    position: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A node's signature of a header.

    Attributes
    ----------
    signature
        Ed25519, 64 bytes.
    """

    node: str
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where a node stands.

    Attributes
    ----------
    chain
        SHA-256 of the genesis file.
    name
        Name of the chain, for people.
    node
        The node that answers.
    next
        Offset of the next record to execute.
    log_time
        Log time, ms.
    height
        Blocks stored.
    epoch
        Of the group that signs the block being made.
    signs
        This node is in that group, with its key.
    final
        Newest height that a quorum signed.
    final_hash
        SHA-256 of that header: the chain hash.
    not_final
        Blocks stored and not final.
    in_flight
        Transactions let in and not executed yet.
    diverged
        This node's header differs from the quorum's.
    skipped
        Records skipped since the start.
    """

    chain: str
    name: str
    shard: int
    node: str
    next: int
    last: str
    log_time: int
    height: int
    epoch: int
    signs: bool
    final: int
    final_hash: str
    not_final: int
    in_flight: int
    diverged: bool
    skipped: int


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """What became of a transaction.

    Attributes
    ----------
    executed
        False where it was refused at the door: nothing is on the log.
    final
        A quorum signed its block.
    detail
        For people; known to the node for a while only.
    log_time
        ms
    """

    id: str
    executed: bool
    code: str
    final: bool
    content: TransactionContent | None = None
    detail: str | None = None
    events: list[Event] | None = None
    log_time: int | None = None
    position: str | None = None


@dataclass(frozen=True, kw_only=True)
class TransactionContent:
    """What a stored transaction says.

    Attributes
    ----------
    encoded
        The signed bytes.
    key
        Id of the key that signed.
    expiry
        Log time, ms.
    args
        Decoded arguments.
    delegated
        A node holds that key for the sender, who listed it as its delegate.
    """

    height: int
    encoded: bytes
    sender: str
    key: str
    contract: str
    method: str
    expiry: int
    args: Any = None
    delegated: bool | None = None
