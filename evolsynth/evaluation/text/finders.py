"""Finds the words of a list in a request, where they stand: at its beginning, behind "write a".

The lists are data files, as ``task.txt``: a section is ``[KIND: PLACE]``, and its lines are regular
expressions with " | " between them. For English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["PLACES", "POLITE", "alternatives", "finder"]

#: The beginning of a request, polite or not.
POLITE = r"^\W*(?:please |can you |could you )?"
_MAKE = r"(?:write|create|compose|generate|draft|make|produce|give me|come up with|tell)"
_THE = (
    r"(?!(?:me |us )?(?:why|if|whether|about|how|what)\b)(?:me |us )?"
    r"(?:an? |the |some |one |two |three |\d+ )?(?:[\w'-]+ ){0,3}?"
)
#: The places, each a pattern for the words that stand there.
PLACES: Mapping[str, str] = {
    "anywhere": r"\b(?:%s)\b",
    "first": r"^\W*(?:%s)\b",
    "asked": rf"{POLITE}(?:%s)\b",
    "made": rf"\b{_MAKE} {_THE}(?:%s)s?\b",
    "at last": rf"{POLITE}(?:%s)\b",
}


def alternatives(lists: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The expressions of each section of a data file, joined."""
    return {
        name: "|".join(word for line in lines for word in line.split(" | "))
        for name, lines in lists.items()
    }


def finder(words: Mapping[str, str], kind: str, *places: str) -> re.Pattern[str]:
    """What finds the words of a kind at any of the places; nothing where it has none.

    Not where words of its section ``not before`` follow.
    """
    parts = [PLACES[p] % some for p in places if (some := words.get(f"{kind}: {p}"))]
    if not parts:
        return re.compile("(?!)")
    behind = words.get(f"{kind}: not before")
    return re.compile("|".join(parts) + (f"(?! (?:{behind}))" if behind else ""), re.I)
