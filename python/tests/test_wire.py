"""Types of the package and fields of the document are the same, both ways."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest

from librum import wire
from librum.errors import AnswerError
from librum.problems import PROBLEMS
from librum.reading import fields, read

from golden import REPOSITORY

DOCUMENT = json.loads((REPOSITORY / "api" / "testdata" / "openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
# Read or made by hand: problems are exceptions, pages are walked, requests are parameters of methods.
BY_HAND = {
    "AggregationPart", "AggregationStrategy", "Aggregations", "Balances", "Batch", "BearerTokens", "Blocks",
    "Collections", "FieldError", "JobPeers", "Jobs", "Metrics", "NFTs", "NewAggregation", "NewAggregationInput",
    "NewUpload", "Peers", "Problem", "Proposals", "Rounds", "SearchAggregation", "SearchFields", "SearchRequest",
    "Submission", "Tokens", "Updates",
}  # fmt: skip
TYPES = {name: kind for name, kind in vars(wire).items() if isinstance(kind, type)}


def test_every_schema_has_a_type() -> None:
    """No schema of the document is missing here, and no type is missing there."""
    assert set(TYPES) == set(SCHEMAS) - BY_HAND


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_field(name: str) -> None:
    """Names, which of them must be there, and types agree."""
    schema = SCHEMAS[name]
    ours = fields(TYPES[name])
    assert ours.keys() == schema["properties"].keys()
    assert {n for n, (_, _, required) in ours.items() if required} == set(schema.get("required", []))
    for field, (_, hint, _) in ours.items():
        assert _bare(hint) == _wanted(schema["properties"][field]), field


def _bare(hint: Any) -> str:
    arguments = [a for a in typing.get_args(hint) if a is not type(None)]
    origin = typing.get_origin(hint)
    if origin is list:
        return f"list[{_bare(arguments[0])}]"
    if origin is dict:
        return f"dict[{_bare(arguments[1])}]"
    if origin is not None:
        return _bare(arguments[0])
    return str(hint.__name__)


def _wanted(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    kind = schema.get("type")
    if isinstance(kind, list):
        (kind,) = (k for k in kind if k != "null")
    if kind == "array":
        return f"list[{_wanted(schema['items'])}]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"dict[{_wanted(schema['additionalProperties'])}]"
    if kind == "string":
        return "bytes" if schema.get("contentEncoding") == "base64" else "str"
    return {"integer": "int", "number": "float", "boolean": "bool", None: "Any", "object": "Any"}[kind]


def test_every_problem_has_a_class() -> None:
    """The list of the node's problems is the one here, titles included."""
    lines = (REPOSITORY / "api" / "testdata" / "problems.txt").read_text().splitlines()
    theirs = {line.split()[0].rsplit("/", 1)[1]: line.split(" ", 2)[2] for line in lines if line.startswith("http")}
    assert {code: (kind.__doc__ or "").rstrip(".") for code, kind in PROBLEMS.items()} == theirs
    assert len(set(PROBLEMS.values())) == len(PROBLEMS)


def test_new_fields_are_overlooked() -> None:
    """A newer server may say more (api/v1, invariant 1)."""
    assert read(wire.File, {"digest": "00", "size": 1, "colour": "red"}, "file") == wire.File(digest="00", size=1)


@pytest.mark.parametrize(
    ("kind", "value", "where"),
    [
        (wire.File, [], "x"),
        (wire.File, {"digest": "00"}, r"x\.size"),
        (wire.File, {"digest": 1, "size": 1}, r"x\.digest"),
        (wire.File, {"digest": "00", "size": True}, r"x\.size"),
        (wire.File, {"digest": "00", "size": 1.5}, r"x\.size"),
        (wire.Signature, {"node": "00", "signature": "%"}, r"x\.signature"),
        (wire.RoundMetrics, {"round": 1, "time": 1, "peers": 1, "metrics": {"loss": "high"}}, r"x\.metrics\.loss"),
        (wire.RoundMetrics, {"round": 1, "time": 1, "peers": 1, "metrics": {"loss": float("nan")}}, "loss"),
        (wire.RoundMetrics, {"round": 1, "time": 1, "peers": 1, "metrics": []}, "metrics"),
        (wire.Member, {"organisation": "", "roles": {}, "status": "", "keys": []}, "roles"),
    ],
)
def test_other_forms_are_named(kind: type, value: object, where: str) -> None:
    """What is of another form is refused, and the message says where."""
    with pytest.raises(AnswerError, match=where):
        read(kind, value, "x")


def test_secrets_are_not_shown() -> None:
    """A token's secret stays out of what is printed."""
    token = wire.NewBearerToken(id="", member="", node="", created="", expiry="", secret="hush")
    assert "hush" not in repr(token)
