"""Aggregations without a job, with digests that numpy comes to as well."""

from __future__ import annotations

import asyncio
import hashlib
import inspect

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

import librum
from librum import aggregations, wire

from network import Network

Update = dict[str, NDArray[np.float32]]


def updates(count: int) -> dict[str, Update]:
    """Make updates of two tensors."""
    random = np.random.default_rng(5)
    return {
        f"peer-{i}": {
            "layer.weight": random.standard_normal((30, 20)).astype(np.float32),
            "layer.bias": random.standard_normal(20).astype(np.float32),
        }
        for i in range(count)
    }


def average(named: dict[str, Update], examples: dict[str, int]) -> Update:
    """Compute FedAvg as docs/aggregations.md has it."""
    total = np.float64(sum(examples.values()))
    result: Update = {}
    for tensor in sorted(next(iter(named.values()))):
        acc = np.zeros(named["peer-0"][tensor].shape, np.float64)
        for name in sorted(named):
            acc += named[name][tensor].astype(np.float64) * np.float64(examples[name])
        result[tensor] = (acc / total).astype(np.float32)
    return result


def canonical(model: Update) -> bytes:
    """Make the canonical file: tensors by name, no metadata, the header padded to 8 bytes."""
    header, data = "", b""
    for name in sorted(model):
        raw = model[name].tobytes()
        shape = ",".join(str(n) for n in model[name].shape)
        header += "," if header else "{"
        header += f'"{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{len(data)},{len(data) + len(raw)}]}}'
        data += raw
    text = (header + "}").encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def test_digest_by_numpy(client: librum.Client) -> None:
    """The node's result is the file that numpy makes, byte by byte."""
    named = updates(5)
    examples = {name: 100 + 7 * i for i, name in enumerate(named)}
    made = client.aggregations.create("fedavg", key="numpy")
    assert client.aggregations.create("fedavg", key="numpy").id == made.id
    for name in reversed(named):
        sent = client.aggregations.send(made.id, name, save(named[name]), num_examples=examples[name])
        assert sent.complete
    done = client.aggregations.aggregate(made.id)
    want = canonical(average(named, examples))
    assert done.model == wire.File(digest=hashlib.sha256(want).hexdigest(), size=len(want))
    assert done.averaged == 5
    assert done.num_examples == sum(examples.values())
    assert made.id in {a.id for a in client.aggregations.list()}
    client.aggregations.delete(made.id)
    with pytest.raises(librum.problems.NotFound):
        client.aggregations.get(made.id)


def test_krum(client: librum.Client) -> None:
    """Krum takes the one of the updates that lies nearest to its neighbours, and leaves nothing behind."""
    named = list(updates(1).values())
    for shift in (0.001, 0.002, 0.003, 0.004, 1000.0):
        named.append({name: array + np.float32(shift) for name, array in named[0].items()})
    before = {a.id for a in client.aggregations.list()}
    got = librum.aggregate(named, strategy="krum", client=client)
    assert any(all(np.array_equal(got[n], u[n]) for n in got) for u in named[:5])
    assert {a.id for a in client.aggregations.list()} == before


def test_refusals(client: librum.Client) -> None:
    """What cannot be is refused with its reason."""
    with pytest.raises(librum.problems.BadSpec, match="fedsgd"):
        librum.aggregate([], strategy="fedsgd", client=client)
    with pytest.raises(librum.problems.AggregationState, match="update"):
        librum.aggregate([], client=client)
    named = updates(2)
    named["peer-1"]["layer.bias"][3] = np.nan
    with pytest.raises(librum.JobEndedError, match=r"peer-1.*layer\.bias"):
        librum.aggregate(named, client=client)
    with pytest.raises(ValueError, match="numbers of examples"):
        librum.aggregate(updates(2), num_examples={"peer-0": 1}, client=client)


def test_server_remembers(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A server optimiser goes on from its memory, over the client for asyncio."""
    path = tmp_path_factory.mktemp("memory") / "memory.safetensors"

    async def go() -> list[Update]:
        models = []
        async with librum.AsyncClient(network.url, token=network.token) as client:
            start = updates(1)["peer-0"]
            memory = b""
            for _ in range(2):
                made = await client.aggregations.create({"name": "fedavgm", "params": {"beta": 0.5}})
                await client.aggregations.send(made.id, "start", save(start), kind="global")
                if memory:
                    await client.aggregations.send(made.id, "before", memory, kind="memory")
                await client.aggregations.send(made.id, "a", save({n: x + 1 for n, x in start.items()}))
                done = await client.aggregations.aggregate(made.id)
                assert done.memory is not None
                await client.aggregations.download(made.id, path, memory=True)
                memory = path.read_bytes()
                assert load(memory).keys() == {"server/layer.weight", "server/layer.bias"}
                models.append(await client.aggregations.weights(made.id))
                await client.aggregations.delete(made.id)
        return models  # type: ignore[return-value]

    first, second = asyncio.run(go())
    np.testing.assert_allclose(second["layer.bias"] - first["layer.bias"], 0.5, rtol=1e-5)


def test_twins() -> None:
    """Both clients have the same methods with the same parameters."""

    def shape(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(function).parameters)
            for name, function in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(aggregations.Aggregations) == shape(aggregations.AsyncAggregations)
