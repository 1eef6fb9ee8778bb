"""Text as the report shows it: invisible characters made visible, long text cut, one line or many.

Nothing here escapes HTML: the page's template does that for all that it prints.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from evolsynth.rows import Row

__all__ = ["cut", "embedded_text", "headline", "own_text", "shorten", "visible", "wrapped"]

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
    if row.beside is None:
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


def wrapped(text: str, *, width: int = 64, limit: int = 320) -> list[str]:
    """Lines of at most ``width`` characters of the first ``limit``; long words are broken."""
    return textwrap.wrap(visible(shorten(text, limit)), width) or ["(no text)"]
