"""Who lost to whom: each text that goes matches, itself, a text that stays.

Duplicates do not chain. If A is like B and B like C, but A is not like C, then B loses to A, and C
stays: it would have lost only to a text that is no longer there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Stars"]

#: Ways to be a duplicate, in the order in which they are looked for.
KINDS = ("exact", "near", "template", "static", "semantic")

_BLOCK = 1 << 16
#: How many texts that are alike enough one is held against. Among thousands of a template, with
#: other names in each, all are alike and none is a duplicate.
_TRIES = 16


class Stars:
    """For each rank the rank that it lost to (-1: it stays), how alike they are, and why."""

    def __init__(self, n: int) -> None:
        self.of = np.full(n, -1, dtype=np.int64)
        self.similarity = np.zeros(n, dtype=np.float32)
        self.kind = np.zeros(n, dtype=np.uint8)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Those that stay so far."""
        return self.of < 0

    def lose(self, rank: int, to: int, similarity: float, kind: str) -> None:
        """Note that a text lost."""
        self.of[rank], self.similarity[rank] = to, similarity
        self.kind[rank] = KINDS.index(kind)

    def decide(
        self,
        pairs: NDArray[np.int64],
        similar: Callable[[int, int, int], float | None],
        same: Callable[[int, int], bool],
        kind: Callable[[int, int], str],
    ) -> int:
        """Let texts lose to texts of a lower rank; how many did.

        Args:
            pairs: candidates (i, j), i < j, shape (m, 2), ordered by j.
            similar: how alike the texts of pair k, i and j are, or None where that is not enough.
            same: whether nothing else keeps them apart; asked only for similar ones.
            kind: one of `KINDS`.
        """
        lost = 0
        for j, earlier in groupby(_one_by_one(pairs), key=lambda pair: pair[2]):
            near: list[tuple[float, int]] = []
            for k, i, _ in earlier:
                if self.of[i] < 0 and (similarity := similar(k, i, j)) is not None:
                    near.append((-similarity, i))
            for negative, i in sorted(near)[:_TRIES]:  # the most alike, then the first
                if same(i, j):
                    self.lose(j, i, -negative, kind(i, j))
                    lost += 1
                    break
        return lost


def _one_by_one(pairs: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Each pair with its place, without a list of them all."""
    for start in range(0, len(pairs), _BLOCK):
        for k, (i, j) in enumerate(pairs[start : start + _BLOCK].tolist(), start):
            yield k, i, j
