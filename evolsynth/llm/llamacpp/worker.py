"""One llama.cpp context, and the one thread that owns it.

The thread takes requests from a queue into free slots between decode steps, decodes all busy
slots in one batch, and hands each finished answer back to its event loop.

What makes a request's tokens independent of all others (see the design's measurements): the
context's sequences do not share cells (``kv_unified=False``), each prompt is prefilled alone, in
two chunks with a fixed border, and a decode step always has at least two rows, without a gap
between their sequence numbers: llama.cpp would compute a row that stands alone by another path,
with other last bits. Empty slots in between are filled with a dummy row.
"""

from __future__ import annotations

import codecs
import collections
import ctypes
import logging
import threading
import time
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import EngineError
from evolsynth.llm.base import Completion, FinishReason, Usage
from evolsynth.llm.llamacpp.batch import Batch
from evolsynth.llm.llamacpp.jobs import Job, JobQueue
from evolsynth.llm.llamacpp.library import last_message, llama
from evolsynth.llm.llamacpp.model import Model, TokenisedPrompt
from evolsynth.llm.llamacpp.sampler import Sampler

__all__ = ["PrefixStore", "Worker"]

_log = logging.getLogger("evolsynth.llamacpp")
_FLASH_ATTENTION_ON = 1
_LEAST_ROWS = 2
_STORE_BYTES = 256 * 2**20  # about 11,000 tokens of SmolLM2-135M
_CHUNK = 512  # tokens a prefill decodes at once; longer chunks are cut at multiples of it


class _Slot:
    """A sequence that is being generated."""

    def __init__(self, job: Job, sampler: Sampler) -> None:
        self.job = job
        self.sampler = sampler
        self.stops = tuple(s.encode("utf-8", "replace") for s in job.request.stop)
        self.longest_stop = max(map(len, self.stops), default=0)
        self.text = bytearray()
        self.tokens = 0
        self.last = -1
        self.position = len(job.prompt)
        self.began = time.perf_counter()

    def accept(self, token: int, piece: bytes, end: bool) -> FinishReason | None:
        """Take the drawn token; say whether, and why, the answer is over."""
        if end:
            return "stop"
        self.last = token
        self.tokens += 1
        seen = max(0, len(self.text) - self.longest_stop)
        self.text += piece
        if self.stops:
            found = [at for stop in self.stops if (at := self.text.find(stop, seen)) >= 0]
            if found:
                del self.text[min(found) :]
                return "stop"
        return "length" if self.tokens >= self.job.request.max_tokens else None

    def completion(self, reason: FinishReason) -> Completion:
        # The incremental decoder holds back a character that was cut in half.
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self.text))
        return Completion(
            text=self.job.request.prefix + text,
            tokens=self.tokens,
            prompt_tokens=len(self.job.prompt),
            finish_reason=reason,
            seconds=time.perf_counter() - self.began,
        )


class _Nobody:
    """Stands for an empty slot between busy ones."""

    last = 0
    position = 0


_NOBODY = _Nobody()


class PrefixStore:
    """Prefilled prompts, or their shared parts, for all contexts: the least recently used go.

    A key's state and logits are the same bits in whichever context they were computed, and a
    copy equals what prefilling would give, so what is stored never shows in an answer.
    """

    def __init__(self, size: int, most_bytes: int = _STORE_BYTES) -> None:
        self._size, self._most_bytes = size, most_bytes
        self._bytes = 0
        self._entries: collections.OrderedDict[Any, _Prefilled] = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> _Prefilled | None:
        """What is stored for these tokens."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: Any, entry: _Prefilled) -> None:
        """Store, and let go of what was not used for longest."""
        with self._lock:
            old = self._entries.pop(key, None)
            self._bytes += entry.size - (old.size if old is not None else 0)
            self._entries[key] = entry
            while len(self._entries) > self._size or self._bytes > self._most_bytes:
                _, gone = self._entries.popitem(last=False)
                self._bytes -= gone.size


class _Prefilled(NamedTuple):
    """A sequence's keys and values after its prompt, and the logits there."""

    state: NDArray[np.uint8]
    logits: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state.nbytes + self.logits.nbytes


class Worker:
    """A context of ``slots`` sequences of ``context`` tokens each, computing on ``threads``.

    Raises:
        EngineError: there is not enough memory for the context.
    """

    def __init__(
        self,
        model: Model,
        queue: JobQueue,
        store: PrefixStore,
        *,
        slots: int,
        context: int,
        threads: int,
    ) -> None:
        self._native = native = llama()
        self._model, self._queue = model, queue
        params = native.llama_context_default_params()
        sequences = max(slots, _LEAST_ROWS)
        params.n_ctx, params.n_seq_max = context * sequences, sequences
        params.n_batch = params.n_ubatch = max(_CHUNK, slots)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = _FLASH_ATTENTION_ON
        params.no_perf = True
        self._context: Any = native.llama_init_from_model(model.handle, params)
        if not self._context:
            raise EngineError(
                f"llama.cpp could not make a context of {slots} slots with {context} tokens each "
                f"({last_message()}). Use fewer slots or a smaller context."
            )
        self._memory = native.llama_get_memory(self._context)
        self._batch = Batch(native, params.n_batch)
        self._slots: dict[int, _Slot] = {}
        self._free = list(range(slots))
        self._entering: Job | None = None
        self._store = store
        self.usage = Usage()
        self._thread = threading.Thread(target=self._run, name="evolsynth-llamacpp", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread to end, after the queue was closed, and free the context."""
        if self._thread.is_alive():
            self._thread.join()
        if self._context:
            self._native.llama_free(self._context)
            self._context = None

    def _run(self) -> None:
        try:
            while not self._queue.closed:
                self._admit()
                if self._slots:
                    began = time.perf_counter()
                    self._step()
                    self.usage.seconds += time.perf_counter() - began
            reason = EngineError("The engine was closed before the answer was finished.")
        except Exception as error:  # noqa: BLE001 - a bug: who waits must be told, or waits for ever
            _log.exception("the engine's thread failed")
            reason = EngineError(f"The engine failed ({error!r}) and was stopped.")
            for job in (*self._queue.close(str(reason)), *filter(None, [self._entering])):
                job.finish(reason)
        for slot in list(self._slots):
            self._release(slot).job.finish(reason)

    def _admit(self) -> None:
        """Move waiting jobs into free slots; with nothing to do, wait for one."""
        while self._free:
            job = self._queue.take(wait=not self._slots)
            if job is None:
                return
            self._entering = job
            number = self._free.pop(0)
            began = time.perf_counter()
            try:
                logits = self._prefill(number, job.prompt)
            except EngineError as error:
                self._vacate(number)
                job.finish(error)
                self._entering = None
                continue
            finally:
                self.usage.seconds += time.perf_counter() - began
            sampler = Sampler(job.request.sampling, job.request.seed, self._model.vocabulary_size)
            self._slots[number] = _Slot(job, sampler)
            self._entering = None
            self._draw(number, logits)

    def _prefill(self, number: int, prompt: TokenisedPrompt) -> NDArray[np.float32]:
        """Read a prompt into a slot and return the logits after it, stored or computed."""
        whole = self._restore(number, prompt)
        if whole is not None:
            self.usage.saved_prompt_tokens += len(prompt)
            return whole
        logits = None
        if prompt.shared:
            logits = self._restore(number, prompt.shared)
            if logits is None:
                logits = self._decode_chunk(number, prompt.shared, 0)
                self._store.put(prompt.shared, _Prefilled(self._state(number), logits))
            else:
                self.usage.saved_prompt_tokens += len(prompt.shared)
        if prompt.own:
            logits = self._decode_chunk(number, prompt.own, len(prompt.shared))
            if self._queue.waits_for(prompt):
                self._store.put(prompt, _Prefilled(self._state(number), logits))
        if logits is None:
            raise EngineError("The prompt has no tokens: there is nothing to continue.")
        return logits

    def _decode_chunk(
        self, number: int, tokens: tuple[int, ...], position: int
    ) -> NDArray[np.float32]:
        for start in range(0, len(tokens), _CHUNK):
            part = tokens[start : start + _CHUNK]
            last = start + _CHUNK >= len(tokens)
            self._batch.prompt(number, part, position + start, logits_at_end=last)
            self._decode()
        self.usage.prompt_tokens += len(tokens)
        return np.array(self._logits(1)[0])

    def _state(self, number: int) -> NDArray[np.uint8]:
        """A copy of a slot's keys and values."""
        native = self._native
        size = native.llama_state_seq_get_size(self._context, number)
        state = np.empty(size, dtype=np.uint8)
        written = native.llama_state_seq_get_data(self._context, _bytes(state), size, number)
        if written != size:
            raise EngineError(f"A slot's state could not be read ({last_message()}).")
        return state

    def _restore(self, number: int, key: Any) -> NDArray[np.float32] | None:
        stored = self._store.get(key)
        if stored is None:
            return None
        self._load(number, stored.state)
        return stored.logits

    def _load(self, number: int, state: NDArray[np.uint8]) -> None:
        """Put keys and values into an empty slot."""
        size = len(state)
        read = self._native.llama_state_seq_set_data(self._context, _bytes(state), size, number)
        if read != size:
            raise EngineError(f"A stored prompt could not be restored ({last_message()}).")

    def _step(self) -> None:
        """Decode one token of every busy slot."""
        for number in [n for n, slot in self._slots.items() if slot.job.cancelled]:
            self._release(number)
        if not self._slots:
            return
        try:
            logits = self._decode_slots()
        except EngineError as error:
            for number in list(self._slots):
                self._release(number).job.finish(error)
            return
        for number in sorted(self._slots):
            self._slots[number].position += 1
            self._draw(number, logits[number])

    def _decode_slots(self) -> NDArray[np.float32]:
        """Logits of shape (slots up to the last busy one, vocabulary size)."""
        self._close_gaps()
        rows = range(max(max(self._slots) + 1, _LEAST_ROWS))
        busy = [self._slots.get(n, _NOBODY) for n in rows]
        self._batch.step([s.last for s in busy], [s.position for s in busy])
        try:
            self._decode()
        finally:
            for number in rows:
                if number not in self._slots:
                    self._native.llama_memory_seq_rm(self._memory, number, -1, -1)
        return self._logits(len(rows))

    def _close_gaps(self) -> None:
        """Move the last busy slots down where more dummy rows than busy ones would be decoded."""
        while max(self._slots) >= max(2 * len(self._slots), _LEAST_ROWS):
            source, target = max(self._slots), self._free[0]
            self._load(target, self._state(source))
            del self._free[0]
            self._slots[target] = self._slots.pop(source)
            self._vacate(source)

    def _draw(self, number: int, logits: NDArray[np.float32]) -> None:
        slot = self._slots[number]
        token = slot.sampler.draw(logits)
        self.usage.completion_tokens += 1
        reason = slot.accept(token, self._model.pieces[token], end=token in self._model.end_tokens)
        if reason is not None:
            self._release(number)
            self.usage.requests += 1
            slot.job.finish(slot.completion(reason))

    def _release(self, number: int) -> _Slot:
        slot = self._slots.pop(number)
        slot.sampler.close()
        self._vacate(number)
        return slot

    def _vacate(self, number: int) -> None:
        self._native.llama_memory_seq_rm(self._memory, number, -1, -1)
        self._free.append(number)
        self._free.sort()

    def _decode(self) -> None:
        status = self._native.llama_decode(self._context, self._batch.handle)
        if status != 0:
            raise EngineError(f"llama.cpp could not decode (code {status}: {last_message()}).")

    def _logits(self, rows: int) -> NDArray[np.float32]:
        pointer: Any = self._native.llama_get_logits(self._context)
        shape = (rows, self._model.vocabulary_size)
        return cast(NDArray[np.float32], np.ctypeslib.as_array(pointer, shape))


def _bytes(array: NDArray[np.uint8]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
