"""Whether two alike texts ask for the same: the same facts, roles and things.

A high cosine alone is not enough: "the 5 largest rivers" and "the 7 largest rivers", or a request
and its negation, lie closer together than most paraphrases. "Translate it from French into German"
and "from German into French" have every word in common. No measure of similarity tells such texts
apart, so what keeps them apart is looked for: a number, a name, a quotation, code, a negation, two
opposites (`same_facts`); beside that, signs, swapped roles, and a sentence more (`same_request`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text import facts
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import (
    NEGATORS,
    clauses,
    content,
    occurs,
    plain,
    stems_of,
    vocabulary,
    word_lists,
    words,
)

__all__ = ["asked_of", "asks_more", "digest", "normalise", "only_difference", "same_facts"]
__all__ += ["same_references", "same_request", "sums_of", "swapped_roles"]

#: Words before a noun that say nothing about its part in the sentence.
_ARTICLES = vocabulary("a an the this that these those my your his her its our their some any")
#: What joins two equals: their order means nothing.
_EQUALS = vocabulary("and or nor versus vs with & /")
_POLITE = vocabulary(
    "thank thanks advanc appreciat welcom hello hi hey dear sir madam greet regard"
)
#: The part of a text's words that another may lack and still say all that it says.
_ELSE = 0.1
_SIGN = re.compile(r"(?<=[A-Za-z])(?:\+\+|#)|(?<=[\w)])\s*[+*/^<>=%×÷]\s*(?=[\w(])")
_EDGES = " .!?…,;:\"'`*"
_REVERSING = ("un", "in", "im", "ir", "dis", "non", "de")


def _opposites(section: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one, other in map(str.split, word_lists(__file__, "opposites.txt")[section]):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


_COMMON, _MORE = _opposites("common"), _opposites("more")


def normalise(text: str) -> str:
    """The form in which exact duplicates are equal.

    NFKC, straight quotes, casefolded, runs of white space as one space, no punctuation at the
    edges (a text of nothing but punctuation stays as it is). Idempotent.
    """
    if text.isascii():  # most are, and NFKC leaves them alone
        flat = " ".join(text.lower().split())
    else:
        flat = unicodedata.normalize("NFKC", plain(unicodedata.normalize("NFKC", text)))
        flat = unicodedata.normalize("NFKC", flat.casefold())
        flat = " ".join(flat.split())
    return flat.strip(_EDGES) or flat


def asked_of(text: str, about: str) -> str:
    """An instruction and its input as one text: what exact duplicates are equal in."""
    return f"{text}\n\n{about}" if about else text


def digest(text: str, size: int) -> bytes:
    """So many bytes that tell texts apart, the same for all that `normalise` makes equal."""
    flat = normalise(text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(flat, digest_size=size).digest()


class _Facts(NamedTuple):
    """What two texts must agree in to be duplicates, worked out once for each."""

    exact: tuple[str, ...]  # quotations and code, normalised
    names: tuple[str, ...]  # stems of the words of names
    flat: str
    stems: frozenset[str]
    words: frozenset[str]


@lru_cache(maxsize=4096)
def sums_of(text: str) -> tuple[frozenset[tuple[object, int]], bool]:
    """The numbers of a text, with how often each stands there, and whether it denies anything."""
    values = Counter(n.values[0] for n in numbers(text))
    return frozenset(values.items()), any(word.stem in NEGATORS for word in words(text))


@lru_cache(maxsize=4096)
def _facts_of(text: str) -> _Facts:
    return _Facts(
        exact=tuple(normalise(p.text) for p in (*facts.quotations(text), *facts.code(text))),
        names=tuple(w.stem for name in facts.names(text) for w in content(name.text)),
        flat=normalise(text),
        stems=stems_of(text),
        words=frozenset(w.text.casefold() for w in words(text)),
    )


def same_facts(one: str, other: str) -> bool:
    """Whether two texts agree in numbers, names, quotations, code, negation and opposites.

    A name counts as absent only if its words are nowhere in the other text, in any case or with
    another ending.
    """
    return sums_of(one) == sums_of(other) and same_references(one, other)


def same_references(one: str, other: str) -> bool:
    """Whether two texts agree in all that `same_facts` asks for, but numbers and negation."""
    here, there = _facts_of(one), _facts_of(other)
    for a, b in ((here, there), (there, here)):
        if any(text not in b.flat for text in a.exact):
            return False
        if any(not occurs(stem, b.stems) for stem in a.names):
            return False
    return not _opposed(here.words, there.words, _COMMON, _REVERSING)


def _opposed(
    one: frozenset[str],
    other: frozenset[str],
    opposites: Mapping[str, set[str]],
    prefixes: Sequence[str],
) -> bool:
    """Whether one text has a word where the other has its opposite ("formal", "informal")."""
    mine, theirs = one - other, other - one
    return any(
        y in opposites.get(x, ()) or any(x == p + y or y == p + x for p in prefixes)
        for x in mine
        for y in theirs
    )


@lru_cache(maxsize=8192)
def same_request(one: str, other: str) -> bool:
    """Whether nothing in two alike texts says that they ask for different things.

    The same names, quotations and code (`same_references`), the same signs, no two words that are
    each other's opposite, none that have changed places, and no sentence that asks for more.
    Numbers and negation are not looked at: only texts with one `fact_key` are compared at all.
    """
    return (
        _signs(one) == _signs(other)
        and same_references(one, other)
        and not _opposed(_facts_of(one).words, _facts_of(other).words, _MORE, ("il",))
        and not swapped_roles(one, other)
        and not asks_more(one, other)
        and not asks_more(other, one)
    )


def _signs(text: str) -> list[str]:
    """Signs that change what a word or a sum is: "C#" and "C++", "2 + 3" and "2 * 3"."""
    return sorted(match.group().strip() for match in _SIGN.finditer(text))


def swapped_roles(one: str, other: str) -> bool:
    """Whether two words stand each where the other stands in the other text.

    A word's place is the word before it in the clause, articles left out: "from French into
    German" and "from German into French". A phrase or sentence that moved as a whole keeps its
    places, and so do two names that "and" joins.
    """
    mine, theirs = _places(one), _places(other)
    moved = {
        (places[0], theirs[word][0])
        for word, places in mine.items()
        if len(places) == 1 and len(theirs.get(word, ())) == 1 and places != theirs[word]
    }
    return any(
        (after, before) in moved
        for before, after in moved
        if before not in _EQUALS and after not in _EQUALS
    )


@lru_cache(maxsize=8192)
def _places(text: str) -> dict[str, tuple[str, ...]]:
    """For the stem of each word of content, what stands before it wherever it occurs."""
    found: dict[str, list[str]] = {}
    for start, end in clauses(text):
        part = text[start:end]
        meant = {word.start for word in content(part)}
        before = ""
        for word in words(part):
            lower = word.text.casefold()
            if word.start in meant:
                found.setdefault(word.stem, []).append(before)
            if lower not in _ARTICLES:
                before = lower
    return {stem: tuple(places) for stem, places in found.items()}


def asks_more(one: str, other: str) -> bool:
    """Whether ``one`` says all that ``other`` does, and has a sentence of its own beside it.

    "Define this word." and "Define this word. Word: scarce", a request and its evolution. Thanks
    and greetings ask for nothing.
    """
    mine, theirs = ({w.stem for w in content(text)} for text in (one, other))
    parts = clauses(one)
    if len(parts) <= len(clauses(other)) or len(theirs - mine) > _ELSE * len(theirs):
        return False
    sentences = ({w.stem for w in content(one[start:end])} - _POLITE for start, end in parts)
    return any(own and 2 * len(own - theirs) >= len(own) for own in sentences)


def only_difference(one: str, other: str) -> tuple[str, str] | None:
    """The one word of content that each text has alone, where all else is the same, in order.

    "care for a cactus" and "care for an orchid" give ("cactus", "orchid").
    """
    a, b = ([w for w in words(t) if w.text.casefold() not in _ARTICLES] for t in (one, other))
    if len(a) != len(b):
        return None
    apart = [(x, y) for x, y in zip(a, b, strict=True) if x.stem != y.stem]
    if len(apart) != 1:
        return None
    x, y = apart[0]
    meant = x in content(one) and y in content(other)
    return (x.text, y.text) if meant else None
