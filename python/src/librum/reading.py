"""Reads JSON from strangers into the types of :mod:`librum.wire`."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import math
import types
import typing
from typing import Any, TypeVar

from librum import wire
from librum.errors import AnswerError

T = TypeVar("T")


def read(kind: type[T], value: object, where: str) -> T:
    """Return a decoded JSON value as a type of :mod:`librum.wire`.

    Raises
    ------
    AnswerError
        The value is of another form; the message says where.
    """
    result: T = _read(kind, value, where)
    return result


def hexadecimal(text: str, size: int, where: str) -> bytes:
    r"""Return the bytes of an id or a digest, of just that size.

    Raises
    ------
    AnswerError
        The text is none.

    >>> hexadecimal("00ff", 2, "id")
    b'\x00\xff'
    """
    if len(text) != 2 * size or not set(text) <= set("0123456789abcdef"):
        raise AnswerError(f"{where}: want {2 * size} lower-case hexadecimal digits")
    return bytes.fromhex(text)


@functools.cache
def fields(kind: type) -> dict[str, tuple[str, Any, bool]]:
    """Return name on the wire -> (attribute, type, required) of a type of :mod:`librum.wire`."""
    hints = typing.get_type_hints(kind, {**vars(wire), "Any": Any})
    return {
        f.name.removesuffix("_"): (f.name, hints[f.name], f.default is dataclasses.MISSING)
        for f in dataclasses.fields(kind)
    }


def _read(kind: Any, value: object, where: str) -> Any:
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin is types.UnionType:
        return None if value is None else _read(typing.get_args(kind)[0], value, where)
    if origin is list:
        if not isinstance(value, list):
            raise AnswerError(f"{where}: want a list")
        (item,) = typing.get_args(kind)
        return [_read(item, v, f"{where}[{i}]") for i, v in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            raise AnswerError(f"{where}: want an object")
        item = typing.get_args(kind)[1]
        return {k: _read(item, v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    return _scalar(kind, value, where)


def _object(kind: Any, value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise AnswerError(f"{where}: want an object")
    found: dict[str, Any] = {}
    for name, (attribute, hint, required) in fields(kind).items():
        if name in value:
            found[attribute] = _read(hint, value[name], f"{where}.{name}")
        elif required:
            raise AnswerError(f"{where}.{name}: missing")
    return kind(**found)


def _scalar(kind: Any, value: object, where: str) -> Any:
    if kind is bytes and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise AnswerError(f"{where}: want base64") from error
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if kind in (str, int, bool) and type(value) is kind:
        return value
    raise AnswerError(f"{where}: want {kind.__name__}, got {type(value).__name__}")
