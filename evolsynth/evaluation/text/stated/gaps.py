"""Words of a sentence that a gap may take the place of, for whoever has the text to fill it again.

Years, numbers, names within the sentence, and its last word. For English.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import FUNCTION_WORDS

__all__ = ["GAP", "Gap", "gapped", "gaps"]

#: What stands in the place of a missing word.
GAP = "____"
_YEAR = re.compile(
    r"(?<=\bin )(?:1\d{3}|20[0-2]\d)(?!\d|[,.]\d|-| [a-z]+s\b)"
    r"|(?<=[a-z]{3} )(?:1\d{3}|20[0-2]\d)(?=\.$)"
)
_NUMBER = re.compile(
    r"(?<![\w.,:/$€£°^-])\d{1,3}(?:,\d{3})*(?:\.\d+)?(?![\d:/%-]|,\d|\.\d|st\b|nd\b|rd\b|th\b)"
)
_SPOKEN = re.compile(r"(?<=[a-z] )(?:" + "|".join(w for w in COUNTS if w != "one") + r")(?= [a-z])")
_DATES = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
_NAME = re.compile(
    rf"(?<=[a-z,] )(?!(?:{_DATES})\b)[A-Z][a-z]{{2,}}(?: [A-Z][a-z]+)*"
    r"(?=[ ,.])(?! (?:[A-Z0-9]|de |of |the |and [A-Z]))"
)
_ADJECTIVE = re.compile(r"(?:ian|ish|ese|ean|can|rman|ench|utch|eek|iss)$")
_LAST = re.compile(r"(?<=[a-z] )[a-z]{4,}(?=\.$)")


class Gap(NamedTuple):
    """What is missing, where it stood, and what it is: a year, number, name or word."""

    start: int
    end: int
    kind: str


def gaps(sentence: str) -> list[Gap]:
    """What may be left out of a sentence, in order of its place: each only once in it."""
    found: dict[int, Gap] = {}
    for kind, pattern in (
        ("year", _YEAR),
        ("number", _NUMBER),
        ("number", _SPOKEN),
        ("name", _NAME),
        ("word", _LAST),
    ):
        for match in pattern.finditer(sentence):
            word = match.group()
            once = len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", sentence, re.I)) == 1
            if kind == "name" and _ADJECTIVE.search(word) and sentence[match.end()] == " ":
                continue
            content = kind != "word" or not (word in FUNCTION_WORDS or word.endswith("ly"))
            if once and content and match.start() > 0:
                found.setdefault(match.start(), Gap(*match.span(), kind))
    return [found[start] for start in sorted(found)]


def gapped(sentence: str, start: int, end: int) -> str:
    """The sentence with a gap in the place of ``sentence[start:end]``."""
    return f"{sentence[:start]}{GAP}{sentence[end:]}"
