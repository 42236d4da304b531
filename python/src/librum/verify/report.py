"""What a verification says: lines with what each rests on, counts, and the first finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

RECOMPUTED: Final = "recomputed"
GONE: Final = "averages not recomputable: updates are gone"
WITHHELD: Final = "averages not recomputable from here: updates are not given to this reader"


class Finding(Exception):  # noqa: N818  a result, which travels as an exception
    """The first thing that is wrong, or missing.

    Attributes
    ----------
    kind, where, message
        What it is, in which part, and in words. The kind ``missing`` makes a verdict incomplete, others wrong.
    """

    def __init__(self, kind: str, where: str, message: str) -> None:
        super().__init__(f"{kind} at {where}: {message}")
        self.kind = kind
        self.where = where
        self.message = message


@dataclass(frozen=True)
class Line:
    """A fact: round (0: about the whole job), what, and what it rests on."""

    round: int
    what: str
    basis: str


@dataclass
class Report:
    """The outcome.

    Attributes
    ----------
    first
        The first finding, None where nothing is wrong or missing.
    incomplete
        Something needed is gone, and nothing that was checked is wrong.
    """

    genesis: str = ""
    job: str = ""
    head: str = ""
    height: int = 0
    signers: int = 0
    nodes: int = 0
    blocks: int = 0
    transactions: int = 0
    signatures: int = 0
    accepted: int = 0
    rounds: int = 0
    updates: int = 0
    averages: int = 0
    attested: int = 0
    incomplete: bool = False
    first: Finding | None = None
    lines: list[Line] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``right``, ``wrong`` or ``incomplete``."""
        if self.first is not None and self.first.kind != "missing":
            return "wrong"
        return "incomplete" if self.incomplete or self.first is not None else "right"

    def say(self, round_: int, basis: str, what: str) -> None:
        """Add a line."""
        self.lines.append(Line(round_, what, basis))


def attested(k: int, n: int) -> str:
    """Return the basis of what k of n nodes attested."""
    return f"attested by {k} of {n}"


def claim(who: str) -> str:
    """Return the basis of what somebody says without proof."""
    return f"claim of {who}"
