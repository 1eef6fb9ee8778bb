"""The thread that owns a context: it admits jobs between decode steps and ends them.

The thread takes jobs from a queue into free slots, decodes all busy slots in one batch, and hands
each finished answer back to its event loop. Empty slots between busy ones are filled with a dummy
row, since a batch with gaps would be computed in pieces.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evolsynth.errors import EngineError, LLMError
from evolsynth.llm.base import Score, TokenLogprob, Usage
from evolsynth.llm.llamacpp.context import LEAST_ROWS, Context, padded
from evolsynth.llm.llamacpp.jobs import Generation, Job, JobQueue, Rewind, Scoring, Slot
from evolsynth.llm.llamacpp.model import TokenisedPrompt
from evolsynth.llm.llamacpp.sampler import log_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Prefilled", "PrefixStore", "Worker"]

_log = logging.getLogger("evolsynth.llamacpp")
_SHARED_BYTES = 256 * 2**20  # about 11,000 tokens of SmolLM2-135M
_PROMPT_BYTES = 128 * 2**20  # of SmolLM2-135M 30 prompts of 180 tokens
_NOBODY = (0, 0)  # token and position of a dummy row


class Worker:
    """A thread with ``slots`` slots in ``context``, which it owns from now on."""

    def __init__(
        self, model: Model, queue: JobQueue, store: PrefixStore, context: Context, *, slots: int
    ) -> None:
        self._model, self._queue, self._store = model, queue, store
        self._context = context
        self._slots: dict[int, Slot] = {}
        self._free = list(range(slots))
        self._entering: Job[Any] | None = None
        self.usage = Usage()
        self._thread = threading.Thread(target=self._run, name="evolsynth-llamacpp", daemon=True)
        self._warm = threading.Event()
        self._problem: EngineError | None = None

    def start(self) -> None:
        """Start the thread, and wait until it has computed once.

        No other thread may ever compute in this context: OpenMP keeps a team of threads for each
        that did, and with one team more a step of two threads took a third longer.

        Raises:
            EngineError: llama.cpp could not compute.
        """
        self._thread.start()
        self._warm.wait()
        if self._problem is not None:
            raise self._problem

    def join(self) -> None:
        """Wait for the thread to end, after the queue was closed, and free the context."""
        if self._thread.is_alive():
            self._thread.join()
        self._context.close()

    def _run(self) -> None:
        try:
            self._context.warm_up()
        except EngineError as error:
            self._problem = error
            return
        finally:
            self._warm.set()
        try:
            while not self._queue.closed:
                self._admit()
                if self._slots:
                    began = time.perf_counter()
                    self._step()
                    self._worked_since(began)
            reason = EngineError("The engine was closed before the answer was finished.")
        except Exception as error:  # noqa: BLE001 - a bug: who waits must be told, or waits for ever
            _log.exception("the engine's thread failed")
            reason = EngineError(f"The engine failed ({error!r}) and was stopped.")
            for job in (*self._queue.close(str(reason)), *filter(None, [self._entering])):
                job.finish(reason)
        for number in list(self._slots):
            self._release(number).job.finish(reason)

    def _worked_since(self, began: float) -> None:
        self.usage.seconds += time.perf_counter() - began
        self.usage.compute_seconds = self._context.compute_seconds

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
                self._enter(number, job)
            except LLMError as error:
                self._vacate(number)
                job.finish(error)
            finally:
                self._queue.has_read(job)
                self._worked_since(began)
            self._entering = None
            if isinstance(job, Scoring) and self._slots:
                return  # those who are generating go on before the next text is scored

    def _enter(self, number: int, job: Job[Any]) -> None:
        """Read a job's prompt into a slot and begin the answer, or score its text at once."""
        logits = self._prefill(number, job)
        self._queue.has_read(job)
        if isinstance(job, Generation):
            self._slots[number] = slot = Slot(job, self._model, logits)
            self._draw(number, slot, logits)
        elif isinstance(job, Scoring):
            score = self._score(number, job, logits)
            self._vacate(number)
            self.usage.requests += 1
            job.finish(score)

    def _prefill(self, number: int, job: Job[Any]) -> NDArray[np.float32]:
        """Read a prompt into a slot and return the logits after it, stored or computed."""
        prompt, head = job.prompt, job.prompt.head
        logits = self._fork(number, prompt)
        if logits is not None:
            return logits
        if head is None:
            logits = self._read_chunks(number, prompt)
        else:
            if self._fork(number, head) is None:
                self._store_for(number, head, self._read_chunks(number, head))
            self._queue.has_head(job)
            logits = self._read(number, prompt.tail, len(head))
        if (prompt.own or prompt.tail) and self._queue.waits_for(prompt):
            self._store_for(number, prompt, logits)
        return logits

    def _fork(self, number: int, prompt: TokenisedPrompt) -> NDArray[np.float32] | None:
        """A copy of a whole prompt or head, if there is one."""
        logits = self._restore(number, prompt)
        if logits is not None:
            self.usage.forks += 1
            self.usage.saved_prompt_tokens += len(prompt)
        return logits

    def _read_chunks(self, number: int, prompt: TokenisedPrompt) -> NDArray[np.float32]:
        """Read the shared chunk, or copy it, and the own one."""
        logits = None
        if prompt.shared:
            logits = self._restore(number, prompt.shared)
            if logits is None:
                logits = self._read(number, prompt.shared, 0)
                self._store_for(number, prompt.shared, logits)
            else:
                self.usage.prefix_hits += 1
                self.usage.saved_prompt_tokens += len(prompt.shared)
        if prompt.own:
            logits = self._read(number, prompt.own, len(prompt.shared))
        if logits is None:
            raise EngineError("The prompt has no tokens: there is nothing to continue.")
        return logits

    def _read(self, number: int, tokens: tuple[int, ...], position: int) -> NDArray[np.float32]:
        logits = self._context.read(number, tokens, position)
        self.usage.prompt_tokens += len(tokens)
        return logits

    def _store_for(
        self, number: int, key: TokenisedPrompt | tuple[int, ...], logits: NDArray[np.float32]
    ) -> None:
        """Keep what is in a slot for the next that begins with it."""
        # A copy: a sampler marks the logits that it draws from while another worker may read these.
        self._store.put(key, Prefilled(self._context.save(number), logits.copy()))

    def _restore(
        self, number: int, key: TokenisedPrompt | tuple[int, ...]
    ) -> NDArray[np.float32] | None:
        stored = self._store.get(key)
        if stored is None:
            return None
        self._context.load(number, stored.state)
        return stored.logits.copy()  # a sampler marks its logits: they must be its own

    def _score(self, number: int, job: Scoring, logits: NDArray[np.float32]) -> Score:
        """Log-probabilities of a text after the prompt in a slot."""
        began = time.perf_counter()
        tokens, position = job.continuation, len(job.prompt)
        found = [log_probability(logits, tokens[0])]
        while len(found) < len(tokens):
            rows = self._context.read_all(number, tokens[:-1], position, len(found) - 1)
            found += [log_probability(row, tokens[len(found) + i]) for i, row in enumerate(rows)]
        self.usage.prompt_tokens += len(tokens)
        pieces = self._model.pieces
        return Score(
            logprobs=tuple(
                TokenLogprob(t, pieces[t], p) for t, p in zip(tokens, found, strict=True)
            ),
            prompt_tokens=len(job.prompt),
            seconds=time.perf_counter() - began,
        )

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
            self._draw(number, self._slots[number], logits[number])

    def _decode_slots(self) -> NDArray[np.float32]:
        """Logits of shape (slots up to the last busy one, or some more; vocabulary size)."""
        self._close_gaps()
        rows = min(padded(max(self._slots) + 1), self._context.sequences)
        busy = [
            (slot.last, slot.position) if (slot := self._slots.get(n)) else _NOBODY
            for n in range(rows)
        ]
        tokens, positions = zip(*busy, strict=True)
        try:
            return self._context.step(tokens, positions)
        finally:
            for number in range(rows):
                if number not in self._slots:
                    self._context.clear(number)

    def _close_gaps(self) -> None:
        """Move the last busy slots down where more dummy rows than busy ones would be decoded."""
        while max(self._slots) >= max(2 * len(self._slots), LEAST_ROWS):
            source, target = max(self._slots), self._free[0]
            self._context.load(target, self._context.save(source))
            del self._free[0]
            self._slots[target] = self._slots.pop(source)
            self._vacate(source)

    def _draw(self, number: int, slot: Slot, logits: NDArray[np.float32]) -> None:
        while True:
            result = slot.draw(logits)
            self.usage.completion_tokens += 1
            if not isinstance(result, Rewind):
                break
            # The last token that was kept is decoded once more, for the logits after it.
            self._context.clear(number, slot.position if result.kept else len(slot.job.prompt))
            if result.kept:
                return
            logits = slot.first_logits
        if result is not None:
            self._release(number)
            self.usage.requests += 1
            slot.job.finish(slot.completion(result))

    def _release(self, number: int) -> Slot:
        slot = self._slots.pop(number)
        self._context.compute_seconds += slot.native_seconds
        slot.close()
        self._vacate(number)
        return slot

    def _vacate(self, number: int) -> None:
        self._context.clear(number)
        self._free.append(number)
        self._free.sort()


# Prompts that were read before, kept for the next request that begins with them -------------------


class Prefilled(NamedTuple):
    """A sequence's keys and values after its prompt, and the logits there."""

    state: NDArray[np.uint8]
    logits: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state.nbytes + self.logits.nbytes


class PrefixStore:
    """Prefilled prompts, or their shared parts, for all contexts: the least recently used go.

    Shared parts (few-shot examples) are of use for a whole run, other prompts and heads for a
    second or two, and there are many more of those. So each kind has a list of its own: ``size``
    entries and ``most_bytes`` of shared parts, and the same number and ``most_prompt_bytes`` of
    the rest.

    A key's state and logits are the same bits in whichever context they were computed, and a
    copy equals what reading it would give, so what is stored never shows in an answer.
    """

    def __init__(
        self, size: int, most_bytes: int = _SHARED_BYTES, most_prompt_bytes: int = _PROMPT_BYTES
    ) -> None:
        self._size, self._most = size, {tuple: most_bytes, TokenisedPrompt: most_prompt_bytes}
        self._kept: dict[type, dict[Hashable, Prefilled]] = {kind: {} for kind in self._most}
        self._lock = threading.Lock()

    def get(self, key: TokenisedPrompt | tuple[int, ...]) -> Prefilled | None:
        """What is stored for these tokens: a shared part's, or those of a prompt from its start."""
        kept = self._kept[type(key)]
        with self._lock:
            if key in kept:
                kept[key] = kept.pop(key)  # the last used stands last
            return kept.get(key)

    def put(self, key: TokenisedPrompt | tuple[int, ...], entry: Prefilled) -> None:
        """Store, and let go of what of its kind was not used for longest."""
        kept, most = self._kept[type(key)], self._most[type(key)]
        with self._lock:
            kept.pop(key, None)
            kept[key] = entry
            while len(kept) > self._size or sum(one.size for one in kept.values()) > most:
                del kept[next(iter(kept))]
