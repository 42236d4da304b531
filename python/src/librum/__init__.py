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
        EgressError,
        JobEndedError,
        KeyFileError,
        LibrumError,
        MalformedError,
        NoDataError,
        PolicyError,
        Problem,
        ProofError,
        UnreachableError,
        UpdateError,
    )
    from librum.keys import Key
    from librum.peer import Peer, Round, Update
    from librum.policy import Policy
    from librum.session import Identity
    from librum.transaction import amount

__version__: Final = "0.1.0"

_HOMES: Final = {
    "AsyncClient": "aio",
    "Client": "client",
    "Identity": "session",
    "Key": "keys",
    "aggregate": "aggregations",
    "Policy": "policy",
    **dict.fromkeys(["Peer", "Round", "Update"], "peer"),
    "amount": "transaction",
    **dict.fromkeys(
        [
            "AnswerError",
            "DigestError",
            "EgressError",
            "JobEndedError",
            "KeyFileError",
            "LibrumError",
            "MalformedError",
            "NoDataError",
            "PolicyError",
            "Problem",
            "ProofError",
            "UnreachableError",
            "UpdateError",
        ],
        "errors",
    ),
}

__all__ = [
    "AnswerError",
    "AsyncClient",
    "Client",
    "DigestError",
    "EgressError",
    "Identity",
    "JobEndedError",
    "Key",
    "KeyFileError",
    "LibrumError",
    "MalformedError",
    "NoDataError",
    "Peer",
    "Policy",
    "PolicyError",
    "Problem",
    "ProofError",
    "Round",
    "UnreachableError",
    "Update",
    "UpdateError",
    "aggregate",
    "amount",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'librum' has no attribute {name!r}")
    return getattr(importlib.import_module(f"librum.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
