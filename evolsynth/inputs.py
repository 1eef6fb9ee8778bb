"""The text that an instruction is about: which field has it, and whether the instruction does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["INPUTS", "OF_TEXT", "alone", "holds", "input_of", "of_task", "stands_for_none"]
__all__ += ["said_later", "text_of"]

#: The fields that may hold it, the likelier first.
INPUTS = ("input", "context")
#: Columns of a row that tell of the text that it is about.
OF_TEXT = (*INPUTS, "title", "heading", "source", "place", "part", "evidence")


def input_of(fields: Mapping[str, Any]) -> str | None:
    """The text that an instruction is about, among the fields of its row; see `Row.input`."""
    for name in INPUTS:
        text = fields.get(name)
        if isinstance(text, str) and text.strip() and not stands_for_none(text):
            return text
    return None


_NONE = re.compile(
    r"[\W_]*(?:no ?inputs?(?: (?:is |was )?(?:needed|required|provided|given|necessary|available))?"
    r"|n/a|none(?: (?:is )?(?:given|needed|required|provided))?|not applicable)[\W_]*",
    re.I,
)


def stands_for_none(text: str) -> bool:
    """Whether a text says that there is none, as ``<noinput>`` and ``N/A`` do in Alpaca's files."""
    return len(text) <= _SHORT and _NONE.fullmatch(text) is not None


_SHORT = 40  # characters: no longer text is such a sign


def text_of(content: object) -> str:
    """What a turn of a conversation says: its text, the texts of its parts, or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return ""
    parts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
    return "\n".join(part for part in parts if isinstance(part, str))


def said_later(turns: Iterable[tuple[object, object]]) -> str:
    """What the user says behind the first turn of a conversation, of its roles and contents."""
    said = (text_of(content) for role, content in turns if role == "user")
    next(said, None)
    return "\n\n".join(filter(None, said))


def of_task(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that tell what a task is about: its input; of a passage that was cut out of a
    file, which has its ``place``, all that is known of the text."""
    if "place" in fields:
        return {name: fields[name] for name in OF_TEXT if name in fields}
    return {name: fields[name] for name in INPUTS if fields.get(name)}


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
