"""Aggregations without a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from librum.wire.jobs import File


@dataclass(frozen=True, kw_only=True)
class RefusedInput:
    """An update that took no part, and why."""

    name: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """An aggregation as it stands.

    Attributes
    ----------
    created, expires
        By the node's clock, ms. It is deleted when it expires, unless something happens to it before.
    inputs, complete
        Files announced, and of them with all bytes.
    bytes
        Of announced inputs and results.
    averaged, num_examples
        Updates that took part, once done, and their examples.
    strategy
        With all defaults filled in.
    model
        The result, once done. Its digest is a function of the strategy and the inputs.
    memory
        What the server remembers for the next aggregation.
    reason
        Why it failed.
    """

    id: str
    creator: str
    created: int
    expires: int
    state: str
    inputs: int
    complete: int
    bytes: int
    averaged: int
    num_examples: int
    strategy: Any
    momentum: float
    cohort: int
    model: File | None = None
    memory: File | None = None
    reason: str | None = None
    refused: list[RefusedInput] | None = None


@dataclass(frozen=True, kw_only=True)
class AggregationInput:
    """A file of an aggregation as it stands.

    Attributes
    ----------
    name
        Orders the updates, bytewise.
    kind
        ``"update"``, ``"global"`` or ``"memory"``.
    offset
        Bytes that are there for good.
    complete
        All bytes are there and have the digest.
    """

    name: str
    kind: str
    size: int
    digest: str
    num_examples: int
    steps: int
    offset: int
    complete: bool
