"""How checks of demands read an answer: its sentences, words, and what is no prose.

Places are character offsets (from, up to) into the answer itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from evolsynth.evaluation.text.words import plain

__all__ = ["Place", "has_code", "phrase", "pick", "places_of"]
__all__ += ["sentence_places", "word_places"]

Place = tuple[int, int]

_CODE = re.compile(r"```|`[^`\n]*`|https?://|www\.|\b[\w.+-]{1,64}@[\w-]{1,64}\.[a-z]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
#: Where a sentence may end: marks with the quotes and brackets that close behind them, or a line.
_BORDER = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|\n+")
_NO_END = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[A-Za-z]|[A-Za-z]\.[A-Za-z]|mr|mrs|ms|dr|prof|st|no|fig|vs|jr|sr|inc|ltd|co|"
    r"approx|ca|cf|etc|vol|ed|gen|col|lt|capt|rev|u\.s|e\.g|i\.e|a\.m|p\.m|ph\.d)$",
    re.I,
)
#: Ends a sentence all the same where a capital follows ("... at 5 p.m. She left.").
_MAY_END = re.compile(r"(?:etc|u\.s|a\.m|p\.m|ph\.d|inc|ltd|co|jr|sr)$", re.I)
_MARKER = re.compile(r"\s*(?:[-*+•]\s*)?(?:\(?\d{1,3}|\(?[A-Za-z])$")


def has_code(text: str) -> bool:
    """Whether code, a link or an address stands in a text, which no rule for prose may change."""
    return _CODE.search(text) is not None


@lru_cache(maxsize=256)
def word_places(text: str) -> tuple[Place, ...]:
    """The words; "well-known" and "don't" are one each, Markdown's marks are none."""
    return tuple(match.span() for match in _WORD.finditer(text))


@lru_cache(maxsize=256)
def sentence_places(text: str) -> tuple[Place, ...]:
    """The sentences that hold a letter or a digit. The end of a line ends one, too, so a point of
    a list is one at least; abbreviations, initials, decimals and a list's numbers end none."""
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[Place]:
    start = 0
    for border in (*_BORDER.finditer(text), None):
        end = len(text) if border is None else border.end()
        if border is not None and _goes_on(text, start, border):
            continue
        piece = text[start:end]
        if any(map(str.isalnum, piece)):
            begin = start + len(piece) - len(piece.lstrip())
            yield begin, begin + len(piece.strip())
        start = end


def _goes_on(text: str, start: int, border: re.Match[str]) -> bool:
    """Whether a full stop is no end of a sentence."""
    if border.group()[:1] != "." or border.group()[:2] == "..":
        return False
    before = text[max(start, border.start() - 16) : border.start()]
    if border.start() - start <= 8 and _MARKER.fullmatch(text[start : border.start()]):
        return True
    if not _NO_END.search(before):
        return False
    behind = text[border.end() : border.end() + 3].strip()
    return not behind or not (_MAY_END.search(before) and behind[:1].isupper())


@lru_cache(maxsize=1024)
def phrase(word: str, *, forms: bool = False) -> re.Pattern[str]:
    """Finds a word or phrase, whatever its case, whole; with ``forms`` its plural and possessive,
    too. To be searched for in `plain` text."""
    parts = map(re.escape, plain(word).split())
    end = r"(?:'?s|es)?(?!\w)" if forms else r"(?!\w)"
    return re.compile(r"(?<!\w)" + r"\s+".join(parts) + end, re.I)


def places_of(word: str, text: str, *, forms: bool = False) -> list[Place]:
    """Where a word or phrase stands in a text; see `phrase`."""
    return [match.span() for match in phrase(word, forms=forms).finditer(plain(text))]


def pick(chance: random.Random, some: Sequence[str], number: int) -> list[str]:
    """So many of them, or all, in the order in which they stand."""
    chosen = set(chance.sample(range(len(some)), min(number, len(some))))
    return [one for place, one in enumerate(some) if place in chosen]
