"""How much alike two words are, by static vectors, each word looked up once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.static import StaticVectors

__all__ = ["WordVectors"]

#: Cosines of the static vectors at which two words count as strangers, and as one.
_STRANGE, _SAME = 0.4, 0.7
_KEPT = 50_000


class WordVectors:
    """A memory of word vectors. Bounded: it is emptied when it is full."""

    def __init__(self, static: StaticVectors) -> None:
        self._static = static
        self._known: dict[str, NDArray[np.float32]] = {}

    def likeness(self, some: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        """Of shape (some, others): from 0 for strangers to 1 for words that mean the same."""
        cosines = self._vectors(some) @ self._vectors(others).T
        made: NDArray[np.float32] = np.clip((cosines - _STRANGE) / (_SAME - _STRANGE), 0.0, 1.0)
        return made

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        lower = [text.casefold() for text in texts]
        missing = sorted({text for text in lower if text not in self._known})
        if missing:
            if len(self._known) + len(missing) > _KEPT:
                self._known.clear()
                missing = sorted(set(lower))
            self._known |= dict(zip(missing, self._static.embed(missing), strict=True))
        return np.stack([self._known[text] for text in lower])
