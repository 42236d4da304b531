"""The rows of the contract ``fl``, as a job's transactions wrote them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from librum.encoding import decode, digest, encode
from librum.ledger import GROUP, Group
from librum.shape import Shape, array, boolean, identifier, integer, listing, number, sha256, table, text, uint
from librum.spec import SPEC
from librum.verify.report import Finding

T = TypeVar("T")

MAX_ROW_BYTES: Final = 1 << 20
ZERO: Final = bytes(32)
METRICS: Final = table(number)
REFUSED: Final = listing(array(peer=identifier, reason=text))
_U: Final = uint(64)
_JOB: Final = array(
    creator=identifier, created=integer, spec=SPEC, state=text, reason=text, idle=integer, round=_U, finals=_U,
    voids=_U, model=sha256, model_size=_U, card=sha256, card_size=_U, ended=integer, best=_U, best_value=number,
)  # fmt: skip
_LOST: Final = array(term=_U, attempt=_U, node=identifier, loss=text, time=integer, agreed=_U, dissented=_U)
_ROUND: Final = array(
    attempt=_U, state=text, term=_U, model=sha256, model_size=_U, roster=_U, cohort=_U, wanted=_U, nodes=_U,
    withheld=_U, opened=integer, submitted=_U,
    declined=_U, min_reached=integer, closed=integer, set=sha256, committed=integer, commit_term=_U, agreed=_U,
    dissented=_U, ended=integer, opened_by=sha256, lost=listing(_LOST),
)  # fmt: skip
_COHORT: Final = array(attempt=_U, peers=listing(identifier))
_LINK: Final = array(
    node=identifier, chain=_U, index=_U, known=sha256, start=_U, value=sha256, revealed=integer,
)  # fmt: skip
_DRAW: Final = array(
    attempt=_U, opened=integer, roster=sha256, state=sha256, state_size=_U, links=listing(_LINK), quorate=integer,
    drawn=integer, seed=sha256,
)  # fmt: skip
_UPDATE: Final = array(
    attempt=_U, state=text, time=integer, digest=sha256, size=_U, num_examples=_U, metrics=METRICS,
    holders=listing(identifier), reason=text,
)  # fmt: skip
_COMMIT: Final = array(
    attempt=_U, term=_U, node=identifier, time=integer, set=sha256, count=_U, weights=sha256, model=sha256,
    model_size=_U, refused=REFUSED, input=boolean, metrics=METRICS,
)  # fmt: skip
_ATTESTATION: Final = array(attempt=_U, time=integer, set=sha256, weights=sha256, model=sha256, dissent=text)


@dataclass(frozen=True)
class Job:
    """The row of a job; digests have 32 bytes, times are in milliseconds."""

    creator: bytes
    created: int
    spec: dict[str, Any]
    state: str
    reason: str
    idle: int
    round: int
    finals: int
    voids: int
    model: bytes
    model_size: int
    card: bytes
    card_size: int
    ended: int
    best: int
    best_value: float

    @property
    def complete(self) -> bool:
        """Whether all rounds are final: as many as were asked for, or early_stop's patience is over."""
        patience = self.spec.get("early_stop", {}).get("patience", 0)
        return bool(self.finals == self.spec["num_rounds"] or 0 < patience <= self.finals - self.best)


@dataclass(frozen=True)
class Lost:
    """A term that a round has lost."""

    term: int
    attempt: int
    node: bytes
    loss: str
    time: int
    agreed: int
    dissented: int


@dataclass(frozen=True)
class Round:
    """The row of a round."""

    attempt: int
    state: str
    term: int
    model: bytes
    model_size: int
    roster: int
    cohort: int
    wanted: int
    nodes: int
    withheld: int
    opened: int
    submitted: int
    declined: int
    min_reached: int
    closed: int
    set: bytes
    committed: int
    commit_term: int
    agreed: int
    dissented: int
    ended: int
    opened_by: bytes
    lost: list[Lost]


@dataclass(frozen=True)
class Link:
    """A node's part in a draw: the value that it was to reveal, and what was known of its chain before."""

    node: bytes
    chain: int
    index: int
    known: bytes
    start: int
    value: bytes
    revealed: int


@dataclass(frozen=True)
class Draw:
    """The row of how a round's cohort was drawn."""

    attempt: int
    opened: int
    roster: bytes
    state: bytes
    state_size: int
    links: list[Link]
    quorate: int
    drawn: int
    seed: bytes


@dataclass(frozen=True)
class Update:
    """The row of a peer's answer."""

    attempt: int
    state: str
    time: int
    digest: bytes
    size: int
    num_examples: int
    metrics: dict[str, float]
    holders: list[bytes]
    reason: str


@dataclass(frozen=True)
class Commit:
    """The row of a round's claimed result."""

    attempt: int
    term: int
    node: bytes
    time: int
    set: bytes
    count: int
    weights: bytes
    model: bytes
    model_size: int
    refused: list[list[Any]]
    input: bool
    metrics: dict[str, float]


@dataclass(frozen=True)
class Attestation:
    """The row of a node's word on a commit."""

    attempt: int
    time: int
    set: bytes
    weights: bytes
    model: bytes
    dissent: str


@dataclass(frozen=True)
class Averaged:
    """An update of a set: who sent it, which file, with what weight."""

    peer: bytes
    digest: bytes
    weight: int


class Rows:
    """The rows of one job, by key."""

    def __init__(self, job: bytes) -> None:
        self.id = job
        self._rows: dict[bytes, bytes] = {}

    def apply(self, writes: list[list[Any]]) -> None:
        """Take what a transaction wrote."""
        for key, value, delete in writes:
            if delete:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value

    def _get(self, key: bytes, shape: Shape, make: Callable[..., T]) -> T | None:
        row = self._rows.get(key)
        if row is None:
            return None
        return make(*shape(decode("row", row, MAX_ROW_BYTES), "row"))

    def _key(self, kind: str, *numbers: int) -> bytes:
        return f"fl/{kind}/".encode() + self.id + b"".join(struct.pack(">Q", n) for n in numbers)

    def job(self) -> Job | None:
        """Return the job's row."""
        return self._get(self._key("job"), _JOB, Job)

    def round(self, number: int) -> Round | None:
        """Return the row of a round."""
        return self._get(self._key("round", number), _ROUND, _round)

    def cohort(self, number: int) -> list[bytes]:
        """Return the peers that a round asked, ascending."""
        found = self._get(self._key("cohort", number), _COHORT, lambda _, peers: list(peers))
        if found is None:
            raise Finding("round", f"round {number}", "it has no cohort")
        return found

    def roster(self, number: int) -> tuple[int, list[bytes]] | None:
        """Return the attempt and the peers that a round's cohort was drawn from, ascending."""
        return self._get(self._key("roster", number), _COHORT, lambda attempt, peers: (attempt, list(peers)))

    def draw(self, number: int) -> Draw | None:
        """Return how a round's cohort was drawn."""
        return self._get(self._key("draw", number), _DRAW, _draw)

    def group(self, number: int) -> Group:
        """Return the nodes that attest a round."""
        row = self._rows.get(self._key("group", number))
        if row is None:
            raise Finding("round", f"round {number}", "it has no attesting group")
        return Group.of(GROUP(decode("group", row, MAX_ROW_BYTES), "group"), "group")

    def update(self, number: int, peer: bytes) -> Update | None:
        """Return a peer's answer in a round."""
        return self._get(self._key("update", number) + peer, _UPDATE, Update)

    def commit(self, number: int, term: int) -> Commit | None:
        """Return the commit that was made in a term."""
        return self._get(self._key("commit", number, term), _COMMIT, Commit)

    def attestation(self, number: int, term: int, node: bytes) -> Attestation | None:
        """Return a node's word on a term's commit."""
        return self._get(self._key("attest", number, term) + node, _ATTESTATION, Attestation)


def _round(*row: Any) -> Round:
    parts = [*row[:-1], [Lost(*term) for term in row[-1]]]
    return Round(*parts)


def _draw(*row: Any) -> Draw:
    parts = list(row)
    parts[5] = [Link(*link) for link in row[5]]
    return Draw(*parts)


def set_digest(updates: list[Averaged]) -> bytes:
    """Return the SHA-256 that says which files were averaged."""
    return digest(encode([[u.peer, u.digest] for u in sorted(updates, key=lambda u: u.peer)]))


def weights_digest(updates: list[Averaged]) -> bytes:
    """Return the SHA-256 that says how much each file counted."""
    return digest(encode([[u.peer, u.weight] for u in sorted(updates, key=lambda u: u.peer)]))
