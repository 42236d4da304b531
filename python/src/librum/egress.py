"""The log of what leaves a peer, a JSON object a line, as ``librum peer run`` writes it.

A line is durable before its file begins to leave, so that nothing leaves unlisted; a file whose upload was broken off
or repeated stands there all the same, each time.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from librum.errors import EgressError

MAX_LINE_BYTES: Final = 8 << 10
_IDS: Final = {"digest": 32, "chain": 32, "peer": 16, "job": 32, "creator": 16, "policy": 32}
_NUMBERS: Final = ("size", "round", "attempt", "num_examples")
_ESCAPES: Final = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A file that is about to leave.

    Attributes
    ----------
    time
        By the peer's clock, in UTC.
    digest, size
        SHA-256 and bytes of the file.
    to
        URL of the node.
    chain, peer, job, creator, round, attempt
        Whose and for what; the creator is the job's.
    num_examples
        As told beside the file.
    rule
        By which it is allowed.
    policy
        SHA-256 of the policy file.
    """

    time: datetime.datetime
    digest: bytes
    size: int
    to: str
    chain: bytes
    peer: bytes
    job: bytes
    creator: bytes
    round: int
    attempt: int
    num_examples: int
    rule: str
    policy: bytes

    def line(self) -> bytes:
        """Return the line without its end."""
        value: dict[str, Any] = {}
        for name, found in vars(self).items():
            value[name] = found.hex() if isinstance(found, bytes) else found
        value["time"] = _rfc3339(self.time)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return "".join(_ESCAPES.get(c, c) for c in text).encode()


def _rfc3339(time: datetime.datetime) -> str:
    utc = time.astimezone(datetime.timezone.utc)
    fraction = f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"


class Egress:
    """The log at a path; other processes are kept from it while it is open.

    Raises
    ------
    EgressError
        It holds what no peer wrote, or another process has it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._failed: OSError | None = None
        self._lock = _locked(self.path)
        try:
            # Unbuffered, for a line to leave in one write; it is read through a buffer.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file: io.FileIO = os.fdopen(descriptor, "a+b", 0)
            try:
                self._jobs: set[str] = set()
                whole = 0
                for size, value in _lines(self._file):
                    self._jobs.add(value["job"])
                    whole += size
                self._file.truncate(whole)  # a line without an end was never durable: its file did not leave
                os.fsync(self._file.fileno())
                _sync_folder(self.path.parent)  # the name must be as durable as the lines
            except BaseException:
                self._file.close()
                raise
        except BaseException:
            self._lock.close()
            raise

    def other_jobs(self, job: bytes) -> int:
        """Return to how many jobs, the given one aside, files have left."""
        return len(self._jobs - {job.hex()})

    def record(self, departure: Departure) -> None:
        """Make a line durable; its file may leave once this returns.

        After a write that failed nothing more is recorded, hence nothing leaves, until the log is opened again: a line
        must not be joined to half of another.
        """
        if self._failed is not None:
            raise EgressError(f"write {self.path}: it failed before; start the peer again") from self._failed
        line = departure.line() + b"\n"
        if len(line) > MAX_LINE_BYTES:
            raise EgressError(f"write {self.path}: a line of {len(line)} bytes, at most {MAX_LINE_BYTES} are allowed")
        try:
            _write(self._file, line)
        except OSError as error:
            self._failed = error
            raise EgressError(f"write {self.path}: {error}") from error
        self._jobs.add(departure.job.hex())

    def close(self) -> None:
        """Let others open the log."""
        self._file.close()
        self._lock.close()

    def __enter__(self) -> Egress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write(file: io.FileIO, line: bytes) -> None:
    if file.write(line) != len(line):
        raise OSError("the line was written in part")
    os.fsync(file.fileno())


def _locked(path: Path) -> BinaryIO:
    import fcntl

    lock = path.with_name(path.name + ".lock").open("a+b")
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise EgressError(f"open {path}: does another peer run with it?") from error
    return lock


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lines(file: io.FileIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the size and the fields of each whole line."""
    file.seek(0)
    buffered = io.BufferedReader(file)
    try:
        yield from _whole(buffered)
    finally:
        buffered.detach()  # it would close the file


def _whole(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    for number in range(1, 1 << 62):
        line = file.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise EgressError(f"damaged egress log: line {number}: a line of more than {MAX_LINE_BYTES} bytes")
        if not line.endswith(b"\n"):
            return
        yield len(line), _fields(line, f"line {number}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _fields(line: bytes, where: str) -> dict[str, Any]:
    value: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(line, object_pairs_hook=_unique)
    if not isinstance(value, dict) or not value.keys() <= Departure.__dataclass_fields__.keys():
        raise EgressError(f"damaged egress log: {where} is none that a peer wrote")
    for name, size in _IDS.items():
        text = value.get(name, "00" * size)
        if not isinstance(text, str) or len(text) != 2 * size or not set(text) <= set("0123456789abcdef"):
            raise EgressError(f"damaged egress log: {where}: {name}")
    if any(type(value.get(name, 0)) is not int for name in _NUMBERS):
        raise EgressError(f"damaged egress log: {where}: a number")
    if not any(bytes.fromhex(value.get("job", ""))) or not any(bytes.fromhex(value.get("digest", ""))):
        raise EgressError(f"damaged egress log: {where} names no job or no file")
    return value
