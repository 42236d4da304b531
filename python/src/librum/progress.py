"""Shows how a job comes on: a bar in a notebook or a terminal, lines elsewhere."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from librum import wire


class Progress:
    """A bar over the rounds of a job. With tqdm installed it is tqdm's, which knows notebooks; else lines of text."""

    def __init__(self, rounds: int, shown: bool | None = None) -> None:
        self._bar: Any = None
        self._lines = False
        if shown is None:
            shown = sys.stderr.isatty() or in_notebook()
        if shown:
            try:
                tqdm = importlib.import_module("tqdm.auto").tqdm
            except ImportError:
                self._lines = True
            else:
                self._bar = tqdm(total=rounds, unit="round")
        self._rounds = rounds

    def take(self, event: wire.Event) -> None:
        """Go on by an event."""
        if event.type != "round.final" or not isinstance(event.data, dict):
            return
        metrics = event.data.get("metrics") or {}
        if self._bar is not None:
            self._bar.update(event.data.get("round", 0) - self._bar.n)
            self._bar.set_postfix(metrics)
        elif self._lines:
            told = "  ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items()))
            print(f"round {event.data.get('round')}/{self._rounds}  {told}", file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return type(found).__name__ == "ZMQInteractiveShell"
