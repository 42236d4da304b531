"""A peer in Python: the same rounds are declined as in Go, and it trains beside peers in Go."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import librum
from librum import genesis, wire
from librum.client import Uploads
from librum.peer import Round, Update, Weights
from librum.policy import Policy
from librum.verify import evidence

from golden import REPOSITORY
from network import Network, export, first_verifier, running, spec, until_final

ANYTHING = Policy.parse(b"creators: [any]\nmodels: [any]\n")
DIGITS = np.loadtxt(REPOSITORY / "fl" / "data" / "digits.csv.gz", dtype=np.float32, delimiter=",")
PART = 200  # rows of the digits that a peer in Python has
POOL = 1437  # rows of the digits that peers in Go learn from; no peer learns from those behind
HELD_OUT = 180


def digits(first: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return rows of the digits that peers in Go learn, as they see them."""
    part = DIGITS[first : first + rows]
    return ((part[:, :-1] - 8) / 8).astype(np.float32), part[:, -1].astype(np.int64)


def softmax(part: int = 1) -> Callable[[Weights, Round], Update]:
    """Return a function that trains logistic regression in numpy."""
    features, labels = digits(part * PART, PART)

    def train(found: Weights, round_: Round) -> Update:
        weight, bias = found["layer0.weight"], found["layer0.bias"]
        rate = np.float32(round_.spec["train"]["learning_rate"])
        loss = 0.0
        for _ in range(20):
            logits = features @ weight.T + bias
            logits -= logits.max(1, keepdims=True)
            chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            loss = float(-np.log(chance[np.arange(len(labels)), labels]).mean())
            chance[np.arange(len(labels)), labels] -= 1
            weight -= rate * (chance.T @ features) / np.float32(len(labels))
            bias -= rate * chance.mean(0)
        return Update(found, len(labels), {"loss": loss})

    return train


def accuracy(part: int = 0) -> Callable[[Weights, Round], dict[str, float]]:
    """Return a function that measures on rows that no peer learns from."""
    features, labels = digits(POOL + part * HELD_OUT, HELD_OUT)

    def evaluate(found: Weights, round_: Round) -> dict[str, float]:
        given = (features @ found["layer0.weight"].T + found["layer0.bias"]).argmax(1)
        return {"accuracy": float((given == labels).mean())}

    return evaluate


@pytest.fixture(scope="module")
def two_and_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Run a network with two peers in Go and keys for three others."""
    with running(tmp_path_factory.mktemp("peers") / "network", peers=2, external=3) as found:
        yield found


@pytest.fixture
def peer(two_and_two: Network, tmp_path: Path) -> Iterator[Callable[..., librum.Peer]]:
    """Return what makes peers."""
    made: list[librum.Peer] = []

    def make(number: int = 0, policy: Policy = ANYTHING, **more: Any) -> librum.Peer:
        given = {"egress": tmp_path / f"{number}.egress.jsonl", "pause": tmp_path / f"{number}.paused", **more}
        made.append(librum.Peer(two_and_two.url, two_and_two.key(number), two_and_two.genesis, policy, **given))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Running:
    """Peers at work in threads of their own."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, one: librum.Peer, train: Any, **more: Any) -> None:
        """Have a peer work."""
        more = {"rows": PART, "stop": self.stop, **more}
        self._threads.append(threading.Thread(target=one.run, args=(train,), kwargs=more))
        self._threads[-1].start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(300)
            assert not thread.is_alive()


def await_peers(client: librum.Client, count: int) -> None:
    """Wait until so many peers offer to take part."""
    limit = time.monotonic() + 300
    while sum(p.available for p in client.peers.list()) < count:
        assert time.monotonic() < limit
        time.sleep(0.05)


def await_peer(client: librum.Client, one: librum.Peer) -> None:
    """Wait until a peer offers to take part."""
    limit = time.monotonic() + 300
    while one.id not in {p.id for p in client.peers.list() if p.available}:
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_beside_go(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two peers in Python and two in Go train one job, then a drawn one; both verifiers find the first right."""
    base = tmp_path_factory.mktemp("beside")
    with (
        running(base / "network", peers=2, external=2) as network,
        librum.Client(network.url, token=network.token) as client,
        contextlib.ExitStack() as closing,
        Running() as work,
    ):
        peers = [librum.Peer(network.url, network.key(i), network.genesis, ANYTHING) for i in range(2)]
        for i, one in enumerate(peers):
            closing.callback(one.close)
            work.start(one, softmax(i), evaluate=accuracy(i), held_out=HELD_OUT)
        await_peers(client, 4)
        job = client.jobs.submit(spec(rounds=3, peers=4, min_available_peers=4, fraction_evaluate=1))
        client.jobs.wait(job.id, timeout=300)
        rounds = list(client.jobs.rounds(job.id))
        assert [(r.averaged, r.declined, r.refused) for r in rounds] == [(4, 0, None)] * 3
        events = [e.data for e in client.jobs.events(job.id) if e.type == "update.submitted"]
        told = [(e["round"], e["metrics"]) for e in events if e["peer"] in {one.id for one in peers}]
        measured = [metrics for _, metrics in told]
        assert {tuple(sorted(m)) for m in measured} == {("eval_accuracy", "eval_examples", "loss")}
        assert {m["eval_examples"] for m in measured} == {HELD_OUT}
        # of the model that a round begins with: 0.75 to 0.86 were measured after the first round, 0.11 before it
        accuracies = {round_: [m["eval_accuracy"] for r, m in told if r == round_] for round_ in (1, 2, 3)}
        assert max(accuracies[1]) < 0.6 < min(accuracies[2] + accuracies[3]), accuracies
        assert [len(a) for a in accuracies.values()] == [2, 2, 2]
        lines = [json.loads(line) for line in Path(f"{network.key(0)}.egress.jsonl").read_text().splitlines()]
        assert [(line["round"], line["job"], line["peer"]) for line in lines] == [
            (r, job.id, peers[0].id) for r in (1, 2, 3)
        ]
        assert {line["rule"] for line in lines} == {"creators[any], models[any]"}
        drawn = client.jobs.submit(spec(rounds=1, peers=3, min_available_peers=4, fraction_train=0.75))
        client.jobs.wait(drawn.id, timeout=300)
        sent = {e.data["peer"] for e in client.jobs.events(drawn.id) if e.type == "update.submitted"}
        assert len(sent) == 3
        assert sent & {one.id for one in peers}  # whoever is drawn, one of three is in Python
        until_final(client)
    export(base / "network", job.id, base / "job.evidence")
    theirs = first_verifier(base / "job.evidence", "--genesis", network.genesis)
    ours = evidence.verify_file(base / "job.evidence", bytes.fromhex(network.genesis))
    assert (ours.verdict, ours.first) == (theirs["verdict"], None) == ("right", None)
    assert (ours.updates, ours.averages) == (12, 3)


def declined(client: librum.Client, network: Network, one: librum.Peer, train: Any, **more: Any) -> dict[str, str]:
    """Run a job that a peer declines, and return who declined with what reason."""
    del network
    with Running() as work:
        work.start(one, train, **more)
        await_peers(client, 3)
        job = client.jobs.submit(spec(rounds=1, peers=2, min_available_peers=3, wait_after_min_s=300))
        client.jobs.wait(job.id, timeout=300)
        (found,) = client.jobs.rounds(job.id)
    return {d.peer: d.reason for d in found.declines or []}


SECRET = "the patient's name"


def raises(found: Weights, round_: Round) -> Update:
    """Raise with data in its words."""
    raise KeyError(SECRET)


def no_data(found: Weights, round_: Round) -> Update:
    """Have nothing to train on."""
    raise librum.NoDataError(SECRET)


def nan(found: Weights, round_: Round) -> Update:
    """Diverge."""
    found["layer0.bias"][0] = math.nan
    return Update(found)


def reveal(rule: str) -> bytes:
    """Return a policy with a rule of what it reveals."""
    return f"creators: [any]\nmodels: [any]\nreveal: {{{rule}}}\n".encode()


def other(found: Weights, round_: Round) -> Any:
    """Return what is no update."""
    return list(found)


def odd(found: Weights, round_: Round) -> Any:
    """Tell a metric that is no number."""
    return Update(found, metrics={"loss": math.inf})


def telling(**more: Any) -> Callable[[Weights, Round], Update]:
    """Return a function that trains nothing, and tells so much."""
    return lambda found, round_: Update(**{"weights": found, **more})


class Unreadable:
    """A tensor that says a name when it is read."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(SECRET)


class UnreadableMap(dict[str, Any]):
    """A map that says a name when it is gone through."""

    def items(self) -> Any:
        """Raise."""
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    ("policy", "train", "reason", "says"),
    [
        (b"creators: [any]\nmodels: [mlp]\n", None, "policy", "models: logistic is not listed"),
        (b"creators: [any]\nmodels: [any]\nreveal: {min_examples: 201}\n", None, "policy", "want at least 201"),
        (None, raises, "training", "the function raised KeyError"),
        (None, no_data, "data", "NoDataError"),
        (None, nan, "training", "layer0.bias: a value is NaN or infinite"),
        (None, other, "training", "want an Update"),
        (None, odd, "training", "the metric loss"),
        (reveal("min_examples: 50"), telling(num_examples=1, metrics={"loss": 0.5}), "data", "is of 1 rows"),
        (reveal("multiple_of: 100"), telling(num_examples=30), "data", "is of 30 rows"),
    ],
)
def test_declines(
    two_and_two: Network, peer: Any, policy: bytes | None, train: Any, reason: str, says: str,
    caplog: pytest.LogCaptureFixture, tmp_path: Path,
) -> None:  # fmt: skip
    """A round that can't be done is declined with a reason, the log names why and holds no data, and nothing leaves."""
    with (
        librum.Client(two_and_two.url, token=two_and_two.token) as client,
        caplog.at_level(logging.INFO, "librum.peer"),
    ):
        one = peer(policy=ANYTHING if policy is None else Policy.parse(policy))
        assert declined(client, two_and_two, one, train or softmax()) == {one.id: reason}
    assert says in caplog.text
    assert SECRET not in caplog.text
    assert (tmp_path / "0.egress.jsonl").read_bytes() == b""


UNREADABLE: list[tuple[Any, str, str]] = [
    (telling(metrics={"loss": None}), "training", "the metric loss can't be read: TypeError"),
    (telling(metrics={"loss": SECRET}), "training", "the metric loss can't be read: ValueError"),
    (telling(metrics=UnreadableMap(loss=1)), "training", "the metrics can't be read: RuntimeError"),
    (telling(metrics=[SECRET]), "training", "the metrics can't be read: AttributeError"),
    (telling(num_examples=SECRET), "training", "num_examples can't be read: TypeError"),
    (telling(num_examples=1.5), "training", "num_examples can't be read: TypeError"),
    (telling(num_examples=-1), "training", "num_examples is -1"),
    (telling(weights={"layer0.bias": [[1.0], [1.0, 2.0]]}), "training", "layer0.bias: no array, but ValueError"),
    (telling(weights={"layer0.bias": Unreadable()}), "training", "layer0.bias: no array, but RuntimeError"),
    (telling(weights=UnreadableMap()), "training", "the weights can't be read: RuntimeError"),
    (telling(weights={1: [1], "a": [1]}), "training", "the weights can't be read: TypeError"),
    (telling(num_examples=0), "data", "reveal: the update is of 0 rows"),
]


def test_updates_that_cannot_be_read(
    two_and_two: Network, peer: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Whatever a function returns, its round is declined, the peer goes on, and the log holds no data."""
    given: list[Any] = []
    with (
        librum.Client(two_and_two.url, token=two_and_two.token) as client,
        caplog.at_level(logging.INFO, "librum.peer"),
        Running() as work,
    ):
        one = peer()
        work.start(one, lambda found, round_: given[-1](found, round_))
        await_peer(client, one)
        for train, reason, says in UNREADABLE:
            given.append(train)
            job = client.jobs.submit(spec(rounds=1, peers=2, min_available_peers=3, wait_after_min_s=300))
            client.jobs.wait(job.id, timeout=300)
            (found,) = client.jobs.rounds(job.id)
            assert {d.peer: d.reason for d in found.declines or []} == {one.id: reason}, says
            assert says in caplog.text
            assert SECRET not in caplog.text
            caplog.clear()
    assert (tmp_path / "0.egress.jsonl").read_bytes() == b""


def test_pause_during_training(two_and_two: Network, peer: Any, tmp_path: Path) -> None:
    """A pause is seen while a function works; the round is declined and the peer offers itself no more."""
    saw = threading.Event()

    def train(found: Weights, round_: Round) -> Update:
        (tmp_path / "0.paused").touch()
        if round_.cancelled.wait(120):
            saw.set()
        return Update(found)

    with librum.Client(two_and_two.url, token=two_and_two.token) as client, Running() as work:
        one = peer()
        work.start(one, train)
        await_peers(client, 3)
        job = client.jobs.submit(spec(rounds=1, peers=2, min_available_peers=3, wait_after_min_s=300))
        client.jobs.wait(job.id, timeout=300)
        (found,) = client.jobs.rounds(job.id)
        assert [d.reason for d in found.declines or []] == ["policy"]
        limit = time.monotonic() + 300
        while client.peers.get(one.id).available:
            assert time.monotonic() < limit
            time.sleep(0.05)
    assert saw.is_set()


def test_round_that_is_over(two_and_two: Network, peer: Any, tmp_path: Path) -> None:
    """A function is told that nobody waits any longer, and what it returns does not leave."""
    began, saw = threading.Event(), threading.Event()

    def train(found: Weights, round_: Round) -> Update:
        began.set()
        if round_.cancelled.wait(120):
            saw.set()
        return Update(found)

    with librum.Client(two_and_two.url, token=two_and_two.token) as client, Running() as work:
        work.start(peer(), train)
        await_peers(client, 3)
        job = client.jobs.submit(spec(rounds=1, peers=3, min_available_peers=3))
        assert began.wait(120)
        client.jobs.cancel(job.id)
        assert saw.wait(120)
    assert (tmp_path / "0.egress.jsonl").read_bytes() == b""


def test_round_that_evaluates(two_and_two: Network, peer: Any) -> None:
    """Where there is nothing to train, the model is measured, and goes back as it came."""
    asked = []

    def train(found: Weights, round_: Round) -> Update:
        asked.append(round_)
        return Update(found)

    nothing = {"local_epochs": 0, "batch_size": 32, "learning_rate": 0.1}
    with librum.Client(two_and_two.url, token=two_and_two.token) as client, Running() as work:
        one = peer()
        work.start(one, train, evaluate=accuracy(), held_out=HELD_OUT)
        await_peers(client, 3)
        job = client.jobs.submit(
            spec(rounds=1, peers=1, min_available_peers=3, wait_after_min_s=300, fraction_evaluate=1, train=nothing)
        )
        client.jobs.wait(job.id, timeout=300)
        events = [e.data for e in client.jobs.events(job.id) if e.type == "update.submitted"]
    (mine,) = (e for e in events if e["peer"] == one.id)
    assert mine["metrics"].keys() == {"eval_accuracy", "eval_examples"}
    assert mine["num_examples"] == HELD_OUT
    assert not asked


def test_scaffold(two_and_two: Network, peer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A job that asks for control variates is declined."""
    with (
        librum.Client(two_and_two.url, token=two_and_two.token) as client,
        caplog.at_level(logging.INFO, "librum.peer"),
        Running() as work,
    ):
        one = peer()
        work.start(one, softmax())
        await_peers(client, 3)
        train = {"local_epochs": 1, "batch_size": 32, "learning_rate": 0.1, "momentum": 0}
        job = client.jobs.submit(
            spec(
                rounds=1, peers=2, min_available_peers=3, wait_after_min_s=300, strategy={"name": "scaffold"},
                train=train,
            )
        )  # fmt: skip
        client.jobs.wait(job.id, timeout=300)
        (found,) = client.jobs.rounds(job.id)
    assert {d.peer: d.reason for d in found.declines or []} == {one.id: "training"}
    assert "control variates" in caplog.text


def test_what_a_policy_reveals(two_and_two: Network, peer: Any, tmp_path: Path) -> None:
    """The claim is rounded down and metrics stay, by the policy."""
    policy = Policy.parse(b"creators: [any]\nmodels: [any]\ncpus: 1\nreveal: {multiple_of: 60, metrics: false}\n")
    with librum.Client(two_and_two.url, token=two_and_two.token) as client, Running() as work:
        one = peer(1, policy)
        work.start(one, softmax(), evaluate=accuracy(), held_out=HELD_OUT)
        await_peer(client, one)  # peers of tests before stand in the list too, and work no more
        job = client.jobs.submit(spec(rounds=1, peers=3, min_available_peers=3, fraction_evaluate=1))
        client.jobs.wait(job.id, timeout=300)
        events = [e.data for e in client.jobs.events(job.id) if e.type == "update.submitted"]
    mine = [e for e in events if e["peer"] == one.id]
    assert [(e["num_examples"], e.get("metrics")) for e in mine] == [(180, None)]
    (line,) = (tmp_path / "1.egress.jsonl").read_text().splitlines()
    assert (json.loads(line)["num_examples"], json.loads(line)["policy"]) == (180, policy.digest.hex())


def test_numbers_of_numpy(two_and_two: Network, peer: Any) -> None:
    """Numbers of numpy are numbers."""
    with librum.Client(two_and_two.url, token=two_and_two.token) as client, Running() as work:
        one = peer()
        work.start(one, telling(num_examples=np.int64(150), metrics={"loss": np.float32(0.5), "all": np.bool_(1)}))
        await_peer(client, one)
        job = client.jobs.submit(spec(rounds=1, peers=3, min_available_peers=3))
        client.jobs.wait(job.id, timeout=300)
        events = [e.data for e in client.jobs.events(job.id) if e.type == "update.submitted"]
    mine = [(e["num_examples"], e["metrics"]) for e in events if e["peer"] == one.id]
    assert mine == [(150, {"loss": 0.5, "all": 1.0})]


@pytest.mark.parametrize("when", ["before", "after"])
def test_update_that_comes_too_late(
    two_and_two: Network, peer: Any, when: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that its round takes no more, before its file was sent or after, is no error and not counted."""
    stop, began = threading.Event(), threading.Event()
    send = Uploads.send

    def late(self: Uploads, job: str, *more: Any) -> wire.Upload:
        stop.set()
        if when == "before":
            client.jobs.wait(job, timeout=300)
            return send(self, job, *more)
        sent = send(self, job, *more)
        client.jobs.cancel(job)
        return sent

    def train(found: Weights, round_: Round) -> Update:
        began.set()
        return Update(found)

    one, counts = peer(), []
    monkeypatch.setattr("librum.client.Uploads.send", late)
    with (
        librum.Client(two_and_two.url, token=two_and_two.token) as client,
        caplog.at_level(logging.INFO, "librum.peer"),
    ):
        thread = threading.Thread(target=lambda: counts.append(one.run(train, rows=PART, stop=stop)))
        thread.start()
        await_peer(client, one)
        wanted = 2 if when == "before" else 3  # those in Go are as many as that, or the round stays open
        client.jobs.submit(spec(rounds=1, peers=wanted, min_available_peers=3, wait_after_min_s=0))
        thread.join(300)
    assert began.is_set()
    assert counts == [0]
    assert f"takes no update of it any more ({'round_state' if when == 'before' else 'job_over'})" in caplog.text
    assert "submitted" not in caplog.text
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING], caplog.text


@pytest.mark.parametrize("text", ["zz", "0" * 63 + "g", "01" * 16, "01" * 32 + "\n", "0 " * 32])
def test_ids_of_a_hostile_node(
    two_and_two: Network, peer: Any, text: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that is none is an answer that is wrong, and the peer goes on."""
    stop = threading.Event()

    def lie(self: object, peer: str, *, wait_s: int) -> wire.Task:
        stop.set()
        return wire.Task(
            job=text, round=1, attempt=1, spec={}, model=wire.File(digest="02" * 32, size=1), proof=b"", deadline=0
        )

    monkeypatch.setattr("librum.client.Peers.task", lie)
    with caplog.at_level(logging.INFO, "librum.peer"):
        assert peer(2).run(softmax(), rows=10, stop=stop) == 0
    assert "the task's job: want 64 lower-case hexadecimal digits" in caplog.text


def test_member_of_a_hostile_node(
    two_and_two: Network, peer: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member's id that is none is an answer that is wrong, and the peer goes on."""
    stop = threading.Event()
    parse = genesis.parse

    def stranger(content: bytes) -> genesis.Genesis:  # whose members come later
        return dataclasses.replace(parse(content), keys={})

    def lie(self: object, key: str) -> wire.KeyOwner:
        stop.set()
        return dataclasses.replace(owner, member="zz")

    with librum.Client(two_and_two.url, token=two_and_two.token) as client:
        owner = client.identities.owner(librum.Key.load(two_and_two.key(2)).id.hex())
    monkeypatch.setattr("librum.genesis.parse", stranger)
    monkeypatch.setattr("librum.client.Identities.owner", lie)
    with caplog.at_level(logging.INFO, "librum.peer"):
        assert peer(2).run(softmax(), rows=10, stop=stop) == 0
    assert "the identity's member: want 32 lower-case hexadecimal digits" in caplog.text


def test_more_receipts_than_fit(
    two_and_two: Network, peer: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts that no transaction can hold are an answer that is wrong, and the peer goes on."""
    stop = threading.Event()
    send = Uploads.send

    def lie(self: Uploads, *args: Any) -> wire.Upload:
        stop.set()
        return dataclasses.replace(send(self, *args), receipts=[bytes(1 << 20)])

    monkeypatch.setattr("librum.client.Uploads.send", lie)
    with (
        librum.Client(two_and_two.url, token=two_and_two.token) as client,
        caplog.at_level(logging.INFO, "librum.peer"),
        Running() as work,
    ):
        one = peer()
        work.start(one, softmax(), stop=stop)
        await_peer(client, one)
        job = client.jobs.submit(spec(rounds=1, peers=3, min_available_peers=3))
        assert stop.wait(300)
        client.jobs.cancel(job.id)
    assert "submit SubmitUpdate: a transaction of" in caplog.text


def test_unproven_task(two_and_two: Network, peer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A task whose proof does not hold is refused and reported, and nothing is signed for it."""
    one = peer(2)
    asked = []

    def train(found: Weights, round_: Round) -> Update:
        asked.append(round_)
        return Update(found)

    stop = threading.Event()

    def lie(self: object, peer: str, *, wait_s: int) -> wire.Task:
        stop.set()
        return wire.Task(
            job="01" * 32, round=1, attempt=1, spec={}, model=wire.File(digest="02" * 32, size=1), proof=b"\x80",
            deadline=0,
        )  # fmt: skip

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO, "librum.peer"):
        patch.setattr("librum.client.Peers.task", lie)
        assert one.run(train, rows=10, stop=stop) == 0
    assert "the task is not proven" in caplog.text
    assert not asked


def test_wrong_use(two_and_two: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Arguments are checked; a chain that is another one is never worked for."""
    key = two_and_two.key(0)
    with pytest.raises(ValueError, match="genesis"):
        librum.Peer(two_and_two.url, key, "xx", ANYTHING)
    with pytest.raises(ValueError, match="egress and pause"):
        librum.Peer(two_and_two.url, librum.Key.load(key), two_and_two.genesis, ANYTHING)
    with pytest.raises(librum.PolicyError):
        librum.Peer(two_and_two.url, key, two_and_two.genesis, key)
    stranger = librum.Peer(two_and_two.url, key, "00" * 32, ANYTHING, egress=tmp_path / "e", pause=tmp_path / "p")
    stop = threading.Event()
    with caplog.at_level(logging.WARNING, "librum.peer"):
        timer = threading.Timer(2, stop.set)
        timer.start()
        assert stranger.run(softmax(), rows=10, stop=stop) == 0
        timer.join()
    stranger.close()
    assert caplog.text
