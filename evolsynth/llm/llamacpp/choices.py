"""Keeping an answer to one of some given texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Choices"]


class Choices:
    """The texts that an answer may be, and how far it has come in them.

    Which tokens may come next is looked up by their bytes: no text may be begun in a way in which
    none goes on, but each in every way that the vocabulary has.
    """

    def __init__(self, model: Model, texts: Sequence[str]) -> None:
        self._model = model
        self._left = tuple(dict.fromkeys(text.encode("utf-8", "replace") for text in texts))

    @property
    def rest(self) -> bytes | None:
        """What is still to come, where that is clear without asking the model."""
        return self._left[0] if len(self._left) == 1 else None

    def next_tokens(self) -> NDArray[np.intp]:
        """The tokens that may come next; those that end an answer where a text is complete."""
        found: set[int] = set()
        for left in self._left:
            if not left:
                found |= self._model.end_tokens
            for size in range(1, min(len(left), self._model.longest_piece) + 1):
                found.update(self._model.tokens_of.get(left[:size], ()))
        return np.array(sorted(found), dtype=np.intp)

    def accept(self, token: int) -> None:
        """Go on with one of those tokens."""
        piece = self._model.pieces[token]
        self._left = tuple(left[len(piece) :] for left in self._left if left.startswith(piece))
