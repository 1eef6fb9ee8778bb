"""Plain text: a task a line, or in a column ``text`` where that is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form

__all__ = ["text"]


@form("text", title="plain text", noun="texts", place=9)
def text(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The text is what is asked; that a column ``text`` is a task, only its user can know."""
    return {"instruction": record["text"]} if isinstance(record.get("text"), str) else None
