"""A kind for each column, told from the values that rows have there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from evolsynth.columns import KEPT, ColumnType
from evolsynth.errors import InputError
from evolsynth.rows import Row

__all__ = ["columns_of", "given_columns", "own_columns"]

_KINDS: tuple[ColumnType, ...] = get_args(ColumnType)
_TEXTS = ("instruction", "response", "system")


def columns_of(rows: Iterable[Row]) -> dict[str, ColumnType]:
    """The columns that at least one of the rows has, in the order of their first row.

    They are ``instruction``, ``response``, ``system`` and ``messages`` where these are filled,
    and all fields of the user's own. What every row has (ids, scores, a verdict) is no column.
    Settled rows, which no step works on, do not count.
    """
    found: dict[str, ColumnType | None] = {}
    for row in rows:
        if row.settled:
            continue
        for name in _TEXTS:
            if getattr(row, name) is not None:
                found[name] = "text"
        if row.messages:
            found["messages"] = "messages"
        for name, value in row.extra.items():
            kind, known = _kind_of(value), found.get(name)
            found[name] = kind if known is None else known if kind in (None, known) else "any"
    return {name: kind or "any" for name, kind in found.items()}


def own_columns(columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """The columns without what every row has, the known ones with their own kinds."""
    known: dict[str, ColumnType] = {**dict.fromkeys(_TEXTS, "text"), "messages": "messages"}
    return {
        name: known.get(name, kind)
        for name, kind in columns.items()
        if name in known or name not in (*KEPT, "extra")
    }


def _kind_of(value: Any) -> ColumnType | None:
    """The kind of a JSON value; None if it tells nothing."""
    if value is None or value == []:
        return None
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "any" if isinstance(value, bool) else "number"
    if isinstance(value, list):
        if all(isinstance(inner, str) for inner in value):
            return "texts"
        if all(isinstance(inner, dict) and {"role", "content"} <= set(inner) for inner in value):
            return "messages"
    return "any"


def given_columns(columns: object) -> dict[str, ColumnType] | None:
    """The columns as a user names them: a mapping from names to kinds, or just names.

    Raises:
        InputError: it is neither, or a kind is unknown.
    """
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        for name, kind in columns.items():
            if kind not in _KINDS:
                raise InputError(
                    f"columns: '{name}' is said to be {kind!r}. It is one of {', '.join(_KINDS)}."
                )
        return dict(columns)
    if isinstance(columns, Sequence) and not isinstance(columns, str | bytes):
        return dict.fromkeys(map(str, columns), "any")
    raise InputError("columns: give names, or a mapping from names to kinds.")
