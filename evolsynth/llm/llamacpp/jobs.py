"""What waits for the engine: jobs, and the queue that all contexts take them from."""

from __future__ import annotations

import asyncio
import collections
import logging
import threading
from typing import Any, Generic, TypeVar

from evolsynth.errors import EngineError, LLMError
from evolsynth.llm.base import Completion, Request, Score
from evolsynth.llm.llamacpp.model import TokenisedPrompt

__all__ = ["Generation", "Job", "JobQueue", "Scoring", "T"]

T = TypeVar("T", Completion, Score)

_log = logging.getLogger("evolsynth.llamacpp")


class Job(Generic[T]):
    """Something asked of the engine after a prompt, and the future that waits for it."""

    def __init__(self, prompt: TokenisedPrompt) -> None:
        self.prompt = prompt
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def finish(self, result: T | LLMError) -> None:
        """Hand the result to the event loop. Called from the worker's thread."""
        try:
            self._loop.call_soon_threadsafe(self._settle, result)
        except RuntimeError:  # the loop was closed: nobody waits any more
            _log.debug("an answer came after its event loop was closed")

    def _settle(self, result: T | LLMError) -> None:
        if self.future.done():
            return
        if isinstance(result, LLMError):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Generation(Job[Completion]):
    """A request to answer."""

    def __init__(self, prompt: TokenisedPrompt, request: Request) -> None:
        super().__init__(prompt)
        self.request = request


class Scoring(Job[Score]):
    """A text, as tokens, whose log-probabilities are asked for."""

    def __init__(self, prompt: TokenisedPrompt, continuation: tuple[int, ...]) -> None:
        super().__init__(prompt)
        self.continuation = continuation


class JobQueue:
    """Jobs in the order they came, shared by all workers.

    With ``forks``, a prompt is read by one worker at a time, while the others pass over the rest
    of its jobs, which can then take a copy. So is the head of a prompt that has one, by itself:
    jobs with other tails need not wait until the tail is read.
    """

    def __init__(self, *, forks: bool = True) -> None:
        self._jobs: collections.deque[Job[Any]] = collections.deque()
        self._prompts: collections.Counter[TokenisedPrompt] = collections.Counter()
        self._being_read: dict[TokenisedPrompt, Job[Any]] = {}  # and by whom
        self._forks = forks
        self._changed = threading.Condition()
        self._closed = False
        self._why = ""

    def put(self, job: Job[Any]) -> None:
        """Add a job.

        Raises:
            EngineError: the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise EngineError(self._why)
            self._jobs.append(job)
            self._prompts[job.prompt] += 1
            self._changed.notify()

    def take(self, *, wait: bool) -> Job[Any] | None:
        """The next job that nobody cancelled; None if there is none, or the queue is closed.

        Call `has_head` when its prompt's head was read or copied, and `has_read` when the prompt
        was read, or could not be.
        """
        with self._changed:
            while not self._closed:
                job = self._next()
                if job is not None:
                    if self._forks:  # also where it is the last yet: its like may come meanwhile
                        self._being_read.update(dict.fromkeys(_parts(job.prompt), job))
                    return job
                if not wait:
                    break
                self._changed.wait()
            return None

    def _next(self) -> Job[Any] | None:
        place = 0
        while place < len(self._jobs):
            job = self._jobs[place]
            if job.cancelled or self._being_read.keys().isdisjoint(_parts(job.prompt)):
                del self._jobs[place]
                self._forget(job)
                if not job.cancelled:
                    return job
            else:
                place += 1
        return None

    def has_head(self, job: Job[Any]) -> None:
        """Let the other jobs with the same head go."""
        if job.prompt.head is not None:
            self._release(job, job.prompt.head)

    def has_read(self, job: Job[Any]) -> None:
        """Let the other jobs with the same prompt or head go. To be called twice does no harm."""
        self._release(job, *_parts(job.prompt))

    def _release(self, job: Job[Any], *prompts: TokenisedPrompt) -> None:
        with self._changed:
            # Another worker may have taken the next job with one of them meanwhile.
            own = [prompt for prompt in prompts if self._being_read.get(prompt) is job]
            for prompt in own:
                del self._being_read[prompt]
            if own:
                self._changed.notify_all()

    def waits_for(self, prompt: TokenisedPrompt) -> bool:
        """Whether another job with the same prompt is still in the queue."""
        with self._changed:
            return self._forks and self._prompts[prompt] > 0

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self, why: str) -> list[Job[Any]]:
        """Let no more jobs in or out, wake all workers, and return what was left."""
        with self._changed:
            self._why = why
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._prompts.clear()
            self._changed.notify_all()
            return left

    def _forget(self, job: Job[Any]) -> None:
        self._prompts[job.prompt] -= 1
        if self._prompts[job.prompt] <= 0:
            del self._prompts[job.prompt]


def _parts(prompt: TokenisedPrompt) -> tuple[TokenisedPrompt, ...]:
    """What of a prompt other jobs may have too: the whole, and its head."""
    return (prompt,) if prompt.head is None else (prompt, prompt.head)
