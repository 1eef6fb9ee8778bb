"""Which words mean the same, which exclude each other, and how much alike two words are.

Vectors of rare words are poor ("succinct" and "concise" look like strangers), and those of words
that exclude each other (days, colours, before and after) look the same: both are told by lists, the
rest by static vectors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evolsynth.evaluation.text.words import stem, word_lists

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.static import StaticVectors

__all__ = ["WordVectors", "same_meaning", "siblings"]

_GROUPS = word_lists(__file__, "synonyms.txt")
_SYNONYMS: dict[str, set[int]] = defaultdict(set)
for _number, _group in enumerate(_GROUPS["synonyms"]):
    for _word in _group.split():
        _SYNONYMS[stem(_word)].add(_number)


def same_meaning(one: str, other: str) -> bool:
    """Whether two stems stand in one group."""
    return (
        bool(_SYNONYMS.get(one, set()) & _SYNONYMS.get(other, set())) if one in _SYNONYMS else False
    )


_SIBLINGS: dict[str, set[int]] = defaultdict(set)
for _number, _group in enumerate(_GROUPS["siblings"]):
    for _word in _group.split():
        _SIBLINGS[stem(_word)].add(_number)


def siblings(one: str, other: str) -> bool:
    """Whether two words exclude each other: two days of the week, before and after."""
    return one != other and bool(_SIBLINGS.get(one, set()) & _SIBLINGS.get(other, set()))


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
