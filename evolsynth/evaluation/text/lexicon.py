"""Which English words mean the same, exclude each other, or are kinds of one another.

By WordNet 3.0 (Miller 1995; Fellbaum 1998), cut down to common words and their commonest senses
(``lexicon.txt.xz``, made by ``scripts/lexicon.py``; licence in ``lexicon.licence``), and by a list
of opposites that it lacks (``opposites.txt``). A word in neither is related to nothing. The table
is read at the first question: some 0.1 s and 20 MB.
"""

from __future__ import annotations

import lzma
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from evolsynth.evaluation.text.words import vocabulary

__all__ = [
    "is_base_verb",
    "kind_of",
    "lemmas",
    "near",
    "opposite",
    "same_meaning",
    "senses",
    "sides",
]


class _Table(NamedTuple):
    """Numbers of meanings by word; for each meaning, those above it and its words; how many are of
    nouns, which come first, and which are of adjectives and adverbs."""

    senses: dict[str, tuple[int, ...]]
    above: list[tuple[int, ...]]
    words: list[tuple[str, ...]]
    nouns: int
    adjectives: range
    opposites: dict[str, frozenset[str]]
    forms: dict[str, str]


_PARTS = ("noun", "verb", "adj", "adv")


@lru_cache(maxsize=1)
def _table() -> _Table:
    packed = Path(__file__).with_name("lexicon.txt.xz").read_bytes()
    parts: dict[str, list[str]] = {}
    section: list[str] = []
    for line in lzma.decompress(packed).decode().splitlines():
        if line.startswith("["):
            section = parts.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            section.append(line)
    senses: dict[str, list[int]] = defaultdict(list)
    above: list[tuple[int, ...]] = []
    words: list[tuple[str, ...]] = []
    for line in (line for part in _PARTS for line in parts[part]):
        number = len(words)
        said, _, ups = line.partition("|")
        words.append(tuple(said.split()))
        above.append(tuple(map(int, ups.split())))
        for word in words[-1]:
            senses[word].append(number)
    opposites: dict[str, set[str]] = defaultdict(set)
    listed = Path(__file__).with_name("opposites.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in parts["opposites"]]
    for line in (line.removesuffix(_DIVERSE) for line in listed if not line.startswith("#")):
        ones, _, others = line.partition("/")
        pairs += [[one, other] for one in ones.split() for other in others.split()]
    for one, other in pairs:
        opposites[one].add(other)
        opposites[other].add(one)
    return _Table(
        {word: tuple(found) for word, found in senses.items()},
        above,
        words,
        len(parts["noun"]),
        range(len(parts["noun"]) + len(parts["verb"]), len(words)),
        {word: frozenset(found) for word, found in opposites.items()},
        dict(line.split() for line in parts["forms"]),
    )


#: Endings of forms, and what stands in their place in the word itself.
_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("ier", "y"), ("iest", "y"), ("ves", "f"), ("men", "man"),
    ("es", ""), ("es", "e"), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"),
    ("er", ""), ("er", "e"), ("est", ""), ("est", "e"),
)  # fmt: skip
_DOUBLED = re.compile(r"([b-df-hj-np-tv-z])\1$")


@lru_cache(maxsize=16384)
def lemmas(word: str) -> frozenset[str]:
    """The words of the table that a word may be a form of, itself among them; none if unknown."""
    table, low = _table(), word.casefold()
    found = {low, table.forms.get(low, low)}
    for ending, instead in _ENDINGS:
        if low.endswith(ending) and len(low) > len(ending) + 1:
            root = low.removesuffix(ending) + instead
            found |= {root, _DOUBLED.sub(r"\1", root)} if not instead else {root}
    return frozenset(found & table.senses.keys())


@lru_cache(maxsize=16384)
def senses(word: str) -> frozenset[int]:
    """The numbers of a word's commonest meanings; none if it is not in the table."""
    table = _table()
    return frozenset(number for lemma in lemmas(word) for number in table.senses[lemma])


@lru_cache(maxsize=16384)
def is_base_verb(word: str) -> bool:
    """Whether a word is the base form of a verb that the table knows: "demand", not "demands"."""
    table = _table()
    verbs = range(table.nouns, table.adjectives.start)
    return any(number in verbs for number in table.senses.get(word.casefold(), ()))


@lru_cache(maxsize=16384)
def sides(word: str) -> frozenset[int]:
    """The numbers, below 0, of the sides of our own opposites on which a word or a form of it
    stands: words on one side say nearly the same ("leave", "depart")."""
    low = word.casefold()
    found = (number for form in lemmas(word) | {low} for number in _sides().get(form, ()))
    return frozenset(found)


@lru_cache(maxsize=1)
def _sides() -> dict[str, tuple[int, ...]]:
    listed = Path(__file__).with_name("opposites.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(line for line in listed if not line.startswith("#")):
        for place, side in enumerate(line.removesuffix(_DIVERSE).split("/")):
            for word in () if line.endswith(_DIVERSE) else side.split():
                found[word] = (*found.get(word, ()), -(2 * number + place) - 1)
    return found


#: At the end of a line of opposites: the words of one side do not say the same.
_DIVERSE = " *"


@lru_cache(maxsize=16384)
def _ancestors(word: str) -> frozenset[int]:
    """All meanings above those of a noun; what verbs and adjectives have above is loose."""
    above, nouns = _table().above, _table().nouns
    found: set[int] = set()
    todo = [number for number in senses(word) if number < nouns]
    while todo:
        for up in above[todo.pop()]:
            if up not in found:
                found.add(up)
                todo.append(up)
    return frozenset(found)


@lru_cache(maxsize=16384)
def near(word: str) -> frozenset[int]:
    """The numbers of the meanings that an adjective's are near to: "rich" of "wealthy"."""
    table = _table()
    own = (number for number in senses(word) if number in table.adjectives)
    return frozenset(up for number in own for up in table.above[number])


def same_meaning(one: str, other: str) -> bool:
    """Whether two words are forms of one word, or have a common sense in common, or are adjectives
    of which one is near to the other."""
    mine, theirs = senses(one), senses(other)
    if not mine.isdisjoint(theirs):
        return True
    return not near(one).isdisjoint(theirs) or not near(other).isdisjoint(mine)


def kind_of(one: str, other: str) -> bool:
    """Whether ``one`` is a kind of ``other`` ("hammer" of "tool"), and not the same."""
    return not same_meaning(one, other) and not _ancestors(one).isdisjoint(senses(other))


@lru_cache(maxsize=16384)
def opposite(one: str, other: str) -> bool:
    """Whether two words are opposites, or near to two that are ("bone-dry" to "dry", "wet"), or one
    is the other with a prefix or an ending that denies it."""
    if one.casefold() == other.casefold():
        return False
    table = _table()
    mine, theirs = lemmas(one) | {one.casefold()}, lemmas(other) | {other.casefold()}
    if any(not table.opposites.get(word, _NONE).isdisjoint(theirs) for word in mine):
        return True
    if _denies(one, other) or _denies(other, one):
        return True
    if same_meaning(one, other):
        return False
    # through what one of them is near to
    return any(
        not table.opposites.get(word, _NONE).isdisjoint(theirs_near)
        for word in _heads(one) | mine
        if (theirs_near := _heads(other) if word in mine else _heads(other) | theirs)
    )


_NONE = frozenset[str]()
#: What a word is made its opposite with, at its beginning and at its end.
_PREFIX = re.compile(r"(?:un|non|dis|in(?=[^bmpr])|im(?=[bmp])|il(?=l)|ir(?=r))")
#: Words that only look as if they had one.
_WHOLE = vocabulary(
    """under unless until invaluable infamous inflammable indifferent disease distress display
    discover discuss unit union press impress increase income inform instance instant intend invest
    invent improve import impact insure inside into interest investing disposed district"""
)


@lru_cache(maxsize=16384)
def _denies(one: str, other: str) -> bool:
    """Whether one word is another with "un-" or the like, or with "-less" for "-ful"."""
    long, short = one.casefold(), other.casefold()
    if long in _WHOLE:
        return False
    prefix = _PREFIX.match(long)
    if prefix and len(short) >= 3 and long[prefix.end() :] == short:
        return True
    root = long.removesuffix("less")
    return root != long and len(root) > 2 and short in (root, f"{root}ful", f"{root}s")


@lru_cache(maxsize=16384)
def _heads(word: str) -> frozenset[str]:
    """The adjectives that one is near to, and that have an opposite."""
    table = _table()
    found = (lemma for up in near(word) for lemma in table.words[up])
    return frozenset(lemma for lemma in found if lemma in table.opposites)
