"""Finds the words of a list in a request, where they stand: at its beginning, behind "write a".

The lists are data files, as ``task.txt``: a section is ``[KIND: PLACE]``, and its lines are regular
expressions with " | " between them. For English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["PLACES", "POLITE", "AnyCase", "alternatives", "finder"]

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


class AnyCase:
    """A regular expression in small letters, which is looked for in letters of any case.

    Python compares letters of any case one by one, for each word of a long list at each place. In
    a text of ASCII the same is found several times as quickly among its small letters.

    Args:
        pattern: without capitals, also such as "[^A-Z]", and without the letters beside ASCII whose
            other case is in it.
        hints: in small letters; no match is without one of them. None: nothing is known.

    Raises:
        ValueError: a capital, or one of those letters, stands in the pattern.
    """

    def __init__(self, pattern: str, *hints: str) -> None:
        bare = re.sub(r"\\.|\(\?P", "", pattern)
        if bare != bare.lower() or "(?-i" in bare or not _ODD.isdisjoint(bare):
            raise ValueError(f"{pattern!r:.60} cannot be looked for in small letters.")
        self._any, self._small = re.compile(pattern, re.I), re.compile(pattern)
        self._hints = hints

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        if not text.isascii():
            return self._any.search(text) is not None
        return self.hinted(text) and self._small.search(text.lower()) is not None

    def hinted(self, text: str) -> bool:
        """Whether a text has one of the hints, or it cannot be told."""
        if not self._hints or not text.isascii():
            return True
        small = text.lower()
        for hint in self._hints:  # noqa: SIM110 - `any` takes twice as long
            if hint in small:
                return True
        return False

    def search(self, text: str) -> re.Match[str] | None:
        """Its first match in a text."""
        return self._any.search(text) if self.found_in(text) else None


#: Letters beside ASCII that are taken for a letter of ASCII where case does not count.
_ODD = frozenset("\u0130\u0131\u017f\u212a")


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
