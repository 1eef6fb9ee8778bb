"""Marks, spaces, capitals and lines that were lost, or came in where they do not belong."""

from __future__ import annotations

import re
from random import Random

from evolsynth.evaluation.demands.reading import sentence_places
from evolsynth.evaluation.spoiling.spoiler import Spoiled, spoiler
from evolsynth.evaluation.text.words import word_lists

__all__ = ["broken", "capitals", "shouted", "small", "spaces", "stops"]

_KNOWN = frozenset(
    name for line in word_lists(__file__, "capitals.txt")["always"] for name in line.split()
)
_CAPITAL = re.compile(r"[^\W\d_a-z][\w’'-]*")


def _sentences(text: str) -> list[tuple[int, int]]:
    return [(a, b) for a, b in sentence_places(text) if text[a:b].strip()]


def _only_known_capitals(text: str) -> bool:
    """Whether capitals stand only where everybody knows that they must: first words and names of
    days, months, languages and the like; so small letters still say where they belong."""
    starts = {a + len(text[a:b]) - len(text[a:b].lstrip()) for a, b in _sentences(text)}
    for found in _CAPITAL.finditer(text):
        whole = found[0].rstrip("'’-")
        if found.start() in starts and whole[1:].islower() | (len(whole) == 1):
            continue
        if whole not in _KNOWN:
            return False
    return True


def _proper(text: str) -> bool:
    """Whether it is prose on one line in which each sentence begins and ends as it should."""
    some = [text[a:b].strip() for a, b in _sentences(text)]
    ended = all(s[:1].isupper() and s[-1:] in ".?!" for s in some)
    return bool(some) and ended and "\n" not in text and len(text.split()) >= 6


@spoiler("small", unit="sentences")
def small(text: str, chance: Random) -> Spoiled | None:
    """Takes away all capitals; only where each must be there in any text."""
    return Spoiled(text.lower()) if _proper(text) and _only_known_capitals(text) else None


@spoiler("shouted", unit="sentences")
def shouted(text: str, chance: Random) -> Spoiled | None:
    """Puts all in capitals; only where each small letter follows from that."""
    if not _proper(text) or not _only_known_capitals(text) or text.upper().lower() != text.lower():
        return None
    return Spoiled(text.upper())


@spoiler("capitals", unit="sentences")
def capitals(text: str, chance: Random) -> Spoiled | None:
    """Begins sentences with small letters."""
    starts = [a + len(text[a:b]) - len(text[a:b].lstrip()) for a, b in _sentences(text)]
    if not _proper(text) or len(starts) < 2:
        return None
    if any(_names_first(text, start) for start in starts):
        return None
    for start in starts:
        text = text[:start] + text[start].lower() + text[start + 1 :]
    return Spoiled(text)


def _names_first(text: str, start: int) -> bool:
    """Whether a second capital follows the first word: then it may be a name."""
    return re.match(r"\w+ [^\W\d_a-z]", text[start:]) is not None


@spoiler("stops", unit="sentences")
def stops(text: str, chance: Random) -> Spoiled | None:
    """Takes away the full stops between sentences, whose capitals still say where they were."""
    some = _sentences(text)
    if not _proper(text) or len(some) < 2 or not _only_known_capitals(text):
        return None
    if any(text[a:b].strip()[-1] != "." for a, b in some) or _midway(text):
        return None
    return Spoiled(re.sub(r"\.(?= |$)", "", text))


def _midway(text: str) -> bool:
    """Whether a known capital word, or a stop of another kind, stands inside a sentence."""
    starts = {a + len(text[a:b]) - len(text[a:b].lstrip()) for a, b in _sentences(text)}
    if any(m.start() not in starts for m in _CAPITAL.finditer(text)):
        return True
    return len(re.findall(r"\.(?= |$)", text)) != len(starts)


_SPACED = re.compile(r"(?<=[a-z])([,;.]) (?=[A-Za-z])")
_BETWEEN = re.compile(r"(?<=[a-z]) (?=[a-z])")


@spoiler("spaces", unit="sentences")
def spaces(text: str, chance: Random) -> Spoiled | None:
    """Doubles spaces, puts some before commas and takes away some behind them."""
    if not _proper(text) or "  " in text or re.search(r"\s[,;.]", text):
        return None
    marks = list(_SPACED.finditer(text))
    gaps = list(_BETWEEN.finditer(text))
    if not marks or len(gaps) < 6:
        return None
    edits = [(m.start(), m.end(), m[1]) for m in chance.sample(marks, min(len(marks), 2))]
    edits += [(m.start(), m.end(), "  ") for m in chance.sample(gaps, min(len(gaps), 3))]
    for found in marks:
        if all(found.start() != start for start, _, _ in edits):
            edits.append((found.start(), found.end(), f" {found[1]} "))
            break
    for start, end, wrong in sorted(edits, reverse=True):
        text = text[:start] + wrong + text[end:]
    return Spoiled(text)


@spoiler("broken", unit="paragraph")
def broken(text: str, chance: Random) -> Spoiled | None:
    """Breaks a paragraph into lines in the midst of sentences, as text copied from a page is."""
    if not _proper(text) or "- " in text or len(text.split()) < 16:
        return None
    width, lines, line = chance.randint(26, 44), [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return Spoiled("\n".join([*lines, line]))
