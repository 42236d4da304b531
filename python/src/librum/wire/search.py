"""What the index answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class HighlightPart:
    """A piece of text; match says whether a word of the query is in it."""

    text: str
    match: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Highlight:
    """Where in a field the words were found."""

    field: str
    parts: list[HighlightPart]


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """Up to where the index goes.

    Attributes
    ----------
    hash
        Chain hash at that height.
    lowest
        Lowest block whose transactions and events are kept.
    """

    height: int
    hash: str
    lowest: int


@dataclass(frozen=True, kw_only=True)
class SearchPercentile:
    """The value that so many percent of all are not above, by nearest rank."""

    percent: float
    value: float


@dataclass(frozen=True, kw_only=True)
class SearchBucket:
    """Hits that go together.

    Attributes
    ----------
    key
        A text, a whole number, or the beginning of an interval in ms.
    within
        One for each aggregation that was asked for within.
    """

    key: Any
    count: int
    within: list[SearchAggregate] | None = None


@dataclass(frozen=True, kw_only=True)
class SearchAggregate:
    """What was computed over all that was found.

    Attributes
    ----------
    value
        Missing where there is nothing to compute it from.
    """

    buckets: list[SearchBucket] | None = None
    percentiles: list[SearchPercentile] | None = None
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class SearchField:
    """A field that can be searched.

    Attributes
    ----------
    type
        keyword, text, integer, number, time, amount or flag.
    many
        It holds several.
    """

    name: str
    type: str
    doc: str
    many: bool | None = None


@dataclass(frozen=True, kw_only=True)
class SearchHit:
    """A document that was found.

    Attributes
    ----------
    kind
        block, transaction, event, account, identity, job, round, update or model.
    height
        Of the block that wrote it last.
    fields
        Amounts are decimal strings, times ms.
    proof
        Where the proof of what it says is.
    """

    kind: str
    id: str
    height: int
    fields: dict[str, Any]
    proof: str
    highlights: list[Highlight] | None = None


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """A page of hits.

    Attributes
    ----------
    total
        Hits that the caller may see, counted up to 10,000; more: there are more than that.
    next_cursor
        Where the next page begins; missing at the end.
    aggregations
        One for each that was asked for, in that order.
    """

    indexed: Indexed
    total: int
    hits: list[SearchHit]
    aggregations: list[SearchAggregate] | None = None
    more: bool | None = None
    next_cursor: str | None = None
