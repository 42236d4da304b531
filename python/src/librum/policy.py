"""The say of whoever owns the data: which jobs a peer trains for, how far it goes, and what it reveals.

A policy is a YAML file, the one that ``librum peer run`` takes; ``docs/peer.md`` lists its fields. Nothing is allowed
that it does not allow.

>>> text = b"creators: [any], models: [logistic], max_rounds: 20"
>>> policy = Policy.parse(b"{" + text + b"}")
>>> asked = Asked(creator=bytes(16), model="mlp", num_rounds=30, local_epochs=1, max_num_examples=1000, rows=500)
>>> print(policy.decide(asked))
models: mlp is not listed; max_rounds: 30 rounds in the job, at most 20 are allowed
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from librum.encoding import digest
from librum.strictyaml import Fields, load

ANY: Final = "any"
MAX_BYTES: Final = 64 << 10
MODELS: Final = ("mlp", "logistic", "linear", "lenet5")
MAX_EXAMPLES: Final = (1 << 29) - 1
_MAX_CREATORS: Final = 1_000
_MAX_COLUMNS: Final = 4_096


@dataclass(frozen=True)
class Asked:
    """What a round asks of a peer, from the proof of its task.

    Attributes
    ----------
    creator
        Of the job, 16 bytes.
    model, num_rounds, local_epochs, max_num_examples
        Of the job spec.
    rows
        The peer has.
    columns
        Of the peer's table that training looks at, the label's among them; None where they have no names.
    now
        With a time zone.
    jobs
        Other jobs that the peer has sent updates to.
    """

    creator: bytes
    model: str
    num_rounds: int
    local_epochs: int
    max_num_examples: int
    rows: int
    columns: Sequence[str] | None = None
    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.timezone.utc))
    jobs: int = 0


@dataclass(frozen=True)
class Refusal:
    """A rule that a request breaks: the field of the policy, what it allows and what was asked."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


@dataclass(frozen=True)
class Decision:
    """The answer: the rules that say no, or else the entries that allow creator and model."""

    refusals: tuple[Refusal, ...]
    rule: str

    @property
    def allowed(self) -> bool:
        """Whether no rule is broken."""
        return not self.refusals

    def __str__(self) -> str:
        return "; ".join(map(str, self.refusals)) or self.rule


@dataclass(frozen=True)
class Hours:
    """A window of the day in UTC, in minutes; one that ends before it begins goes over midnight."""

    start: int
    end: int
    text: str

    def holds(self, time: datetime.datetime) -> bool:
        """Return whether the time lies in the window, its end outside."""
        utc = time.astimezone(datetime.timezone.utc)
        minute = utc.hour * 60 + utc.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True)
class Policy:
    """What an owner allows. Limits of 0 are none; make one with :meth:`parse` or :meth:`load`.

    Attributes
    ----------
    digest
        SHA-256 of the file, 32 bytes.
    """

    digest: bytes
    creators: tuple[bytes, ...] | None
    models: tuple[str, ...] | None
    columns: tuple[str, ...] | None
    max_rounds: int
    max_jobs: int
    max_local_epochs: int
    hours: Hours | None
    cpus: int
    min_examples: int
    max_examples: int
    multiple_of: int
    metrics: bool

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a policy file."""
        with Path(path).open("rb") as file:
            return cls.parse(file.read(MAX_BYTES + 1))

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read the bytes of a policy file.

        Raises
        ------
        PolicyError
            It breaks the rules for such files; every problem is named.
        """
        top = load(data, MAX_BYTES)
        reveal = top.fields("reveal")
        creators = _creators(top)
        policy = cls(
            digest=digest(data),
            creators=creators,
            models=_models(top),
            columns=_columns(top),
            max_rounds=top.limit("max_rounds", 100_000),
            max_jobs=top.limit("max_jobs", 1 << 31),
            max_local_epochs=top.limit("max_local_epochs", 1_000),
            hours=_hours(top),
            cpus=top.limit("cpus", 1_024),
            min_examples=reveal.limit("min_examples", MAX_EXAMPLES),
            max_examples=reveal.limit("max_examples", MAX_EXAMPLES),
            multiple_of=reveal.limit("multiple_of", MAX_EXAMPLES),
            metrics=reveal.flag("metrics", default=True),
        )
        if 0 < policy.max_examples < policy.multiple_of:
            top.say(f"reveal.multiple_of: {policy.multiple_of} is more than max_examples, {policy.max_examples}")
        top.finish()
        return policy

    def decide(self, asked: Asked) -> Decision:
        """Say whether a round may be trained, and name every rule that says no."""
        found: list[Refusal] = []
        if self.creators is not None and asked.creator not in self.creators:
            found.append(Refusal("creators", f"member {asked.creator.hex()} is not listed"))
        if self.models is not None and asked.model not in self.models:
            found.append(Refusal("models", f"{asked.model} is not listed"))
        if self.columns is not None:
            if asked.columns is None:
                found.append(Refusal("columns", "the data has no columns with names; leave the list out for it"))
            found += [
                Refusal("columns", f"{quote(name[:40])} is not listed")
                for name in asked.columns or ()
                if name not in self.columns
            ]
        for rule, wanted, most, what in (
            ("max_rounds", asked.num_rounds, self.max_rounds, "rounds in the job"),
            ("max_jobs", asked.jobs + 1, self.max_jobs, "jobs with this one"),
            ("max_local_epochs", asked.local_epochs, self.max_local_epochs, "epochs in a round"),
        ):
            if 0 < most < wanted:
                found.append(Refusal(rule, f"{wanted} {what}, at most {most} are allowed"))
        if self.hours is not None and not self.hours.holds(asked.now):
            time = asked.now.astimezone(datetime.timezone.utc)
            found.append(Refusal("hours_utc", f"it is {time:%H:%M}, allowed is {self.hours.text}"))
        if asked.rows < self.min_examples:
            found.append(
                Refusal("reveal.min_examples", f"there are {asked.rows} rows, want at least {self.min_examples}")
            )
        elif self.examples(asked.rows, asked.max_num_examples) == 0:
            detail = (
                f"nothing is left of {asked.rows} rows in steps of {self.multiple_of}, at most {asked.max_num_examples}"
            )
            found.append(Refusal("reveal.multiple_of", detail))
        rule = f"{_place('creators', self.creators, asked.creator)}, {_place('models', self.models, asked.model)}"
        return Decision(tuple(found), "" if found else rule)

    def reveals(self, rows: int, most: int) -> bool:
        """Return whether metrics of so many rows may be told, where the job counts at most so many."""
        return self.metrics and rows >= self.min_examples and self.examples(rows, most) > 0

    def examples(self, rows: int, most: int) -> int:
        """Return the number of examples that a peer claims of its rows, where the job counts at most so many."""
        n = min(rows, most)
        if self.max_examples:
            n = min(n, self.max_examples)
        if self.multiple_of:
            n -= n % self.multiple_of
        return max(n, 0)


def _place(name: str, entries: Sequence[object] | None, entry: object) -> str:
    if entries is None:
        return f"{name}[{ANY}]"
    return f"{name}[{entries.index(entry)}]" if entry in entries else ""


def _any(top: Fields, name: str) -> tuple[list[str], bool]:
    """Return a list that must be given, and whether it allows all."""
    texts = top.texts(name) or []
    if not texts:
        top.say(f"{name}: must be given; [{ANY}] allows all")
    if ANY in texts and len(texts) > 1:
        top.say(f"{name}: {quote(ANY)} stands alone")
    return texts, ANY in texts


def _creators(top: Fields) -> tuple[bytes, ...] | None:
    texts, everyone = _any(top, "creators")
    if everyone:
        return None
    if len(texts) > _MAX_CREATORS:
        top.say(f"creators: {len(texts)} of them, at most {_MAX_CREATORS} are allowed")
        return ()
    for i, text in enumerate(texts):
        if len(text) != 32 or not set(text) <= set("0123456789abcdef"):
            top.say(f"creators[{i}]: {quote(text[:40])} is no member's id")
        elif text in texts[:i]:
            top.say(f"creators[{i}]: {text} is listed twice")
    return () if top.problems else tuple(bytes.fromhex(text) for text in texts)


def _models(top: Fields) -> tuple[str, ...] | None:
    names, everything = _any(top, "models")
    if everything:
        return None
    for i, name in enumerate(names):
        if name not in MODELS:
            top.say(f"models[{i}]: no model {quote(name[:40])}, want of {', '.join(MODELS)}")
        elif name in names[:i]:
            top.say(f"models[{i}]: {name} is listed twice")
    return tuple(names)


def _columns(top: Fields) -> tuple[str, ...] | None:
    names = top.texts("columns")
    if names is None:
        return None
    if len(names) > _MAX_COLUMNS:
        top.say(f"columns: {len(names)} of them, at most {_MAX_COLUMNS} are allowed")
    elif len(set(names)) < len(names):
        top.say("columns: one is listed twice")
    return tuple(names)


def _hours(top: Fields) -> Hours | None:
    text = top.text("hours_utc")
    if text is None:
        return None
    start, _, end = text.partition("-")
    minutes = [_minute(start), _minute(end)]
    if minutes[0] is None or minutes[1] is None or minutes[0] == minutes[1]:
        top.say(f"hours_utc: {quote(text[:24])}, want HH:MM-HH:MM with two different times")
        return None
    return Hours(minutes[0], minutes[1], text)


def _minute(text: str) -> int | None:
    digits = text[:2] + text[3:]
    if len(text) != 5 or text[2] != ":" or not (digits.isascii() and digits.isdigit()):
        return None
    hour, minute = int(text[:2]), int(text[3:])
    return hour * 60 + minute if hour < 24 and minute < 60 else None


_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def quote(text: str) -> str:
    r"""Return text between quotes, so that it can't steer a terminal; the form is Go's.

    >>> print(quote("né\n\x1b[1m"))
    "né\n\x1b[1m"
    """
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def _escaped(c: str) -> str:
    code = ord(c)
    if c == "\v":
        return "\\v"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
