"""Jobs, rounds, peers, tasks and uploads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DeclinedUpdate:
    """A peer that declined a round, and why."""

    peer: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class File:
    """Content named by its digest.

    Attributes
    ----------
    digest
        SHA-256.
    size
        Bytes.
    """

    digest: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training job.

    Attributes
    ----------
    created
        Log time, ms.
    round
        Opened last, from 1; 0 before the first.
    final_rounds
        Rounds whose result a quorum of nodes recomputed.
    num_rounds
        Rounds asked for.
    spec
        The job spec with all defaults filled in.
    best_round
        Where the spec has early_stop: the round whose metric is the best so far, as the peers claim.
    card
        The model card, once finished.
    ended
        Log time, ms.
    model
        The newest model that stands.
    reason
        Why it waits or how it ended.
    """

    id: str
    creator: str
    created: int
    state: str
    round: int
    final_rounds: int
    num_rounds: int
    spec: Any
    best_round: int | None = None
    card: File | None = None
    ended: int | None = None
    model: File | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class LostTerm:
    """A term that was lost over a round's commit.

    Attributes
    ----------
    node
        That committed.
    time
        Log time, ms.
    model
        That it committed.
    """

    term: int
    attempt: int
    node: str
    loss: str
    agreed: int
    dissented: int
    time: int
    model: File | None = None


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A training participant.

    Attributes
    ----------
    available
        It offers to take part.
    since
        Log time, ms.
    """

    id: str
    organisation: str
    available: bool
    since: int


@dataclass(frozen=True, kw_only=True)
class RefusedUpdate:
    """An update that was left out of an average, and why."""

    peer: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Draw:
    """How a round's cohort is drawn: by what each node reveals of a hash chain that it had committed to.

    Attributes
    ----------
    roster
        Peers that it is drawn from.
    revealed
        Nodes that have revealed.
    withheld
        Nodes that have not, or not yet; once the cohort is drawn they do not attest the round.
    frozen
        When the roster was fixed.
    seed
        That the cohort follows from, once it is drawn.
    """

    roster: int
    revealed: list[str]
    withheld: list[str]
    frozen: int
    drawn: int | None = None
    seed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of a job.

    Attributes
    ----------
    attempt
        From 1; a void round is opened again under its number.
    input
        The model it began with.
    peers
        Asked.
    wanted
        Updates; the round may close once so many are there.
    averaged
        Updates in the average, once committed.
    nodes
        In the attesting group.
    agreed
        Nodes that came to the same result.
    opened
        Log time, ms, as all times here.
    declines
        Peers that take no part in this attempt, by their own word.
    draw
        How the cohort is drawn, where the job asks but a fraction of the roster.
    lost
        Terms whose commit did not become final, the oldest first.
    metrics
        Claims of the node that committed.
    model
        Its result, once committed.
    refused
        Updates left out of the average.
    server_state
        What the server of the strategy remembers for the next round, once committed.
    """

    round: int
    attempt: int
    state: str
    input: File
    peers: int
    wanted: int
    submitted: int
    declined: int
    averaged: int
    nodes: int
    agreed: int
    dissented: int
    opened: int
    closed: int | None = None
    committed: int | None = None
    declines: list[DeclinedUpdate] | None = None
    draw: Draw | None = None
    ended: int | None = None
    lost: list[LostTerm] | None = None
    metrics: dict[str, float] | None = None
    model: File | None = None
    refused: list[RefusedUpdate] | None = None
    server_state: File | None = None


@dataclass(frozen=True, kw_only=True)
class Update:
    """A peer's answer in a round. Number of examples and metrics are its claims.

    Attributes
    ----------
    file
        That it submitted.
    metrics
        What begins with ``eval_`` is of the model that the round began with, on rows that the peer held out.
    num_examples
        The peer's claim.
    reason
        Why it declined.
    time
        Log time of the answer, ms.
    """

    peer: str
    state: str
    file: File | None = None
    metrics: dict[str, float] | None = None
    num_examples: int | None = None
    reason: str | None = None
    time: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobPeer:
    """What a peer of a job did, in numbers of rounds.

    Attributes
    ----------
    selected
        It was asked. Each such round counts in one of the fields up to pending.
    committed
        Its update is in the average of a final round.
    void
        It submitted, and the round came to no model.
    late
        The round had all that it wanted before the peer answered.
    dropped
        It answered nothing, and the round closed without it.
    pending
        The round is at work, or was when the job ended.
    num_examples
        The peer's claims, of the updates that are in averages.
    bytes
        Of all updates that it submitted.
    refused
        Its update was left out, by reason.
    declined
        It would not or could not, by reason.
    """

    peer: str
    selected: int
    committed: int
    void: int
    late: int
    dropped: int
    pending: int
    num_examples: int
    bytes: int
    refused: dict[str, int] | None = None
    declined: dict[str, int] | None = None

    def __add__(self, other: JobPeer) -> JobPeer:
        """Add up what the same peer did in other rounds."""
        if self.peer != other.peer:
            raise ValueError(f"what peer {other.peer} did does not add up with what {self.peer} did")
        counts = ("selected", "committed", "void", "late", "dropped", "pending", "num_examples", "bytes")
        return JobPeer(
            peer=self.peer,
            refused=dict(Counter(self.refused or {}) + Counter(other.refused or {})) or None,
            declined=dict(Counter(self.declined or {}) + Counter(other.declined or {})) or None,
            **{name: getattr(self, name) + getattr(other, name) for name in counts},
        )


@dataclass(frozen=True, kw_only=True)
class RoundMetrics:
    """What one final round reached.

    Attributes
    ----------
    time
        When it became final; log time, ms.
    peers
        Updates in the average.
    metrics
        Claims of the node that committed.
    """

    round: int
    time: int
    peers: int
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A round that asks a peer; only what its proof proves is to be believed.

    Attributes
    ----------
    attempt
        Of the round: one that was void is opened again.
    spec
        The job spec; believe the one in the proof.
    model
        The model to begin with, at /v1/blobs/{digest}.
    proof
        Proof of the OpenRound or DrawCohort transaction in CBOR; check it before training.
    deadline
        Log time, ms: the round may close without whoever is later.
    """

    job: str
    round: int
    attempt: int
    spec: Any
    model: File
    proof: bytes
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Where an upload stands.

    Attributes
    ----------
    size
        Bytes.
    offset
        Bytes that are durable; go on from there.
    complete
        The file is whole and has its digest.
    receipts
        Signed receipts of nodes that hold it, for SubmitUpdate.
    """

    id: str
    job: str
    round: int
    peer: str
    digest: str
    size: int
    offset: int
    complete: bool
    receipts: list[bytes] | None = None
