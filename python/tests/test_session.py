"""Clients with a member's key in place of a token."""

from __future__ import annotations

import asyncio

import httpx
import pytest

import librum
from librum import problems, wire
from librum.session import Session

from network import Network


@pytest.fixture(scope="module")
def member(network: Network) -> librum.Identity:
    """Return a member that may read jobs."""
    return librum.Identity(librum.Key.load(network.directory / "member-key"), bytes.fromhex(network.genesis), "a test")


def test_clients(network: Network, member: librum.Identity, job: wire.Job) -> None:
    """Both clients read with a key alone."""
    with librum.Client(network.url, identity=member) as client:
        assert client.jobs.get(job.id).id == job.id

    async def read() -> str:
        async with librum.AsyncClient(network.url, identity=member) as client:
            return (await client.jobs.get(job.id)).id

    assert asyncio.run(read()) == job.id


def test_renewal(network: Network, member: librum.Identity, job: wire.Job) -> None:
    """One token serves many requests; one that the node does not know is forgotten, and another asked for."""
    session, where = Session(network.url, member, 60), f"{network.url}/v1/jobs/{job.id}"
    with httpx.Client(auth=session) as client:
        assert client.get(where).status_code == 200
        first = session.token()
        assert client.get(where).status_code == 200
        assert session.token() == first
        session.drop("another one")
        assert session.token() == first
        session._secret = unknown(first)
        assert client.get(where).status_code == 200
        assert session.token() not in (first, unknown(first))

    async def read() -> int:
        async with httpx.AsyncClient(auth=session) as twin:
            session._secret = unknown(session.token())
            return (await twin.get(where)).status_code

    assert asyncio.run(read()) == 200


def unknown(token: str) -> str:
    """Return a token that no node knows, of the same form."""
    return token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]


def test_refused(network: Network, member: librum.Identity) -> None:
    """Over TLS there is no way yet; a key that is no member's, and a request for another chain, get no token."""
    for make in (librum.Client, librum.AsyncClient):
        with pytest.raises(ValueError, match="over TLS"):
            make("https://node.example", identity=member)
        with pytest.raises(ValueError, match="not both"):
            make(network.url, identity=member, token="x")
    stranger = librum.Identity(librum.Key.from_seed(bytes(32)), member.chain)
    elsewhere = librum.Identity(member.key, bytes(32))
    for identity in (stranger, elsewhere):
        with librum.Client(network.url, identity=identity) as client, pytest.raises(librum.Problem) as refused:
            client.chain.status()
        assert not isinstance(refused.value, problems.NotFound)
    with librum.Client("http://127.0.0.1:1", identity=member) as nobody, pytest.raises(librum.UnreachableError):
        nobody.chain.status()
