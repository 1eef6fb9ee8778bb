"""One answer while it grows: drawing, stops, banned strings, log-probabilities."""

from __future__ import annotations

import bisect
import codecs
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.llm.base import Completion, FinishReason, TokenLogprob
from evolsynth.llm.llamacpp.choices import Choices
from evolsynth.llm.llamacpp.sampler import Grammar, Sampler, log_probability

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evolsynth.llm.llamacpp.jobs import Generation
    from evolsynth.llm.llamacpp.model import Model

__all__ = ["Rewind", "Slot"]

_NOTHING: frozenset[int] = frozenset()
_MOST_REWINDS = 64
_NEXT_SEED = 0x9E3779B9  # an odd constant: another stream of draws after each rewind


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
        self._begin = len(self._text)
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
        forbidden: set[int] | frozenset[int] = self._forbidden.get(number, _NOTHING)
        if number < self._request.min_tokens:
            forbidden = forbidden | self._ends if forbidden else self._ends
        token = self._sampler.draw(logits, forbidden)
        if token is None or token in self._ends:
            return "stop"
        self._sampler.accept(token)
        piece = self._model.pieces[token]
        seen = max(0, len(self._text) - self._longest)
        self._tokens.append(token)
        self._text += piece
        self._borders.append(len(self._text))
        if self._request.logprobs:
            self._logprobs.append(TokenLogprob(token, piece, log_probability(logits, token)))
        if self._longest:
            stop = self._find(self._stops, max(seen, self._begin), len(self._text))
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
