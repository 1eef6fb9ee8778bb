"""A row's columns by their names: its own fields, and those that an input file brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evolsynth.columns import KEPT
from evolsynth.errors import InputError
from evolsynth.rows import Row

__all__ = ["column", "renamed", "swapped", "with_column"]

_FIELDS = frozenset(Row.__struct_fields__) - {"extra"}
_TEXTS = frozenset({"instruction", "response", "system"})


def column(row: Row, name: str) -> Any:
    """What stands in a column; None where there is nothing."""
    return getattr(row, name) if name in _FIELDS else row.extra.get(name)


def with_column(row: Row, name: str, value: Any) -> Row:
    """The row with another value in a column; None takes it away.

    Raises:
        InputError: the column is one of those that a run keeps, or the value is no text where
            one must be.
    """
    if name in KEPT:
        raise InputError(f"'{name}' is a column that the run keeps. Choose another name.")
    if name in _TEXTS:
        if value is not None and not isinstance(value, str):
            raise InputError(
                f"Row {row.id}: '{name}' must be a text, not {type(value).__name__}. "
                "Map another column to it."
            )
        return row.replace(**{name: value})
    if name == "messages":
        return Row.from_dict({**row.to_dict(), "messages": value or ()})
    if value is None:
        return row.replace(extra={k: v for k, v in row.extra.items() if k != name})
    return row.replace(extra={**row.extra, name: value})


def swapped(row: Row, names: Mapping[str, str]) -> Row:
    """The row with the values of two columns changed about, for each pair."""
    for one, other in names.items():
        if one != other:
            first, second = column(row, one), column(row, other)
            if first is not None or second is not None:
                row = with_column(with_column(row, one, second), other, first)
    return row


def renamed(row: Row, names: Mapping[str, str]) -> Row:
    """The row with columns moved to other names; one that is not there changes nothing."""
    for one, other in names.items():
        value = column(row, one)
        if one != other and value is not None:
            row = with_column(with_column(row, other, value), one, None)
    return row


def only(row: Row, names: Iterable[str]) -> Row:
    """The row with none but these columns, and what a run keeps."""
    wanted = set(names)
    for name in (*_TEXTS, "messages"):
        if name not in wanted and column(row, name):
            row = with_column(row, name, None)
    return row.replace(extra={k: v for k, v in row.extra.items() if k in wanted})
