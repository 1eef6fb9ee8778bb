"""The parts of an answer that demands count: words, sentences, lines, paragraphs, items of lists.

People and programs count some things differently: whether a dash is a word, whether a heading is a
sentence. So words and sentences have a fewest and a most; a demand is met where both agree to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.words import vocabulary

__all__ = [
    "Fence",
    "Item",
    "Sentence",
    "Span",
    "cut",
    "fences",
    "grouped",
    "in_paragraphs",
    "in_prose",
    "items",
]
__all__ += ["lines", "paragraphs", "sentence_count", "sentences", "unfenced", "word_count"]


class Span(NamedTuple):
    """A part of a text: from, up to, and what stands there, without white space around."""

    start: int
    end: int
    text: str


class Sentence(NamedTuple):
    """A sentence, and whether everybody would say that it ends there."""

    start: int
    end: int
    text: str
    sure: bool


class Fence(NamedTuple):
    """Code between two lines of backticks: where with them, the language, the code."""

    start: int
    end: int
    language: str
    code: str


class Item(NamedTuple):
    """A line of a list: where, how deep it is indented, its mark, and what it says."""

    start: int
    end: int
    indent: int
    mark: str
    text: str


# Words --------------------------------------------------------------------------------------------

_WORD = re.compile(r"\w+")


def word_count(text: str) -> tuple[int, int]:
    """The fewest and the most words: between white space, or runs of letters and digits.

    "Well-known" is one or two; a dash between spaces and the mark of a point are none.
    """
    spaced = sum(any(map(str.isalnum, word)) for word in text.split())
    runs = len(_WORD.findall(text))
    return min(spaced, runs), max(spaced, runs)


# Sentences ----------------------------------------------------------------------------------------

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+(?=\s|\Z)|\n+|\Z")
_OPENS = re.compile(r"\s*+[\"'“‘(\[]*+([*_#>•–—-]*+)\s*+(\S?)")
_BEFORE = re.compile(r"[\w.]*\Z")
_INITIALS = re.compile(r"(?:\w\.)+\w")
_NUMBER = re.compile(r"(?:(?<!.)|\s*\n[ \t]*)\d{1,3}\.")
_TITLES = vocabulary("mr mrs ms dr prof st rev gen capt lt sgt hon mt fig vs e.g i.e cf approx no")
_SHORT = vocabulary(
    """etc inc ltd co corp jr sr ph.d ave est dept al jan feb mar apr jun jul aug sep sept oct nov
    dec"""
)


def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text, the same for all demands.

    One ends surely behind a full stop, question or exclamation mark before white space. Not sure
    are ends behind abbreviations ("etc.", "U.S."), before small letters ('"Why?" she asked', but
    not where all letters are small) or marks of lists and bold type, behind the number of an item,
    and of lines that no such mark closes (headings, verses). None are those in numbers, "e.g." and
    "Dr.". English.
    """
    return _sentences(text)


@lru_cache(maxsize=256)
def _sentences(text: str) -> tuple[Sentence, ...]:
    body = text.rstrip()
    small = body.islower()
    found: list[Sentence] = []
    start = seen = 0
    said = False
    for end in _END.finditer(body):
        said = said or any(map(str.isalnum, body[seen : end.end()]))
        seen = end.end()
        sure = _is_sure(body, start, end, small) if said else None
        if sure is not None:
            found.append(Sentence(*_stripped(body, start, seen), sure))
            start, said = seen, False
    return tuple(found)


def _is_sure(text: str, start: int, end: re.Match[str], small: bool) -> bool | None:
    """Whether a sentence ends here surely, in a text of small letters alone or not; None: it does
    not end here."""
    if end.end() == len(text):
        return True
    mark, at = end.group(), end.start()
    if mark.isspace() or _NUMBER.fullmatch(text, start, end.end()):
        return False
    opened = _OPENS.match(text, end.end())
    small = small and mark[-1] in ".!?"  # behind a quotation its sentence may go on
    upper = opened is not None and (small or not opened[2].islower())
    marked = opened is not None and opened[1] != ""
    before = _BEFORE.search(text, max(start, at - 12), at)
    word = before.group().lower() if before and mark.startswith(".") else ""
    if mark == "." and word in _TITLES:
        return None
    if mark == "." and len(word) == 1 and word.isalpha() and word != "i":
        return None if upper else False
    if mark == "." and (word in _SHORT or _INITIALS.fullmatch(word)):
        return False if upper else None
    return upper and not marked and not mark.startswith(("..", "…"))


def sentence_count(text: str) -> tuple[int, int]:
    """The fewest and the most sentences of a text: those that surely end, and all."""
    some = sentences(text)
    return sum(one.sure for one in some[:-1]) + bool(some), len(some)


# Lines, paragraphs, items -------------------------------------------------------------------------

_LINE = re.compile(r"[^\n]+")
_BLANK = re.compile(r"\n[ \t\r]*(?=\n)")
_ITEM = re.compile(r"([ \t]*)([-*+•‣◦▪]|\d{1,3}[.)])(?:[ \t]+(.*)|)$")
_FORM = re.compile(r"^(?:#{1,6} |\||```|>|[ \t]*(?:-{3,}|\*{3,}|={3,})[ \t]*$)", re.M)
_FENCE = re.compile(r"^[ \t]*```([\w+#-]*)[ \t]*$", re.M)


def lines(text: str) -> list[Span]:
    """The lines that hold something."""
    return [
        _stripped(text, line.start(), line.end())
        for line in _LINE.finditer(text)
        if line.group().strip()
    ]


def paragraphs(text: str) -> list[Span]:
    """The parts between blank lines."""
    borders = [(m.start(), m.end()) for m in _BLANK.finditer(text)]
    starts = [0, *(end for _, end in borders)]
    ends = [*(start for start, _ in borders), len(text)]
    pairs = zip(starts, ends, strict=True)
    return [_stripped(text, start, end) for start, end in pairs if text[start:end].strip()]


def _stripped(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Span(start, start + len(piece), piece)


def items(text: str) -> list[Item]:
    """The items of the lists in a text, bulleted or numbered, at all depths."""
    found = []
    for line in _LINE.finditer(text):
        match = _ITEM.match(line.group().rstrip())
        if match:
            indent = len(match[1].expandtabs(4))
            said = (match[3] or "").strip()
            found.append(Item(line.start(), line.end(), indent, match[2], said))
    return found


def in_prose(text: str) -> bool:
    """Whether a text is paragraphs alone: no list, table, heading, code."""
    return not items(text) and not _FORM.search(text)


def fences(text: str) -> list[Fence]:
    """The code fences of a text; one that is not closed is none."""
    found: list[Fence] = []
    begun: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if begun is None:
            begun = line
        elif not line[1]:
            code = text[begun.end() + 1 : line.start()].removesuffix("\n")
            found.append(Fence(begun.start(), line.end(), begun[1], code))
            begun = None
    return found


def unfenced(text: str) -> str:
    """What stands in a code fence that is the whole text, or else the text."""
    body = text.strip()
    found = fences(body)
    whole = len(found) == 1 and (found[0].start, found[0].end) == (0, len(body))
    return found[0].code if whole else body


# Made by rule -------------------------------------------------------------------------------------


def cut(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of a text that fits and ends with a whole sentence; "" where there is
    none, or less than half the text would be left, or it is more than paragraphs.

    Args:
        fits: of a beginning; shorter ones fit where longer ones do.
    """
    if not in_prose(text):
        return ""
    ends = [one.end for one in sentences(text) if one.sure]
    fit = bisect_left(ends, True, key=lambda end: not fits(text[:end]))
    end = ends[fit - 1] if fit else 0
    return text[:end] if 2 * end >= len(text.strip()) else ""


def grouped(some: Sequence[str], count: int, glue: str) -> list[str]:
    """Neighbours joined until so many are left, the shortest first; fewer stay as they are."""
    left = list(some)
    while len(left) > max(count, 1):
        sizes = [len(left[k]) + len(left[k + 1]) for k in range(len(left) - 1)]
        k = sizes.index(min(sizes))
        left[k : k + 2] = [left[k] + glue + left[k + 1]]
    return left


def in_paragraphs(text: str, count: int) -> list[str]:
    """The paragraphs of a text joined, or cut at ends of sentences, until there are so many; []
    where it has too few sentences, or far too many paragraphs, or is more than paragraphs."""
    if not in_prose(text):
        return []
    left = [one.text for one in paragraphs(text)]
    if len(left) > 4 * count:
        return []
    while len(left) < count:
        longest = max(range(len(left)), key=lambda k: len(left[k]))
        halves = _halves(left[longest])
        if halves is None:
            return []
        left[longest : longest + 1] = halves
    return grouped(left, count, " ")


def _halves(text: str) -> tuple[str, str] | None:
    """A paragraph cut at the end of a sentence near its middle; None: it has but one."""
    ends = [one.end for one in sentences(text)[:-1] if one.sure]
    if not ends:
        return None
    end = min(ends, key=lambda at: abs(2 * at - len(text)))
    return text[:end].rstrip(), text[end:].lstrip()
