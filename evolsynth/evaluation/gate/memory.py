"""What a gate remembers of rows that it has seen, in this process; a cluster keeps it elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from evolsynth.evaluation.duplicates.index import DuplicateIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Memory"]

#: What texts are found by in an index, an array of shape (n, d).
Vectors = Callable[[Sequence[str]], "NDArray[np.float32]"]


class Memory:
    """Inputs, ancestors and what was let through, by rows' ids, and the indexes of streams."""

    def __init__(self) -> None:
        self._inputs: dict[str, str] = {}
        self._elders: dict[str, tuple[str, ...]] = {}
        self._passed: set[int] = set()

    def index(
        self,
        threshold: float,
        embedder: Embedder | None,
        vectors: Vectors,
    ) -> DuplicateIndex:
        """A new index, for what one stream lets through; see `DuplicateIndex`.

        Args:
            vectors: makes what the index is given of texts.
        """
        return DuplicateIndex(threshold, embedder=embedder)

    def add_inputs(self, inputs: Mapping[str, str]) -> None:
        """Remember the inputs of rows."""
        self._inputs.update(inputs)

    def input_of(self, row: str) -> str | None:
        """The input of a row, if it has one."""
        return self._inputs.get(row)

    def add_elders(self, row: str, elders: tuple[str, ...]) -> None:
        """Remember what a row was made from, and that from."""
        self._elders[row] = elders

    def elders_of(self, row: str) -> tuple[str, ...]:
        """What a row was made from, as far as it was seen."""
        return self._elders.get(row, ())

    def add_passed(self, prints: Iterable[int]) -> None:
        """Remember that instructions were let through, by 64 bits of each."""
        self._passed.update(prints)

    def has_passed(self, fingerprint: int) -> bool:
        """Whether an instruction was let through."""
        return fingerprint in self._passed

    def close(self) -> None:
        """Nothing is asked any more. Safe to call twice."""
