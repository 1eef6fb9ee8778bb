"""ROUGE-L between texts, and the nearest of many earlier ones.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3. The figures are
those of the ``rouge-score`` package without stemming, to the last bit, which Self-Instruct (Wang
et al. 2023, arXiv:2212.10560, section 2.2) compares tasks by. That package knows Latin letters
alone; here words of other scripts count too, and where a script puts no space between words, its
letters.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

from evolsynth.evaluation.text.words import MARKS, UNSPACED

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Entry", "Nearest", "RougeIndex", "rouge_l", "rouge_tokens"]

_WORD = re.compile("[a-z0-9]+")
_ANY_WORD = re.compile(
    rf"[a-z0-9]+|[{UNSPACED}][{MARKS}]*"
    rf"|(?:(?![\u00aa-\u02af\u1e00-\u1eff{UNSPACED}])[^\W_a-z][{MARKS}]*)+"
)
_AT_ONCE = 2048  # texts that are compared in one call, those with the highest bounds first
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
    """The runs of letters a to z and digits, in lower case, and so those of letters that are not
    Latin, or each of them in a script without spaces; anything else parts them."""
    return (_WORD if text.isascii() else _ANY_WORD).findall(text.lower())


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
        self._coded: list[str] = []  # a character for each word: what rapidfuzz is quickest at
        self._lengths: array[int] = array("i")
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._coded)

    def __getitem__(self, place: int) -> Entry:
        return self._entries[place]

    def add(self, text: str, *, name: str = "") -> None:
        """Add a text; ``name`` is what `nearest` calls it."""
        numbers = self._numbers
        tokens = [numbers.setdefault(t, len(numbers)) for t in rouge_tokens(text)]
        place = len(self._coded)
        for feature in _occurrences(tokens):
            self._where.setdefault(feature, array("i")).append(place)
        self._coded.append(_coded(tokens))
        self._lengths.append(len(tokens))
        self._entries.append(Entry(name, text))

    def nearest(self, text: str, *, least: float, first: int | None = None) -> Nearest | None:
        """The most similar text with an F1 of ``least`` or more, the earliest of equals.

        ``least`` must be above 0. ``first`` looks only at so many texts, those that came first.
        """
        size = len(self._coded) if first is None else min(first, len(self._coded))
        asked = rouge_tokens(text)
        if not size or not asked:
            return None
        unknown = len(self._numbers)  # a word that no text has equals none
        tokens = [self._numbers.get(t, unknown) for t in asked]
        bounds = self._bounds(tokens, size)
        places = np.flatnonzero(bounds >= least - _SLACK)
        places = places[np.argsort(-bounds[places], kind="stable")]
        best: tuple[float, int] | None = None
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            if best is not None and bounds[some[0]] < best[0] - _SLACK:
                break
            scores = self._scores(tokens, some)
            for at in np.flatnonzero(scores >= least).tolist():
                score, place = float(scores[at]), int(some[at])
                if best is None or (-score, place) < (-best[0], best[1]):
                    best = score, place
        return None if best is None else Nearest(*self._entries[best[1]], best[0])

    def _scores(self, tokens: list[int], places: NDArray[np.intp]) -> NDArray[np.float64]:
        """The F1 with the texts at ``places``, in the operations of `_f1`."""
        others = [self._coded[place] for place in places.tolist()]
        common = cdist([_coded(tokens)], others, scorer=LCSseq.similarity, dtype=np.int32)[0]
        lengths = np.frombuffer(self._lengths, dtype=np.intc)[places]
        precision, recall = common / len(tokens), common / lengths
        both = precision + recall
        both[common == 0] = 1.0  # the figure is 0 then
        return np.asarray(2 * precision * recall / both, dtype=np.float64)

    def _bounds(self, tokens: list[int], size: int) -> NDArray[np.float64]:
        """The most that the F1 with each text can be."""
        shared = np.zeros(size, dtype=np.int64)
        for feature in _occurrences(tokens):
            places = self._where.get(feature)
            if places is not None:
                # a word's n-th occurrence is in a text once, so no place comes twice
                here = np.frombuffer(places, dtype=np.intc)
                shared[here[: np.searchsorted(here, size)]] += 1
        lengths = np.frombuffer(self._lengths, dtype=np.intc)[:size]
        return np.asarray(2 * shared / (lengths + len(tokens)), dtype=np.float64)


def _coded(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))  # a million words and more, which no pool of tasks has


def _occurrences(tokens: list[int]) -> list[tuple[int, int]]:
    """Each word with how often it came before: two texts share as many of these as words."""
    seen: dict[int, int] = {}
    found = []
    for token in tokens:
        count = seen.get(token, 0)
        seen[token] = count + 1
        found.append((token, count))
    return found
