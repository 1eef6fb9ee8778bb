"""Duplicates: the same text again, or the same request in other words.

A high cosine alone is not enough: "the 5 largest rivers" and "the 7 largest rivers", or a request
and its negation, lie closer together than most paraphrases. So two texts that differ in a fact
(a number, a name, a quotation, code, a negation, two common opposites) are never near-duplicates.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation import facts
from evolsynth.evaluation.cover import occurs, stems_of
from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.words import NEGATORS, content, plain, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed import Embedder

__all__ = ["DuplicateIndex", "nearest_pairs", "normalise", "same_facts", "same_references"]

#: How far below the embedder's cosine a static one may lie for a text to be a candidate. Of pairs
#: with a cosine of 0.9 by MiniLM none lay more than 0.08 below it; of unrelated requests 99.8% do.
_ROUGHLY = 0.15
_EDGES = " .!?…,;:\"'`*"
_BLOCK = 512
_REVERSING = ("un", "in", "im", "ir", "dis", "non", "de")
_PAIRS = (
    "ascending descending, high low, higher lower, highest lowest, best worst, first last, "
    "maximum minimum, max min, largest smallest, longest shortest, increase decrease, "
    "increasing decreasing, increases decreases, pros cons, before after, gain lose, true false, "
    "positive negative, hot cold, start stop, encode decode, add remove, buy sell, more less, "
    "male female, men women, boys girls, easy difficult, beginner expert, old new, cheap expensive"
)
_OPPOSITE: dict[str, str] = {}
for _pair in _PAIRS.split(", "):
    _one, _other = _pair.split()
    _OPPOSITE |= {_one: _other, _other: _one}


def normalise(text: str) -> str:
    """The form in which exact duplicates are equal.

    NFKC, straight quotes, casefolded, runs of white space as one space, no punctuation at the
    edges (a text of nothing but punctuation stays as it is). Idempotent.
    """
    flat = unicodedata.normalize("NFKC", plain(unicodedata.normalize("NFKC", text)))
    flat = unicodedata.normalize("NFKC", flat.casefold())
    flat = " ".join(flat.split())
    return flat.strip(_EDGES) or flat


def same_facts(one: str, other: str) -> bool:
    """Whether two texts agree in numbers, names, quotations, code, negation and opposites.

    A name counts as absent only if its words are nowhere in the other text, in any case or with
    another ending.
    """
    if _values(one) != _values(other) or _negated(one) != _negated(other):
        return False
    return same_references(one, other)


def same_references(one: str, other: str) -> bool:
    """Whether two texts agree in all that `same_facts` asks for, but numbers and negation."""
    for a, b in ((one, other), (other, one)):
        exact, named = _references(a)
        if exact and any(quoted not in normalise(b) for quoted in exact):
            return False
        if named and any(not occurs(stem, stems_of(b)) for stem in named):
            return False
    return not _opposed(one, other)


@lru_cache(maxsize=16384)
def _references(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is quoted or code, normalised, and the stems of the names."""
    exact = (*facts.quotations(text), *facts.code(text))
    named = (w.stem for name in facts.names(text) for w in content(name.text))
    return tuple(normalise(place.text) for place in exact), tuple(named)


def _opposed(one: str, other: str) -> bool:
    """Whether one text has a word where the other has its opposite ("formal", "informal")."""
    a, b = ({w.text.casefold() for w in words(t)} for t in (one, other))
    mine, theirs = a - b, b - a
    return any(
        (_OPPOSITE.get(x) == y) or any(x == p + y or y == p + x for p in _REVERSING)
        for x in mine
        for y in theirs
    )


def _values(text: str) -> Counter[object]:
    return Counter(number.values[0] for number in facts.numbers(text))


def _negated(text: str) -> bool:
    return any(word.stem in NEGATORS for word in words(text))


class DuplicateIndex:
    """The texts seen so far. `find` before `add`: a text would find itself.

    The answer depends only on what was added and in which order. Memory: 4 d bytes a text for
    the vectors (1.5 kB for MiniLM) and the texts themselves; `find` takes O(n d).

    Args:
        threshold: cosine from which on a text with the same facts is a near-duplicate. Deita's
            greedy selection (Liu et al. 2024, arXiv:2312.15685) skips above 0.9.
        embedder: decides, where the vectors that `add` and `find` are given are rough ones
            (`StaticVectors`) that only name candidates.

    Raises:
        InputError: a threshold outside (0, 1].
    """

    def __init__(self, threshold: float = 0.9, *, embedder: Embedder | None = None) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"threshold is {threshold}: give a cosine above 0 and up to 1.")
        self.threshold = threshold
        self._embedder = embedder
        self._least = threshold if embedder is None else threshold - _ROUGHLY
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._exact: dict[str, list[int]] = {}
        self._vectors: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def find(
        self, text: str, vector: NDArray[np.float32], *, ignore: Collection[str] = ()
    ) -> Finding | None:
        """The duplicate of ``text``, if there is one: exact before near, then the most similar,
        then the earliest added.

        Args:
            vector: shape (d,), length 1.
            ignore: ids not to compare with (an evolution's own ancestors).

        Raises:
            InputError: the vector has another length than those added.
        """
        for place in self._exact.get(normalise(text), ()):
            if self._ids[place] not in ignore:
                return Finding("exact_duplicate", {"of": self._ids[place], "similarity": 1.0})
        if not self._ids:
            return None
        self._check(vector)
        near = [
            (cosine, place)
            for cosine, place in self._near(vector)
            if self._ids[place] not in ignore and same_facts(text, self._texts[place])
        ]
        if near and self._embedder is not None:
            near = self._decided(text, [place for _, place in near], self._embedder)
        if not near:
            return None
        cosine, place = min(near, key=lambda found: (-found[0], found[1]))
        similarity = min(round(cosine, 4), 1.0)
        return Finding("near_duplicate", {"of": self._ids[place], "similarity": similarity})

    def _near(self, vector: NDArray[np.float32]) -> Iterator[tuple[float, int]]:
        """The cosines that are high enough, and where."""
        # rounded, because the last bits of a product depend on the row's place in the array
        cosines = np.round(self._vectors[: len(self)] @ vector, 6)
        for place in np.flatnonzero(cosines >= self._least):
            yield float(cosines[place]), int(place)

    def _decided(
        self, text: str, places: Sequence[int], embedder: Embedder
    ) -> list[tuple[float, int]]:
        """The candidates that are near by the embedder too, with its cosines."""
        vectors = embedder.embed([text, *(self._texts[place] for place in places)])
        cosines = np.round(vectors[1:] @ vectors[0], 6)
        return [
            (float(cosine), place)
            for cosine, place in zip(cosines, places, strict=True)
            if cosine >= self.threshold
        ]

    def add(self, row_id: str, text: str, vector: NDArray[np.float32]) -> None:
        """Remember a text under its row's id.

        Raises:
            InputError: the vector is not one-dimensional, or of another length than the others.
        """
        count = len(self)
        self._check(vector)
        if count == len(self._vectors):
            grown = np.empty((max(2 * count, 64), len(vector)), dtype=np.float32)
            if count:
                grown[:count] = self._vectors[:count]
            self._vectors = grown
        self._vectors[count] = vector
        self._ids.append(row_id)
        self._texts.append(text)
        self._exact.setdefault(normalise(text), []).append(count)

    def _check(self, vector: NDArray[np.float32]) -> None:
        wanted = self._vectors.shape[1] if self._ids else vector.shape[-1] if vector.ndim else 0
        if vector.ndim != 1 or len(vector) != wanted:
            raise InputError(
                f"A vector of shape {vector.shape} was given where ({wanted},) is needed: "
                "embed all texts with the same embedder."
            )


def nearest_pairs(vectors: NDArray[np.float32], count: int) -> list[tuple[int, int, float]]:
    """The ``count`` most similar pairs (i, j, cosine), i < j, most similar first.

    Works in blocks: memory is O(block² + count), time O(n² d). Equal cosines (to 6 digits) are
    ordered by i, then j.

    Args:
        vectors: shape (n, d), rows of length 1.
    """
    if vectors.ndim != 2:
        raise InputError(f"nearest_pairs() takes an (n, d) array; this one is {vectors.shape}.")
    best: list[tuple[float, int, int]] = []
    if count <= 0:
        return []
    for top in range(0, len(vectors), _BLOCK):
        for left in range(top, len(vectors), _BLOCK):
            block = np.round(vectors[top : top + _BLOCK] @ vectors[left : left + _BLOCK].T, 6)
            found = _best_of(block, top, left, count)
            best = heapq.nsmallest(count, [*best, *found])
    return [(i, j, -cosine) for cosine, i, j in best]


def _best_of(
    block: NDArray[np.float32], top: int, left: int, count: int
) -> list[tuple[float, int, int]]:
    """The best pairs of one block as (-cosine, i, j); only those above the diagonal."""
    rows, columns = np.indices(block.shape)
    upper = np.flatnonzero((rows + top < columns + left).ravel())
    values = -block.ravel()[upper].astype(np.float64)
    order = np.argsort(values, kind="stable")[:count]
    width = block.shape[1]
    return [
        (float(values[k]), top + int(upper[k]) // width, left + int(upper[k]) % width)
        for k in order
    ]
