"""The text that an instruction is about: which field has it, and whether the instruction does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["alone", "holds", "input_of"]

_FIELDS = ("input", "context")


def input_of(fields: Mapping[str, Any]) -> str | None:
    """The text that an instruction is about, among the fields of its row; see `Row.input`."""
    for name in _FIELDS:
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
    text = text.strip()
    if not text or text not in instruction:
        return False
    if len(text.split()) >= _LONG:
        return True
    by_itself = rf"(?:\A|\n|: ?|[\"'`“‘])\s*{re.escape(text)}\s*(?:\Z|\n|[\"'`”’]|[.?!](?:\s|\Z))"
    return re.search(by_itself, instruction) is not None


def alone(instruction: str, text: str | None) -> str:
    """An instruction without the input that it may hold, so that only what it asks is left."""
    if text is None or not holds(instruction, text):
        return instruction
    before, _, behind = instruction.partition(text.strip())
    return f"{before.rstrip()} {behind.lstrip()}".strip()
