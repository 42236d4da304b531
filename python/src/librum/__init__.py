"""Librum from Python: submit and follow jobs, train as a peer, verify what was done.

:class:`Client` and :class:`AsyncClient` talk to a node, :class:`Peer` trains with a function of yours, and
``python -m librum.verify`` checks a job or a chain without the code of the nodes. Names are loaded when they are
first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from librum.aggregations import aggregate
    from librum.aio import AsyncClient
    from librum.client import Client
    from librum.errors import (
        AnswerError,
        DigestError,
        JobEndedError,
        KeyFileError,
        LibrumError,
        MalformedError,
        Problem,
        ProofError,
        UnreachableError,
    )
    from librum.keys import Key
    from librum.transaction import amount

__version__: Final = "0.1.0"

_HOMES: Final = {
    "AsyncClient": "aio",
    "Client": "client",
    "Key": "keys",
    "aggregate": "aggregations",
    "amount": "transaction",
    **dict.fromkeys(
        [
            "AnswerError",
            "DigestError",
            "JobEndedError",
            "KeyFileError",
            "LibrumError",
            "MalformedError",
            "Problem",
            "ProofError",
            "UnreachableError",
        ],
        "errors",
    ),
}

__all__ = [
    "AnswerError",
    "AsyncClient",
    "Client",
    "DigestError",
    "JobEndedError",
    "Key",
    "KeyFileError",
    "LibrumError",
    "MalformedError",
    "Problem",
    "ProofError",
    "UnreachableError",
    "aggregate",
    "amount",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'librum' has no attribute {name!r}")
    return getattr(importlib.import_module(f"librum.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
