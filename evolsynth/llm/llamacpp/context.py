"""One llama.cpp context: separate sequences, read one at a time and continued together.

What makes a sequence's logits independent of all others, bit for bit (a test for each): the
sequences share no cells (``kv_unified=False``), a text is read alone and cut at fixed places, and
no batch has only one row, which llama.cpp would compute by another path, with other last bits.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from evolsynth.errors import EngineError, SetupError
from evolsynth.llm.llamacpp.model import last_message, llama

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["CHUNK", "LARGE", "LEAST_ROWS", "Batch", "Context", "check_memory", "check_room"]
__all__ += ["Sized", "context_bytes", "most_contexts", "padded"]

CHUNK = 512  #: tokens read at once; longer texts are cut at multiples of it
LEAST_ROWS = 2
LARGE = 1_000_000_000  #: parameters from which on attention is little of the work, and always flash
_MIB = 2**20
_CELLS = 256  # llama.cpp rounds the tokens of a sequence up to a multiple of this
_LEFT = 0.95  # of what is available: some is for Python and for what is being stored
_SCORED = 64  # rows of logits at once: 12 MB for a vocabulary of 49,152
_TILED = 64  # from this many tokens on, flash attention is computed another way: other last bits


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

    Attention is computed row by row (``flash``, as llama.cpp calls it) or as products of matrices:
    other last bits, and which is faster depends on the processor (`machine.flash_is_faster`).
    Used by one thread at a time. ``compute_seconds`` is the time spent inside llama.cpp.

    Raises:
        EngineError: there is not enough memory.
    """

    def __init__(
        self, model: Model, *, sequences: int, tokens: int, threads: int, flash: bool = True
    ) -> None:
        self._flash = flash
        self._native = native = llama()
        self._vocabulary = model.vocabulary_size
        self.sequences, self.tokens = padded(sequences), tokens
        params = native.llama_context_default_params()
        params.n_ctx, params.n_seq_max = tokens * self.sequences, self.sequences
        params.n_batch = params.n_ubatch = max(CHUNK, self.sequences)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = int(flash)
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

    def give_up_at(self, when: float) -> None:
        """From that second of `time.perf_counter` on let nothing be computed, not to its end
        either: what is under way fails with `EngineError`."""
        native = self._native
        # Kept, because llama.cpp keeps the pointer.
        self._over = native.ggml_abort_callback(lambda _: time.perf_counter() >= when)
        native.llama_set_abort_callback(self._context, self._over, None)

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
        tiled = self._flash and len(tokens) < _TILED <= rows
        if tiled or rows > self.tokens - position:
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


# Batches ------------------------------------------------------------------------------------------


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


# Memory -------------------------------------------------------------------------------------------


# llama.cpp fills its key-value store when a context is made: asking for more than there is gets
# the process killed, not an error. So it is reckoned before.


class Sized(Protocol):
    """What a context's size follows from: a model, or a file that is not loaded yet."""

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values in F16, of all layers."""

    @property
    def width(self) -> int:
        """Numbers that stand for a token inside the model."""

    @property
    def heads(self) -> int:
        """Heads of attention in a layer."""

    @property
    def parameters(self) -> int:
        """Numbers in all tensors."""

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are."""


def context_bytes(model: Sized, *, sequences: int, tokens: int) -> int:
    """What a `Context` of ``sequences`` sequences of ``tokens`` tokens takes, in bytes.

    Keys and values in F16, rows of logits (where they are computed and where they are kept), the
    scores of attention and its mask, and what else is computed with. Without those scores, beside
    the growth of a process (SmolLM2-135M in Q4_0; 14 sizes, from 1 to 256 sequences and from 64
    to 8,192 tokens) it was from 7 MiB too little (of 1,554) to 10 MiB too much (of 35). Models
    without such a store (Mamba), or with one that differs by layer, take less.
    """
    rows, cells = padded(sequences), -(-tokens // _CELLS) * _CELLS
    store = model.cache_bytes_per_token * rows * cells
    logits = 2 * max(rows, _SCORED) * model.vocabulary_size * 4
    batch = max(CHUNK, rows)
    mask = batch * cells * 2
    scores = model.heads * CHUNK * cells * 4 if model.parameters < LARGE else 0
    working = 2 * batch * model.width * 4
    return int(store + logits + mask + scores + working + 8 * _MIB)


def most_contexts(model: Sized, *, sequences: int, tokens: int, available: int) -> int:
    """How many contexts there is memory for; 0 if not even for one."""
    return int(available * _LEFT) // context_bytes(model, sequences=sequences, tokens=tokens)


def check_memory(
    model: Sized, *, sequences: int, tokens: int, contexts: int, available: int
) -> None:
    """See that contexts fit, before the first is made.

    Raises:
        SetupError: they do not; the message says how much is missing and what would fit.
    """
    most = most_contexts(model, sequences=sequences, tokens=tokens, available=available)
    if contexts <= most:
        return
    needed = contexts * context_bytes(model, sequences=sequences, tokens=tokens)
    raise SetupError(
        f"{contexts} contexts of {sequences} slots with {tokens} tokens each need "
        f"{needed / _MIB:,.0f} MiB of memory, and {available / _MIB:,.0f} MiB are available. "
        f"Use {_advice(model, sequences, tokens, most, available)}."
    )


def check_room(
    model: Sized,
    *,
    name: str,
    weights: int,
    sequences: int,
    tokens: int,
    contexts: int,
    available: int,
) -> None:
    """See that weights and contexts fit, before the weights are read.

    Raises:
        SetupError: they do not; the message has the numbers and what would fit.
    """
    least = context_bytes(model, sequences=sequences, tokens=tokens)
    if weights + contexts * least <= available * _LEFT:
        return
    left = max(0, available - int(weights / _LEFT))
    advice = _advice(model, sequences, tokens, most_contexts(
        model, sequences=sequences, tokens=tokens, available=left), left)  # fmt: skip
    number = "a context" if contexts == 1 else f"{contexts} contexts"
    raise SetupError(
        f"{name} needs {weights / _MIB:,.0f} MiB of memory for its weights and "
        f"{contexts * least / _MIB:,.0f} MiB for {number} of {sequences} slots with {tokens} "
        f"tokens each, and {available / _MIB:,.0f} MiB are available. Use {advice}."
    )


def _advice(model: Sized, sequences: int, tokens: int, most: int, available: int) -> str:
    """What would fit, tried out: fewer contexts, else fewer slots, else fewer tokens."""
    if most:
        return f"contexts={most}, fewer slots or a smaller context"

    def fits(slots: int, cells: int) -> bool:
        return most_contexts(model, sequences=slots, tokens=cells, available=available) > 0

    slots = sequences
    while slots > 1 and not fits(slots, tokens):
        slots //= 2
    if fits(slots, tokens):
        return f"contexts=1 and slots={slots}, or a smaller context"
    cells = tokens
    while cells > _CELLS and not fits(1, cells):
        cells //= 2
    if fits(1, cells):
        return f"contexts=1, slots=1 and context={cells}"
    return "a smaller model, or a machine with more memory"
