"""A model whose answers are in the run's store: asked for once, and found there ever after."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import msgspec

from evolsynth.errors import InputError, LLMError
from evolsynth.foreign import RETRYABLE, comes_through, told
from evolsynth.llm.base import (
    LLM,
    Completion,
    Prompt,
    Request,
    Score,
    encoded,
    hash_of,
)
from evolsynth.llm.prices import FREE, Prices, Spending, Tokens, tokens_of
from evolsynth.store.store import Store

__all__ = ["Control", "Retry", "Stored"]

A = TypeVar("A", Completion, Score)


class Retry(msgspec.Struct, frozen=True):
    """How often a request is tried whose error says that asking again can help.

    ``attempts`` in all, with ``wait`` seconds before the second, twice as long before each further
    one, at most ``longest``.
    """

    attempts: int = 3
    wait: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InputError(f"retry: attempts is {self.attempts}, and must be at least 1.")
        if self.wait < 0 or self.longest < 0:
            raise InputError("retry: wait and longest are seconds, and cannot be below 0.")

    def pause(self, attempt: int) -> float:
        """Seconds to wait after so many attempts."""
        return min(self.longest, self.wait * 2.0 ** min(attempt - 1, 60))


class Control(Protocol):
    """The run, as far as a model's requests go."""

    async def may_ask(self) -> None:
        """Return when a request may be sent; never, once the run is stopping."""

    def began(self) -> None:
        """A request is under way."""

    def ended(self) -> None:
        """It is not any more, and its answer is stored."""


class Stored(LLM):
    """An `LLM` for one step of a run, whose answers come from the store or go into it.

    Args:
        llm: the model; the run starts and stops it.
        store: where answers are.
        step: the step's name.
        control: is asked before each request to the model.
        retry: for errors that say that asking again can help.
        prices: of a model that tells none itself.
        spending: where what answers cost is counted.

    ``asked`` counts requests that the model answered, with ``tokens`` written; ``found`` those
    whose answer was stored, with ``tokens_found``; ``retried`` those sent once more.
    """

    def __init__(
        self,
        llm: LLM,
        store: Store,
        step: str,
        control: Control,
        retry: Retry | None = None,
        prices: Prices | None = None,
        spending: Spending | None = None,
    ) -> None:
        self._llm, self._store, self._step = llm, store, step
        self._control, self._retry = control, retry or Retry()
        self.prices = llm.prices or prices
        self._spending = None if self.prices == FREE else spending
        self._identity: str | None = None
        self.asked = self.tokens = self.found = self.tokens_found = self.retried = 0

    async def complete(self, request: Request) -> Completion:
        """Answer one request, or find its answer; see `LLM.complete`.

        What else the back end raises comes through, with its ``attempt``; time-outs and errors of
        the network or the disk are tried again as an `EngineError` is.

        Raises:
            LLMError: the model could not answer; ``attempt`` says how often it was tried. Or what
                it gave is no answer.
            StoreError: the answer could not be stored.
        """
        request = self.prepared(request)  # so that the key covers the template
        return await self._answer(
            request.key(self._model), Completion, lambda: self._llm.complete(request)
        )

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """Score a text, or find its score; see `LLM.score` and `complete`."""
        key = hash_of(("score", self._model, prompt, continuation))
        return await self._answer(key, Score, lambda: self._llm.score(prompt, continuation))

    async def _answer(self, key: bytes, kind: type[A], ask: Callable[[], Awaitable[A]]) -> A:
        flights = self._store.flights
        while (other := flights.get(key)) is not None:
            await asyncio.wait((other,))  # then it is stored, or it failed, or nobody wanted it
        found = self._find(key, kind)
        if found is not None:
            self.found += 1
            self.tokens_found += _cost(found)[0]
            return found
        flight = flights[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._ask(key, kind, ask)
        finally:
            del flights[key]
            flight.set_result(None)

    def _find(self, key: bytes, kind: type[A]) -> A | None:
        body = self._store.completion(key)
        if body is None:
            return None
        try:
            return _decoded(body, kind)
        except (ValueError, msgspec.MsgspecError):
            self._store.event("damaged_completion", step=self._step, key=key.hex())
            return None

    async def _ask(self, key: bytes, kind: type[A], ask: Callable[[], Awaitable[A]]) -> A:
        attempt = 1
        while True:
            await self._control.may_ask()
            self._control.began()
            try:
                answer = _checked(await ask(), kind, self._llm)
                await self._put(key, answer)
            except BaseException as error:
                with suppress(AttributeError):
                    error.attempt = attempt  # type: ignore[attr-defined] # of any, for the row
                self._pay(getattr(error, "billed", None))
                again = getattr(error, "retryable", False) or isinstance(error, RETRYABLE)
                if comes_through(error) or not again or attempt >= self._retry.attempts:
                    raise
                pause = self._retry.pause(attempt)
                self._store.event(
                    "retry", step=self._step, error=told(error), attempt=attempt, wait=pause
                )
            else:
                return answer
            finally:
                self._control.ended()
            self.retried += 1
            attempt += 1
            await asyncio.sleep(pause)

    async def _put(self, key: bytes, answer: Completion | Score) -> None:
        tokens, read = _cost(answer)
        self.asked += 1
        self.tokens += tokens
        self._pay(tokens_of(answer))
        await self._store.put_completion(
            key,
            encoded(answer),
            step=self._step,
            tokens=tokens,
            prompt_tokens=read,
            seconds=answer.seconds,
        )

    def _pay(self, billed: Any) -> None:
        """Count what was asked for; it is committed together with the answer."""
        if self._spending is not None and isinstance(billed, Tokens):
            self._spending.add(self._step, self.name, billed, self.prices)
            self._store.set("spending", self._spending.kept())

    @property
    def _model(self) -> str:
        """What the answers depend on beside the request: the model, and nothing of the run."""
        if self._identity is None:
            self._identity = hash_of((self._llm.name, self._llm.provenance)).hex()
        return self._identity

    # The model's own, also where it changes; its totals are over all steps that use it.

    name: str = property(attrgetter("_llm.name"))  # type: ignore[assignment]
    provenance: Mapping[str, Any] = property(attrgetter("_llm.provenance"))  # type: ignore[assignment]
    concurrency: int = property(attrgetter("_llm.concurrency"))  # type: ignore[assignment]
    parameters: int | None = property(attrgetter("_llm.parameters"))  # type: ignore[assignment]
    capabilities = property(attrgetter("_llm.capabilities"))
    usage = property(attrgetter("_llm.usage"))
    llm: LLM = property(attrgetter("_llm"))  # type: ignore[assignment]
    template = property(attrgetter("_llm.template"))

    def prepared(self, request: Request) -> Request:
        """As the model does."""
        return self._llm.prepared(request)


def _checked(answer: A, kind: type[A], llm: LLM) -> A:
    """What a back end gave, as it will be found again.

    Raises:
        LLMError: it is no answer, or one that cannot be kept.
    """
    if not isinstance(answer, kind):
        raise LLMError(
            f"{llm.name} gave {answer!r:.60}, which is no {kind.__name__} but "
            f"{type(answer).__name__}. Mend the back end."
        )
    try:
        if isinstance(answer, Completion) and isinstance(answer.text, str):
            text = answer.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if text != answer.text:  # half a surrogate pair, which no file can hold
                answer = msgspec.structs.replace(answer, text=text)
        if not 0 <= answer.seconds < math.inf:  # some clock was set back
            answer = msgspec.structs.replace(answer, seconds=0.0)
        kept: Completion | Score = _decoded(encoded(answer), kind)
        spent: tuple[int, int] = _cost(kept)
        billed: tuple[int, ...] = msgspec.structs.astuple(tokens_of(kept))
    except (TypeError, ValueError, OverflowError) as error:
        raise LLMError(f"{llm.name} gave an answer that cannot be kept: {told(error)}.") from error
    if not all(0 <= number < 2**53 for number in (*spent, *billed)):
        raise LLMError(f"{llm.name} gave an answer of {spent} tokens. Mend the back end.")
    return answer


def _cost(answer: Completion | Score) -> tuple[int, int]:
    """Tokens written, tokens read."""
    if isinstance(answer, Completion):
        return answer.tokens, answer.prompt_tokens
    return 0, answer.prompt_tokens + len(answer.logprobs)


_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Completion, Score)
}


def _decoded(body: bytes, kind: type[A]) -> A:
    try:
        answer: A = _DECODERS[kind].decode(body)
    except msgspec.DecodeError:
        answer = msgspec.convert(json.loads(body), kind)
    return answer
