"""How often something is done, told by a count where the text names the days or the months.

"Twice a week" stands in "every Monday and every Thursday", "three times a year" in "each March,
June and October". For English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evolsynth.evaluation.support.reading import Sentence

__all__ = ["rates"]

_COUNTS = {"once": 1, "twice": 2, "thrice": 3} | {
    f"{count} times": value
    for value, word in enumerate(("two", "three", "four", "five", "six"), start=2)
    for count in (word, str(value))
}
_RATE = re.compile(
    rf"\b(?P<count>{'|'.join(_COUNTS)}) (?:an?|per|each|every) (?P<of>week|year)\b", re.I
)
_NAMED = {
    "week": r"(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    "year": r"(?:january|february|march|april|may|june|july|august|september|october|november"
    r"|december)",
}
_EACH = {
    of: re.compile(rf"\b(?:every|each) {names}\b|\b{names}s\b", re.I)
    for of, names in _NAMED.items()
}
_ONE = {of: re.compile(rf"\b({names})s?\b", re.I) for of, names in _NAMED.items()}
_SPAN = {
    of: re.compile(rf"\b{names}s? ?(?:to|till|until|through|[-–]) ?{names}", re.I)
    for of, names in _NAMED.items()
}


def rates(claim: Sentence, text: Sequence[Sentence]) -> list[tuple[int, int]]:
    """The places in a sentence of an answer of counts that a sentence of a text lists out.

    A span ("from Monday to Friday") lists nothing out.
    """
    return [
        match.span()
        for match in _RATE.finditer(claim.plain)
        if any(
            _listed(one.plain, match["of"].casefold()) == _COUNTS[match["count"].casefold()]
            for one in text
        )
    ]


def _listed(flat: str, of: str) -> int:
    """How many days or months a sentence names as those on which something is done each time."""
    if not _EACH[of].search(flat) or _SPAN[of].search(flat):
        return 0
    return len({found.casefold() for found in _ONE[of].findall(flat)})
