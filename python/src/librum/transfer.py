"""Large files up and down: checked by digest, and gone on with where they broke off."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar

from librum import wire
from librum.errors import AnswerError, DigestError, UnreachableError
from librum.steps import Answer, Content, Request, Retry, Steps, ask, problem_of, reader

CHUNK_BYTES: Final = 1 << 20
MAX_MEMORY_BYTES: Final = 4 << 30  # of a model that is held in memory

# Announcing again helps: the node stands elsewhere or has forgotten.
_GOES_ON: Final = frozenset({"upload_offset", "upload_busy", "body_timeout", "not_found"})


class Place(Protocol):
    """Where a download gathers."""

    def size(self) -> int:
        """Return how many bytes are there."""
        ...

    def empty(self) -> None:
        """Throw them away."""
        ...

    def write(self, chunk: bytes) -> object:
        """Add bytes at the end."""
        ...

    def digest(self) -> str:
        """Return the SHA-256 of all."""
        ...


class Memory:
    """Gathers in memory, at most so many bytes."""

    def __init__(self, most: int = MAX_MEMORY_BYTES) -> None:
        self.content = bytearray()
        self._most = most

    def size(self) -> int:
        """Return how many bytes are there."""
        return len(self.content)

    def empty(self) -> None:
        """Throw them away."""
        self.content.clear()

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        if len(self.content) + len(chunk) > self._most:
            raise AnswerError(f"more than {self._most} bytes came")
        self.content += chunk

    def digest(self) -> str:
        """Return the SHA-256 of all."""
        return hashlib.sha256(self.content).hexdigest()


class PartFile:
    """Gathers in a file beside its place, which a later try goes on with."""

    def __init__(self, path: Path, tag: str) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{tag[:8]}.part")
        self._file: BinaryIO = self._part.open("a+b")

    def size(self) -> int:
        """Return how many bytes are there."""
        return self._file.seek(0, os.SEEK_END)

    def empty(self) -> None:
        """Throw them away."""
        self._file.truncate(0)

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(chunk)

    def digest(self) -> str:
        """Return the SHA-256 of all."""
        self._file.flush()
        self._file.seek(0)
        sum_ = hashlib.sha256()
        while chunk := self._file.read(CHUNK_BYTES):
            sum_.update(chunk)
        return sum_.hexdigest()

    def finish(self) -> None:
        """Make the bytes durable and move them to their place."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def close(self) -> None:
        """Let the file go; what was gathered stays."""
        self._file.close()


def download_file(retry: Retry, route: str, path: Path, want: str | None = None) -> Steps[wire.File]:
    """Put what a route gives into the file at path; ``want`` is its digest where that is known."""
    digest = yield from _offered(retry, route, want)
    place = PartFile(path, digest)
    try:
        size = yield from _gather(retry, route, digest, place)
        place.finish()
    finally:
        place.close()
    return wire.File(digest=digest, size=size)


def download(retry: Retry, route: str, want: str | None = None, most: int = MAX_MEMORY_BYTES) -> Steps[bytearray]:
    """Return what a route gives; ``want`` is its digest where that is known, ``most`` bounds it."""
    digest = yield from _offered(retry, route, want)
    place = Memory(most)
    yield from _gather(retry, route, digest, place)
    return place.content


def _offered(retry: Retry, route: str, want: str | None) -> Steps[str]:
    """Return the digest of what the node offers."""
    tag = yield from ask(retry, Request("HEAD", route, safe=True), lambda answer: answer.headers.get("etag", ""))
    digest = tag.strip('"')
    if len(digest) != 64 or not all(c in "0123456789abcdef" for c in digest):
        raise AnswerError(f"{route}: the node names no digest")
    if want is not None and digest != want:
        raise DigestError(f"{route}: the node offers {digest}, want {want}")
    return digest


def _gather(retry: Retry, route: str, digest: str, place: Place) -> Steps[int]:
    rests = retry.rests()
    while True:
        at = place.size()
        headers = {"Range": f"bytes={at}-", "If-Range": f'"{digest}"'} if at else {}

        def sink(answer: Answer, at: int = at) -> Any:
            if at and answer.status != 206:  # it changed: begin again
                place.empty()
            return place.write

        try:
            answer = yield Request("GET", route, headers=headers, safe=True, sink=sink)
        except UnreachableError:
            retry_after, error = 0.0, None
        else:
            assert answer is not None
            if answer.status < 300 or (answer.status == 416 and at):
                break
            error = problem_of(answer)
            if not error.temporary:
                raise error
            retry_after = error.retry_after
        if place.size() > at:
            rests.progress()
        pause = rests.next(retry_after)
        if pause is None:
            raise error or UnreachableError(f"{route}: broke off after {place.size()} bytes again and again")
        yield pause
    if (got := place.digest()) != digest:
        place.empty()
        raise DigestError(f"{route}: the content has digest {got}, want {digest}")
    return place.size()


def upload(
    retry: Retry, job: str, round_: int, peer: str, content: bytes | bytearray | memoryview
) -> Steps[wire.Upload]:
    """Send an update, going on from where the node got, and return it complete with its receipts."""
    view = memoryview(content).cast("B")
    announcement = {
        "job": job, "round": round_, "peer": peer, "size": len(view), "digest": hashlib.sha256(view).hexdigest(),
    }  # fmt: skip
    announce = Request(
        "POST", "/v1/uploads", {}, {"Content-Type": "application/json"}, json.dumps(announcement).encode(), safe=True
    )
    return send(retry, announce, wire.Upload, lambda stands: f"/v1/uploads/{stands.id}", view)


class Stands(Protocol):
    """How far a file got that is sent in parts."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def offset(self) -> int:
        """Bytes that are there."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all is there and right."""
        ...


S = TypeVar("S", bound=Stands)


def send(retry: Retry, announce: Request, kind: type[S], route: Callable[[S], str], view: memoryview) -> Steps[S]:
    """Send what was announced, going on from where the node got, and return it complete."""
    rests, reached = retry.rests(), -1
    while True:
        stands = yield from ask(retry, announce, reader(kind))
        if stands.complete:
            return stands
        if 0 <= reached < stands.offset:
            rests.progress()
        reached = stands.offset
        retry_after, error = 0.0, None
        try:
            answer = yield _part(stands, route(stands), view)
        except UnreachableError:
            pass
        else:
            assert answer is not None
            if answer.status < 300:
                stands = reader(kind)(answer)
                if stands.complete:
                    return stands
                if stands.offset > reached:
                    continue
            else:
                error = problem_of(answer)
                if not error.temporary and error.code not in _GOES_ON:
                    raise error
                retry_after = error.retry_after
        pause = rests.next(retry_after)
        if pause is None:
            raise error or UnreachableError(f"the upload broke off after {reached} bytes again and again")
        yield pause


def _part(stands: Stands, route: str, view: memoryview) -> Request:
    if not 0 <= stands.offset <= len(view) or stands.size != len(view):
        raise AnswerError(f"{route}: the node stands at {stands.offset} of {len(view)} bytes")

    def chunks() -> Iterator[bytes]:
        for at in range(stands.offset, len(view), CHUNK_BYTES):
            yield bytes(view[at : at + CHUNK_BYTES])

    return Request(
        "PATCH",
        route,
        headers={"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(stands.offset)},
        content=Content(len(view) - stands.offset, chunks),
    )
