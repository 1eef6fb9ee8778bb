"""Columns of a stream of rows: which there are, what they hold, and how a step changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from evolsynth.rows import Row

__all__ = ["KEPT", "USUAL", "ColumnRule", "ColumnType", "Columns", "moved", "names_in", "swap"]

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
KEPT = frozenset(Row.__struct_fields__) - {*USUAL, "extra"}


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
