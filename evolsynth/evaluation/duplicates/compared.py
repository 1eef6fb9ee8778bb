"""What of a row is compared with other rows: the text of a field, and what that is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.errors import InputError
from evolsynth.inputs import holds, input_of, said_later

__all__ = ["about", "has_about", "text_in"]

_ASKED = "instruction"


def text_in(row: Mapping[str, Any], field: str, where: str) -> str:
    """The text of a field.

    Raises:
        InputError: the row has no such field, or no text in it; ``where`` is the row's place.
    """
    text = row.get(field)
    if isinstance(text, str):
        return text
    if text is not None:
        raise InputError(
            f"{where}: the field '{field}' holds no text. Name with --field one that does."
        )
    texts = [f"{name:.60}" for name, value in row.items() if isinstance(value, str)]
    there = f"It has {', '.join(texts[:5])}." if texts else "It has no field with text."
    raise InputError(f"{where}: no field '{field}'. {there} Name with --field the one to compare.")


def has_about(row: Mapping[str, Any], field: str) -> bool:
    """Whether there may be something that the text of a field is about."""
    return field == _ASKED and (input_of(row) is not None or bool(_later(row)))


def about(row: Mapping[str, Any], field: str) -> str:
    """An instruction's input and what is said behind its first turn (see `Row.around`); empty
    where there is none, or the field is another."""
    if not has_about(row, field):
        return ""
    text = input_of(row) or ""
    own = "" if holds(row[_ASKED], text) else text
    return "\n\n".join(filter(None, (own, _later(row))))


def _later(row: Mapping[str, Any]) -> str:
    turns = row.get("messages")
    if not isinstance(turns, list):
        return ""
    return said_later((t.get("role"), t.get("content")) for t in turns if isinstance(t, dict))
