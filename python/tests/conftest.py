"""Let the tests import the modules beside them, and share one network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import librum
from librum import wire

from network import Network, running, spec


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Run a network with two peers of its own."""
    with running(tmp_path_factory.mktemp("dev") / "network", peers=2) as found:
        yield found


@pytest.fixture(scope="session")
def client(network: Network) -> Iterator[librum.Client]:
    """Connect to the network."""
    with librum.Client(network.url, token=network.token) as found:
        yield found


@pytest.fixture(scope="session")
def job(client: librum.Client) -> wire.Job:
    """Train a job to its end."""
    made = client.jobs.submit(spec(), key="shared")
    return client.jobs.wait(made.id, timeout=120)
