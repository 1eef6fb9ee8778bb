"""A model on a cluster's workers, asked like one in this process."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import Any

from evolsynth.cluster.messages import Hello, Job, Wanted, kind_of
from evolsynth.cluster.pool import Pool, wanted
from evolsynth.errors import EngineError
from evolsynth.llm.base import LLM, Capability, Completion, Prompt, Request, Score, Usage
from evolsynth.llm.template import ChatTemplate

__all__ = ["RayEngines"]


class RayEngines(LLM):
    """An `LLM` whose answers a pool's workers make.

    Args:
        pool: the workers.
        told: what each worker's back end is told, ``model`` among it.
        own: the same model in this process, never started: it says what it can do, and of a file
            what is wrong with it.
    """

    def __init__(self, pool: Pool, told: Mapping[str, Any], own: LLM) -> None:
        self._pool, self._told, self._own = pool, dict(told), own
        self.name, self.prices, self.batch = own.name, own.prices, False
        self.capabilities = own.capabilities  # type: ignore[misc] # those of another
        self.provenance: Mapping[str, Any] = {}
        self._number: int | None = None
        self._hello: Hello | None = None
        self._usage = Usage()
        self.concurrency = own.concurrency

    @property
    def usage(self) -> Usage:
        """Totals of what came back; ``seconds`` are those of all answers together."""
        return self._usage

    @property
    def running(self) -> bool:
        """Whether workers have it."""
        return self._number is not None

    def alike(self) -> Hashable | None:
        """As the model in this process."""
        return self._own.alike()

    def look_ahead(self, *, chat: bool = True) -> None:
        """As the model in this process."""
        self._own.look_ahead(chat=chat)

    async def start(self) -> None:
        """Have the workers begin it, and wait for the first.

        Raises:
            SetupError: there is no Ray, or no worker can begin.
            EvolsynthError: what is wrong with the model.
        """
        if self._number is not None:
            return
        number, hello = await self._pool.add(self._wanted)
        self._hello = hello
        self.name, self.provenance = hello.name, hello.provenance
        self.capabilities = frozenset(map(Capability, hello.can))  # type: ignore[misc] # as above
        self.parameters = hello.parameters
        # for workers that come later, too: what waits here is given out as there is room
        self.at_once = self._pool.expected * hello.at_once
        self.concurrency = 2 * self.at_once
        self._number = number

    @property
    def _wanted(self) -> Wanted:
        from evolsynth.llm.llamacpp import LlamaCpp

        return wanted(self._told, file=isinstance(self._own, LlamaCpp))

    async def aclose(self) -> None:
        """End the pool, if this is the last of its models that runs."""
        if self._number is not None:
            self._number = None
            await self._pool.leave()

    @cached_property
    def template(self) -> ChatTemplate:
        """The model's, as a worker has it."""
        if self._hello is None:
            raise EngineError(f"{self.name} is not running. Use it inside `async with`.")
        if self._hello.template is None:
            return super().template
        return ChatTemplate(**self._hello.template)

    def prepared(self, request: Request) -> Request:
        """As the model itself; see `LLM.prepared`."""
        fills = () if self._hello is None else self._hello.fills
        if request.prompt is not None or kind_of(request) not in fills:
            return request
        return self.template.fill(request)

    async def complete(self, request: Request) -> Completion:
        """Answer one request, wherever there is room; see `LLM.complete`."""
        request = self.prepared(request)
        model, prompt = self._running(), hash(request.prompt)
        answer = await self._pool.ask(lambda n: Job(n, model, request=request), prompt)
        assert isinstance(answer, Completion)  # noqa: S101 - what a request is answered by
        self._usage.requests += 1
        self._usage.prompt_tokens += answer.prompt_tokens
        self._usage.completion_tokens += answer.tokens
        self._usage.seconds += answer.seconds
        return answer

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """How likely the model finds ``continuation``; see `LLM.score`."""
        model = self._running()
        answer = await self._pool.ask(
            lambda n: Job(n, model, prompt=prompt, continuation=continuation), hash(prompt)
        )
        assert isinstance(answer, Score)  # noqa: S101 - what a text is answered by
        return answer

    def _running(self) -> int:
        if self._number is None:
            raise EngineError(f"{self.name} is not running. Use it inside `async with`.")
        return self._number
