"""Who is asked what next: requests wait in a line for a place at one of the addresses."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

import msgspec

from evolsynth.llm.server.endpoints import Place, choose
from evolsynth.llm.server.limits import Bucket, Limits
from evolsynth.streams import place

__all__ = ["Asked", "Turns", "one_work"]

_arrivals = count(1)
_work: ContextVar[int | None] = ContextVar("_work", default=None)


@contextmanager
def one_work() -> Iterator[None]:
    """All that is asked inside has the place in the line of the first question.

    What needs several questions is finished before anything newer is begun: else none of many
    answers would be there, and kept, before all of them are.
    """
    before = _work.set(next(_arrivals))
    try:
        yield
    finally:
        _work.reset(before)


def _arrived() -> int:
    return _work.get() or next(_arrivals)


class Asked(msgspec.Struct, eq=False):
    """A question, and what has come of it so far. ``row`` is the `place` of the row that it is for;
    ``arrived`` is since when it, or the work that it is for, is here."""

    method: str
    path: str
    content: bytes = b""
    tokens: int = 0
    tries: int = 0
    began: float = 0.0
    first_failed: float | None = None
    avoid: tuple[Place, ...] = ()
    row: int = msgspec.field(default_factory=place)
    arrived: int = msgspec.field(default_factory=_arrived)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Who is before whom: first what costs no tokens, since answers wait for that; then what an
        earlier row waits for."""
        return self.tokens > 0, self.row, self.arrived


class Turns:
    """The line, in the order of `Asked.rank`: who comes back after a failure has kept its place."""

    def __init__(self, places: Sequence[Place], limits: Limits) -> None:
        self._places = places
        self._most = limits.concurrency or limits.most
        self._under_way = 0
        self._requests = Bucket(limits.requests_per_minute)
        self._tokens = Bucket(limits.tokens_per_minute)
        self._line: deque[tuple[Asked, asyncio.Future[Place]]] = deque()
        self._sleepers: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._line)

    async def place_for(self, asked: Asked) -> Place:
        """Wait for a place to ask at; it is taken until `leave`."""
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        entry = (asked, turn)
        self._line.insert(self._place_of(asked), entry)
        self.deal()
        try:
            return await turn
        except asyncio.CancelledError:
            if entry in self._line:
                self._line.remove(entry)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(turn.result(), asked)
            raise

    def _place_of(self, asked: Asked) -> int:
        """Behind all with a lower rank; most come last."""
        if not self._line or self._line[-1][0].rank <= asked.rank:
            return len(self._line)
        return next(at for at, (other, _) in enumerate(self._line) if other.rank > asked.rank)

    def leave(self, place: Place, asked: Asked) -> None:
        """Give a place back; who is next gets it."""
        place.under_way -= 1
        self._under_way -= 1
        if asked.tokens:
            place.load.left(time.monotonic(), entered=asked.began)
        self.deal()

    def deal(self) -> None:
        """Give out what places there are, and look again when time alone makes more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._line:
            return
        now = time.monotonic()
        limited = self._dealt(now)
        if self._line:
            waits = [limited, *(place.ready_at() - now for place in self._places)]
            soon = min((wait for wait in waits if wait > 0), default=None)
            if soon is not None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(max(soon, 0.001), self.deal)

    def _dealt(self, now: float) -> float:
        """Give out places in order; for how long a limit forbids the next, where one does."""
        passed: list[tuple[Asked, asyncio.Future[Place]]] = []
        limited = 0.0
        while self._line and self._under_way < self._most:
            limited = max(self._requests.wait(now), self._tokens.wait(now))
            if limited:
                break
            asked, turn = self._line[0]
            place = None if turn.done() else choose(self._places, now, asked.avoid)
            if place is None and not turn.done():
                if not asked.avoid:  # nobody finds one
                    break
                passed.append(self._line.popleft())
                continue
            self._line.popleft()
            if place is not None:
                self._requests.take(1, now)
                self._tokens.take(asked.tokens, now)
                place.under_way += 1
                self._under_way += 1
                if asked.tokens:
                    place.load.entered(now)
                asked.began = now
                turn.set_result(place)
        self._line.extendleft(reversed(passed))
        return limited

    async def sleep(self, seconds: float) -> None:
        """Wait, and be woken early when all is over."""
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, sleeper)
        self._sleepers.add(sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._sleepers.discard(sleeper)
            if sleeper.done() and not sleeper.cancelled():
                sleeper.exception()  # seen, even by one who is cancelled at the same moment

    def end(self, error: Callable[[], Exception]) -> None:
        """All who wait get an error, each its own."""
        waiting: list[asyncio.Future[Place] | asyncio.Future[None]] = [t for _, t in self._line]
        waiting.extend(self._sleepers)
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in waiting:
            if not future.done():
                future.set_exception(error())


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
