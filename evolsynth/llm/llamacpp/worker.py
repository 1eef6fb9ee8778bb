"""One llama.cpp context, and the one thread that owns it.

The thread takes requests from a queue into free slots between decode steps, decodes all busy
slots in one batch, and hands each finished answer back to its event loop.

What makes a request's tokens independent of all others (see the design's measurements): the
context's sequences do not share cells (``kv_unified=False``), each prompt is prefilled alone, in
two chunks with a fixed border, and flash attention is off.
"""

from __future__ import annotations

import asyncio
import codecs
import collections
import ctypes
import logging
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import EngineError, LLMError
from evolsynth.llm.base import Completion, FinishReason, Request, Usage
from evolsynth.llm.llamacpp.library import last_message, llama
from evolsynth.llm.llamacpp.model import Model, TokenisedPrompt
from evolsynth.llm.llamacpp.sampler import Sampler

__all__ = ["Job", "JobQueue", "Worker"]

_log = logging.getLogger("evolsynth.llamacpp")
_FLASH_ATTENTION_OFF = 0
_CHUNK = 512  # tokens a prefill decodes at once; longer chunks are cut at multiples of it


class Job:
    """A request on its way through the engine, and the future that waits for it."""

    def __init__(self, request: Request, prompt: TokenisedPrompt) -> None:
        self.request = request
        self.prompt = prompt
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Completion] = self._loop.create_future()

    def finish(self, result: Completion | LLMError) -> None:
        """Hand the result to the event loop. Called from the worker's thread."""
        try:
            self._loop.call_soon_threadsafe(self._settle, result)
        except RuntimeError:  # the loop was closed: nobody waits any more
            _log.debug("an answer came after its event loop was closed")

    def _settle(self, result: Completion | LLMError) -> None:
        if self.future.done():
            return
        if isinstance(result, LLMError):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class JobQueue:
    """Jobs in the order they came, shared by all workers."""

    def __init__(self) -> None:
        self._jobs: collections.deque[Job] = collections.deque()
        self._prompts: collections.Counter[TokenisedPrompt] = collections.Counter()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        """Add a job.

        Raises:
            EngineError: the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise EngineError("The engine was closed. Start it again with `async with`.")
            self._jobs.append(job)
            self._prompts[job.prompt] += 1
            self._changed.notify()

    def take(self, *, wait: bool) -> Job | None:
        """The next job that nobody cancelled; None if there is none, or the queue is closed."""
        with self._changed:
            while True:
                while self._jobs and not self._closed:
                    job = self._jobs.popleft()
                    self._forget(job)
                    if not job.cancelled:
                        return job
                if self._closed or not wait:
                    return None
                self._changed.wait()

    def waits_for(self, prompt: TokenisedPrompt) -> bool:
        """Whether another job with the same prompt is still in the queue."""
        return self._prompts[prompt] > 0

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> list[Job]:
        """Let no more jobs in or out, wake all workers, and return what was left."""
        with self._changed:
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._prompts.clear()
            self._changed.notify_all()
            return left

    def _forget(self, job: Job) -> None:
        self._prompts[job.prompt] -= 1
        if self._prompts[job.prompt] <= 0:
            del self._prompts[job.prompt]


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


class _Stored:
    """A prefilled prompt, or its shared part: the sequence's state and its last logits."""

    def __init__(self, state: NDArray[np.uint8], logits: NDArray[np.float32]) -> None:
        self.state = state
        self.logits = logits


class Worker:
    """A context of ``slots`` sequences of ``context`` tokens each, computing on ``threads``.

    ``store`` is how many prefilled prompts are kept for reuse.

    Raises:
        EngineError: there is not enough memory for the context.
    """

    def __init__(
        self, model: Model, queue: JobQueue, *, slots: int, context: int, threads: int, store: int
    ) -> None:
        self._native = native = llama()
        self._model, self._queue = model, queue
        params = native.llama_context_default_params()
        params.n_ctx, params.n_seq_max = context * slots, slots
        params.n_batch = params.n_ubatch = max(_CHUNK, slots)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = _FLASH_ATTENTION_OFF
        params.no_perf = True
        self._context: Any = native.llama_init_from_model(model.handle, params)
        if not self._context:
            raise EngineError(
                f"llama.cpp could not make a context of {slots} slots with {context} tokens each "
                f"({last_message()}). Use fewer slots or a smaller context."
            )
        self._memory = native.llama_get_memory(self._context)
        self._batch = _Batch(native, params.n_batch)
        self._slots: dict[int, _Slot] = {}
        self._free = list(range(slots))
        self._entering: Job | None = None
        self._stored: collections.OrderedDict[Any, _Stored] = collections.OrderedDict()
        self._store_size = store
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
            for job in (*self._queue.close(), *filter(None, [self._entering])):
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
                self._keep(number, prompt.shared, logits)
            else:
                self.usage.saved_prompt_tokens += len(prompt.shared)
        if prompt.own:
            logits = self._decode_chunk(number, prompt.own, len(prompt.shared))
            if self._queue.waits_for(prompt):
                self._keep(number, prompt, logits)
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
        return self._logits(1)[0].copy()

    def _keep(self, number: int, key: Any, logits: NDArray[np.float32]) -> None:
        if self._store_size == 0:
            return
        native = self._native
        size = native.llama_state_seq_get_size(self._context, number)
        state = np.empty(size, dtype=np.uint8)
        written = native.llama_state_seq_get_data(self._context, _bytes(state), size, number)
        if written == size:
            self._stored[key] = _Stored(state, logits)
            while len(self._stored) > self._store_size:
                self._stored.popitem(last=False)

    def _restore(self, number: int, key: Any) -> NDArray[np.float32] | None:
        stored = self._stored.get(key)
        if stored is None:
            return None
        self._stored.move_to_end(key)
        size = len(stored.state)
        read = self._native.llama_state_seq_set_data(
            self._context, _bytes(stored.state), size, number
        )
        if read != size:
            raise EngineError(f"A stored prompt could not be restored ({last_message()}).")
        return stored.logits

    def _step(self) -> None:
        """Decode one token of every busy slot."""
        for number in [n for n, slot in self._slots.items() if slot.job.cancelled]:
            self._release(number)
        if not self._slots:
            return
        numbers = sorted(self._slots)
        slots = [self._slots[n] for n in numbers]
        self._batch.step(numbers, [s.last for s in slots], [s.position for s in slots])
        try:
            self._decode()
        except EngineError as error:
            for number in numbers:
                self._release(number).job.finish(error)
            return
        logits = self._logits(len(numbers))
        for row, number in enumerate(numbers):
            self._slots[number].position += 1
            self._draw(number, logits[row])

    def _draw(self, number: int, logits: NDArray[np.float32]) -> None:
        slot = self._slots[number]
        token = slot.sampler.draw(logits)
        reason = slot.accept(token, self._model.pieces[token], end=token in self._model.end_tokens)
        if reason is not None:
            self._release(number)
            self.usage.requests += 1
            self.usage.completion_tokens += slot.tokens
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
        matrix: NDArray[np.float32] = np.ctypeslib.as_array(pointer, shape)
        return matrix


class _Batch:
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
        self, sequence: int, tokens: tuple[int, ...], position: int, *, logits_at_end: bool
    ) -> None:
        """A run of one sequence's tokens, logits wanted after the last at most."""
        count = len(tokens)
        self.handle.n_tokens = count
        self._tokens[:count] = tokens
        self._positions[:count] = np.arange(position, position + count)
        self._sequences[:count] = sequence
        self._logits[:count] = 0
        self._logits[count - 1] = logits_at_end

    def step(self, sequences: list[int], tokens: list[int], positions: list[int]) -> None:
        """One token of each sequence, logits wanted after each."""
        count = len(sequences)
        self.handle.n_tokens = count
        self._tokens[:count] = tokens
        self._positions[:count] = positions
        self._sequences[:count] = sequences
        self._logits[:count] = 1


def _bytes(array: NDArray[np.uint8]) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
