"""Requests that can wait, sent together as batches, of which none is sent twice.

A server that takes batches answers in minutes or in a day, for less. `Batched` is a model whose
requests wait for each other, and then for the batch that they went into:

1. requests are collected until nobody else asks, or there are as many as a batch may have;
2. the book (a run's store) is told what is about to be sent, and by which tag;
3. the batch is sent, and the book is told its id;
4. it is looked at again and again, with growing pauses;
5. its answers are read, and each request that waits for one gets it.

A run that is killed anywhere between goes on from its book: a batch with an id is waited for, and
one without is looked for at the server by its tag before its requests are sent again. Answers can
be read as often as one likes, so the book forgets a batch only when the store has all of them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from evolsynth.errors import EngineError, LLMError, RequestError, SetupError
from evolsynth.foreign import RETRYABLE, told
from evolsynth.llm.base import LLM, Completion, Prompt, Request, Score, Usage, hash_of

__all__ = ["Batched", "Batches", "Book", "Gone", "Pauses", "Result", "Standing"]

T = TypeVar("T")


class Gone(RequestError):  # noqa: N818 - the name says what happened
    """The server has no such thing, or has it no longer."""


class Standing(NamedTuple):
    """How a batch stands: whether it has ``ended``, in the server's word ``told``, and why lines
    have no result then, if they have none (``error``). ``details`` are for `Batches.results`."""

    ended: bool
    told: str
    error: LLMError | None = None
    details: Any = None


class Result(NamedTuple):
    """What became of one line of a batch: the ``body`` of its answer, or an ``error``."""

    key: str
    body: Any = None
    error: LLMError | None = None


class Pauses(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds.

    ``collect``: for others, twice, after a request. ``first``: before a batch is looked at, and
    from there half as long again each time, to ``longest``. A server that does not answer is asked
    ``tries`` times, and four times as often how a batch stands, before the run ends, to be gone on
    with later.
    """

    collect: float = 0.5
    first: float = 2.0
    longest: float = 60.0
    tries: int = 5

    def after(self, looks: int) -> float:
        """Seconds to wait after so many looks."""
        return min(self.longest, self.first * 1.5 ** min(looks, 100))


class Batches(Protocol):
    """A server's batches.

    All but `route` and `read` may raise `EngineError` (it may go better later), `RequestError` (it
    never will; `Gone`: there is no such thing) and `SetupError` (nothing will, until somebody mends
    it).
    """

    pauses: Pauses

    def route(self, request: Request) -> str:
        """Where a request would go by itself; those of a batch all go to one place."""

    async def read(self, request: Request, body: Any) -> Completion:
        """The answer in the body of a line; the server may have to be asked for some of it."""

    async def submit(self, route: str, lines: Mapping[str, Request], tag: str) -> str:
        """Send a batch, marked with a tag; its id."""

    async def find(self, tag: str) -> str | None:
        """The id of the batch with this tag; None where the server has none."""

    async def look(self, batch: str) -> Standing:
        """How a batch stands."""

    async def results(self, standing: Standing) -> Sequence[Result]:
        """What became of the lines of a batch that has ended, in any order."""

    async def aclose(self) -> None:
        """Let go of connections; they are made again where they are needed."""


class Book(Protocol):
    """What outlives the process: a run's store."""

    def get(self, name: str) -> Any:
        """What was put under a name; None: nothing."""

    def put(self, name: str, value: Any) -> None:
        """Keep some data as JSON has it; it is on the disk when this returns."""

    def has(self, key: bytes) -> bool:
        """Whether the answer to a request is stored."""


class _Record(msgspec.Struct, omit_defaults=True):
    """A batch as the book has it. ``settled`` are those of its keys that it has no answer to."""

    keys: list[str]
    id: str | None = None
    settled: list[str] = []


class _Question(msgspec.Struct):
    """A request that somebody waits for, and where it goes."""

    request: Request
    route: str
    answer: asyncio.Future[Completion]
    again: bool = False


class _Batch:
    """One batch: what the book knows of it, and what was read of it."""

    def __init__(self, tag: str, record: _Record) -> None:
        self.tag, self.id = tag, record.id
        self.open = dict.fromkeys(key for key in record.keys if key not in set(record.settled))
        self.settled = dict.fromkeys(record.settled)
        self.perhaps = False  # it may have been sent, and no answer came
        self.results: dict[str, Result] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def record(self) -> Any:
        """It as the book has it."""
        keys = [*self.open, *self.settled]
        return msgspec.to_builtins(_Record(keys, self.id, list(self.settled)))


class Batched(LLM):
    """A model whose requests go to its server in batches; what is no request goes by itself.

    Args:
        llm: the model; somebody else starts and stops it.
        batches: its server's.
        book: where batches are remembered.
        size: requests of a batch at most.
        busy: says whether others are at work who may soon ask more.
        tell: is told what happens, as `Store.event`.
    """

    def __init__(
        self,
        llm: LLM,
        batches: Batches,
        book: Book,
        *,
        size: int = 1000,
        busy: Callable[[], bool] = lambda: False,
        tell: Callable[..., None] = lambda *_, **__: None,
    ) -> None:
        self._llm, self._batches, self._book = llm, batches, book
        self.concurrency, self._pauses = size, batches.pauses
        self._busy, self._tell = busy, tell
        self._model = hash_of((llm.name, llm.provenance)).hex()
        self._asked: dict[str, _Question] = {}
        self._collected: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._idle = False
        self._sent: dict[str, _Batch] = {}  # by tag
        self._homes: dict[str, _Batch] = {}  # by key
        self._remembered: asyncio.Task[None] | None = None
        self._usage = Usage()

    # The model's own.
    name: str = property(attrgetter("_llm.name"))  # type: ignore[assignment]
    provenance: Mapping[str, Any] = property(attrgetter("_llm.provenance"))  # type: ignore[assignment]
    parameters: int | None = property(attrgetter("_llm.parameters"))  # type: ignore[assignment]
    capabilities = property(attrgetter("_llm.capabilities"))
    template = property(attrgetter("_llm.template"))
    prices = property(attrgetter("_llm.prices"))

    @property
    def waiting(self) -> int:
        """Requests that wait for a batch."""
        return len(self._asked)

    @property
    def usage(self) -> Usage:
        """The model's, and what batches brought."""
        total = msgspec.structs.replace(self._llm.usage)
        total.requests += self._usage.requests
        total.prompt_tokens += self._usage.prompt_tokens
        total.completion_tokens += self._usage.completion_tokens
        return total

    def prepared(self, request: Request) -> Request:
        """As the model does."""
        return self._llm.prepared(request)

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        """As the model does: no batch scores texts."""
        return await self._llm.score(prompt, continuation)

    async def complete(self, request: Request) -> Completion:
        """Answer a request as a line of a batch; see `LLM.complete`.

        Raises:
            LLMError: its line failed, also in a second batch where that could help.
            SetupError: the server does not answer, or takes no batches.
        """
        request = self._llm.prepared(request)
        await self._remember()
        key = request.key(self._model).hex()
        while (other := self._asked.get(key)) is not None:
            await asyncio.wait((other.answer,))
            if not other.answer.cancelled() and other.answer.exception() is None:
                return other.answer.result()
            await asyncio.sleep(0)  # its asker has gone, or will go in a moment
        route = self._batches.route(request)
        question = _Question(request, route, asyncio.get_running_loop().create_future())
        self._asked[key] = question
        try:
            home = self._homes.get(key)
            if home is None:
                self._collect(key)
            elif home.results is None:
                self._wait_for(home)
            else:
                await self._give(home, key)
            return await question.answer
        finally:
            del self._asked[key]
            self._collected.pop(key, None)

    async def aclose(self) -> None:
        """Wait for no batch any more; they go on at the server, and stay in the book."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [batch.task for batch in self._sent.values() if batch.task is not None]
        tasks += [self._remembered] if self._remembered is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._batches.aclose()

    # The book ---------------------------------------------------------------------------------

    async def _remember(self) -> None:
        """Take over the batches of an earlier process, once."""
        if self._remembered is None:
            self._remembered = asyncio.create_task(self._read_book(), name="batches of before")
        try:
            await asyncio.shield(self._remembered)
        except (LLMError, SetupError):
            self._remembered = None
            raise

    async def _read_book(self) -> None:
        for tag in self._book.get(self._index) or []:
            told = self._book.get(_name(tag))
            if told is None or tag in self._sent:
                continue
            batch = _Batch(tag, msgspec.convert(told, _Record))
            if batch.id is None:  # it was about to be sent; was it?
                batch.id = await self._patiently(partial(self._batches.find, tag))
                self._book.put(_name(tag), batch.record if batch.id is not None else None)
            if batch.id is not None:
                self._sent[tag] = batch
                self._homes.update(dict.fromkeys(batch.open, batch))
        self._sweep()

    def _sweep(self) -> None:
        """Forget batches whose answers the store has."""
        for batch in list(self._sent.values()):
            if batch.id is None or batch.task is not None:
                continue
            for key in [key for key in batch.open if self._book.has(bytes.fromhex(key))]:
                del batch.open[key]
                self._homes.pop(key, None)
            if not batch.open:
                self._forget(batch)
        self._write_index()

    def _forget(self, batch: _Batch) -> None:
        for key in batch.open:
            self._homes.pop(key, None)
        self._sent.pop(batch.tag, None)
        self._book.put(_name(batch.tag), None)

    @property
    def _index(self) -> str:
        return f"batches {self._model}"

    def _write_index(self) -> None:
        self._book.put(self._index, list(self._sent))

    def _write(self, batch: _Batch) -> None:
        self._book.put(_name(batch.tag), batch.record)

    # Collecting -------------------------------------------------------------------------------

    def _collect(self, key: str) -> None:
        self._collected[key] = None
        self._idle = False
        if len(self._collected) >= self.concurrency:
            self._send()
        else:
            self._wait_for_others()

    def _wait_for_others(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._pauses.collect, self._nobody_came)

    def _nobody_came(self) -> None:
        """Send them, if nobody was at work a moment ago either: others may be just about to ask."""
        before, self._idle = self._idle, not self._busy()
        if self._collected and not (before and self._idle):
            self._wait_for_others()
        elif self._collected:
            self._send()

    def _send(self) -> None:
        """Make batches of what was collected, one for each place that requests go to."""
        self._sweep()
        keys, self._collected = self._collected, {}
        routes: dict[str, list[str]] = {}
        for key in keys:
            routes.setdefault(self._asked[key].route, []).append(key)
        for lines in routes.values():
            batch = _Batch(secrets.token_hex(16), _Record(lines))
            self._sent[batch.tag] = batch
            self._homes.update(dict.fromkeys(lines, batch))
            self._write(batch)
            self._write_index()  # what is about to be sent is in the book before it is
            self._wait_for(batch)

    # A batch's way ----------------------------------------------------------------------------

    def _wait_for(self, batch: _Batch) -> None:
        if batch.task is None:
            batch.task = asyncio.create_task(self._carry(batch), name=f"batch {batch.tag}")

    async def _carry(self, batch: _Batch) -> None:
        """Send a batch if it was not, wait for its end, and give its answers out."""
        try:
            if batch.id is None and not any(key in self._asked for key in batch.open):
                self._forget(batch)  # whoever asked has gone
                return
            if batch.id is None:
                batch.id = await self._submitted(batch)
                self._write(batch)
                self._say(batch, f"was sent to {self.name}")
            standing = await self._ended(batch.id)
            await self._settle(batch, await self._results(batch, standing), standing)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            for key in batch.open:
                self._fail(key, error)
        finally:
            batch.task = None

    async def _submitted(self, batch: _Batch) -> str:
        """The id of a batch that is sent now, with the requests that somebody still waits for."""

        async def submit() -> str:
            if batch.perhaps and (found := await self._batches.find(batch.tag)) is not None:
                return found
            asked = {key: self._asked[key] for key in batch.open if key in self._asked}
            lines = {key: question.request for key, question in asked.items()}
            route = next(question.route for question in asked.values())
            batch.perhaps = True
            return await self._batches.submit(route, lines, batch.tag)

        try:
            return await self._patiently(submit)
        except RequestError as error:
            self._forget(batch)
            raise SetupError(
                f"{self.name} does not take a batch: {told(error)} Run without --batch."
            ) from error

    async def _ended(self, batch: str) -> Standing:
        looks = 0
        while True:
            try:
                look = partial(self._batches.look, batch)
                standing = await self._patiently(look, 4 * self._pauses.tries)
            except RequestError as error:
                raise SetupError(
                    f"{self.name} knows nothing of the batch {batch} that this run has sent "
                    f"({told(error)}) Give the server and key that it was sent to; if it is gone, "
                    "go on with --no-batch."
                ) from error
            if standing.ended:
                return standing
            await asyncio.sleep(self._pauses.after(looks))
            looks += 1

    async def _results(self, batch: _Batch, standing: Standing) -> dict[str, Result]:
        """A result for each line that is still open."""
        try:
            results = await self._patiently(partial(self._batches.results, standing))
        except Gone as error:  # they are kept for some weeks
            results = [
                Result(key, error=EngineError(f"The answers of a batch are gone: {told(error)}"))
                for key in batch.open
            ]
        except RequestError as error:
            raise SetupError(
                f"{self.name} does not give out the answers of batch {batch.id}: {told(error)} "
                "They are paid for: see what keeps it from that, then start the same command again."
            ) from error
        found: dict[str, Result] = {}
        for result in results:
            if result.key in batch.open:
                found.setdefault(result.key, result)
        for key in batch.open:
            if key not in found:
                missing = f"Batch {batch.id} ({standing.told}) has no answer to this request."
                found[key] = Result(key, error=standing.error or EngineError(missing))
        return found

    async def _patiently(self, ask: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
        """What the server says, asked again where that may help."""
        failed = 0
        while True:
            try:
                return await ask()
            except (EngineError, *RETRYABLE) as error:
                failed += 1
                if failed >= (tries or self._pauses.tries):
                    raise SetupError(
                        f"{self.name} does not answer about its batches: {told(error)} The same "
                        "command goes on later, and sends nothing twice."
                    ) from error
            await asyncio.sleep(self._pauses.after(2 * failed - 2))

    async def _settle(self, batch: _Batch, results: dict[str, Result], standing: Standing) -> None:
        """Keep what failed, so that it is asked again; then give out all that was read."""
        batch.results = results
        failed = [key for key, result in results.items() if result.error is not None]
        self._close(batch, *failed)
        failures = f", {len(failed)} of them failed" if failed else ""
        self._say(batch, f"has ended ({standing.told}){failures}")
        await asyncio.gather(*(self._give(batch, key) for key in results if key in self._asked))

    def _close(self, batch: _Batch, *keys: str) -> None:
        """These have no answer in the batch: asked for again, they go into another."""
        if not keys:
            return
        for key in keys:
            batch.open.pop(key, None)
            batch.settled[key] = None
            self._homes.pop(key, None)
        self._write(batch)

    async def _give(self, batch: _Batch, key: str) -> None:
        """Give the one who waits for a key what was read for it."""
        question, result = self._asked[key], (batch.results or {})[key]
        error: Exception | None = result.error
        if error is None:
            try:
                answer = await self._batches.read(question.request, result.body)
            except (LookupError, TypeError, ValueError, msgspec.MsgspecError) as wrong:
                error = EngineError(f"{self.name} gave an answer that is none: {told(wrong)}.")
            except Exception as wrong:  # noqa: BLE001 - whatever it is, the one who waits is told
                error = wrong
            else:
                self._count(answer)
                if not question.answer.done():
                    question.answer.set_result(answer)
                return
            if isinstance(error, LLMError):
                self._close(batch, key)
        if question.answer.done():  # nobody waits any more
            return
        if getattr(error, "retryable", False) and not question.again:
            question.again = True
            self._tell("retry", error=told(error), attempt=1)
            self._collect(key)
        else:
            self._fail(key, error)

    def _fail(self, key: str, error: Exception) -> None:
        question = self._asked.get(key)
        if question is None or question.answer.done():
            return
        if isinstance(error, LLMError | SetupError):  # of one raised twice the traces would mix
            own = type(error)(*error.args)
            own.retryable = False  # type: ignore[misc] # it was tried again here
            if isinstance(error, LLMError) and isinstance(own, LLMError):
                own.billed = error.billed
            error = own
        question.answer.set_exception(error)

    def _count(self, answer: Completion) -> None:
        self._usage.requests += 1
        self._usage.prompt_tokens += answer.prompt_tokens
        self._usage.completion_tokens += answer.tokens

    def _say(self, batch: _Batch, what: str) -> None:
        lines = len(batch.open) + len(batch.settled)
        self._tell("batch", message=f"A batch of {lines} questions {what}.", batch=batch.id)


def _name(tag: str) -> str:
    return f"batch {tag}"
