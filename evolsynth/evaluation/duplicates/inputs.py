"""Which inputs are nearly the same text: instructions are twins only where their inputs are.

"Give the passage a title." is asked of sixty passages, and ten questions of one: neither makes a
duplicate. The same question about the same passage does, also where a comma of it has moved.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from evolsynth.evaluation.duplicates.minhash import bands_for
from evolsynth.evaluation.duplicates.same_request import digest, same_facts
from evolsynth.evaluation.duplicates.tokens import Lexicon, shingles, tokens

__all__ = ["NEARLY", "Inputs", "nearly"]

#: Jaccard index of words and pairs of neighbours from which on two inputs with the same facts are
#: one: of a passage of 150 words some five may be others.
NEARLY = 0.9
_BANDS, _ROWS = bands_for(NEARLY, 32)
_TRIES = 256  # texts of one bucket that another is held against
#: Data of a few words, or of the same signs again and again ("a b b a"), are the same where they
#: are equal: as sets of words they say too little. Tokens, and the share of new pairs of them.
_LEAST, _NEW = 12, 0.7

_random = np.random.default_rng(2025)
_FACTORS = _random.integers(1, 1 << 63, (_BANDS * _ROWS, 1), dtype=np.uint64) | np.uint64(1)
_MIXERS = _random.integers(1, 1 << 63, (1, _ROWS), dtype=np.uint64) | np.uint64(1)
_LEXICON = Lexicon()


@lru_cache(maxsize=4096)
def _buckets(text: str) -> tuple[int, ...]:
    """What a text shares at least one of with each that is nearly the same, as good as always
    (`minhash`). Empty for one that none is like."""
    pairs = list(pairwise(tokens(text)))
    if len(pairs) < _LEAST or len(set(pairs)) < _NEW * len(pairs):
        return ()
    chunk = _LEXICON.read([text])
    least = (chunk.features * _FACTORS).min(axis=1) >> np.uint64(32)
    bands = (least.reshape(_BANDS, _ROWS) * _MIXERS).sum(axis=1, dtype=np.uint64)
    bands ^= chunk.keys[0] + np.arange(_BANDS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return tuple(bands.tolist())


@lru_cache(maxsize=4096)
def _shingles(text: str) -> frozenset[str | tuple[str, str]]:
    return frozenset(shingles(text))


def nearly(one: str, other: str) -> bool:
    """Whether two inputs are nearly the same text: equal, or alike with the same facts.

    A number, a name or a "not" that only one of them has makes them two.
    """
    if one == other or digest(one, 16) == digest(other, 16):
        return True
    if not one or not other or set(_buckets(one)).isdisjoint(_buckets(other)):
        return False
    return _alike(one, other)


def _alike(one: str, other: str) -> bool:
    a, b = _shingles(one), _shingles(other)
    common = len(a & b)
    return common >= NEARLY * (len(a) + len(b) - common) and same_facts(one, other)


class Inputs:
    """The different inputs seen so far, each under a number.

    Memory for each: the text, which rows share, and some 200 bytes.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[bytes, int] = {}
        self._bands: dict[int, list[int]] = {}

    def add(self, text: str) -> int:
        """The number of a text, a new one if need be; -1 for no text."""
        if not text:
            return -1
        number = self._numbers.setdefault(digest(text, 16), len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
            for bucket in _buckets(text):
                self._bands.setdefault(bucket, []).append(number)
        return number

    def near(self, text: str) -> frozenset[int]:
        """The numbers of those that are nearly this text (`nearly`); -1 alone for no text."""
        if not text:
            return frozenset((-1,))
        own = self._numbers.get(digest(text, 16))
        some = {n for bucket in _buckets(text) for n in self._bands.get(bucket, ())[:_TRIES]}
        found = {n for n in some if n != own and _alike(text, self._texts[n])}
        return frozenset(found if own is None else {own, *found})
