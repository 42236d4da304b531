"""Every operation of the OpenAPI document, asked at random: no answer is a server's error or differs from the document."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

EXAMPLES = 40  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@schemathesis.serializer("application/cose", "application/cbor", "application/offset+octet-stream")
def _as_it_is(_context: Any, value: Any) -> Any:
    """Send bodies that are bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run ``librum dev`` for the tests of this module; give its address and the file with its token."""
    directory = tmp_path_factory.mktemp("dev") / "network"
    command = [os.environ["LIBRUM_BIN"], "dev", "--dir", str(directory), "--listen", "127.0.0.1:0", "--peers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = dict(line.split(" ", 1) for line in (process.stdout.readline().strip() for _ in range(3)))
        yield said["listening"].removeprefix("at "), directory / "token"
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_every_operation(server: tuple[str, Path]) -> None:
    """Ask each operation some times over, with a token that may read everything."""
    base, token = server
    headers = {"Authorization": "Bearer " + token.read_text().strip()}
    asked = []
    for found in schemathesis.openapi.from_url(base + "/openapi.json").get_all_operations():
        operation = found.ok()
        asked.append(operation.label)

        cases = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(case=one_of(cases))
        def ask(case: schemathesis.Case) -> None:
            if "wait_s" in case.query:
                case.query["wait_s"] = 0
            case.call_and_validate(checks=CHECKS, headers=headers, timeout=45)

        ask()
    assert "POST /v1/jobs" in asked
    assert "POST /v1/bearer-tokens" in asked
