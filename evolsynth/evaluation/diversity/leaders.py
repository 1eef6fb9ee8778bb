"""Clusters of meaning for rows that come one after the other: leader clustering.

Each text belongs to the nearest of the leaders, or, if none is near, leads a cluster of its own
(Hartigan, Clustering Algorithms, 1975, chapter 3). One pass, no seed, and a text's cluster depends
on those before it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evolsynth.evaluation.embed.base import Embedder, rough

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Leaders"]

#: Of static vectors of requests: those on one subject are about so near (cosine).
_NEAR = 0.5
_MOST = 512


class Leaders:
    """Tells the cluster of each text, by static vectors where the embedder has some.

    Args:
        embedder: makes the vectors.
        near: the cosine from which on a text belongs to a leader's cluster.
        most: clusters at most; beyond, a text goes to the nearest, however far.
    """

    def __init__(self, embedder: Embedder, *, near: float = _NEAR, most: int = _MOST) -> None:
        self._embedder, self._near, self._most = rough(embedder), near, most
        self._leaders: NDArray[np.float32] | None = None
        self._count = 0

    def cluster(self, text: str) -> int:
        """The number of its cluster, from 0 in the order in which they came to be."""
        vector = np.asarray(self._embedder.embed([text])[0], dtype=np.float32)
        if self._leaders is None:
            self._leaders = np.zeros((self._most, len(vector)), dtype=np.float32)
        if self._count:
            nearness = self._leaders[: self._count] @ vector
            best = int(np.argmax(nearness))
            if nearness[best] >= self._near or self._count == self._most:
                return best
        self._leaders[self._count] = vector
        self._count += 1
        return self._count - 1
