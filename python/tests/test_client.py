"""The clients against a running network."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import numpy as np
import pytest

import librum
from librum import aio, problems, wire
from librum import client as blocking
from librum.genesis import parse as parse_genesis
from librum.ledger import Groups, parse_proof

from network import LAYERS, Network, spec


def test_a_job_from_beginning_to_end(client: librum.Client, job: wire.Job, tmp_path: Path) -> None:
    """A finished job shows in all the places where one looks."""
    assert (job.state, job.final_rounds) == ("finished", 2)
    assert client.jobs.submit(spec(), key="shared").id == job.id
    assert job.id in [j.id for j in client.jobs.list()]
    assert [r.state for r in client.jobs.rounds(job.id)] == ["final", "final"]
    frame = client.jobs.frame(job.id)
    assert list(frame["round"]) == [1, 2]
    assert frame["loss"].iloc[1] < frame["loss"].iloc[0]
    weights = client.models.weights(job.id)
    assert weights["layer0.weight"].shape == (LAYERS[1], LAYERS[0])
    assert weights["layer0.bias"].dtype == np.float32
    assert job.model is not None
    file = client.models.download(job.id, tmp_path / "model.safetensors")
    assert file.digest == job.model.digest
    assert (tmp_path / "model.safetensors").stat().st_size == file.size
    assert bytes(client.models.blob(file.digest)) == (tmp_path / "model.safetensors").read_bytes()
    assert client.models.card(job.id)["model"]["job"] == job.id
    assert "librum:model-" + file.digest in client.models.provenance(job.id)["entity"]
    statement = client.models.provenance(job.id, version=2, form="in-toto")
    assert statement["subject"][0]["digest"] == {"sha256": file.digest}
    peers = client.jobs.peers(job.id)
    assert [p.peer for p in peers] == sorted(p.peer for p in peers)
    assert all(p.selected == p.committed == 2 and p.num_examples and p.bytes and not p.refused for p in peers)
    assert (peers[0] + peers[0]).num_examples == 2 * peers[0].num_examples
    updates = list(client.jobs.updates(job.id, 2))
    assert [u.state for u in updates] == ["submitted"] * len(updates)
    assert all(u.file and u.num_examples and u.metrics for u in updates)


def position(text: str | None) -> tuple[int, ...]:
    """Return offset and index of the transaction that an event is of."""
    return tuple(map(int, (text or "").split(".")))


def test_events(client: librum.Client, job: wire.Job) -> None:
    """Each event comes once, and a follower may begin behind any of them."""
    events = list(client.jobs.events(job.id))
    places = [(e.position, e.n) for e in events]
    assert len(set(places)) == len(places)
    assert (events[0].type, events[-1].type) == ("job.created", "job.finished")
    for after in {e.position for e in events}:  # one transaction may tell several
        behind = [e for e in events if position(e.position) > position(after)]
        assert list(client.jobs.events(job.id, after=after or "")) == behind


def test_waiting_for_a_cancelled_job(client: librum.Client) -> None:
    """Who waits for a job that was cancelled hears that, and how it ended."""
    made = client.jobs.submit(spec(peers=50))
    with pytest.raises(TimeoutError):
        client.jobs.wait(made.id, timeout=0)
    assert client.jobs.cancel(made.id).state == "cancelled"
    assert client.jobs.cancel(made.id).state == "cancelled"
    with pytest.raises(librum.JobEndedError, match="cancelled") as ended:
        client.jobs.wait(made.id, progress=True)
    assert ended.value.state == "cancelled"


def test_progress(
    client: librum.Client, job: wire.Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar shows the rounds; without tqdm lines do."""
    client.jobs.wait(job.id, progress=True)
    assert "2/2" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    client.jobs.wait(job.id, progress=True)
    assert capsys.readouterr().err.count("round ") == 2


def test_the_chain(client: librum.Client, network: Network) -> None:
    """Status, genesis, groups, blocks, governance and peers are read as their types."""
    status = client.chain.status()
    genesis = parse_genesis(client.chain.genesis())
    assert status.chain == genesis.chain.hex() == network.genesis
    assert client.chain.groups().epoch == 0
    headers = list(client.blocks.list())
    assert headers[-1].height == 1
    assert next(iter(client.blocks.list(order="asc"))).height == 1
    block = client.blocks.get(1)
    assert block.hash == headers[-1].hash
    assert len(client.blocks.encoded(1)) > block.num_records
    assert client.governance.get().limits.max_ttl == genesis.max_ttl
    assert list(client.governance.proposals()) == []
    peers = list(client.peers.list())
    assert [client.peers.get(p.id).available for p in peers] == [True, True]
    assert client.health.alive()
    assert client.health.ready()


def test_transactions(client: librum.Client, network: Network) -> None:
    """A call signed here takes effect, and its proof holds from the genesis on."""
    key = librum.Key.load(network.directory / "member-key")
    args = {"to": bytes([7]) * 16, "amount": librum.amount(0)}
    done = client.transactions.call(key, "token", "transfer", args, wait="final", chain=network.genesis)
    assert (done.code, done.final) == ("ok", True)
    content = client.transactions.get(done.id).content
    assert content is not None
    assert (content.contract, content.key) == ("token", key.id.hex())
    again = client.transactions.submit(content.encoded)
    assert again.position == done.position
    assert [t.id for t in client.transactions.submit_batch([content.encoded])] == [done.id]
    genesis = parse_genesis(client.chain.genesis())
    proof = parse_proof(client.transactions.proof(done.id).proof)
    result, _ = Groups(genesis.chain, genesis.shard, genesis.group).check(proof)
    assert (result.id.hex(), result.code) == (done.id, "ok")
    owner = client.identities.owner(key.id.hex())
    assert client.accounts.get(owner.member).balance == "0"
    with pytest.raises(problems.InsufficientFunds, match="insufficient_funds"):
        client.transactions.call(key, "token", "transfer", args | {"amount": librum.amount(1)})


def test_problems(client: librum.Client, network: Network) -> None:
    """Each refusal is an exception of its own, and wrong fields are named."""
    with pytest.raises(problems.NotFound):
        client.jobs.get("00" * 32)
    with pytest.raises(problems.BadSpec) as wrong:
        client.jobs.submit(spec(rounds=-1, colour="red"))
    assert {"body.num_rounds", "body.colour"} <= {field for field, _ in wrong.value.errors}
    with librum.Client(network.url, token="wrong") as stranger, pytest.raises(problems.Unauthorized):
        stranger.jobs.get("00" * 32)
    tokens = client.identities.tokens()
    assert any(t.current for t in tokens)
    with pytest.raises(problems.NotFound):
        client.identities.revoke_token("00" * 16)


def test_nobody_is_there() -> None:
    """A node that does not listen is one clear exception, after the repeats."""
    with librum.Client("http://127.0.0.1:9", retries=1, backoff=0.0) as client:
        with pytest.raises(librum.UnreachableError, match=r"127\.0\.0\.1:9"):
            client.chain.status()
        with pytest.raises(librum.UnreachableError):
            list(client.jobs.events("00" * 32))


@pytest.mark.parametrize(
    "url", ["http://node.example", "ftp://x", "node", "https://u:p@node.example", "https://x/?q=1"]
)
def test_addresses(url: str) -> None:
    """Neither strange URLs nor tokens in the clear."""
    with pytest.raises(ValueError, match="URL"):
        librum.Client(url)
    librum.Client("http://node.example", plain_http=True).close()
    librum.Client("https://node.example").close()
    librum.Client("http://localhost").close()


def test_asyncio(network: Network, job: wire.Job, tmp_path: Path) -> None:
    """The twin does the same."""

    async def all_of_it() -> None:
        async with librum.AsyncClient(network.url, token=network.token) as client:
            made = await client.jobs.submit(spec(), key="async")
            found = await client.jobs.wait(made.id, timeout=120, progress=False)
            assert found.state == "finished"
            assert [e.type async for e in client.jobs.events(made.id)][-1] == "job.finished"
            assert len(await client.jobs.frame(made.id)) == 2
            assert (await client.jobs.frame(made.id, "pandas")).shape == (2, 5)
            weights = await client.models.weights(made.id, version=0)
            assert weights["layer0.bias"].any() == np.False_
            file = await client.models.download(job.id, tmp_path / "m")
            assert job.model is not None
            assert file.digest == job.model.digest
            assert len(await client.models.blob(file.digest)) == file.size
            assert (await client.models.card(job.id))["model"]["job"] == job.id
            assert "entity" in await client.models.provenance(job.id, version=1)
            assert [u.state async for u in client.jobs.updates(job.id, 1)]
            assert (await client.jobs.peers(job.id))[0].committed == 2
            assert [r.round async for r in client.jobs.rounds(job.id)] == [1, 2]
            key = librum.Key.load(network.directory / "member-key")
            done = await client.transactions.call(key, "token", "transfer", {"to": bytes([7]) * 16, "amount": b""})
            assert (await client.transactions.get(done.id)).code == "ok"
            await client.health.ready()
            with pytest.raises(problems.NotFound):
                await client.jobs.get("00" * 32)
            with pytest.raises(problems.NotFound):
                _ = [e async for e in client.jobs.events("00" * 32)]

    asyncio.run(all_of_it())


def test_twins() -> None:
    """Both clients have the same parts, and these the same methods with the same parameters."""

    def shape(module: object, first: str) -> dict[str, list[str]]:
        return {
            f"{part.replace(first, 'Client')}.{name}": list(inspect.signature(function).parameters)
            for part, kind in inspect.getmembers(module, inspect.isclass)
            if kind.__module__ == module.__name__  # type: ignore[attr-defined]
            for name, function in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(blocking, "none") == shape(aio, "AsyncClient")
