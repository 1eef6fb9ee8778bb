"""ROUGE-L between texts, and the nearest of many earlier ones.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3. The figures are
those of the ``rouge-score`` package without stemming, to the last bit, which Self-Instruct (Wang
et al. 2023, arXiv:2212.10560, section 2.2) compares tasks by.
"""

from __future__ import annotations

import re
from array import array
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import LCSseq

__all__ = ["Entry", "Nearest", "RougeIndex", "rouge_l", "rouge_tokens"]

_WORD = re.compile("[a-z0-9]+")
_SLACK = 1e-9  # a bound is computed in another order than the figure, so it may be a bit below


class Entry(NamedTuple):
    """A text of an index, and its name."""

    name: str
    text: str


class Nearest(NamedTuple):
    """The earlier text that is most like a text: its name, what it says, and its ROUGE-L F1."""

    name: str
    text: str
    score: float


def rouge_tokens(text: str) -> list[str]:
    """The runs of letters a to z and digits, in lower case; anything else parts them."""
    return _WORD.findall(text.lower())


def rouge_l(one: str, other: str) -> float:
    """The F1 of precision and recall of the longest common subsequence of words, 0 to 1.

    The order of the two does not matter. 0 where one of them has no words.
    """
    a, b = rouge_tokens(one), rouge_tokens(other)
    return _f1(int(LCSseq.similarity(a, b)), len(a), len(b))


def _f1(common: int, one: int, other: int) -> float:
    """In the package's order of operations, so that a figure at a threshold falls the same way."""
    if not common:
        return 0.0
    precision, recall = common / one, common / other
    return 2 * precision * recall / (precision + recall)


class RougeIndex:
    """Texts in the order in which they came, and the most similar of them.

    Two texts of m and n words that share s of them, each counted as often as both have it, have a
    longest common subsequence of at most s, so an F1 of at most 2s / (m + n). The shared words of
    a text with all others are counted at once from lists of where each word occurs; only where the
    bound reaches the threshold is the subsequence itself computed. Nothing is missed.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._where: dict[tuple[int, int], array[int]] = {}
        self._tokens: list[array[int]] = []
        self._lengths: array[int] = array("i")
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, place: int) -> Entry:
        return self._entries[place]

    def add(self, text: str, *, name: str = "") -> None:
        """Add a text; ``name`` is what `nearest` calls it."""
        numbers = self._numbers
        tokens = array("I", (numbers.setdefault(t, len(numbers)) for t in rouge_tokens(text)))
        place = len(self._tokens)
        for feature in _occurrences(tokens):
            self._where.setdefault(feature, array("i")).append(place)
        self._tokens.append(tokens)
        self._lengths.append(len(tokens))
        self._entries.append(Entry(name, text))

    def nearest(self, text: str, *, least: float, first: int | None = None) -> Nearest | None:
        """The most similar text with an F1 of ``least`` or more, the earliest of equals.

        ``least`` must be above 0. ``first`` looks only at so many texts, those that came first.
        """
        size = len(self._tokens) if first is None else min(first, len(self._tokens))
        asked = rouge_tokens(text)
        if not size or not asked:
            return None
        unknown = len(self._numbers)  # a word that no text has equals none
        tokens = array("I", (self._numbers.get(t, unknown) for t in asked))
        bounds = self._bounds(tokens, size)
        places = np.flatnonzero(bounds >= least - _SLACK)
        best: tuple[float, int] | None = None
        for place in places[np.argsort(-bounds[places], kind="stable")].tolist():
            if best is not None and bounds[place] < best[0] - _SLACK:
                break
            other = self._tokens[place]
            score = _f1(int(LCSseq.similarity(tokens, other)), len(tokens), len(other))
            if score >= least and (best is None or (-score, place) < (-best[0], best[1])):
                best = score, place
        return None if best is None else Nearest(*self._entries[best[1]], best[0])

    def _bounds(
        self, tokens: array[int], size: int
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The most that the F1 with each text can be."""
        shared = np.zeros(size, dtype=np.int64)
        for feature in _occurrences(tokens):
            places = self._where.get(feature)
            if places is not None:
                # a word's n-th occurrence is in a text once, so no place comes twice
                here = np.frombuffer(places, dtype=np.intc)
                shared[here[: np.searchsorted(here, size)]] += 1
        lengths = np.frombuffer(self._lengths, dtype=np.intc)[:size]
        return 2 * shared / (lengths + len(tokens))


def _occurrences(tokens: array[int]) -> list[tuple[int, int]]:
    """Each word with how often it came before: two texts share as many of these as words."""
    seen: dict[int, int] = {}
    found = []
    for token in tokens:
        count = seen.get(token, 0)
        seen[token] = count + 1
        found.append((token, count))
    return found
