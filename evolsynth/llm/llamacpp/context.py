"""One llama.cpp context: separate sequences, read one at a time and continued together.

What makes a sequence's logits independent of all others, bit for bit (a test for each): the
sequences share no cells (``kv_unified=False``), a text is read alone and cut at fixed places, and
no batch has only one row, which llama.cpp would compute by another path, with other last bits.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evolsynth.errors import EngineError
from evolsynth.llm.llamacpp.batch import Batch
from evolsynth.llm.llamacpp.library import last_message, llama

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["CHUNK", "LEAST_ROWS", "Context", "padded"]

CHUNK = 512  #: tokens read at once; longer texts are cut at multiples of it
LEAST_ROWS = 2
_SCORED = 64  # rows of logits at once: 12 MB for a vocabulary of 49,152
_FLASH_ATTENTION_ON = 1
_TILED = 64  # from this many tokens on, llama.cpp computes attention another way: other last bits


def padded(rows: int) -> int:
    """The cheapest number of rows that is at least ``rows``.

    llama.cpp multiplies repacked weights with 16 or 4 rows at once and takes what is left one by
    one, so that 15 rows took 85 ms where 16 took 71, and 3 took 27 where 4 took 26.
    """
    left = rows % 16
    if left >= 13:
        return rows + 16 - left
    return max(rows + (left % 4 == 3), LEAST_ROWS)


class Context:
    """A context of ``sequences`` sequences of ``tokens`` tokens each, computing on ``threads``.

    Used by one thread at a time. ``compute_seconds`` is the time spent inside llama.cpp.

    Raises:
        EngineError: there is not enough memory.
    """

    def __init__(self, model: Model, *, sequences: int, tokens: int, threads: int) -> None:
        self._native = native = llama()
        self._vocabulary = model.vocabulary_size
        self.sequences, self.tokens = padded(sequences), tokens
        params = native.llama_context_default_params()
        params.n_ctx, params.n_seq_max = tokens * self.sequences, self.sequences
        params.n_batch = params.n_ubatch = max(CHUNK, self.sequences)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = _FLASH_ATTENTION_ON
        params.no_perf = True
        self._context: Any = native.llama_init_from_model(model.handle, params)
        if not self._context:
            raise EngineError(
                f"llama.cpp could not make a context of {sequences} slots with {tokens} tokens "
                f"each ({last_message()}). Use fewer slots or a smaller context."
            )
        self._memory = native.llama_get_memory(self._context)
        self._batch = Batch(native, params.n_batch)
        self._view: NDArray[np.float32] | None = None
        self.compute_seconds = 0.0

    def close(self) -> None:
        """Free it. Safe to call twice."""
        if self._context:
            self._native.llama_free(self._context)
            self._context = None

    def read(self, sequence: int, tokens: Sequence[int], position: int) -> NDArray[np.float32]:
        """Append tokens to a sequence; the logits after the last, of shape (vocabulary size,).

        Raises:
            EngineError: llama.cpp could not.
        """
        for start in range(0, len(tokens), CHUNK):
            self._read(sequence, tokens[start : start + CHUNK], position + start, wanted=1)
        return np.array(self._logits(1)[0])

    def read_all(
        self, sequence: int, tokens: Sequence[int], position: int, start: int
    ) -> NDArray[np.float32]:
        """Append the tokens from ``start`` on, as many as are taken at once; the logits after
        each of them, of shape (tokens taken, vocabulary size), valid until the next call."""
        part = tokens[start : start + _SCORED]
        self._read(sequence, part, position + start, wanted=len(part))
        return self._logits(len(part))

    def _read(self, sequence: int, tokens: Sequence[int], position: int, wanted: int) -> None:
        """Decode a chunk, filled up to a good number of rows with tokens that are then dropped."""
        end = position + len(tokens)
        rows = padded(len(tokens))
        if rows > self.tokens - position or len(tokens) < _TILED <= rows:
            rows = len(tokens)
        filler = rows - len(tokens)
        self._batch.prompt(sequence, (*tokens, *(0,) * filler), position, len(tokens), wanted)
        self._decode()
        if filler:
            self.clear(sequence, end)

    def step(self, tokens: Sequence[int], positions: Sequence[int]) -> NDArray[np.float32]:
        """Append one token to each of the first sequences.

        The logits after each have the shape (len(tokens), vocabulary size) and are valid until
        the next call.
        """
        self._batch.step(tokens, positions)
        self._decode()
        return self._logits(len(tokens))

    def warm_up(self) -> None:
        """Compute once, so that the first request does not wait for memory to be touched."""
        self.read(0, (0,) * 16, 0)
        self.step((0,) * self.sequences, (16, *(0,) * (self.sequences - 1)))
        for sequence in range(self.sequences):
            self.clear(sequence)
        self.compute_seconds = 0.0

    def clear(self, sequence: int, position: int = 0) -> None:
        """Forget a sequence from ``position`` on."""
        self._native.llama_memory_seq_rm(self._memory, sequence, position, -1)

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """A copy of a sequence's keys and values."""
        native = self._native
        size = native.llama_state_seq_get_size(self._context, sequence)
        state = np.empty(size, dtype=np.uint8)
        written = native.llama_state_seq_get_data(self._context, _bytes(state), size, sequence)
        if written != size:
            raise EngineError(f"A slot's state could not be read ({last_message()}).")
        return state

    def load(self, sequence: int, state: NDArray[np.uint8]) -> None:
        """Put saved keys and values into an empty sequence."""
        size = len(state)
        read = self._native.llama_state_seq_set_data(self._context, _bytes(state), size, sequence)
        if read != size:
            raise EngineError(f"A stored prompt could not be restored ({last_message()}).")

    def _decode(self) -> None:
        began = time.perf_counter()
        status = self._native.llama_decode(self._context, self._batch.handle)
        self.compute_seconds += time.perf_counter() - began
        if status != 0:
            raise EngineError(f"llama.cpp could not decode (code {status}: {last_message()}).")

    def _logits(self, rows: int) -> NDArray[np.float32]:
        began = time.perf_counter()
        pointer: Any = self._native.llama_get_logits(self._context)
        self.compute_seconds += time.perf_counter() - began
        place = ctypes.addressof(pointer.contents)
        if self._view is None or self._view.ctypes.data != place or len(self._view) < rows:
            shape = (rows, self._vocabulary)  # it seldom moves, and a view takes long to make
            self._view = cast("NDArray[np.float32]", np.ctypeslib.as_array(pointer, shape))
        return self._view[:rows]


def _bytes(array: NDArray[np.uint8]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
