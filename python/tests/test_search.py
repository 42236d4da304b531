"""The index, asked from Python."""

from __future__ import annotations

import asyncio
import inspect
import time

import pytest

import librum
from librum import problems, search, wire

from network import Network


def indexed(client: librum.Client, job: wire.Job) -> wire.SearchAnswer:
    """Wait until the index shows how a job ended."""
    limit = time.monotonic() + 120
    while True:
        found = client.search.find(f"kind:job AND job:{job.id} AND state:finished")
        if found.total == 1 or time.monotonic() > limit:
            return found


def test_hits(client: librum.Client, job: wire.Job) -> None:
    """A hit has fields and says where its proof is; all of them make a frame."""
    found = indexed(client, job)
    (hit,) = found.hits
    assert (hit.kind, hit.fields["job"], hit.fields["state"]) == ("job", job.id, "finished")
    assert hit.proof.startswith("/v1/")
    assert 0 < hit.height <= found.indexed.height
    rounds = client.search.frame(f"kind:round AND job:{job.id}", sort="round", order="asc", kind="pandas")
    assert list(rounds["round"]) == [1, 2]
    assert {"kind", "id", "height", "proof", "state"} <= set(rounds.columns)


def test_pages(client: librum.Client, job: wire.Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are walked to the end, each hit once."""
    indexed(client, job)
    monkeypatch.setattr(search, "PAGE", 2)
    query = f"kind:event AND job:{job.id}"
    hits = [hit.id for hit in client.search.walk(query)]
    assert len(hits) == len(set(hits)) == client.search.find(query).total > 4


def test_highlight(client: librum.Client, job: wire.Job) -> None:
    """Words that were found are pieces of text."""
    indexed(client, job)
    (hit, *_) = client.search.find("finished kind:event", highlight=True).hits
    assert hit.highlights is not None
    assert any(part.match for part in hit.highlights[0].parts)


def test_aggregations(client: librum.Client, job: wire.Job) -> None:
    """By words or by name, with others within."""
    indexed(client, job)
    found = client.search.find(
        f"kind:round AND job:{job.id}",
        limit=0,
        aggregations=[
            "count",
            "terms:state",
            "max:round",
            "date_histogram:time:1h",
            {"op": "percentiles", "field": "round", "percents": [50]},
            {"op": "terms", "field": "kind", "within": [{"op": "count"}]},
        ],
    )
    assert found.hits == []
    assert found.aggregations is not None
    count, states, most, hours, percentiles, kinds = found.aggregations
    assert (count.value, most.value) == (2, 2)
    assert states.buckets is not None
    assert [(b.key, b.count) for b in states.buckets] == [("final", 2)]
    assert hours.buckets is not None
    assert sum(b.count for b in hours.buckets) == 2
    assert percentiles.percentiles is not None
    assert percentiles.percentiles[0].value == 1
    assert kinds.buckets is not None
    assert kinds.buckets[0].within is not None
    assert kinds.buckets[0].within[0].value == 2


def test_bad_query(client: librum.Client) -> None:
    """What is wrong is told with its place."""
    with pytest.raises(problems.BadQuery, match="character"):
        client.search.find("kind:round AND (")
    with pytest.raises(ValueError, match="aggregation"):
        client.search.find(aggregations=["sum:round:1h"])


def test_fields(client: librum.Client) -> None:
    """Each field has a type and a sentence."""
    found = {field.name: field for field in client.search.fields()}
    assert found["height"].type == "integer"
    assert all(field.doc for field in found.values())


def test_asyncio(network: Network, client: librum.Client, job: wire.Job) -> None:
    """The twin does the same."""
    indexed(client, job)
    query = f"kind:round AND job:{job.id}"

    async def all_of_it() -> None:
        async with librum.AsyncClient(network.url, token=network.token) as client:
            assert (await client.search.find(query, aggregations=["count"])).total == 2
            assert [hit.fields["round"] async for hit in client.search.walk(query, sort="round", order="asc")] == [1, 2]
            assert len(await client.search.frame(query)) == 2
            assert len(await client.search.fields()) > 10

    asyncio.run(all_of_it())


def test_twins() -> None:
    """Both have the same methods with the same parameters."""

    def shape(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(function).parameters)
            for name, function in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(search.Search) == shape(search.AsyncSearch)
