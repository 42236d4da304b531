"""The owner's say: the same decisions as the peer in Go, and an egress log of the same bytes."""

from __future__ import annotations

import datetime
import io
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librum.egress import Departure, Egress
from librum.errors import EgressError, PolicyError
from librum.policy import MAX_BYTES, Asked, Policy, quote
from librum.spec import matches, shares

from golden import REPOSITORY

VECTORS = json.loads((REPOSITORY / "fl" / "policy" / "testdata" / "decisions.json").read_text(encoding="utf-8"))
LINES = (REPOSITORY / "fl" / "peer" / "testdata" / "egress.jsonl").read_bytes()


def content(vector: dict[str, Any]) -> bytes:
    """Return the policy file of a vector; the one that is too long is kept short in the file."""
    text = str(vector["policy"])
    return (text + "x" * MAX_BYTES if text.endswith("# ") else text).encode()


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_decisions(vector: dict[str, Any]) -> None:
    """Both read the same policies, and decide and claim alike, to the letter."""
    if not vector["good"]:
        with pytest.raises(PolicyError):
            Policy.parse(content(vector))
        return
    policy = Policy.parse(content(vector))
    assert policy.digest.hex() == vector["digest"]
    assert vector["asked"]
    for asked in vector["asked"]:
        found = policy.decide(
            Asked(
                creator=bytes.fromhex(asked["creator"]), model=asked["model"], num_rounds=asked["num_rounds"],
                local_epochs=asked["local_epochs"], max_num_examples=asked["max_num_examples"], rows=asked["rows"],
                columns=asked["columns"], now=datetime.datetime.fromisoformat(asked["now"].replace("Z", "+00:00")),
                jobs=asked["jobs"],
            )
        )  # fmt: skip
        assert [{"rule": r.rule, "detail": r.detail} for r in found.refusals] == asked["refusals"]
        assert (found.rule, str(found), found.allowed) == (asked["rule"], asked["text"], not asked["refusals"])
        assert policy.examples(asked["rows"], asked["max_num_examples"]) == asked["examples"]
        assert policy.metrics == asked["metrics"]
        assert policy.reveals(asked["rows"], asked["max_num_examples"]) == asked["reveals"]


def test_there_are_both() -> None:
    """The vectors hold good and bad policies, allowed and refused questions."""
    asked = [a for v in VECTORS if v["good"] for a in v["asked"]]
    assert {v["good"] for v in VECTORS} == {True, False}
    assert {bool(a["refusals"]) for a in asked} == {True, False}


@given(st.binary(max_size=200) | st.text(alphabet="creatosmdl:[] \n-anyx{}&*!?|>", max_size=200).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    """Whatever stands in a file is a policy or a PolicyError."""
    try:
        policy = Policy.parse(b"creators: [any]\nmodels: [any]\n" + data)
    except PolicyError:
        return
    assert policy.decide(Asked(bytes(16), "mlp", 1, 1, 10, 10)).rule


def test_quoting() -> None:
    """What can't be printed is escaped as Go does it."""
    assert quote('a"b\\\v\x7f\x00\u200b\U000e0001é') == '"a\\"b\\\\\\v\\x7f\\x00\\u200b\\U000e0001é"'


@pytest.mark.parametrize(
    ("pattern", "name", "holds"),
    [
        ("*", "layer0.bias", True), ("layer?.*", "layer0.bias", True), ("layer?", "layer10", False),
        ("[^a-c]x", "dx", True), ("[^a-c]x", "bx", False), ("[c-a]", "b", False), ("[\\]x]", "]", True),
        ("a\\*", "a*", True), ("a\\*", "ab", False), ("*", "a/b", False), ("layer0", "layer0.bias", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, name: str, holds: bool) -> None:
    """Patterns of tensors match as Go's path.Match does."""
    assert matches(pattern, name) == holds
    assert shares({"parameters": {"share": [pattern]}}, name) == holds
    assert shares({"parameters": {"keep_local": [pattern]}}, name) == (not holds)


def departures() -> list[Departure]:
    """Return what stands in the golden file."""
    found = []
    for line in LINES.decode().splitlines():
        value = json.loads(line)
        for name, text in value.items():
            if isinstance(text, str) and name not in ("time", "to", "rule"):
                value[name] = bytes.fromhex(text)
        text = value["time"].replace("Z", "+00:00")
        if "." in text:
            second, _, fraction = text.removesuffix("+00:00").partition(".")
            text = f"{second}.{fraction.ljust(6, '0')}+00:00"
        found.append(Departure(**{**value, "time": datetime.datetime.fromisoformat(text)}))
    return found


def test_egress_lines(tmp_path: Path) -> None:
    """The log has the very bytes that the peer in Go writes, and counts jobs over restarts."""
    path = tmp_path / "egress.jsonl"
    for number, departure in enumerate(departures()):
        with Egress(path) as egress:
            assert egress.other_jobs(bytes(32)) == number
            egress.record(departure)
            assert egress.other_jobs(departure.job) == number
    assert path.read_bytes() == LINES
    assert path.stat().st_mode & 0o777 == 0o600


class Counting(io.FileIO):
    """Counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> Any:
        """Read, as a line of an unbuffered file is."""
        self.reads += 1
        return super().read(size)

    def readinto(self, buffer: Any, /) -> Any:
        """Read, as a buffer does."""
        self.reads += 1
        return super().readinto(buffer)


def test_a_long_log_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is not read byte by byte, and a line is still written at once, behind the others."""
    path = tmp_path / "egress.jsonl"
    path.write_bytes(LINES * 100)
    opened: list[Counting] = []

    def fdopen(descriptor: int, mode: str, buffering: int) -> Counting:
        assert buffering == 0
        opened.append(Counting(descriptor, mode))
        return opened[-1]

    monkeypatch.setattr("os.fdopen", fdopen)
    with Egress(path) as egress:
        assert egress.other_jobs(bytes(32)) == 3
        assert 0 < opened[0].reads < 300, "fewer than there are lines"
        egress.record(departures()[0])
        assert path.read_bytes() == LINES * 100 + LINES.splitlines(keepends=True)[0]


@pytest.mark.parametrize("cut", [1, 50, -1])
def test_torn_line(tmp_path: Path, cut: int) -> None:
    """A last line without an end was never durable, and is cut off."""
    path = tmp_path / "egress.jsonl"
    path.write_bytes(LINES + LINES.splitlines(keepends=True)[0][:cut])
    with Egress(path) as egress:
        assert egress.other_jobs(bytes(32)) == 3
    assert path.read_bytes() == LINES


@pytest.mark.parametrize(
    "line",
    [
        b"{}", b"[]", b"nothing", b'{"job":"00"}', b'{"colour":1}', b'{"job":1}', b"{" * 5000,
        LINES.splitlines()[0].replace(b'"round":1', b'"round":"1"'), b"x" * 9000,
        LINES.splitlines()[0].replace(b'"round":1', b'"round":1,"round":1'),
        LINES.splitlines()[0].replace(b'"job":"01', b'"job":"00'),
    ],
)  # fmt: skip
def test_damaged(tmp_path: Path, line: bytes) -> None:
    """What no peer wrote is named."""
    path = tmp_path / "egress.jsonl"
    path.write_bytes(LINES + line + b"\n")
    with pytest.raises(EgressError, match="line 4"):
        Egress(path)
    path.write_bytes(LINES)
    Egress(path).close()  # nothing is held after that


def _open(path: Path) -> str:
    try:
        Egress(path).close()
    except EgressError as error:
        return str(error)
    return ""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """Another process is kept from the log."""
    path = tmp_path / "egress.jsonl"
    with Egress(path), multiprocessing.get_context("spawn").Pool(1) as pool:
        assert "another peer" in pool.apply(_open, (path,))


def test_a_failed_write_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write that failed nothing more is recorded."""
    path = tmp_path / "egress.jsonl"
    first, second, _ = departures()

    def fail(_: int) -> None:
        raise OSError("no space left")

    with Egress(path) as egress:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", fail)
            with pytest.raises(EgressError, match="no space"):
                egress.record(first)
        with pytest.raises(EgressError, match="failed before"):
            egress.record(second)
        with pytest.raises(EgressError, match="bytes, at most"), Egress(tmp_path / "other") as other:
            other.record(Departure(**{**vars(first), "rule": "x" * 9000}))
