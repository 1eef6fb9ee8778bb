"""A llama_batch that is filled from numpy arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Batch"]


class Batch:
    """A llama_batch over numpy arrays, filled without a Python loop."""

    def __init__(self, native: Any, size: int) -> None:
        self._tokens = np.zeros(size, dtype=np.int32)
        self._positions = np.zeros(size, dtype=np.int32)
        self._counts = np.ones(size, dtype=np.int32)
        self._sequences = np.zeros(size, dtype=np.int32)
        self._logits = np.zeros(size, dtype=np.int8)
        step = self._sequences.itemsize
        self._pointers = (self._sequences.ctypes.data + step * np.arange(size)).astype(np.uintp)
        handle = native.llama_batch()
        for name, array in (
            ("token", self._tokens),
            ("pos", self._positions),
            ("n_seq_id", self._counts),
            ("seq_id", self._pointers),
            ("logits", self._logits),
        ):
            kind = type(getattr(handle, name))
            setattr(handle, name, ctypes.cast(array.ctypes.data, kind))
        self.handle = handle

    def prompt(
        self, sequence: int, tokens: tuple[int, ...], position: int, end: int, wanted: int
    ) -> None:
        """A run of one sequence's tokens; logits after the last ``wanted`` of the first ``end``."""
        count = len(tokens)
        self.handle.n_tokens = count
        self._tokens[:count] = tokens
        self._positions[:count] = np.arange(position, position + count)
        self._sequences[:count] = sequence
        self._logits[:count] = 0
        self._logits[end - wanted : end] = 1

    def step(self, tokens: Sequence[int], positions: Sequence[int]) -> None:
        """One token of each of the first sequences, logits wanted after each."""
        count = len(tokens)
        self.handle.n_tokens = count
        self._tokens[:count] = tokens
        self._positions[:count] = positions
        self._sequences[:count] = np.arange(count)
        self._logits[:count] = 1
