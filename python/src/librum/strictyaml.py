"""Strict YAML: one document of known fields, each given once, without anchors, merge keys or missing values.

Text is what stands in the file, whatever YAML would make of it: an id of digits alone stays text, ``no`` stays a
word. Whole numbers are written in decimal.
"""

from __future__ import annotations

import re
from typing import Any, Final

from librum.errors import PolicyError

_MAX_DEPTH: Final = 16
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_FLAGS: Final = {"true": True, "false": False}


class Fields:
    """The fields of a mapping. What is wrong with them is gathered until :meth:`finish`."""

    def __init__(self, node: Any, prefix: str, problems: list[str]) -> None:
        self.problems = problems
        self._prefix = prefix
        self._left: dict[str, Any] = {}
        self._inner: list[Fields] = []
        for key, value in node.value if node is not None else ():
            if key.value in self._left:
                self.say(f"line {key.start_mark.line + 1}: {key.value} is given twice")
            self._left[key.value] = value

    def say(self, problem: str) -> None:
        """Note what is wrong."""
        self.problems.append(problem)

    def fields(self, name: str) -> Fields:
        """Return the mapping in a field, empty where there is none."""
        node = self._take(name, "mapping")
        self._inner.append(Fields(node, f"{self._prefix}{name}.", self.problems))
        return self._inner[-1]

    def text(self, name: str) -> str | None:
        """Return the text in a field, None where there is none."""
        node = self._take(name, "scalar")
        return None if node is None else str(node.value)

    def texts(self, name: str) -> list[str] | None:
        """Return the list of texts in a field, None where there is none."""
        node = self._take(name, "sequence")
        if node is None:
            return None
        if any(item.id != "scalar" for item in node.value):
            self.say(f"{self._prefix}{name}: want a list of texts")
            return []
        return [str(item.value) for item in node.value]

    def limit(self, name: str, most: int) -> int:
        """Return the number in a field, from 1 to most; 0 where there is none."""
        text = self.text(name)
        if text is None:
            return 0
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
            self.say(f"{self._prefix}{name}: {text[:24]!r}, want 1 to {most}; leave it out for no limit")
            return 0
        return int(text)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return the truth value in a field."""
        text = self.text(name)
        if text is None:
            return default
        if text not in _FLAGS:
            self.say(f"{self._prefix}{name}: {text[:24]!r}, want true or false")
        return _FLAGS.get(text, default)

    def finish(self) -> None:
        """Raise a :class:`librum.PolicyError` with all that is wrong, fields that nobody asked for among it."""
        for part in (self, *self._inner):
            self.problems += [
                f"line {node.start_mark.line + 1}: field {part._prefix}{name} is not known here"
                for name, node in part._left.items()
            ]
        if self.problems:
            raise PolicyError("; ".join(self.problems))

    def _take(self, name: str, kind: str) -> Any:
        node = self._left.pop(name, None)
        if node is not None and node.id != kind:
            self.say(f"line {node.start_mark.line + 1}: {self._prefix}{name}: want a {kind}")
            return None
        return node


def load(data: bytes, limit: int) -> Fields:
    """Return the fields of a document of at most so many bytes.

    Raises
    ------
    PolicyError
        It is no such document.
    """
    import yaml

    if len(data) > limit:
        raise PolicyError(f"more than {limit} bytes")
    try:
        event: Any
        for event in yaml.parse(data, Loader=yaml.SafeLoader):  # before aliases could be followed
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise PolicyError(f"line {event.start_mark.line + 1}: anchors and aliases are not allowed")
        node: Any = yaml.compose(data, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(f"not one document of YAML: {error}") from None
    if node is None:
        raise PolicyError("the document is empty")
    if node.id != "mapping":
        raise PolicyError("want fields with values")
    _check(node, 0)
    return Fields(node, "", [])


def _check(node: Any, depth: int) -> None:
    line = node.start_mark.line + 1
    if depth > _MAX_DEPTH:
        raise PolicyError(f"line {line}: nested deeper than {_MAX_DEPTH} levels")
    kind = node.tag.rpartition(":")[2]
    if kind == "merge":
        raise PolicyError(f"line {line}: merge keys are not allowed")
    if kind == "null":
        raise PolicyError(f"line {line}: a value is missing")
    if not node.tag.startswith("tag:yaml.org,2002:") or kind in ("binary", "set", "omap", "pairs"):
        raise PolicyError(f"line {line}: tags are not allowed")
    parts = (
        node.value
        if node.id == "sequence"
        else [n for pair in node.value for n in pair]
        if node.id == "mapping"
        else []
    )
    for part in parts:
        _check(part, depth + 1)
    if node.id == "mapping" and any(key.id != "scalar" for key, _ in node.value):
        raise PolicyError(f"line {line}: want names of fields")
