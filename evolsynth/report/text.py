"""Text as the report shows it: invisible characters made visible, long text cut, lost spans marked.

Nothing here escapes HTML: the page's template does that for all that it prints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from evolsynth.rows import Row

__all__ = ["Passage", "cut", "embedded_text", "headline", "marked", "own_text", "shorten"]
__all__ += ["visible"]

# Control characters, those that reorder a line (U+202A-202E, U+2066-2069), those that hide
# (zero width, tags), halves of surrogate pairs, which UTF-8 cannot carry, and what is no character.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2028\u2029\u2060\u2066-\u2069"
    r"\ufeff\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(value: Any) -> Any:
    """Replace each character that would hide or reorder text by its code point in brackets.

    >>> visible("pay\\u202eeno")
    'pay[U+202E]eno'

    What is not a plain ``str`` (numbers, markup that is safe already) is returned as it is.
    """
    if type(value) is not str:
        return value
    return _HIDDEN.sub(lambda match: f"[U+{ord(match.group()):04X}]", value)


def own_text(row: Row) -> str:
    """The text that stands for a row: its instruction, else its first user turn, else its response.

    Empty where there is none.
    """
    turns = (turn.content for turn in row.messages if turn.role == "user")
    return row.instruction or next(turns, "") or row.response or ""


def embedded_text(row: Row) -> str:
    """The text by which a row has its place among the others: its `gist`, or else its own text."""
    if not row.around:
        return own_text(row)
    from evolsynth.evaluation.text.gist import gist

    return gist(row) or own_text(row)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, and how many were left out, so that a cut never goes unsaid."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … [{len(text) - limit:,} more characters]"


def shorten(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters, white space squeezed, an ellipsis where cut."""
    line = " ".join(text[: 4 * limit].split())
    if len(line) > limit or len(text) > 4 * limit:
        return line[: limit - 1].rstrip() + "…"
    return line


def headline(row: Row, limit: int = 160) -> str:
    """A row in one line."""
    return shorten(embedded_text(row), limit) or "(no text)"


class Passage(NamedTuple):
    """A piece of a text, and what is to be said about it (nothing: plain text)."""

    text: str
    note: str = ""


def marked(text: str, lost: Any) -> tuple[list[Passage], list[str]]:
    """Cut a text at the borders of its lost spans.

    A span is trusted where the text at its offsets is the text it names; otherwise that text is
    searched for, once. Overlapping spans share passages, which then carry both notes.

    Returns:
        Passages that join to exactly ``text``, and one line on each span, also those whose text
        is nowhere to be found.
    """
    spans: list[tuple[int, int, str]] = []
    losses: list[str] = []
    for item in lost if isinstance(lost, list | tuple) else ():
        if not isinstance(item, Mapping):
            continue
        place, note = _place(text, item), _note(item)
        named = text[slice(*place)] if place else str(item.get("text", ""))
        losses.append(f"“{shorten(named, 80)}”: {note}" + ("" if place else " (not in this text)"))
        if place:
            spans.append((*place, note))
    borders = sorted({0, len(text), *(s for s, _, _ in spans), *(e for _, e, _ in spans)})
    passages = []
    for start, end in pairwise(borders):
        notes = dict.fromkeys(note for s, e, note in spans if s <= start and end <= e)
        passages.append(Passage(text[start:end], "; ".join(notes)))
    return passages, losses


def _place(text: str, item: Mapping[str, Any]) -> tuple[int, int] | None:
    start, end, named = item.get("start"), item.get("end"), item.get("text")
    if not isinstance(named, str):
        named = None
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
        here = text[start:end]
        if named is None or named == here:
            return start, end
    found = text.find(named) if named else -1
    return (found, found + len(named or "")) if found >= 0 else None


def _note(item: Mapping[str, Any]) -> str:
    kind = str(item.get("kind") or "text").replace("_", " ")
    became = item.get("became")
    return f"{kind}, became “{shorten(str(became), 80)}”" if became else f"{kind} lost"
