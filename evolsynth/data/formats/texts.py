"""Plain text: a task a line, or a column ``text`` and no other that holds a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form

__all__ = ["text"]


def _named(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The text, whatever else is there."""
    return {"instruction": record["text"]} if isinstance(record.get("text"), str) else None


@form("text", title="plain text", noun="texts", place=9, named=_named)
def text(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The text is what is asked."""
    said = [name for name, value in record.items() if isinstance(value, str) and name != "id"]
    return {"instruction": record["text"]} if said == ["text"] else None
