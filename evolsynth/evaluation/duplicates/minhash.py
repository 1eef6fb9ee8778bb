"""MinHash: pairs of texts that share most of their shingles, without comparing all of them.

A text's signature holds, for each of P random orders of all shingles, the first of its own; two
texts agree in a place with a probability that is the Jaccard index of their sets (Broder 1997,
"On the resemblance and containment of documents"). Signatures are cut into bands of r places, and
texts that agree in a whole band are candidates (Leskovec, Rajaraman and Ullman, "Mining of Massive
Datasets", chapter 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.duplicates.tokens import Chunk

__all__ = ["Signatures", "agree", "bands_for", "in_buckets"]

_PLACES = 126
#: A pair as similar as the threshold is missed at most this often.
_MISSED = 0.0125
#: The estimate from a signature may lie this far below the threshold: 3.5 standard deviations.
_DOUBT = 0.13
#: How many followers each text of a bucket is paired with: all in small buckets.
_NEAR, _FEW, _LARGE = 16, 3, 48


def bands_for(threshold: float, places: int = _PLACES) -> tuple[int, int]:
    """(bands, places in each): the fewest false candidates that miss next to no pair."""
    for rows in range(places, 1, -1):
        bands = places // rows
        if (1 - threshold**rows) ** bands <= _MISSED:
            return bands, rows
    return places, 1


class Signatures:
    """The signatures of n texts, each under its rank: the lower, the earlier it is kept.

    Memory: 8 bytes for each band and 1 for each place: 330 bytes a text at a threshold of 0.7.
    Texts without a token have no signature and no pair.
    """

    def __init__(self, n: int, threshold: float) -> None:
        self.threshold = threshold
        self.bands, self.rows = bands_for(threshold)
        places = self.bands * self.rows
        random = np.random.default_rng(2024)
        self._factors = random.integers(1, 1 << 63, (places, 1), dtype=np.uint64) | np.uint64(1)
        self._mixers = random.integers(1, 1 << 63, self.rows, dtype=np.uint64) | np.uint64(1)
        self._keys = np.zeros((self.bands, n), dtype=np.uint64)  # 0: no signature
        self._bytes = np.zeros((n, places), dtype=np.uint8)

    def add(self, ranks: NDArray[np.int64], chunk: Chunk) -> None:
        """Sign the texts of a chunk; ``ranks`` are those of all its texts.

        Safe to call from several threads, for different texts.
        """
        if not len(chunk.rows):
            return
        to, facts = ranks[chunk.rows], chunk.keys[chunk.rows]
        least = np.empty((len(self._factors), len(to)), dtype=np.uint64)
        for place, factor in enumerate(self._factors):
            least[place] = np.minimum.reduceat(chunk.features * factor, chunk.starts)
        least >>= np.uint64(32)
        self._bytes[to] = (least & np.uint64(0xFF)).astype(np.uint8).T
        for band in range(self.bands):
            key = facts.copy()
            for part, mixer in zip(least[band * self.rows :], self._mixers, strict=False):
                key = (key ^ part) * mixer
                key ^= key >> np.uint64(31)
            self._keys[band, to] = np.maximum(key, np.uint64(1))

    @property
    def keys(self) -> NDArray[np.uint64]:
        """Of each band what texts of one bucket share, of shape (bands, n); 0: no signature."""
        return self._keys

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The last byte of each place, of shape (n, places)."""
        return self._bytes

    def pairs(self, active: NDArray[np.bool_], workers: int) -> tuple[NDArray[np.int64], bool]:
        """Candidates (i, j), i < j, of shape (m, 2), ordered by j, then i; whether some were left.

        Texts of a bucket of many are compared with its first few and with their neighbours only,
        so some pairs may be left for another call, when fewer texts are active.
        """
        ranks = np.flatnonzero(active)
        with ThreadPoolExecutor(workers) as pool:
            keys, some_left = _NONE, False
            for found, left in pool.map(lambda band: self._band(band, ranks), range(self.bands)):
                keys = np.union1d(keys, found) if len(found) else keys
                some_left = some_left or left
        n = max(len(active), 1)
        return np.stack([keys % n, keys // n], axis=1), some_left

    def _band(self, band: int, ranks: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        if not len(ranks):
            return _NONE, False
        keys = self._keys[band, ranks]
        order = np.argsort(keys, kind="stable")
        keys, ranks = keys[order], ranks[order]
        partners, left = in_buckets(keys)
        found = [
            part for first, second in partners for part in self._likely(ranks[first], ranks[second])
        ]
        n = self._keys.shape[1]
        return (np.unique(np.concatenate([j * n + i for i, j in found])) if found else _NONE), left

    def _likely(
        self, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The pairs whose signatures agree well enough."""
        for start in range(0, len(first), 1 << 15):
            i, j = first[start : start + (1 << 15)], second[start : start + (1 << 15)]
            near = agree(self._bytes[i], self._bytes[j], self.threshold)
            yield i[near], j[near]


def agree(one: NDArray[np.uint8], other: NDArray[np.uint8], threshold: float) -> NDArray[np.bool_]:
    """Whether signatures, of shape (m, places), agree well enough for texts so similar."""
    # places that differ agree in their byte once in 256 times
    equal = (one == other).sum(axis=1, dtype=np.uint8)
    near: NDArray[np.bool_] = equal >= (threshold - _DOUBT) * one.shape[1]
    return near


_NONE: NDArray[np.int64] = np.empty(0, dtype=np.int64)


def in_buckets(
    keys: NDArray[np.uint64],
) -> tuple[Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]], bool]:
    """The places of ordered keys that are to be compared, and whether some pairs were left out."""
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sizes = np.diff(np.append(begins, len(keys)))
    wanted = (sizes > 1) & (keys[begins] != 0)
    begins, sizes = begins[wanted], sizes[wanted]
    return _partners(begins, sizes), bool(len(sizes)) and int(sizes.max()) > _NEAR


def _partners(
    begins: NDArray[np.int64], sizes: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places to compare: each with its followers in the bucket, and with the bucket's first."""
    for step in range(1, _NEAR + 1):
        some = (sizes > step) & ((step <= _FEW) | (sizes <= _LARGE))
        if not some.any():
            break
        first = _spread(begins[some], sizes[some] - step)
        yield first, first + step
    large = sizes > _FEW + 1
    for leader in range(_FEW):
        b, s = begins[large] + leader, sizes[large] - leader - 1
        yield np.repeat(b, s), _spread(b + 1, s)


def _spread(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """begin, begin + 1, ..., for each begin as many as its count."""
    ends = np.cumsum(counts)
    places: NDArray[np.int64] = np.arange(ends[-1] if len(ends) else 0)
    places += np.repeat(begins - (ends - counts), counts)
    return places
