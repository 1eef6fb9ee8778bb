"""SmolLM2, or any GGUF model, in process: `LlamaCpp`."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import msgspec

from evolsynth.doing import doing
from evolsynth.errors import EngineError, InputError, RequestError
from evolsynth.llm.backends import DEFAULT_MODEL, backend
from evolsynth.llm.base import LLM, Capability, Completion, Prompt, Request, Score, Usage
from evolsynth.llm.llamacpp import ahead
from evolsynth.llm.llamacpp.context import Context, check_memory, most_contexts
from evolsynth.llm.llamacpp.files import Weights
from evolsynth.llm.llamacpp.jobs import Generation, Job, JobQueue, Scoring, T
from evolsynth.llm.llamacpp.machine import (
    Arrangement,
    arrangement,
    available_memory,
    available_threads,
    fingerprint,
    flash_is_faster,
    remembered,
)
from evolsynth.llm.llamacpp.model import Model
from evolsynth.llm.llamacpp.sampler import Grammar
from evolsynth.llm.llamacpp.worker import PrefixStore, Worker
from evolsynth.llm.prices import FREE
from evolsynth.llm.template import ChatTemplate
from evolsynth.llm.thinking import answered
from evolsynth.options import TextOrPath

__all__ = ["DEFAULT_MODEL", "DEFAULT_SLOTS", "LlamaCpp"]

#: Beyond this a step grows as fast as the slots; half of them give 5% to 8% fewer tokens a second.
DEFAULT_SLOTS = 32


def _look(name: str) -> Callable[[], str]:
    return lambda: str(getattr(import_module("evolsynth.llm.llamacpp.looks"), name)())


_LOOKS = {"threads": _look("threads"), "memory": _look("memory"), "llama.cpp": _look("library"),
          "model": _look("default_model")}  # fmt: skip


@backend("llamacpp", looks=_LOOKS)
class LlamaCpp(LLM):
    """A GGUF model on llama.cpp's batch interface, in this process.

    >>> async with LlamaCpp() as llm:
    ...     completion = await llm.complete(request)

    Args:
        model: a path, a name of the catalogue, or ``owner/repository/file.gguf`` in the hub's
            cache.
        quantisation: requantise to this first, once: a name in `QUANTISATIONS`, which says what
            each is good for; None loads the file as it is. By default what the catalogue found
            best for the model.
        slots: sequences decoded at once in each context. Without it 32, or as many as there is
            memory for.
        context: tokens of a slot, prompt and answer together.
        contexts: contexts side by side, each with ``slots`` slots.
        threads: threads of each context. Without either, the fastest arrangement is measured at
            the first use of a model on a machine, in some seconds, and remembered.
        store: shared parts (system turns, few-shot examples) kept for reuse, and as many other
            prompts; 0 reads each request's prompt anew.
        chat_template: to use instead of the model's own: jinja2 text, a name (chatml, gemma,
            llama3, mistral, ...), or the path of a .jinja file, a tokenizer_config.json or another
            .gguf file.
        think: whether a thinking model thinks before it answers, where that can be switched; by
            default as its template has it.
        template_arguments: names and values for the chat template, such as reasoning_effort.
        flash_attention: how attention is computed, which decides on last bits; by default as is
            faster on this processor, which is measured at the first use of a small model.

    Tokens depend on the model file, the build of llama.cpp, the way of attention, the prompt, the
    sampling and the seed; not on slots, contexts, order, or what else is being generated.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    local: ClassVar[bool] = True
    prices = FREE

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        quantisation: str | None = ahead.CATALOGUE_CHOICE,
        slots: int | None = None,
        context: int = 1024,
        contexts: int | None = None,
        threads: int | None = None,
        store: int = 64,
        chat_template: TextOrPath | None = None,
        think: bool | None = None,
        template_arguments: Mapping[str, Any] | None = None,
        flash_attention: bool | None = None,
    ) -> None:
        for name, value, low in (
            ("slots", 1 if slots is None else slots, 1),
            ("context", context, 16),
            ("contexts", 1 if contexts is None else contexts, 1),
            ("threads", 1 if threads is None else threads, 1),
            ("store", store, 0),
        ):
            if value < low:
                raise InputError(f"{name} is {value}: it must be at least {low}.")
        asked = os.fspath(model)
        self.name = os.path.basename(asked)  # noqa: PTH119 - a catalogue name is no path
        self._slots, self._slots_given = slots or DEFAULT_SLOTS, slots is not None
        self._processors = available_threads()
        self._measured = contexts is None and threads is None
        self._arrange(
            Arrangement(
                contexts or max(1, self._processors // (threads or 1)),
                threads or max(1, self._processors // (contexts or self._processors)),
            )
        )
        self._wish = ahead.Wish(
            asked,
            quantisation,
            slots,
            context,
            None if self._measured else Arrangement(self.contexts, self.threads),
            store,
            ahead.template_told(chat_template),
            think,
            flash_attention,
            dict(template_arguments or {}),
        )
        self._flash = flash_attention is not False
        self._model: Model | None = None
        self._queue: JobQueue | None = None
        self._workers: list[Worker] = []
        self._starting = asyncio.Lock()
        self._final_usage = Usage()
        self.provenance: Mapping[str, Any] = {}

    def _arrange(self, choice: Arrangement) -> None:
        self.contexts, self.threads = choice.contexts, choice.threads
        self.at_once = self._slots * choice.contexts
        self.concurrency = 2 * self.at_once

    def confine(self, processors: int) -> None:
        """Use so many processors at most, each with a context of its own, instead of all that are
        there in the fastest arrangement. For an engine that was not told its contexts or threads,
        before it is started."""
        self._processors = processors
        if self._measured:
            self._measured = False
            self._arrange(Arrangement(processors, 1))

    @property
    def running(self) -> bool:
        """Whether its threads run."""
        return self._queue is not None

    async def start(self) -> None:
        """Find, requantise and load the model, and start the threads.

        Raises:
            ModelNotFound: no such model; the message says how to get it.
            InputError: the file is no usable model, or the context is longer than it was
                trained for.
            SetupError: llama-cpp-python is not there.
        """
        async with self._starting:
            if self._queue is None:
                await asyncio.to_thread(self._load)

    def _load(self) -> None:
        wish = self._wish
        ahead.look(wish, chat=False)
        with doing(f"loading {self.name}"):
            weights = ahead.prepare(wish.model, wish.quantisation)
            model = Model(
                weights.path,
                wish.chat_template,
                name=weights.name,
                think=wish.think,
                arguments=wish.arguments,
            )
        queue: JobQueue | None = None
        try:
            ahead.check_context(wish.context, weights.name, model.trained_context)
            _ = model.pieces, model.end_tokens  # built before two threads could do it at once
            _ = model.control_tokens, model.longest_piece, model.first_bytes
            self._settle(model, weights)
            queue, store = JobQueue(forks=wish.store > 0), PrefixStore(wish.store)
            for context in self._made(model):
                self._workers.append(Worker(model, queue, store, context, slots=self._slots))
            for worker in self._workers:
                worker.start()
        except BaseException:
            if queue is not None:
                queue.close("The engine could not be started.")
            self._free_contexts()
            model.close()
            raise
        self.name, self.parameters = weights.name, model.parameters
        self.provenance = {
            "model": weights.name,
            "model_sha256": weights.sha256,
            "quantisation": weights.quantisation,
            "attention": "flash" if self._flash else "plain",
            **({"importance_sha256": weights.importance} if weights.importance else {}),
        }
        self._model, self._queue = model, queue
        self._forgotten = weakref.finalize(self, _forget, queue, self._workers, model)
        self._forgotten.atexit = False

    def _made(self, model: Model) -> list[Context]:
        """The contexts, made side by side: most of it is that the system hands out their memory."""
        make = partial(
            Context, model, sequences=self._slots, tokens=self._wish.context, flash=self._flash
        )
        with ThreadPoolExecutor(self.contexts) as pool:
            made = [pool.submit(make, threads=self.threads) for _ in range(self.contexts)]
        problem = next((one.exception() for one in made if one.exception() is not None), None)
        if problem is not None:
            for one in made:
                if one.exception() is None:
                    one.result().close()
            raise problem
        return [one.result() for one in made]

    def alike(self) -> Hashable | None:
        """Equal for one file and the same settings, by whatever name or path it was given."""
        return ahead.alike(self._wish)

    def look_ahead(self, *, chat: bool = True) -> None:
        """Tell what the file's header tells; see `ahead.look` for what it raises."""
        if not self.running:
            ahead.look(self._wish, chat=chat)

    def _settle(self, model: Model, weights: Weights) -> None:
        """Decide on slots, contexts and threads, by memory and by what is fastest."""
        free = available_memory()
        if self._wish.flash is None:
            self._flash = flash_is_faster(model, identity=weights.identity)

        def fitting() -> int:
            return most_contexts(
                model, sequences=self._slots, tokens=self._wish.context, available=free
            )

        while (
            not self._slots_given and self._slots > ahead.LEAST_SLOTS and fitting() < self.contexts
        ):
            self._slots //= 2
        choice = Arrangement(self.contexts, self.threads)
        if self._measured:
            choice = arrangement(
                model,
                identity=weights.identity,
                slots=self._slots,
                processors=self._processors,
                most_contexts=fitting(),
            )
        self._arrange(choice)
        check_memory(
            model,
            sequences=self._slots,
            tokens=self._wish.context,
            contexts=self.contexts,
            available=free,
        )

    def remembered(self) -> Arrangement | None:
        """The arrangement that was measured for these settings before, if one was.

        Raises:
            ModelNotFound, InputError: as `start`.
        """
        weights = ahead.prepare(self._wish.model, self._wish.quantisation, make=False)
        return remembered(
            fingerprint(weights.identity, slots=self._slots, processors=self._processors)
        )

    async def aclose(self) -> None:
        """Fail what is under way with `EngineError`, stop the threads and free the memory."""
        queue, self._queue = self._queue, None
        if queue is None:
            return
        self._forgotten.detach()
        for job in queue.close("The engine was closed. Start it again with `async with`."):
            job.finish(EngineError("The engine was closed before the request was begun."))
        # Not in another thread: a cancellation must not leave this half done. It takes at most
        # the rest of one decode step.
        self._free_contexts()
        if self._model is not None:
            self._model.close()
            self._model = None

    def _free_contexts(self) -> None:
        for worker in self._workers:
            worker.join()
        self._final_usage = self.usage
        self._workers.clear()

    @property
    def template(self) -> ChatTemplate:
        """The model's chat template, from the file's own metadata."""
        return self._running().template

    def prepared(self, request: Request) -> Request:
        """Messages in the model's chat template; see `LLM.prepared`.

        Raises:
            RequestError: no grammar can be made of its schema.
        """
        _by_grammar(request)
        return request if request.prompt is not None else self.template.fill(request)

    @property
    def usage(self) -> Usage:
        """Totals of all contexts since the start; ``seconds`` is the mean of their work."""
        parts = [worker.usage for worker in self._workers] or [self._final_usage]
        totals = {
            name: sum(getattr(usage, name) for usage in parts) for name in Usage.__struct_fields__
        }
        for name in ("seconds", "compute_seconds"):
            totals[name] /= len(parts)
        return Usage(**totals)

    async def complete(self, request: Request) -> Completion:
        """Answer one request; cancelling the call frees its slot within one decode step.

        Raises:
            RequestError: prompt and answer do not fit into a slot's context, there is nothing to
                read, the grammar or schema cannot be used, or the answer ended inside its thought.
            EngineError: the engine is not running, or failed.
        """
        model = self._running()
        request = self.prepared(request)
        prompt = model.tokenise(request.raw, request.prefix, keep_prompt=request.keep_prompt)
        self._check_length(len(prompt), request.max_tokens, "max_tokens")
        request = _by_grammar(request)
        if request.grammar is not None:
            Grammar(model, request.grammar).close()
        completion = await self._ask(Generation(prompt, request))
        return answered(completion, request.raw, model.thought_tags)

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """How likely the model finds ``continuation`` after ``prompt``; see `LLM.score`.

        The prompt is read as by `complete`, from the store where it can be, and the whole
        continuation in one pass.
        """
        model = self._running()
        tokens = model.tokenise_continuation(continuation)
        if not tokens:
            raise RequestError("The continuation is empty: there is nothing to score.")
        read = model.tokenise(prompt)
        self._check_length(len(read), len(tokens), "continuation")
        return await self._ask(Scoring(read, tokens))

    def _check_length(self, prompt: int, rest: int, name: str) -> None:
        if not prompt:
            raise RequestError("The prompt is empty: there is nothing to continue.")
        needed = prompt + rest
        if needed > self._wish.context:
            raise RequestError(
                f"The request needs {needed} tokens ({prompt} of prompt, {name} {rest}) and a slot "
                f"has {self._wish.context}. Shorten the prompt, lower {name}, or use "
                f"LlamaCpp(context={-(-needed // 256) * 256})."
            )

    async def _ask(self, job: Job[T]) -> T:
        if self._queue is None:
            raise EngineError("The engine was closed.")
        self._queue.put(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            job.cancelled = True
            raise

    def _running(self) -> Model:
        if self._model is None:
            raise EngineError(f"{self.name} is not running. Use it inside `async with LlamaCpp()`.")
        return self._model


def _by_grammar(request: Request) -> Request:
    """The request with a grammar instead of its schema, if it has one: llama.cpp knows only those.

    Raises:
        RequestError: none can be made of it.
    """
    if request.schema is None:
        return request
    from evolsynth.llm.structured.gbnf import gbnf

    try:
        grammar = gbnf(request.schema)
    except InputError as error:
        raise RequestError(str(error)) from None
    return msgspec.structs.replace(request, schema=None, grammar=grammar)


def _forget(queue: JobQueue, workers: Sequence[Worker], model: Model) -> None:
    """End the threads of an engine that nobody closed; whose thread this is, nobody knows."""

    def free() -> None:
        for worker in workers:
            worker.join()
        model.close()

    queue.close("The engine was forgotten.")
    threading.Thread(target=free, name="evolsynth-llamacpp-end", daemon=True).start()
