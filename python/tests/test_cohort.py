"""Draws of the Go side, repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from librum.spec import cohort_size
from librum.verify import cohort

from golden import REPOSITORY

VECTORS = json.loads((REPOSITORY / "fl" / "cohort" / "testdata" / "vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['size']}-of-{len(v['roster'])}")
def test_vectors(vector: dict[str, Any]) -> None:
    """The same roster and reveals draw the same peers."""
    roster = [bytes.fromhex(peer) for peer in vector["roster"]]
    digest = cohort.roster_digest(roster)
    assert digest.hex() == vector["roster_digest"]
    reveals = [(bytes.fromhex(r["node"]), bytes.fromhex(r["value"])) for r in vector["reveals"]]
    start = cohort.seed(bytes.fromhex(vector["job"]), vector["round"], digest, reveals)
    assert start.hex() == vector["seed"]
    assert [peer.hex() for peer in cohort.draw(start, roster, vector["size"])] == vector["cohort"]
    for r in vector["reveals"]:
        value, anchor, index = bytes.fromhex(r["value"]), bytes.fromhex(r["anchor"]), r["index"]
        assert cohort.leads(value, anchor, index)
        assert not cohort.leads(value, anchor, index - 1)
        assert not cohort.leads(anchor, value, index)
        assert cohort.leads(bytes.fromhex(r["secret"]), value, cohort.CHAIN_LENGTH - index)
    assert not cohort.leads(b"", b"", cohort.CHAIN_LENGTH + 1)


@pytest.mark.parametrize(
    ("fraction", "over", "least", "roster", "size"),
    [
        (1, 0, 2, 10, 10),
        (0.1, 0, 2, 100, 10),
        (0.29, 0, 2, 100, 29),
        (0.07, 0, 2, 100, 7),
        (0.5, 0, 1, 5, 3),
        (0.1, 0, 2, 10, 2),
        (0.1, 0.3, 2, 100, 13),
        (0.9, 4, 2, 10, 10),
    ],
)
def test_sizes(fraction: float, over: float, least: int, roster: int, size: int) -> None:
    """As fl/job/fraction_test.go has them."""
    spec = {"fraction_train": fraction, "min_train_peers": least} | ({"over_selection": over} if over else {})
    assert cohort_size(spec, roster) == size
