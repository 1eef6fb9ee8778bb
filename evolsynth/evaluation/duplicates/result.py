"""What deduplication gives: the texts that stay, and what each other one lost to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.evaluation.duplicates.stars import KINDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Deduplicated", "Duplicate"]


class Duplicate(NamedTuple):
    """A text that goes.

    ``of`` is the text that it matches itself, ``winner`` the one that stays: another one only
    where ``of`` lost in turn to a text that is alike in a weaker way. All are places in the input.
    """

    place: int
    of: int
    winner: int
    similarity: float
    kind: str


class Deduplicated(NamedTuple):
    """What stays, and what went: ``kept`` holds places in the input, in order."""

    kept: NDArray[np.int64]
    duplicates: list[Duplicate]
    decided_by_embedder: int = 0

    def clusters(self) -> dict[int, list[Duplicate]]:
        """The texts that went, by the place of the one that stayed; both in order."""
        found: dict[int, list[Duplicate]] = {}
        for one in self.duplicates:
            found.setdefault(one.winner, []).append(one)
        return dict(sorted(found.items()))

    def counts(self) -> dict[str, int]:
        """How many went, by kind."""
        counted = Counter(one.kind for one in self.duplicates)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}
