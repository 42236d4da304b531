"""A training participant: it polls for tasks, checks their proof, has your function train, and submits what came out.

It does what ``librum peer run`` does, by the same rules: nothing is fetched or trained for a task whose proof does not
hold from the genesis digest on, the owner's policy decides, each file is listed before it leaves, and what can't be
done is declined with a reason, so that nobody waits for it. Rows never leave.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import math
import operator
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypeAlias

from librum import genesis as genesis_file
from librum import wire
from librum.client import Client
from librum.egress import Departure, Egress
from librum.errors import AnswerError, LibrumError, NoDataError, ProofError, UpdateError
from librum.keys import Key
from librum.ledger import Groups
from librum.modelfile import ModelFile
from librum.policy import Asked, Policy
from librum.problems import Answered, RoundState
from librum.reading import hexadecimal
from librum.session import Identity
from librum.task import Opened, reach
from librum.transaction import sign

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POLL_S: Final = 5  # a pause is seen between two polls
WATCH_S: Final = 2.0  # how often a peer asks, while it works, whether the round is still wanted
PAUSE_S: Final = 0.25  # the longest that a function is not told of a pause
RETRY_S: Final = (0.2, 10.0)
LIFE_MS: Final = 300_000
EVAL_PREFIX: Final = "eval_"  # of metrics over rows that a peer holds out
_METRIC: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_METRICS: Final = 16
_OVER: Final = frozenset({"ok", "answered", "round_state", "job_over"})  # the next task says what is wanted now

Weights: TypeAlias = "dict[str, NDArray[np.float32]]"


@dataclass(frozen=True)
class Round:
    """The round that a function trains in.

    Attributes
    ----------
    job
        Id of the job, hexadecimal.
    number, attempt
        Of the round, from 1.
    spec
        The job spec, as the ledger proves it; ``spec["train"]`` says how to train.
    cancelled
        Set once the result will not be used: the round is over, or the owner pauses. A function that looks may return
        at once; what it returns is thrown away.
    """

    job: str
    number: int
    attempt: int
    spec: Mapping[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)


@dataclass(frozen=True)
class Update:
    """What a function trained.

    Attributes
    ----------
    weights
        An array for each tensor of the global model, float32, of its shape.
    num_examples
        Rows that it trained on; None: as many as the peer has. The policy and the job may make the claim smaller; where
        the policy lets nothing be told of so few, the round is declined as ``data``.
    metrics
        Numbers about the rows, such as loss and accuracy; told where the policy lets them.
    """

    weights: Mapping[str, Any]
    num_examples: SupportsIndex | None = None
    metrics: Mapping[str, float] | None = None


Train: TypeAlias = "Callable[[Weights, Round], Update | Mapping[str, Any]]"
Evaluate: TypeAlias = "Callable[[Weights, Round], Mapping[str, float]]"


class Peer:
    """A peer with a key of its own.

    Parameters
    ----------
    server
        URL of the node, as :class:`librum.Client` takes it.
    identity
        The peer's key, or the file with it.
    genesis
        SHA-256 of the genesis file in hexadecimal, learnt from somebody trusted.
    policy
        What the owner of the data allows: a :class:`librum.Policy`, or its file.
    egress
        Log of the files that left; None: the identity's file name with ``.egress.jsonl``.
    pause
        File that says, while it is there, that the peer is paused; None: the identity's file name with ``.paused``,
        which ``librum peer pause`` makes.
    token
        Bearer token of the peer's own, which ``librum identity token`` gets; None: the peer asks for one with its key,
        which on plain HTTP works from Python.
    ca, plain_http
        As :class:`librum.Client` takes them.
    logger
        Told what the peer does; None: the logger ``librum.peer``. Neither data nor the words of a function's exceptions
        are logged.

    Raises
    ------
    ValueError
        An argument is none of what it should be.
    KeyFileError, PolicyError, EgressError
        The file is no such file.

    Every other trouble is met while the peer runs, logged and tried again.
    """

    def __init__(
        self,
        server: str,
        identity: Key | str | Path,
        genesis: str,
        policy: Policy | str | Path,
        *,
        egress: str | Path | None = None,
        pause: str | Path | None = None,
        token: str | None = None,
        ca: str | Path | None = None,
        plain_http: bool = False,
        logger: logging.Logger | None = None,
    ) -> None:
        if not re.fullmatch("[0-9a-f]{64}", genesis):
            raise ValueError("genesis: want the digest of a genesis file, 64 lower-case hexadecimal digits")
        self._key = identity if isinstance(identity, Key) else Key.load(identity)
        self._policy = policy if isinstance(policy, Policy) else Policy.load(policy)
        if isinstance(identity, Key) and (egress is None or pause is None):
            raise ValueError("egress and pause: name their files where the identity is no file")
        self._egress_path = Path(egress if egress is not None else f"{identity}.egress.jsonl")
        self._pause_path = Path(pause if pause is not None else f"{identity}.paused")
        self._chain = bytes.fromhex(genesis)
        own = None if token else Identity(self._key, self._chain, "librum peer (Python)")
        self._client = Client(server, token=token, identity=own, ca=ca, plain_http=plain_http)
        self._logger = logger or logging.getLogger("librum.peer")
        self._member: bytes | None = None
        self._groups: Groups | None = None
        self._max_ttl = 0
        self._announced: bool | None = None

    @property
    def id(self) -> str:
        """The peer's member id, hexadecimal; ``""`` until a node has told the genesis."""
        return "" if self._member is None else self._member.hex()

    def close(self) -> None:
        """Let the connections go, once :meth:`run` has returned."""
        self._client.close()

    def run(
        self,
        train: Train,
        evaluate: Evaluate | None = None,
        *,
        rows: int,
        held_out: int = 0,
        columns: Sequence[str] | None = None,
        stop: threading.Event | None = None,
        rounds: int | None = None,
    ) -> int:
        """Register the peer and work until told to stop; return how many updates were submitted.

        Parameters
        ----------
        train
            Gets the round's global model, float32 arrays by name that it may write to, and the :class:`Round`; returns
            an :class:`Update`, or the new weights alone. Where it raises, the round is declined as ``training``, or
            as ``data`` for a :class:`librum.NoDataError`, and nothing of the exception but its type is told. So is
            a round whose update can't be read.
        evaluate
            Gets the model that the round begins with, which it may not write to, and the round; returns metrics over
            rows that the peer holds out, which are told as ``eval_…``. It is asked where the job's
            ``fraction_evaluate`` is 1 and the policy lets such numbers go.
        rows
            That the peer trains on, for policy and claim.
        held_out
            Rows that it evaluates on, none of the others.
        columns
            Names of the columns that the function looks at, where they have names, for the policy.
        stop
            Ends the work between two rounds once it is set; None: nothing does, but an interrupt.
        rounds
            After so many submitted updates the work ends; None: it goes on.

        Errors of the network, and tasks that are not proven, are logged and met with growing rests.
        """
        stop = threading.Event() if stop is None else stop
        work = _Work(train, evaluate, rows, held_out, columns)
        submitted, rest = 0, RETRY_S[0]
        with Egress(self._egress_path) as egress, _processors(self._policy.cpus):
            while not stop.is_set() and (rounds is None or submitted < rounds):
                try:
                    submitted += self._step(work, egress, stop)
                    rest = RETRY_S[0]
                except LibrumError as error:
                    self._logger.warning("peer %s rests %.1f s after an error: %s", self.id[:8], rest, error)
                    stop.wait(rest)
                    rest = min(2 * rest, RETRY_S[1])
        return submitted

    def _step(self, work: _Work, egress: Egress, stop: threading.Event) -> bool:
        """Wait for one task and do it; return whether an update was submitted."""
        member, groups = self._place()
        available = not self._paused()
        if self._announced != available:
            self._call("RegisterPeer", {"available": available})
            self._announced = available
            self._logger.info("peer %s is registered, available: %s", self.id[:8], available)
        if not available:
            stop.wait(PAUSE_S)
            return False
        task = self._client.peers.task(member.hex(), wait_s=POLL_S)
        if task is None:
            return False
        opened = reach(
            hexadecimal(task.job, 32, "the task's job"), task.round, task.attempt, task.proof, member, groups,
            lambda epoch: self._client.chain.groups(epoch).trail,
        )  # fmt: skip
        return self._do(opened, work, egress)

    def _place(self) -> tuple[bytes, Groups]:
        """Return who the peer is and the groups of its chain."""
        if self._member is None or self._groups is None:
            content = self._client.chain.genesis()
            if hashlib.sha256(content).digest() != self._chain:
                raise ProofError("the node's chain is another one; ask whoever gave you the genesis digest")
            found = genesis_file.parse(content)
            self._groups = Groups(found.chain, found.shard, found.group)
            self._member = found.keys.get(self._key.public)
            if self._member is None:  # a node that lies about that gets signatures that count for nothing
                owner = self._client.identities.owner(self._key.id.hex())
                if owner.delegated:
                    raise AnswerError("the identity is the key of a delegate, want the member's own")
                self._member = hexadecimal(owner.member, 16, "the identity's member")
        return self._member, self._groups

    def _paused(self) -> bool:
        return self._pause_path.exists()

    def _do(self, opened: Opened, work: _Work, egress: Egress) -> bool:
        """Train one round, or decline it where it can't or may not be done."""
        if self._paused():
            return self._decline(opened, "policy", "the owner has paused the peer")
        decision = self._policy.decide(
            Asked(
                creator=opened.creator, model=opened.spec["model"]["name"], num_rounds=opened.spec["num_rounds"],
                local_epochs=opened.spec["train"]["local_epochs"], max_num_examples=opened.spec["max_num_examples"],
                rows=work.rows, columns=work.columns, jobs=egress.other_jobs(opened.job),
            )
        )  # fmt: skip
        if not decision.allowed:
            return self._decline(opened, "policy", str(decision))
        round_ = Round(opened.job.hex(), opened.round, opened.attempt, opened.spec)
        try:
            with self._watched(round_) as why:
                content, told, examples = self._train(opened, round_, work)
        except NoDataError as error:
            words = str(error) if isinstance(error, _WithheldError) else type(error).__name__
            return self._decline(opened, "data", words)
        except UpdateError as error:
            return self._decline(opened, "training", str(error))
        if self._paused() or "paused" in why:
            return self._decline(opened, "policy", "the owner has paused the peer")
        if "over" in why:
            self._logger.info("peer leaves round %d of job %s, which is over", opened.round, round_.job[:8])
            return False
        return self._submit(opened, content, told, examples, decision.rule, egress)

    def _train(self, opened: Opened, round_: Round, work: _Work) -> tuple[bytearray, dict[str, float], int]:
        """Return the update's file, its metrics and the number of examples that is claimed."""
        if opened.spec["strategy"]["name"] == "scaffold":
            raise UpdateError("a peer in Python keeps no control variates, which SCAFFOLD asks for")
        model = ModelFile(opened.spec)
        if model.size != opened.model_size:
            raise UpdateError(f"the round's model has {opened.model_size} bytes, the job's {model.size}")
        content = self._client.models.blob(opened.model.hex(), most=opened.model_size)
        try:
            weights = model.arrays(content)
        except AnswerError as error:  # proven, and none of the job's: trying again does not help
            raise UpdateError(str(error)) from error
        evaluated = self._evaluated(weights, round_, work)
        most = opened.spec["max_num_examples"]
        told: dict[str, float] = {}
        if opened.spec["train"]["local_epochs"] == 0:  # the round only evaluates
            file, weighed = model.update(weights, content), work.held_out
        else:
            update = work.update(weights, round_)
            with _reading("the weights"):
                file = model.update(update.weights, content)
            told, weighed = _metrics(update.metrics), work.rows
            if update.num_examples is not None:
                with _reading("num_examples"):
                    weighed = min(int(operator.index(update.num_examples)), weighed)
            if any(name.startswith(EVAL_PREFIX) for name in told) or weighed < 0:
                raise UpdateError(f"num_examples is {weighed}, or a metric's name begins with {EVAL_PREFIX}")
        if evaluated:
            told |= {EVAL_PREFIX + name: value for name, value in evaluated.items()}
            told[f"{EVAL_PREFIX}examples"] = float(self._policy.examples(work.held_out, most))
        if len(told) > _MAX_METRICS:
            raise UpdateError(f"{len(told)} metrics, at most {_MAX_METRICS} are allowed")
        examples = self._policy.examples(weighed, most)
        if weighed < self._policy.min_examples or examples == 0:  # the decision was about the rows there are
            raise _WithheldError(f"reveal: the update is of {weighed} rows, of which the policy lets nothing be told")
        return file, told if self._policy.reveals(weighed, most) else {}, examples

    def _evaluated(self, weights: Weights, round_: Round, work: _Work) -> dict[str, float]:
        """Measure the model that the round begins with, where job and policy want it; else nothing."""
        spec = round_.spec
        asked = spec.get("fraction_evaluate", 0) > 0 and work.evaluate is not None and work.held_out > 0
        if asked and self._policy.reveals(work.held_out, spec["max_num_examples"]):
            shown = {name: array.view() for name, array in weights.items()}
            for array in shown.values():
                array.flags.writeable = False
            return _metrics(work.measure(shown, round_), EVAL_PREFIX)
        if spec["train"]["local_epochs"] == 0:
            raise _WithheldError("the round only evaluates, and nothing may be told of held-out rows")
        return {}

    def _submit(
        self, opened: Opened, content: bytearray, told: dict[str, float], examples: int, rule: str, egress: Egress
    ) -> bool:
        """Send an update and submit it; return whether its round took it, which may have closed by then."""
        member, _ = self._place()
        digest = hashlib.sha256(content).digest()
        egress.record(
            Departure(
                time=datetime.datetime.now(datetime.timezone.utc), digest=digest, size=len(content),
                to=self._client.url, chain=self._chain, peer=member, job=opened.job, creator=opened.creator,
                round=opened.round, attempt=opened.attempt, num_examples=examples, rule=rule,
                policy=self._policy.digest,
            )
        )  # fmt: skip
        try:
            sent: wire.Upload = self._client.uploads.send(opened.job.hex(), opened.round, member.hex(), content)
        except (RoundState, Answered) as error:
            return self._not_needed(opened, error.code)
        args: dict[str, Any] = {
            "job": opened.job, "round": opened.round, "attempt": opened.attempt, "digest": digest, "size": len(content),
            "num_examples": examples, "receipts": sent.receipts or [],
        }  # fmt: skip
        if told:
            args["metrics"] = told
        code = self._call("SubmitUpdate", args)
        if code != "ok":
            return self._not_needed(opened, code)
        self._logger.info("peer %s submitted round %d of job %s", self.id[:8], opened.round, opened.job.hex()[:8])
        return True

    def _not_needed(self, opened: Opened, code: str) -> bool:
        """Say that a round closed without the update, as for who is slower than those that over-selection waits for."""
        self._logger.info(
            "peer %s was not needed: round %d of job %s takes no update of it any more (%s)",
            self.id[:8], opened.round, opened.job.hex()[:8], code,
        )  # fmt: skip
        return False

    def _decline(self, opened: Opened, reason: str, cause: str) -> bool:
        self._logger.warning(
            "peer %s declines round %d of job %s as %s: %s",
            self.id[:8], opened.round, opened.job.hex()[:8], reason, cause,
        )  # fmt: skip
        args = {"job": opened.job, "round": opened.round, "attempt": opened.attempt, "reason": reason}
        self._call("DeclineUpdate", args)
        return False

    def _call(self, method: str, args: Mapping[str, Any]) -> str:
        """Sign and submit a call of the contract fl; return its code, which says that it was done or came too late.

        It is signed again, by the limit that is in force now, where it expires too far ahead.
        """
        for _ in range(2):
            member, groups = self._place()
            if self._max_ttl == 0:
                self._max_ttl = self._client.governance.get().limits.max_ttl
            try:
                signed = sign(
                    self._key, chain=self._chain, shard=groups.shard, sender=member, contract="fl", method=method,
                    args=args, expiry=int(time.time() * 1000) + min(LIFE_MS, self._max_ttl // 2),
                )  # fmt: skip
            except ValueError as error:  # a node gave more receipts than fit
                raise AnswerError(f"submit {method}: {error}") from error
            (done,) = self._client.transactions.submit_batch([signed])
            if done.code != "expiry_too_far":
                break
            self._max_ttl = 0
        if done.code not in _OVER:
            raise AnswerError(f"submit {method}: refused as {done.code}: {done.detail or ''}")
        return done.code

    @contextlib.contextmanager
    def _watched(self, round_: Round) -> Iterator[set[str]]:
        """Watch, while a function works, whether anybody waits for it; give the reasons why nobody does."""
        why: set[str] = set()
        ended = threading.Event()

        def watch() -> None:
            asked = time.monotonic()
            while not ended.wait(PAUSE_S):
                if self._paused():
                    why.add("paused")
                elif time.monotonic() - asked >= WATCH_S:
                    asked = time.monotonic()
                    if not self._wanted(round_):
                        why.add("over")
                if why:
                    round_.cancelled.set()
                    return

        watcher = threading.Thread(target=watch, name="librum-peer-watch", daemon=True)
        watcher.start()
        try:
            yield why
        finally:
            ended.set()
            watcher.join()

    def _wanted(self, round_: Round) -> bool:
        """Return whether the round may still want the peer's answer; a node that does not answer changes nothing."""
        try:
            task = self._client.peers.task(self.id, wait_s=0)
        except LibrumError:
            return True
        if task is None:
            return False
        return task.job != round_.job or (task.round, task.attempt) == (round_.number, round_.attempt)


class _WithheldError(NoDataError):
    """The policy lets nothing of an update be told; the text says why, and unlike a function's holds no data."""


@dataclass(frozen=True)
class _Work:
    train: Train
    evaluate: Evaluate | None
    rows: int
    held_out: int
    columns: Sequence[str] | None

    def update(self, weights: Weights, round_: Round) -> Update:
        given = self._guarded(self.train, weights, round_)
        if isinstance(given, Mapping):
            return Update(given)
        if not isinstance(given, Update) or not isinstance(given.weights, Mapping):
            raise UpdateError(f"the function returned {type(given).__name__}, want an Update or a dict of arrays")
        return given

    def measure(self, weights: Weights, round_: Round) -> Mapping[str, float]:
        assert self.evaluate is not None
        given = self._guarded(self.evaluate, weights, round_)
        if not isinstance(given, Mapping):
            raise UpdateError(f"evaluate returned {type(given).__name__}, want a dict of numbers")
        return given

    def _guarded(self, function: Callable[[Weights, Round], Any], weights: Weights, round_: Round) -> Any:
        try:
            return function(weights, round_)
        except (NoDataError, UpdateError):
            raise
        except Exception as error:
            raise UpdateError(f"the function raised {type(error).__name__}") from None


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    """Tell of what reading a function's answer raises the type alone, since the words may hold data."""
    try:
        yield
    except UpdateError:
        raise
    except Exception as error:
        raise UpdateError(f"{what} can't be read: {type(error).__name__}") from None


def tellable(name: str, prefix: str = "") -> bool:
    """Return whether a metric may have the name, with a prefix before it.

    >>> tellable("loss"), tellable("2nd"), tellable("a" * 36), tellable("a" * 36, EVAL_PREFIX)
    (True, False, True, False)
    """
    return all(_METRIC.fullmatch(text) for text in (name, prefix + name))


@_reading("the metrics")
def _metrics(given: Mapping[str, Any] | None, prefix: str = "") -> dict[str, float]:
    """Return metrics as they may be told, with a prefix before their names."""
    found = {}
    for name, value in ({} if given is None else given).items():
        if not isinstance(name, str) or not tellable(name, prefix):
            raise UpdateError("a metric's name: want a-z 0-9 _, a letter first, at most 40 with its prefix")
        with _reading(f"the metric {name}"):
            found[name] = float(value)
        if not math.isfinite(found[name]):
            raise UpdateError(f"the metric {name} is NaN or infinite")
    return found


@contextlib.contextmanager
def _processors(most: int) -> Iterator[None]:
    """Keep the calling thread, and those that it starts, to so many processors; 0 for all."""
    if not most or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:most])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
