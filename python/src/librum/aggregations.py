"""The aggregator as a service: updates in, by any strategy one model out, without a job."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from librum import wire
from librum.errors import JobEndedError
from librum.steps import Request, Rest, Retry, Steps, ask, reader
from librum.transfer import download, download_file, send

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from librum.aio import AsyncClient
    from librum.client import Client

ROUTE: Final = "/v1/aggregations"
REST_S: Final = 0.1  # between two looks at one that runs


def new(
    retry: Retry, strategy: str | Mapping[str, Any], key: str | None, momentum: float = 0.0, cohort: int = 0
) -> Steps[wire.Aggregation]:
    """Create an aggregation under an idempotency key, made up where none is given."""
    spec = {"name": strategy} if isinstance(strategy, str) else dict(strategy)
    body = json.dumps({"strategy": spec, "momentum": momentum, "cohort": cohort}).encode()
    header = {"Content-Type": "application/json", "Idempotency-Key": key or secrets.token_hex(16)}
    return ask(retry, Request("POST", ROUTE, headers=header, content=body, safe=True), reader(wire.Aggregation))


def put(
    retry: Retry,
    aggregation: str,
    name: str,
    content: bytes | bytearray | memoryview,
    kind: str,
    num_examples: int,
    steps: int,
) -> Steps[wire.AggregationInput]:
    """Send a file, going on from where the node got."""
    view = memoryview(content).cast("B")
    route = f"{ROUTE}/{aggregation}/inputs/{name}"
    body: dict[str, object] = {"kind": kind, "size": len(view), "digest": hashlib.sha256(view).hexdigest()}
    if kind == "update":
        body |= {"num_examples": num_examples, "steps": steps}
    header = {"Content-Type": "application/json"}
    announce = Request("PUT", route, headers=header, content=json.dumps(body).encode(), safe=True)
    return send(retry, announce, wire.AggregationInput, lambda _: route, view)


def find(retry: Retry, aggregation: str) -> Steps[wire.Aggregation]:
    """Ask where an aggregation stands."""
    return ask(retry, Request("GET", f"{ROUTE}/{aggregation}", safe=True), reader(wire.Aggregation))


def run(retry: Retry, aggregation: str, timeout: float) -> Steps[wire.Aggregation]:
    """Start an aggregation and wait until it is done."""
    start = Request("POST", f"{ROUTE}/{aggregation}/aggregate", safe=True)
    found = yield from ask(retry, start, reader(wire.Aggregation))
    limit = time.monotonic() + timeout
    while found.state == "running":
        if time.monotonic() > limit:
            raise TimeoutError(f"aggregation {aggregation[:8]} has not ended after {timeout} s")
        yield Rest(REST_S)
        found = yield from find(retry, aggregation)
    if found.state != "done":
        raise JobEndedError(aggregation, found.state, found.reason or "")
    return found


def weights_of(retry: Retry, aggregation: str, memory: bool) -> Steps[dict[str, NDArray[np.generic]]]:
    """Return the tensors of a result, checked by its digest."""
    from safetensors.numpy import load

    content = yield from download(retry, _result(aggregation, memory))
    return load(bytes(content))


def _result(aggregation: str, memory: bool) -> str:
    return f"{ROUTE}/{aggregation}/{'memory' if memory else 'model'}"


class Aggregations:
    """Aggregations without a job."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._retry = client._retry

    def create(
        self, strategy: str | Mapping[str, Any], *, key: str | None = None, momentum: float = 0.0, cohort: int = 0
    ) -> wire.Aggregation:
        """Create an aggregation.

        Parameters
        ----------
        strategy
            A name, or name, params, clip, mean and root as in a job spec; root is the name of an update.
        key
            Idempotency key of up to 128 bytes: the same key never makes a second one. One is made up otherwise.
        momentum
            Of the training that made the updates, for fednova.
        cohort
            How many were asked for updates, for scaffold; 0: as many as there are.
        """
        return self._client.run(new(self._retry, strategy, key, momentum, cohort))

    def send(
        self,
        aggregation: str,
        name: str,
        content: bytes | bytearray | memoryview,
        *,
        kind: str = "update",
        num_examples: int = 1,
        steps: int = 0,
    ) -> wire.AggregationInput:
        """Send a safetensors file, going on from where the node got.

        Parameters
        ----------
        aggregation
            Its id.
        name
            Of the file; names order the updates. Letters, digits, dots, dashes and underscores.
        content
            The file.
        kind
            ``"update"``, ``"global"`` (the model that they began from) or ``"memory"`` (of the aggregation before).
        num_examples
            Weight of an update.
        steps
            That it was trained, for fednova.
        """
        return self._client.run(put(self._retry, aggregation, name, content, kind, num_examples, steps))

    def aggregate(self, aggregation: str, *, timeout: float = 600.0) -> wire.Aggregation:
        """Aggregate what was sent and return it done, within so many seconds; refused updates are named in it.

        Raises
        ------
        librum.JobEndedError
            It failed; the reason says why, and it takes inputs again.
        TimeoutError
            It had not ended in time, and goes on.
        """
        return self._client.run(run(self._retry, aggregation, timeout))

    def get(self, aggregation: str) -> wire.Aggregation:
        """Return where an aggregation stands."""
        return self._client.run(find(self._retry, aggregation))

    def list(self) -> Iterator[wire.Aggregation]:
        """Go through one's own aggregations, in the order of their ids."""
        return self._client.walk(ROUTE, "aggregations", wire.Aggregation)

    def delete(self, aggregation: str) -> None:
        """Delete an aggregation with all its files."""
        self._client.run(self._client._calls.delete(f"{ROUTE}/{aggregation}"))

    def weights(self, aggregation: str, *, memory: bool = False) -> dict[str, NDArray[np.generic]]:
        """Return the tensors of the result, or of what the server remembers, checked by the file's digest."""
        return self._client.run(weights_of(self._retry, aggregation, memory))

    def download(self, aggregation: str, path: str | Path, *, memory: bool = False) -> wire.File:
        """Put the result into the file at path, checked by its digest."""
        return self._client.run(download_file(self._retry, _result(aggregation, memory), Path(path)))


class AsyncAggregations:
    """Aggregations without a job, as :class:`Aggregations`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._retry = client._retry

    async def create(
        self, strategy: str | Mapping[str, Any], *, key: str | None = None, momentum: float = 0.0, cohort: int = 0
    ) -> wire.Aggregation:
        """Create an aggregation, as :meth:`Aggregations.create`."""
        return await self._client.run(new(self._retry, strategy, key, momentum, cohort))

    async def send(
        self,
        aggregation: str,
        name: str,
        content: bytes | bytearray | memoryview,
        *,
        kind: str = "update",
        num_examples: int = 1,
        steps: int = 0,
    ) -> wire.AggregationInput:
        """Send a safetensors file, as :meth:`Aggregations.send`."""
        return await self._client.run(put(self._retry, aggregation, name, content, kind, num_examples, steps))

    async def aggregate(self, aggregation: str, *, timeout: float = 600.0) -> wire.Aggregation:
        """Aggregate what was sent and return it done, as :meth:`Aggregations.aggregate`."""
        return await self._client.run(run(self._retry, aggregation, timeout))

    async def get(self, aggregation: str) -> wire.Aggregation:
        """Return where an aggregation stands."""
        return await self._client.run(find(self._retry, aggregation))

    def list(self) -> AsyncIterator[wire.Aggregation]:
        """Go through one's own aggregations, in the order of their ids."""
        return self._client.walk(ROUTE, "aggregations", wire.Aggregation)

    async def delete(self, aggregation: str) -> None:
        """Delete an aggregation with all its files."""
        await self._client.run(self._client._calls.delete(f"{ROUTE}/{aggregation}"))

    async def weights(self, aggregation: str, *, memory: bool = False) -> dict[str, NDArray[np.generic]]:
        """Return the tensors of the result, as :meth:`Aggregations.weights`."""
        return await self._client.run(weights_of(self._retry, aggregation, memory))

    async def download(self, aggregation: str, path: str | Path, *, memory: bool = False) -> wire.File:
        """Put the result into the file at path, as :meth:`Aggregations.download`."""
        return await self._client.run(download_file(self._retry, _result(aggregation, memory), Path(path)))


def aggregate(
    updates: Mapping[str, Mapping[str, NDArray[Any]]] | Sequence[Mapping[str, NDArray[Any]]],
    strategy: str | Mapping[str, Any] = "fedavg",
    *,
    client: Client,
    num_examples: Mapping[str, int] | Sequence[int] | None = None,
    global_model: Mapping[str, NDArray[Any]] | None = None,
    timeout: float = 600.0,
) -> dict[str, NDArray[np.generic]]:
    """Return what updates come to by a strategy, and leave nothing at the node.

    Parameters
    ----------
    updates
        Arrays by name, for each update; names order them, a sequence is in its own order.
    strategy
        As in :meth:`Aggregations.create`.
    client
        Of the node that computes.
    num_examples
        Weight of each update; None: 1.
    global_model
        That the updates began from, where the strategy looks at it.
    timeout
        Seconds for the computation.

    Raises
    ------
    librum.JobEndedError
        It failed, or an update was refused; the reason names it.
    """
    from safetensors.numpy import save

    named = updates if isinstance(updates, Mapping) else {f"update-{i:06}": u for i, u in enumerate(updates)}
    weights = num_examples if isinstance(num_examples, Mapping) else dict(zip(named, num_examples or [], strict=False))
    if num_examples is not None and set(weights) != set(named):
        raise ValueError(f"{len(named)} updates and {len(weights)} numbers of examples of the same names are wanted")
    made = client.aggregations.create(strategy)
    try:
        for name, update in named.items():
            client.aggregations.send(made.id, name, save(dict(update)), num_examples=weights.get(name, 1))
        if global_model is not None:
            client.aggregations.send(made.id, "global-model", save(dict(global_model)), kind="global")
        done = client.aggregations.aggregate(made.id, timeout=timeout)
        if done.refused:
            raise JobEndedError(made.id, "refused", f"update {done.refused[0].name}: {done.refused[0].detail}")
        return client.aggregations.weights(made.id)
    finally:
        client.aggregations.delete(made.id)
