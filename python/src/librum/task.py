"""Tasks of a peer: what the ledger proves about the round that asks it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from librum.encoding import decode
from librum.errors import MalformedError, ProofError
from librum.ledger import MAX_PROOF_BYTES, Groups, UnknownEpochError, parse_header, parse_proof
from librum.shape import identifier, integer, listing, mapping, sha256, uint
from librum.spec import SPEC, cohort_size

ROUND_OPENED: Final = "round.opened"
_OPENED: Final = mapping(
    {
        "job": sha256, "creator": identifier, "round": uint(64), "attempt": uint(64), "term": uint(64),
        "model": sha256, "model_size": uint(64), "cohort": listing(identifier), "spec": SPEC, "deadline": integer,
    },
    {
        "state": sha256, "state_size": uint(64),
        "seed": sha256, "roster": uint(64), "withheld": listing(identifier),
    },
)  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """The opening of a round, as a quorum of the chain's nodes signed it.

    Attributes
    ----------
    job, creator
        Id of the job, 32 bytes, and of the member who asks, 16 bytes.
    round, attempt, term
        Which; a round that was void is opened again as another attempt.
    model, model_size
        SHA-256 and bytes of the model that the round begins with.
    state, state_size
        Of what the server remembers; zero where the strategy remembers nothing.
    cohort
        Ids of the peers that are asked.
    spec
        The job spec.
    deadline
        Log time, ms: the round may close without whoever is later.
    seed, roster, withheld
        Where the cohort was drawn: by what, from how many peers, and ids of the nodes that revealed nothing; otherwise
        zero and empty.
    """

    job: bytes
    creator: bytes
    round: int
    attempt: int
    term: int
    model: bytes
    model_size: int
    cohort: tuple[bytes, ...]
    spec: dict[str, Any]
    deadline: int
    state: bytes = bytes(32)
    state_size: int = 0
    seed: bytes = bytes(32)
    roster: int = 0
    withheld: tuple[bytes, ...] = ()


def check(job: bytes, round_: int, attempt: int, proof: bytes, peer: bytes, groups: Groups) -> Opened:
    """Return what a task's proof proves: a quorum signed a block with the opening of this round for this peer.

    The round opens with its roster, or with the drawing of its cohort from it.

    Raises
    ------
    ProofError
        It proves no such thing; an :class:`librum.ledger.UnknownEpochError` where the group of its epoch is not known
        yet.
    """
    try:
        result, _ = groups.check(parse_proof(proof))
    except MalformedError as error:
        raise ProofError(f"the task is not proven: {error}") from error
    if result.code != "ok":
        raise ProofError(f"the task is not proven: the transaction ended with {result.code}")
    for kind, data in result.events:
        if kind != ROUND_OPENED:
            continue
        try:
            found = _OPENED(decode(f"event {kind}", data, MAX_PROOF_BYTES), "event")
        except MalformedError as error:
            raise ProofError(f"the task is not proven: {error}") from error
        opened = Opened(
            **{**found, "cohort": tuple(found["cohort"]), "withheld": tuple(found.get("withheld", ()))},
        )
        if (opened.job, opened.round, opened.attempt) != (job, round_, attempt):
            raise ProofError(
                f"the task is not proven: it is attempt {opened.attempt} of round {opened.round} of job "
                f"{opened.job.hex()[:8]}, the task says attempt {attempt} of round {round_} of job {job.hex()[:8]}"
            )
        if peer not in opened.cohort:
            raise ProofError(f"the task is not proven: the round does not ask peer {peer.hex()}")
        _check_draw(opened)
        return opened
    raise ProofError("the task is not proven: the transaction opened no round")


def _check_draw(opened: Opened) -> None:
    """Check that the cohort was drawn exactly where the job wants that, and is as large as job and roster make it.

    Who was to be drawn the quorum has checked: the reveals stand on the ledger, for the verifiers to repeat.
    """
    drawn, fraction = opened.seed != bytes(32), opened.spec["fraction_train"]
    if drawn != (fraction < 1):
        raise ProofError(f"the task is not proven: fraction_train is {fraction:g}, and the cohort was drawn: {drawn}")
    if drawn and len(opened.cohort) != (wanted := cohort_size(opened.spec, opened.roster)):
        raise ProofError(
            f"the task is not proven: it asks {len(opened.cohort)} of {opened.roster} peers, the job wants {wanted}"
        )


def reach(
    job: bytes, round_: int, attempt: int, proof: bytes, peer: bytes, groups: Groups, fetch: Callable[[int], bytes]
) -> Opened:
    """Return what :func:`check` does, and follow the trail of the groups where the proof is of a later epoch.

    Parameters
    ----------
    fetch
        Returns the encoded part of the trail that begins with the end of the given epoch.
    """
    try:
        return check(job, round_, attempt, proof, peer, groups)
    except UnknownEpochError:
        try:
            groups.reach(parse_header(parse_proof(proof).header).epoch, fetch)
        except MalformedError as error:
            raise ProofError(f"the task is not proven: {error}") from error
    return check(job, round_, attempt, proof, peer, groups)
