"""Values as JSON has them."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import uuid
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from evolsynth.errors import InputError

__all__ = ["LEVELS", "plain_fields", "shown"]

#: The most levels of lists and objects in a row.
LEVELS = 100
_SIMPLE = frozenset((str, int, bool, type(None)))


def plain_fields(data: Mapping[Any, Any]) -> Mapping[str, Any]:
    """The fields with values that JSON has; the same mapping if they are all so already.

    numpy's scalars and arrays become numbers and lists, dates and times ISO 8601 text, a
    timedelta its seconds, a Decimal a float, NaN, NaT and NA null, tuples lists, structs objects.

    Raises:
        InputError: a value that JSON has no place for (bytes, a set, infinity, an object), with
            the field's name; or a name that is no text.
    """
    if all(type(value) in _SIMPLE and type(name) is str for name, value in data.items()):
        return data
    return {_name(name): _field(name, value) for name, value in data.items()}


def shown(value: Any) -> Any:
    """The value as JSON for people to look at, with a note in place of what cannot be kept."""
    if isinstance(value, Mapping):
        return {str(name): shown(inner) for name, inner in value.items()}
    try:
        return _plain(value, LEVELS)
    except InputError:
        return f"({type(value).__name__})"


def _field(name: Any, value: Any) -> Any:
    try:
        return _plain(value, LEVELS)
    except InputError as error:
        raise InputError(f"field '{name}': {error}") from None


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise InputError(f"the field name {name!r} is no text. Make it one.")
    return str(name)


def _plain(value: Any, levels: int) -> Any:
    kind = type(value)
    if kind in _SIMPLE:
        return value
    if kind is float:
        return _number(value)
    if not levels:
        raise InputError(f"nested too deeply, over {LEVELS} levels. Make it flatter.")
    if isinstance(value, list | tuple):
        return [_plain(inner, levels - 1) for inner in value]
    if isinstance(value, Mapping):
        return {_name(name): _plain(inner, levels - 1) for name, inner in value.items()}
    return _foreign(value, levels)


def _number(value: float) -> float | None:
    if value != value:  # not a number
        return None
    if math.isinf(value):
        raise InputError("JSON has no infinity. Give a number, or null.")
    return value


def _foreign(value: Any, levels: int) -> Any:
    if isinstance(value, enum.Enum) and isinstance(value.value, str):
        return str(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, uuid.UUID | PurePath):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):
        return None if value != value else value.isoformat()  # pandas' NaT is a datetime
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | decimal.Decimal):
        return _number(float(value))
    if type(value).__name__ == "NAType":  # pandas
        return None
    if type(value).__module__ == "numpy":
        return _from_numpy(value, levels)
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.structs.asdict(value), levels - 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return _plain({f.name: getattr(value, f.name) for f in fields}, levels - 1)
    what = "bytes" if isinstance(value, bytes | bytearray | memoryview) else type(value).__name__
    raise InputError(
        f"JSON cannot hold {what}. Make it text, a number, a list or a dict, or leave it out."
    )


def _from_numpy(value: Any, levels: int) -> Any:
    if value.dtype.kind in "mM" and value.ndim == 0:
        if value != value:  # NaT
            return None
        return str(value) if value.dtype.kind == "M" else float(value / type(value)(1, "s"))
    return _plain(value.tolist() if value.ndim else value.item(), levels - 1)
