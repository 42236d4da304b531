"""Tables as data frames of what is installed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from librum import wire


def rows(metrics: Sequence[wire.RoundMetrics]) -> list[dict[str, Any]]:
    """Return a row per final round: round, time (ms), peers, and a column per metric, None where a round has none."""
    names = sorted({name for m in metrics for name in m.metrics})
    return [
        {"round": m.round, "time": m.time, "peers": m.peers, **{name: m.metrics.get(name) for name in names}}
        for m in metrics
    ]


def frame(metrics: Sequence[wire.RoundMetrics], kind: str | None = None) -> Any:
    """Return the rows as a data frame, as :func:`table`."""
    return table(rows(metrics), kind)


def table(found: Sequence[dict[str, Any]], kind: str | None = None) -> Any:
    """Return rows as a data frame.

    Parameters
    ----------
    found
        With the same columns each.
    kind
        ``"pandas"`` or ``"polars"``; None takes the first of these that is installed.

    Raises
    ------
    ImportError
        None is installed.
    """
    if kind not in (None, "pandas", "polars"):
        raise ValueError(f"kind {kind!r}: want 'pandas' or 'polars'")
    for name in (kind,) if kind else ("pandas", "polars"):
        try:
            return importlib.import_module(name).DataFrame(found)
        except ImportError:
            continue
    raise ImportError(f"{kind or 'neither pandas nor polars'} is not installed: pip install 'librum[pandas]'")
