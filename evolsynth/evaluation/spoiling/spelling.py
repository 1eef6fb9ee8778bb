"""Slips of the pen: typing errors, doubled words, words that sound alike."""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from pathlib import Path
from random import Random

from evolsynth.evaluation.spoiling.spoiler import Spoiled, spoiler
from evolsynth.evaluation.text.words import word_lists

__all__ = ["doubled", "homophones", "typos"]

_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_COUNT = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


@functools.cache
def _slips() -> dict[str, tuple[str, ...]]:
    found = {}
    for line in Path(__file__).with_name("typos.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            word, *slips = line.split()
            found[word] = tuple(slips)
    return found


@spoiler("typos", unit="sentences")
def typos(text: str, chance: Random) -> Spoiled | None:
    """Misspells a few words, each so that no other English word is as near."""
    slips = _slips()
    places = [m for m in _WORD.finditer(text) if m[0].lower() in slips and _plain(m[0])]
    if len(places) < 2:
        return None
    taken = chance.sample(places, min(len(places), chance.randint(2, 4)))
    for found in sorted(taken, key=lambda m: -m.start()):
        wrong = chance.choice(slips[found[0].lower()])
        wrong = wrong[0].upper() + wrong[1:] if found[0][0].isupper() else wrong
        text = text[: found.start()] + wrong + text[found.end() :]
    return Spoiled(text, {"count": _COUNT[len(taken)]})


def _plain(word: str) -> bool:
    """Whether the word is in small letters, but perhaps for its first."""
    return word.isalpha() and word[1:].islower()


@spoiler("doubled", unit="sentences")
def doubled(text: str, chance: Random) -> Spoiled | None:
    """Says a few words twice; only where the text itself has none said twice."""
    words = list(_WORD.finditer(text))
    if any(a[0].lower() == b[0].lower() for a, b in pairwise(words)):
        return None
    fitting = [m for m in words[1:] if m[0].islower() and m[0] not in ("had", "that", "very")]
    if len(fitting) < 6:
        return None
    taken = chance.sample(fitting, chance.randint(1, 3))
    for found in sorted(taken, key=lambda m: -m.start()):
        text = text[: found.end()] + f" {found[0]}" + text[found.end() :]
    return Spoiled(text, {"count": _COUNT[len(taken)]})


#: Where a neighbour decides which of two words that sound alike is meant, and the wrong one.
_ALIKE = [
    (re.compile(line.split(" => ")[0]), line.split(" => ")[1])
    for line in word_lists(__file__, "homophones.txt")["alike"]
]


@spoiler("homophones", unit="sentences")
def homophones(text: str, chance: Random) -> Spoiled | None:
    """Writes a word that sounds like the right one, where its neighbours decide which it is."""
    found = [(m, wrong) for rule, wrong in _ALIKE for m in rule.finditer(text)]
    if not found:
        return None
    taken: dict[int, tuple[re.Match[str], str]] = {}
    for match, wrong in chance.sample(found, min(len(found), 3)):
        taken.setdefault(match.start(1), (match, wrong))
    for start in sorted(taken, reverse=True):
        match, wrong = taken[start]
        wrong = wrong[0].upper() + wrong[1:] if match[1][0].isupper() else wrong
        text = text[:start] + wrong + text[match.end(1) :]
    return Spoiled(text, {"count": _COUNT[len(taken)]})
