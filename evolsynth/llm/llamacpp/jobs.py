"""What waits for the engine: jobs, and the queue that all contexts take them from."""

from __future__ import annotations

import asyncio
import collections
import logging
import threading

from evolsynth.errors import EngineError, LLMError
from evolsynth.llm.base import Completion, Request
from evolsynth.llm.llamacpp.model import TokenisedPrompt

__all__ = ["Job", "JobQueue"]

_log = logging.getLogger("evolsynth.llamacpp")


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
        self._why = ""

    def put(self, job: Job) -> None:
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

    def close(self, why: str) -> list[Job]:
        """Let no more jobs in or out, wake all workers, and return what was left."""
        with self._changed:
            self._why = why
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
