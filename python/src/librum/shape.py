"""Says what form decoded values must have, so that readers may rely on it.

A shape is a function from a value and its place to the value; it raises :class:`MalformedError` that names the
place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from librum.errors import MalformedError

Shape: TypeAlias = Callable[[Any, str], Any]


def uint(bits: int) -> Shape:
    """Return the shape of a whole number from 0 that fits so many bits."""

    def check(value: Any, where: str) -> Any:
        if type(value) is not int or not 0 <= value < 1 << bits:
            raise MalformedError(f"{where}: want a whole number of at most {bits} bits")
        return value

    return check


def string(size: int | None = None) -> Shape:
    """Return the shape of a byte string, of just that size where one is given."""

    def check(value: Any, where: str) -> Any:
        if type(value) is not bytes or (size is not None and len(value) != size):
            raise MalformedError(f"{where}: want {size if size is not None else 'some'} bytes")
        return value

    return check


def array(**parts: Shape) -> Shape:
    """Return the shape of an array of just these parts, in order; the names are for errors."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(parts):
            raise MalformedError(f"{where}: want an array of {len(parts)}")
        return [part(v, f"{where}.{name}") for (name, part), v in zip(parts.items(), value, strict=True)]

    return check


def listing(item: Shape, most: int | None = None) -> Shape:
    """Return the shape of a list, of at most so many items."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, (list, tuple)) or (most is not None and len(value) > most):
            raise MalformedError(f"{where}: want a list{f' of at most {most}' if most is not None else ''}")
        return [item(v, f"{where}[{i}]") for i, v in enumerate(value)]

    return check


def mapping(required: dict[str, Shape], optional: dict[str, Shape] | None = None) -> Shape:
    """Return the shape of a map with these keys and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or not required.keys() <= value.keys() <= known.keys():
            raise MalformedError(f"{where}: want a map of {', '.join(required)}")
        return {key: known[key](v, f"{where}.{key}") for key, v in value.items()}

    return check


def table(item: Shape) -> Shape:
    """Return the shape of a map from any text."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or not all(type(key) is str for key in value):
            raise MalformedError(f"{where}: want a map with text keys")
        return {key: item(v, f"{where}.{key}") for key, v in value.items()}

    return check


def _of(kind: type, name: str) -> Shape:
    def check(value: Any, where: str) -> Any:
        if type(value) is not kind:
            raise MalformedError(f"{where}: want {name}")
        return value

    return check


text: Final = _of(str, "text")
boolean: Final = _of(bool, "true or false")
integer: Final = _of(int, "a whole number")
number: Final = _of(float, "a floating-point number")
identifier: Final = string(16)
sha256: Final = string(32)
