"""Texts as tokens, hashes of them, and a key of the facts that two duplicates must share.

A token is a word, a sign that carries meaning ("#", "+", "€"), or, in scripts that put no space
between words, one character. Ordinary punctuation, case and spacing are gone, but in code case and
indentation stay.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.evaluation.duplicates.same_request import normalise
from evolsynth.evaluation.text import facts
from evolsynth.evaluation.text.numbers import NUMBER_WORDS
from evolsynth.evaluation.text.numbers import numbers as numbers_of
from evolsynth.evaluation.text.words import MARKS, NEGATORS, UNSPACED, Word, content, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Chunk", "Lexicon", "alike_in_words", "fact_key", "shingles", "template", "tokens"]

_PUNCTUATION = r"\s.,;:!?\"'()\[\]{}\-…¿¡。，、！？；：「」『』（）《》【】〈〉।॥؟،؛״׳"
_SPACED = re.compile(rf"[^\W_]+(?:'[^\W\d_]+)?|[^\w{_PUNCTUATION}]|\n +")
_ANY = re.compile(
    rf"[{UNSPACED}][{MARKS}]*|(?:(?![{UNSPACED}])[^\W_][{MARKS}]*)+(?:'[^\W\d_]+)?"
    rf"|[^\w{_PUNCTUATION}]|\n +"
)
_MOST_WORDS = 1 << 20
_PHRASE = 3
_FACT = np.uint64(1)


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    flat = normalise(text)
    return (_SPACED if flat.isascii() else _ANY).findall(flat)


def shingles(text: str) -> set[str | tuple[str, str]]:
    """Its tokens and pairs of neighbours: what two texts are compared by."""
    found = tokens(text)
    return {*found, *pairwise(found)}


#: Jaccard index of words and pairs from which two texts are alike in words.
_ALIKE = 0.5


def alike_in_words(one: str, other: str) -> bool:
    """Whether two texts have half of their tokens and pairs of neighbours in common."""
    a, b = shingles(one), shingles(other)
    common = len(a & b)
    return common > 0 and common >= _ALIKE * (len(a) + len(b) - common)


class Chunk(NamedTuple):
    """Some texts as hashes.

    ``features`` are the hashed shingles of all texts, one text after another, each from its place
    in ``starts``; texts without a token are not among them: ``rows`` tells which texts are.
    ``keys`` holds the `fact_key` of every text.
    """

    features: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]


class Lexicon(dict[str, int]):
    """The hash of each word seen; its lowest bit tells whether the word may be part of a fact."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:  # nothing is lost: hashes are made again
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        value = int.from_bytes(digest, "little") & ~1 | _may_be_fact(word)
        self[word] = value
        return value

    def read(self, texts: Sequence[str], *, numbers: bool = True) -> Chunk:
        """Hash some texts; without ``numbers`` these are no part of the key."""
        parts = [tokens(text) for text in texts]
        counts = np.fromiter(map(len, parts), np.int64, len(parts))
        flat = [token for part in parts for token in part]
        hashes = np.fromiter(map(self.__getitem__, flat), np.uint64, len(flat))
        rows = np.flatnonzero(counts)
        keys = np.zeros(len(texts), dtype=np.uint64)
        if not len(flat):
            none = np.empty(0, dtype=np.int64)
            return Chunk(hashes, none, none, keys)
        counts = counts[rows]
        starts = np.cumsum(counts) - counts
        marked = np.bitwise_or.reduceat(hashes & _FACT, starts)
        for row in rows[marked != 0]:
            keys[row] = fact_key(texts[row], numbers=numbers)
        return Chunk(*_with_pairs(hashes, starts, counts), rows, keys)


def _with_pairs(
    hashes: NDArray[np.uint64], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Tokens and pairs of neighbours: of n tokens, 2 n - 1 features."""
    pairs = np.zeros_like(hashes)
    pairs[:-1] = hashes[:-1] * np.uint64(0x9E3779B97F4A7C15) + hashes[1:]
    pairs ^= pairs >> np.uint64(29)
    ends = starts + counts - 1
    pairs[ends] = hashes[ends]  # no pair begins at a text's last token: the token again
    both = np.stack([hashes, pairs], axis=1).ravel()
    return both, 2 * starts


def _may_be_fact(word: str) -> bool:
    if not word.isalpha():
        return any(c.isnumeric() for c in word) or "'" in word or not word.isalnum()
    return word in NUMBER_WORDS or any(w.stem in NEGATORS for w in words(word))


def fact_key(text: str, *, numbers: bool = True) -> int:
    """A hash of the numbers in a text and whether it denies something; 0 for neither.

    Texts with different keys are never duplicates (`same_facts`), so they need not be compared.
    """
    values = sorted(n.values[0] for n in numbers_of(text)) if numbers else []
    negated = any(word.stem in NEGATORS for word in words(text))
    if not values and not negated:
        return 0
    found = f"{negated}:{','.join(map(str, values))}"
    return int.from_bytes(hashlib.blake2b(found.encode(), digest_size=8).digest(), "little") | 1


def template(text: str) -> str:
    """The text with its data left out: numbers, what they count, and names.

    "5 apples cost 2" and "7 pears cost 3" are both "# @ cost #". A text without a number, or
    with nothing else in it, stays as it is.
    """
    numbers = numbers_of(text)
    if not numbers:
        return text
    places = [(n.start, n.end, "#") for n in numbers]
    named = {w.stem for name in facts.names(text) for w in content(name.text)}
    counted = _counted(text, [n.end for n in numbers])
    for word in content(text):
        if word.stem in named and word.text[0].isupper():
            places.append((word.start, word.end, "&"))
        elif word.stem in counted:
            places.append((word.start, word.end, "@"))
    pieces: list[str] = []
    at = 0
    for start, end, sign in sorted(places):
        if start >= at:
            pieces += [text[at:start], sign]
            at = end
    masked = "".join([*pieces, text[at:]])
    return masked if any(token.isalpha() for token in tokens(masked)) else text


def _counted(text: str, ends: Sequence[int]) -> set[str]:
    """The stems of what stands behind a number: up to the first plural of three, or one word."""
    meant = content(text)
    starts, found = [word.start for word in meant], set[str]()
    for end in ends:
        phrase: list[Word] = []
        at, first = end, bisect_left(starts, end)
        for word in meant[first : first + _PHRASE]:
            if text[at : word.start].strip():
                break
            phrase.append(word)
            at = word.end
        plural = next((k for k, word in enumerate(phrase) if word.text.endswith("s")), 0)
        found |= {word.stem for word in phrase[: plural + 1]}
    return found
