"""What stays with a peer from round to round: tensors that a job does not share, or an app's own state."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from librum.peer import Round

MAX_JOBS: Final = 32
T = TypeVar("T")


class Kept(Generic[T]):
    """The state after each of the last two rounds of a job that were trained here, in memory.

    A round that is opened again, because too few peers answered, begins with what it began with before. The jobs that
    were longest not asked for are forgotten where there are more than 32.

    >>> kept = Kept[str]()
    >>> kept.after(Round("a", 1, 1, {}), "one")
    >>> kept.after(Round("a", 2, 1, {}), "two")
    >>> [kept.before(Round("a", n, 2, {})) for n in (1, 2, 3)]
    [None, 'one', 'two']
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, dict[int, T]] = OrderedDict()

    def before(self, round_: Round) -> T | None:
        """Return the state after the newest round before it, or nothing where none was trained here."""
        states = self._jobs.get(round_.job, {})
        newest = max((n for n in states if n < round_.number), default=None)
        return None if newest is None else states[newest]

    def after(self, round_: Round, state: T) -> None:
        """Keep the state after a round, unless nobody waits for what the round gave."""
        if round_.cancelled.is_set():
            return
        states = self._jobs.pop(round_.job, {})
        newest = max((n for n in states if n < round_.number), default=None)
        self._jobs[round_.job] = {round_.number: state} | ({newest: states[newest]} if newest is not None else {})
        while len(self._jobs) > MAX_JOBS:
            self._jobs.popitem(last=False)
