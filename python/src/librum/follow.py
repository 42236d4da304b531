"""Follows a job's events over server-sent events, each once, however often the stream breaks."""

from __future__ import annotations

import json
from typing import Final

from librum import wire
from librum.errors import AnswerError
from librum.reading import read
from librum.steps import Request

ENDS: Final = frozenset({"job.finished", "job.failed", "job.cancelled"})
MAX_LINE_BYTES: Final = 4 << 20


class Follower:
    """Takes the bytes of one stream after another, and gives the events.

    Attributes
    ----------
    done
        The job has ended; nothing follows.
    """

    def __init__(self, job: str, after: str = "") -> None:
        self.done = False
        self._path = f"/v1/jobs/{job}/events"
        self._last = after
        self._newest: tuple[int, int, int] | None = None
        self._rest = b""
        self._id = ""
        self._data = ""

    def request(self) -> Request:
        """Return the request of the next stream, and forget what the last one left unfinished."""
        self._rest, self._id, self._data = b"", "", ""
        headers = {"Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = self._last
        return Request("GET", self._path, headers=headers, safe=True)

    def feed(self, chunk: bytes) -> list[wire.Event]:
        """Take bytes, and return the events that they complete."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise AnswerError(f"a line of the stream is longer than {MAX_LINE_BYTES} bytes")
        found = []
        for line in lines:
            event = self._line(line.rstrip(b"\r").decode("utf-8", "replace"))
            if event is not None:
                found.append(event)
            if self.done:
                break
        return found

    def _line(self, line: str) -> wire.Event | None:
        if not line:
            data, at = self._data, self._id
            self._id, self._data = "", ""
            return self._event(at, data) if data else None
        name, _, value = line.partition(":")
        if name == "id":
            self._id = value.removeprefix(" ")
        elif name == "data":
            self._data += value.removeprefix(" ")
            if len(self._data) > MAX_LINE_BYTES:
                raise AnswerError(f"an event is longer than {MAX_LINE_BYTES} bytes")
        return None

    def _event(self, at: str, data: str) -> wire.Event | None:
        try:
            event = read(wire.Event, json.loads(data), "event")
            offset, _, index = (event.position or "").partition(".")
            place = (int(offset), int(index), event.n)
        except ValueError as error:
            raise AnswerError("an event is not JSON, or has no position") from error
        self._last = at or self._last
        if self._newest is not None and place <= self._newest:
            return None
        self._newest = place
        self.done = event.type in ENDS
        return event
