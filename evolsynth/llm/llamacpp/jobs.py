"""Jobs: the queue that all contexts take them from, and the answer to one while it grows."""

from __future__ import annotations

import asyncio
import bisect
import codecs
import collections
import logging
import operator
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from evolsynth.errors import EngineError, LLMError
from evolsynth.llm.base import Completion, FinishReason, Request, Score, TokenLogprob
from evolsynth.llm.llamacpp.model import TokenisedPrompt
from evolsynth.llm.llamacpp.sampler import Choices, Grammar, Sampler, log_probability
from evolsynth.llm.thinking import answer_begins, opened_by
from evolsynth.streams import place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Generation", "Job", "JobQueue", "Rewind", "Scoring", "Slot", "T"]

T = TypeVar("T", Completion, Score)

_NOTHING: frozenset[int] = frozenset()
_MOST_REWINDS = 64
_NEXT_SEED = 0x9E3779B9  # an odd constant: another stream of draws after each rewind
_log = logging.getLogger("evolsynth.llamacpp")


class Job(Generic[T]):
    """Something asked of the engine after a prompt, and the future that waits for it."""

    def __init__(self, prompt: TokenisedPrompt) -> None:
        self.prompt, self.place = prompt, place()
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
    """Jobs, those of the lowest `place` first, and else in the order they came; shared by all
    workers.

    With ``forks``, a prompt is read by one worker at a time, while the others pass over the rest
    of its jobs, which can then take a copy. So is the head of a prompt that has one, by itself:
    jobs with other tails need not wait until the tail is read.
    """

    def __init__(self, *, forks: bool = True) -> None:
        self._jobs: list[Job[Any]] = []
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
            bisect.insort(self._jobs, job, key=operator.attrgetter("place"))
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
        for job in tuple(self._jobs):
            if job.cancelled or self._being_read.keys().isdisjoint(_parts(job.prompt)):
                self._jobs.remove(job)
                self._prompts[job.prompt] -= 1
                if self._prompts[job.prompt] <= 0:
                    del self._prompts[job.prompt]
                if not job.cancelled:
                    return job
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


def _parts(prompt: TokenisedPrompt) -> tuple[TokenisedPrompt, ...]:
    """What of a prompt other jobs may have too: the whole, and its head."""
    return (prompt,) if prompt.head is None else (prompt, prompt.head)


# One answer while it grows: drawing, stops, banned strings, log-probabilities ---------------------


class Rewind(NamedTuple):
    """The answer was shortened to its first ``kept`` tokens; the context must follow."""

    kept: int


class Slot:
    """An answer that is being generated, on ``logits`` after its prompt.

    Raises:
        RequestError: the grammar cannot be used.
    """

    def __init__(self, job: Generation, model: Model, logits: NDArray[np.float32]) -> None:
        request = job.request
        self.job = job
        self.first_logits = logits
        self._model, self._request = model, request
        self._stops = _encoded(request.stop)
        self._banned = _encoded(request.banned)
        self._longest = max(map(len, (*self._stops, *self._banned)), default=0)
        known = model.control_tokens
        self._ends = model.end_tokens | {known[s] for s in request.stop if s in known}
        self._text = bytearray(request.prefix.encode("utf-8", "replace"))
        self._begin = self._answer = len(self._text)  # of what is written; of the answer in it
        self._tags, self._opened = model.thought_tags, opened_by(request.raw)
        self._thinks = self._tags is not None and not request.prefix
        self._tokens: list[int] = []
        self._borders: list[int] = []  # bytes of text after each token
        self._logprobs: list[TokenLogprob] = []
        self._forbidden: dict[int, set[int]] = {}
        self._rewinds = 0
        self._sampler = self._new_sampler()
        self._began = time.perf_counter()

    @property
    def last(self) -> int:
        """The token to be decoded next."""
        return self._tokens[-1]

    @property
    def position(self) -> int:
        """Where it comes to stand."""
        return len(self.job.prompt) + len(self._tokens) - 1

    def draw(self, logits: NDArray[np.float32]) -> FinishReason | Rewind | None:
        """Draw the next token; say whether the answer is over, and why, or has to go back."""
        if not self._tokens and (rest := self._sampler.rest) is not None:  # nothing to choose
            return self._finish(rest)
        number = len(self._tokens)
        ends = self._model.end_tokens if self._thinks else self._ends
        forbidden: set[int] | frozenset[int] = self._forbidden.get(number, _NOTHING)
        if number < self._request.min_tokens:
            forbidden = forbidden | ends if forbidden else ends
        token = self._sampler.draw(logits, forbidden)
        if token is None or token in ends:
            return "stop"
        self._sampler.accept(token)
        piece = self._model.pieces[token]
        seen = max(0, len(self._text) - self._longest)
        self._tokens.append(token)
        self._text += piece
        self._borders.append(len(self._text))
        if self._request.logprobs:
            self._logprobs.append(TokenLogprob(token, piece, log_probability(logits, token)))
        if self._thinks and self._tags is not None:
            answer = answer_begins(bytes(self._text[self._begin :]), self._opened, self._tags)
            if answer is not None:
                self._thinks, self._answer = False, self._begin + answer
        if self._longest:
            stops = () if self._thinks else self._stops  # a thought may say what it likes
            stop = self._find(stops, max(seen, self._answer), len(self._text))
            banned = self._find(self._banned, seen, len(self._text) if stop is None else stop)
            if banned is not None:
                return self._go_back(banned)
            if stop is not None:
                del self._text[stop:]
                return "stop"
        if (rest := self._sampler.rest) is not None:
            return self._finish(rest)
        return "length" if len(self._tokens) >= self._request.max_tokens else None

    def _finish(self, rest: bytes) -> FinishReason:
        """Write what no draw could change any more."""
        self._text += rest
        stop = self._find(self._stops, self._begin, len(self._text))
        if stop is not None:
            del self._text[stop:]
        return "stop"

    def completion(self, reason: FinishReason) -> Completion:
        """The finished answer."""
        # The incremental decoder holds back a character that was cut in half.
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(
            bytes(self._text[self._begin :])
        )
        return Completion(
            text=self._request.prefix + text,
            tokens=len(self._tokens),
            prompt_tokens=len(self.job.prompt),
            finish_reason=reason,
            seconds=time.perf_counter() - self._began,
            logprobs=tuple(self._logprobs),
        )

    @property
    def native_seconds(self) -> float:
        """The time that llama.cpp took to sample."""
        return self._sampler.native_seconds

    def close(self) -> None:
        """Free the sampler. Safe to call twice."""
        self._sampler.close()

    def _find(self, strings: Iterable[bytes], start: int, end: int) -> int | None:
        """Where the first of the strings begins in the text, if any is there."""
        found = [at for s in strings if (at := self._text.find(s, start, end)) >= 0]
        return min(found, default=None)

    def _go_back(self, place: int) -> Rewind:
        """Take back the token with the byte at ``place`` and all after it, and forbid it there.

        After many such rewinds only the last token goes: each forbids one token more at a place
        that nothing moves any longer, so this ends.
        """
        self._rewinds += 1
        kept = bisect.bisect_right(self._borders, place)
        if self._rewinds > _MOST_REWINDS:
            kept = len(self._tokens) - 1
        self._forbidden = {n: tokens for n, tokens in self._forbidden.items() if n <= kept}
        self._forbidden.setdefault(kept, set()).add(self._tokens[kept])
        del self._tokens[kept:], self._borders[kept:], self._logprobs[kept:]
        del self._text[self._borders[-1] if kept else self._begin :]
        if len(self._text) < self._answer:  # back into the thought
            self._thinks, self._answer = True, self._begin
        self._sampler.close()
        self._sampler = self._new_sampler()
        for token in self._tokens:
            self._sampler.accept(token)
        return Rewind(kept)

    def _new_sampler(self) -> Sampler:
        request = self._request
        seed = (request.seed + self._rewinds * _NEXT_SEED) % (2**32 - 1)
        grammar = None if request.grammar is None else Grammar(self._model, request.grammar)
        choices = Choices(self._model, request.choices) if request.choices else None
        return Sampler(request.sampling, seed, self._model.vocabulary_size, grammar, choices)


def _encoded(strings: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(s.encode("utf-8", "replace") for s in strings)
