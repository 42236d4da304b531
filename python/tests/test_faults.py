"""What the client does when connections break, answers lie, and nodes are busy.

The transport that tests hand over is the real one, or a script of answers where a real node gives none such.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import librum
from librum import problems, wire
from librum.errors import PROBLEM_BASE
from librum.follow import MAX_LINE_BYTES, Follower
from librum.steps import Rest, Rests
from librum.transfer import Memory

from network import Network, spec


class Breaking(httpx.BaseTransport):
    """Carries bytes to a real node, and breaks every answer off after so many, as long as breaks are left."""

    def __init__(self, after: int, breaks: int) -> None:
        self.real = httpx.HTTPTransport()
        self.after = after
        self.breaks = breaks
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.asked.append(request)
        answer = self.real.handle_request(request)
        if self.breaks == 0 or request.method == "HEAD":
            return answer
        self.breaks -= 1
        stream = answer.stream
        assert isinstance(stream, httpx.SyncByteStream)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Broken(stream, self.after))

    def close(self) -> None:
        """Let go."""
        self.real.close()


class Broken(httpx.SyncByteStream):
    """A stream that breaks."""

    def __init__(self, stream: httpx.SyncByteStream, after: int) -> None:
        self.stream = stream
        self.after = after

    def __iter__(self) -> Iterator[bytes]:
        left = self.after
        for chunk in self.stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                raise httpx.ReadError("the cable was pulled")

    def close(self) -> None:
        """Let go."""
        self.stream.close()


class Scripted(httpx.BaseTransport):
    """Answers from a list, one after the other."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        request.read()
        self.asked.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer.stream, Whole):
            return answer
        headers = {name: text for name, text in answer.headers.items() if name != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, stream=Whole(answer.content))


def scripted(*script: httpx.Response | Exception) -> tuple[librum.Client, Scripted]:
    """Return a client that a script answers."""
    transport = Scripted(*script)
    return librum.Client("http://localhost", transport=transport, backoff=0.0, retries=3), transport


def refusal(status: int, code: str, **more: object) -> httpx.Response:
    """Return a problem."""
    content = json.dumps({"type": PROBLEM_BASE + code, "title": code, "status": status, **more})
    return httpx.Response(status, text=content, headers={"Content-Type": "application/problem+json"})


def test_a_broken_download_goes_on(network: Network, job: wire.Job, tmp_path: Path) -> None:
    """Each try begins where the last one ended, also one of another process, and the digest is the job's."""
    assert job.model is not None
    for breaks in (1, 4):
        path = tmp_path / f"{breaks}.safetensors"
        breaking = Breaking(600, breaks)
        with librum.Client(network.url, token=network.token, transport=breaking, backoff=0.0) as client:
            assert client.models.download(job.id, path, version=2).digest == job.model.digest
        ranges = [r.headers.get("Range") for r in breaking.asked if r.method == "GET"]
        assert ranges == [None, *(f"bytes={600 * n}-" for n in range(1, breaks + 1))]
    path = tmp_path / "later.safetensors"
    first = librum.Client(network.url, token=network.token, transport=Breaking(600, 9), retries=0)
    with first, pytest.raises(librum.UnreachableError):
        first.models.download(job.id, path, version=2)
    second = Breaking(0, 0)
    with librum.Client(network.url, token=network.token, transport=second) as client:
        client.models.download(job.id, path, version=2)
    assert second.asked[-1].headers["Range"] == "bytes=600-"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == job.model.digest
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []


def test_a_part_that_is_wrong(network: Network, job: wire.Job, tmp_path: Path) -> None:
    """What somebody left in the part file is found by the digest, and thrown away."""
    assert job.model is not None
    path = tmp_path / "m"
    part = path.with_name(f"m.{job.model.digest[:8]}.part")
    part.write_bytes(b"x" * 100)
    with librum.Client(network.url, token=network.token) as client:
        with pytest.raises(librum.DigestError):
            client.models.download(job.id, path, version=2)
        assert not path.exists()
        assert client.models.download(job.id, path, version=2).digest == job.model.digest


def test_broken_streams(network: Network, job: wire.Job) -> None:
    """Events come once each, however often the stream breaks."""
    with librum.Client(network.url, token=network.token) as client:
        want = [(e.position, e.n) for e in client.jobs.events(job.id)]
    for after in (1, 700, 1500):
        breaking = Breaking(after, 3)
        with librum.Client(network.url, token=network.token, transport=breaking, backoff=0.0) as client:
            assert [(e.position, e.n) for e in client.jobs.events(job.id)] == want
        assert len(breaking.asked) == 4


def test_only_safe_calls_are_repeated() -> None:
    """A lost answer is asked for again where the node knows the repeat."""
    client, script = scripted(
        httpx.ReadError("gone"),
        refusal(503, "not_ready"),
        httpx.Response(200, json={"member": "a", "delegated": False}),
    )
    assert client.identities.owner("00").member == "a"
    assert len(script.asked) == 3
    client, script = scripted(httpx.ReadError("gone"), refusal(404, "not_found"))
    with pytest.raises(problems.NotFound):
        client.jobs.submit(spec())
    keys = [r.headers["Idempotency-Key"] for r in script.asked]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 32
    client, script = scripted(*[refusal(429, "busy")] * 4)
    with pytest.raises(problems.Busy):
        client.chain.status()
    assert len(script.asked) == 4


def test_problems_of_strangers() -> None:
    """A proxy's page is told by its status; a node's words can't steer a terminal."""
    client, _ = scripted(httpx.Response(418, text="<html>"))
    with pytest.raises(librum.Problem) as plain:
        client.chain.status()
    assert (plain.value.status, plain.value.code) == (418, "")
    client, _ = scripted(refusal(422, "invalid", detail="\x1b[31mred", errors=[{"field": "body.x", "message": "no"}]))
    with pytest.raises(problems.Invalid) as wrong:
        client.chain.status()
    assert "\x1b" not in str(wrong.value)
    assert wrong.value.errors == (("body.x", "no"),)
    client, _ = scripted(httpx.Response(400, content=b"{", headers={"Content-Type": "application/problem+json"}))
    with pytest.raises(librum.Problem):
        client.chain.status()
    client, _ = scripted(refusal(400, "of_tomorrow"))
    with pytest.raises(librum.Problem) as new:
        client.chain.status()
    assert (type(new.value), new.value.code) == (librum.Problem, "of_tomorrow")


def test_retry_after() -> None:
    """A node that says when is believed, up to a bound."""
    busy = refusal(429, "busy")
    busy.headers["Retry-After"] = "7"
    client = librum.Client("http://localhost", transport=Scripted(busy), retries=0)
    with pytest.raises(problems.Busy) as told:
        client.chain.status()
    assert told.value.retry_after == 7.0
    assert [Rests(9, 0.2).next(7.0), Rests(9, 0.2).next(99.0), Rests(9, 0.2).next()] == [
        Rest(7.0),
        Rest(10.0),
        Rest(0.2),
    ]


@pytest.mark.parametrize("body", ["[]", "{", '{"chain": 1}'])
def test_answers_of_another_form(body: str) -> None:
    """What the interface does not promise is an AnswerError."""
    client, _ = scripted(httpx.Response(200, text=body))
    with pytest.raises(librum.AnswerError):
        client.chain.status()
    client, _ = scripted(httpx.Response(200, text=body.replace('"chain": 1', '"jobs": 1')))
    with pytest.raises(librum.AnswerError):
        list(client.jobs.list())


def test_downloads_of_liars(tmp_path: Path) -> None:
    """No digest, another one, other bytes, and more than was allowed are refused."""
    content = b"content"
    digest = hashlib.sha256(content).hexdigest()
    tagged = {"ETag": f'"{digest}"'}
    client, _ = scripted(httpx.Response(200))
    with pytest.raises(librum.AnswerError, match="no digest"):
        client.models.blob(digest)
    client, _ = scripted(httpx.Response(200, headers=tagged))
    with pytest.raises(librum.DigestError, match="offers"):
        client.models.blob("00" * 32)
    client, _ = scripted(httpx.Response(200, headers=tagged), httpx.Response(200, stream=Whole(b"other")))
    with pytest.raises(librum.DigestError, match="want"):
        client.models.blob(digest)
    client, _ = scripted(httpx.Response(200, headers=tagged), httpx.Response(200, stream=Whole(content)))
    with pytest.raises(librum.AnswerError, match="more than"):
        client.models.blob(digest, most=3)
    client, _ = scripted(httpx.Response(200, headers=tagged), refusal(403, "not_permitted"))
    with pytest.raises(problems.NotPermitted):
        client.models.blob(digest)
    card = {
        "id": "a",
        "creator": "b",
        "created": 1,
        "state": "finished",
        "round": 1,
        "final_rounds": 1,
        "num_rounds": 1,
        "spec": {},
    }
    client, _ = scripted(
        httpx.Response(200, json=card | {"card": {"digest": digest, "size": 7}}),
        httpx.Response(200, stream=Whole(b"{}")),
    )
    with pytest.raises(librum.DigestError, match="card"):
        client.models.card("a")
    assert Memory().size() == 0


class Whole(httpx.SyncByteStream):
    """A body in one piece."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content


def stands(content: bytes, offset: int, *, complete: bool = False) -> dict[str, object]:
    """Return what a node says of an upload."""
    return {
        "id": "1" * 32, "job": "00", "round": 1, "peer": "00", "digest": hashlib.sha256(content).hexdigest(),
        "size": len(content), "offset": offset, "complete": complete, "receipts": ["AQI="] if complete else None,
    }  # fmt: skip


def test_uploads_go_on() -> None:
    """A broken upload is announced again, and goes on from where the node stands."""
    content = b"0123456789"
    client, script = scripted(
        httpx.Response(201, json=stands(content, 0)),
        httpx.WriteError("gone"),
        httpx.Response(200, json=stands(content, 4)),
        refusal(409, "upload_offset", offset=6),
        httpx.Response(200, json=stands(content, 6)),
        httpx.Response(200, json=stands(content, 10, complete=True)),
    )
    done = client.uploads.send("00", 1, "00", content)
    assert done.receipts == [b"\x01\x02"]
    parts = [(r.headers["Upload-Offset"], r.content) for r in script.asked if r.method == "PATCH"]
    assert parts == [("0", content), ("4", content[4:]), ("6", content[6:])]
    assert all(r.headers["Content-Length"] == str(len(r.content)) for r in script.asked if r.method == "PATCH")


def test_uploads_that_cannot_go_on() -> None:
    """A refusal ends it, and so does a node that never moves."""
    content = b"0123456789"
    client, _ = scripted(httpx.Response(200, json=stands(content, 0)), refusal(422, "digest_mismatch"))
    with pytest.raises(problems.DigestMismatch):
        client.uploads.send("00", 1, "00", content)
    client, _ = scripted(httpx.Response(200, json=stands(content, 11)))
    with pytest.raises(librum.AnswerError, match="stands at 11"):
        client.uploads.send("00", 1, "00", content)
    client, script = scripted(
        *[r for _ in range(4) for r in (httpx.Response(200, json=stands(content, 0)), httpx.WriteError("gone"))]
    )
    with pytest.raises(librum.UnreachableError, match="again and again"):
        client.uploads.send("00", 1, "00", content)
    assert not script.script
    client, _ = scripted(httpx.Response(200, json=stands(content, 10, complete=True)))
    assert client.uploads.send("00", 1, "00", content).complete
    client, _ = scripted(httpx.Response(200, json=stands(content, 3)))
    assert client.uploads.get("11").offset == 3


def test_streams_of_liars() -> None:
    """Events without a place, without JSON, and lines without end are refused."""
    for line in (
        b"data: {\n\n",
        b'data: {"type":"a","n":0,"data":{}}\n\n',
        b'data: {"type":1}\n\n',
        b"x" * (MAX_LINE_BYTES + 1),
    ):
        with pytest.raises(librum.AnswerError):
            Follower("00").feed(line)
    follower = Follower("00")
    many = b"data: " + b"y" * (MAX_LINE_BYTES // 2) + b"\n"
    follower.feed(many)
    with pytest.raises(librum.AnswerError, match="longer"):
        follower.feed(many * 2)
