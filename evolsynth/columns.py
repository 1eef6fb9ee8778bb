"""Columns: which a stream of rows has, what they hold, how a step changes them; and a row's own, by
their names: its fields, and those that an input file brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from evolsynth.errors import InputError
from evolsynth.flat import COLUMNS
from evolsynth.rows import Row

__all__ = ["KEPT", "USUAL", "ColumnRule", "ColumnType", "Columns", "column", "moved", "names_in"]
__all__ += ["only", "renamed", "swap", "swapped", "with_column"]

T = TypeVar("T")

#: What a column of a row holds: a text, a list of texts, turns of a conversation, a number.
ColumnType = Literal["text", "texts", "messages", "number", "any"]

#: The type of a row's own fields.
USUAL: Mapping[str, ColumnType] = {
    "instruction": "text",
    "response": "text",
    "system": "text",
    "messages": "messages",
}
#: What every row has.
KEPT = frozenset((*Row.__struct_fields__, *COLUMNS)) - {*USUAL, "extra", "input"}


class Columns(NamedTuple):
    """The columns of a stream of rows.

    ``has``: those of all of them. ``sometimes``: those of some, and which lack them. ``open``:
    there may be others.
    """

    has: Mapping[str, ColumnType] = {}
    sometimes: Mapping[str, str] = {}
    open: bool = False

    def knows(self, name: str) -> bool:
        """Whether there may be such a column."""
        return self.open or name in self.has or name in self.sometimes

    @property
    def names(self) -> list[str]:
        """Those that are known."""
        return [*self.has, *self.sometimes]

    def plus(self, more: Mapping[str, ColumnType]) -> Columns:
        """With these as well."""
        left = {name: why for name, why in self.sometimes.items() if name not in more}
        return Columns({**self.has, **more}, left, self.open)


#: What comes out of a step, by its name, its options and what comes in.
ColumnRule = Callable[[str, Mapping[str, Any], Columns], Columns]


def swap(columns: Columns, names: Mapping[str, str]) -> Columns:
    """With the two names of each pair changed about."""
    has, sometimes = dict(columns.has), dict(columns.sometimes)
    for one, other in names.items():
        has, sometimes = _exchanged(has, one, other), _exchanged(sometimes, one, other)
    return Columns(has, sometimes, columns.open)


def _exchanged(held: dict[str, T], one: str, other: str) -> dict[str, T]:
    names = {one: other, other: one}
    return {names.get(name, name): value for name, value in held.items()}


def moved(columns: Columns, names: Mapping[str, str]) -> Columns:
    """With columns under other names."""
    has, sometimes = dict(columns.has), dict(columns.sometimes)
    for one, other in names.items():
        if one == other:
            continue
        if one in has:
            has[other] = has.pop(one)
            sometimes.pop(other, None)
        elif one in sometimes:
            why = sometimes.pop(one)
            if other in has:
                has[other] = USUAL.get(other, "any")
            else:
                sometimes[other] = why
        elif columns.open:  # whoever names it knows that it is there
            has.setdefault(other, USUAL.get(other, "any"))
    return Columns(has, sometimes, columns.open)


def names_in(value: object) -> list[str]:
    """The names in an option that is a list of them."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []


# Of one row --------------------------------------------------------------------------------------

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
