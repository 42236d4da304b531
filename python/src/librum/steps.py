"""What is asked of a node and how often, apart from how bytes travel.

A :data:`Steps` generator yields a :class:`Request` or a :class:`Rest` and gets the :class:`Answer` back; both
clients run the same ones, the blocking one and the one for asyncio. Repeats happen only where they are safe: for
reading, and where the node knows a repeat by an idempotency key, a transaction's id or a digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from librum.errors import PROBLEM_BASE, AnswerError, Problem, UnreachableError
from librum.problems import PROBLEMS
from librum.reading import read

T = TypeVar("T")

MAX_ANSWER_BYTES: Final = 65 << 20  # of an answer that is held in memory: whole blocks are the largest
MAX_PROBLEM_BYTES: Final = 1 << 20
MAX_REST: Final = 10.0


@dataclass(frozen=True)
class Content:
    """A body that is read from somewhere while it is sent.

    Attributes
    ----------
    size
        Bytes.
    chunks
        Returns the bytes in parts.
    """

    size: int
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes
    ----------
    safe
        It may be repeated where its outcome is not known.
    timeout
        Seconds for the whole of it; 0: the client's.
    sink
        Takes the body of a good answer as it comes, called first with the answer itself; nothing is held then.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Content | None = None
    safe: bool = False
    timeout: float = 0.0
    sink: Callable[[Answer], Callable[[bytes], object]] | None = None


@dataclass(frozen=True)
class Answer:
    """Status, header and body of what came back; names in the header are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True)
class Rest:
    """A pause of so many seconds."""

    seconds: float


Steps: TypeAlias = Generator["Request | Rest", "Answer | None", T]


@dataclass
class Rests:
    """Counts and times the repeats of one call.

    Attributes
    ----------
    most
        Repeats after the first try.
    base
        Seconds before the first one, doubled each time.
    """

    most: int
    base: float
    used: int = 0

    def next(self, after: float = 0.0) -> Rest | None:
        """Return the pause before a repeat, at least as long as the node said, or nothing where none is left."""
        if self.used >= self.most:
            return None
        self.used += 1
        return Rest(min(max(self.base * 2 ** (self.used - 1), after), MAX_REST))

    def progress(self) -> None:
        """Start afresh, since something was reached."""
        self.used = 0


@dataclass(frozen=True)
class Retry:
    """How often and how fast calls are repeated."""

    most: int = 5
    base: float = 0.2

    def rests(self) -> Rests:
        """Return a fresh count."""
        return Rests(self.most, self.base)


def ask(retry: Retry, request: Request, parse: Callable[[Answer], T]) -> Steps[T]:
    """Make a request, again where that is safe, and return what parse makes of a good answer."""
    rests = retry.rests()
    while True:
        try:
            answer = yield request
        except UnreachableError:
            pause = rests.next() if request.safe else None
            if pause is None:
                raise
        else:
            assert answer is not None
            if answer.status < 300:
                return parse(answer)
            problem = problem_of(answer)
            again = problem.temporary if request.safe else problem.status in (429, 503)
            pause = rests.next(problem.retry_after) if again else None
            if pause is None:
                raise problem
        yield pause


def problem_of(answer: Answer) -> Problem:
    """Return the exception for a refusal. What is no problem of a node's, from a proxy say, is told by its status."""
    value: Any = None
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            value = json.loads(answer.content)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        value = {}
    kind = value.get("type")
    code = kind.removeprefix(PROBLEM_BASE) if isinstance(kind, str) and kind.startswith(PROBLEM_BASE) else ""
    offset = value.get("offset")
    return PROBLEMS.get(code, Problem)(
        code=code,
        status=answer.status,
        title=str(value.get("title") or f"HTTP status {answer.status}"),
        detail=str(value.get("detail") or ""),
        errors=[(str(e.get("field")), str(e.get("message"))) for e in value.get("errors") or () if isinstance(e, dict)],
        offset=offset if type(offset) is int else None,
        retry_after=_seconds(answer.headers.get("retry-after", "")),
    )


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0


def document(answer: Answer) -> Any:
    """Return the JSON of an answer."""
    try:
        return json.loads(answer.content)
    except ValueError as error:
        raise AnswerError("the answer is not JSON") from error


def reader(kind: type[T], name: str = "") -> Callable[[Answer], T]:
    """Return what reads an answer, or its field of that name, as a type of :mod:`librum.wire`."""

    def parse(answer: Answer) -> T:
        value = document(answer)
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        return read(kind, value, name or kind.__name__)

    return parse
