"""Search over what final blocks hold. The language is that of docs/search.md."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from librum import frames, wire
from librum.errors import AnswerError
from librum.reading import read
from librum.steps import Answer, Request, Retry, Steps, ask, document, reader

if TYPE_CHECKING:
    from librum.aio import AsyncClient
    from librum.client import Client

ROUTE: Final = "/v1/search"
PAGE: Final = 1000

Aggregation = str | Mapping[str, Any]


def find(retry: Retry, wanted: Mapping[str, Any]) -> Steps[wire.SearchAnswer]:
    """Ask the index. It only reads, so repeats are safe."""
    content = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
    header = {"Content-Type": "application/json"}
    return ask(retry, Request("POST", ROUTE, headers=header, content=content, safe=True), reader(wire.SearchAnswer))


def fields_of(retry: Retry) -> Steps[list[wire.SearchField]]:
    """Ask what can be searched."""

    def parse(answer: Answer) -> list[wire.SearchField]:
        value = document(answer)
        found = value.get("fields") if isinstance(value, dict) else None
        if not isinstance(found, list):
            raise AnswerError(f"{ROUTE}/fields: want a list of fields")
        return [read(wire.SearchField, item, f"fields[{i}]") for i, item in enumerate(found)]

    return ask(retry, Request("GET", f"{ROUTE}/fields", safe=True), parse)


def aggregation(text: Aggregation) -> dict[str, Any]:
    """Return an aggregation as the interface takes it.

    >>> aggregation("count")
    {'op': 'count'}
    >>> aggregation("date_histogram:time:1h")
    {'op': 'date_histogram', 'field': 'time', 'interval': '1h'}
    """
    if not isinstance(text, str):
        return dict(text)
    parts = text.split(":")
    if len(parts) > 3 or (len(parts) == 3 and parts[0] != "date_histogram"):
        raise ValueError(f"aggregation {text!r}: want op, op:field or date_histogram:field:interval")
    return dict(zip(("op", "field", "interval"), parts, strict=False))


def rows(hits: Sequence[wire.SearchHit]) -> list[dict[str, Any]]:
    """Return a row per hit: kind, id, height, proof, and a column per field, None where a hit has none."""
    names = sorted({name for hit in hits for name in hit.fields} - {"kind", "id", "height", "proof"})
    return [
        {"kind": hit.kind, "id": hit.id, "height": hit.height, "proof": hit.proof}
        | {name: hit.fields.get(name) for name in names}
        for hit in hits
    ]


def _wanted(
    query: str,
    sort: str | None,
    order: str | None,
    limit: int | None,
    cursor: str | None,
    highlight: bool,
    aggregations: Sequence[Aggregation],
) -> dict[str, Any]:
    return {
        "query": query,
        "sort": sort,
        "order": order,
        "limit": limit,
        "cursor": cursor,
        "highlight": highlight or None,
        "aggregations": [aggregation(a) for a in aggregations] or None,
    }


class Search:
    """The index of the node, which is not believed: each hit names where its proof is."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._retry = client._retry

    def find(
        self,
        query: str = "",
        *,
        sort: str | None = None,
        order: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        highlight: bool = False,
        aggregations: Sequence[Aggregation] = (),
    ) -> wire.SearchAnswer:
        """Return a page of hits, and what was to be computed over all of them.

        Parameters
        ----------
        query
            Such as ``kind:round AND accuracy>=0.9``; empty finds all.
        sort, order
            Field, and ``"desc"`` or ``"asc"``; None: height, the newest first.
        limit
            Hits, up to 1,000; None: 20. 0 asks for aggregations alone.
        cursor
            ``next_cursor`` of the page before, of the same search.
        highlight
            Say where the words were found.
        aggregations
            Each ``"count"``, ``"terms:state"``, ``"date_histogram:time:1h"``, or op, field, interval, size, percents
            and within by name.

        Raises
        ------
        librum.Problem
            The query cannot be read (the detail says at which character), or the node has no index.
        """
        wanted = _wanted(query, sort, order, limit, cursor, highlight, aggregations)
        return self._client.run(find(self._retry, wanted))

    def walk(self, query: str = "", *, sort: str | None = None, order: str | None = None) -> Iterator[wire.SearchHit]:
        """Go through all hits, page by page."""
        cursor: str | None = None
        while cursor != "":
            page = self.find(query, sort=sort, order=order, limit=PAGE, cursor=cursor)
            yield from page.hits
            cursor = page.next_cursor or ""

    def frame(
        self, query: str = "", *, sort: str | None = None, order: str | None = None, kind: str | None = None
    ) -> Any:
        """Return all hits as a data frame of pandas or polars, a row each; ``kind`` as in :meth:`Jobs.frame`."""
        return frames.table(rows(list(self.walk(query, sort=sort, order=order))), kind)

    def fields(self) -> list[wire.SearchField]:
        """Return what can be searched."""
        return self._client.run(fields_of(self._retry))


class AsyncSearch:
    """The index of the node, as :class:`Search`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._retry = client._retry

    async def find(
        self,
        query: str = "",
        *,
        sort: str | None = None,
        order: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        highlight: bool = False,
        aggregations: Sequence[Aggregation] = (),
    ) -> wire.SearchAnswer:
        """Return a page of hits, as :meth:`Search.find`."""
        wanted = _wanted(query, sort, order, limit, cursor, highlight, aggregations)
        return await self._client.run(find(self._retry, wanted))

    async def walk(
        self, query: str = "", *, sort: str | None = None, order: str | None = None
    ) -> AsyncIterator[wire.SearchHit]:
        """Go through all hits, page by page."""
        cursor: str | None = None
        while cursor != "":
            page = await self.find(query, sort=sort, order=order, limit=PAGE, cursor=cursor)
            for hit in page.hits:
                yield hit
            cursor = page.next_cursor or ""

    async def frame(
        self, query: str = "", *, sort: str | None = None, order: str | None = None, kind: str | None = None
    ) -> Any:
        """Return all hits as a data frame, as :meth:`Search.frame`."""
        return frames.table(rows([hit async for hit in self.walk(query, sort=sort, order=order)]), kind)

    async def fields(self) -> list[wire.SearchField]:
        """Return what can be searched."""
        return await self._client.run(fields_of(self._retry))
