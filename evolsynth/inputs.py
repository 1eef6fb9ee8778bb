"""The text that an instruction is about: which field has it, and whether the instruction does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["INPUTS", "OF_TEXT", "alone", "holds", "input_of"]

#: The fields that may hold it, the likelier first.
INPUTS = ("input", "context")
#: Columns of a row that tell of the text that it is about.
OF_TEXT = (*INPUTS, "title", "heading", "source", "place", "part", "evidence")


def input_of(fields: Mapping[str, Any]) -> str | None:
    """The text that an instruction is about, among the fields of its row; see `Row.input`."""
    for name in INPUTS:
        text = fields.get(name)
        if isinstance(text, str) and text.strip():
            return text
    return None


_LONG = 4  # words that stand one after another in another text only if they were taken over


def holds(instruction: str, text: str) -> bool:
    """Whether an instruction has its input in it: "Translate into French: the house".

    A text of less than four words must stand by itself: in a line, in quotation marks, or behind a
    colon. The 3 in "Name 3 ways to use it." is not the input "3".
    """
    return _place(instruction, text.strip()) is not None


def alone(instruction: str, text: str | None) -> str:
    """An instruction without the input that it may hold, so that only what it asks is left."""
    place = None if text is None else _place(instruction, text.strip())
    if place is None:
        return instruction
    return f"{instruction[: place[0]].rstrip()} {instruction[place[1] :].lstrip()}".strip()


_BEFORE = r"(?:\A|\n|: ?|[\"'`“‘])\s{0,9}"
_BEHIND = r"\s{0,9}(?:\Z|\n|[\"'`”’]|[.?!](?:\s|\Z))"


def _place(instruction: str, text: str) -> tuple[int, int] | None:
    """Where an instruction has its input."""
    at = instruction.find(text) if text else -1
    if at < 0 or len(text.split()) >= _LONG:
        return None if at < 0 else (at, at + len(text))
    found = re.search(f"{_BEFORE}({re.escape(text)}){_BEHIND}", instruction)
    return None if found is None else found.span(1)
