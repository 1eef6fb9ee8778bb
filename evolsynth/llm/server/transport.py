"""JSON questions to a server, each answered once: `Transport`.

All that can go wrong between here and there is inside: how many requests are under way (`load`),
what a minute allows (`limits`), other addresses of the same model (`endpoints`), whose turn it is
(`turns`), attempts that failed and are made again (`replies` says which), how long an answer is
waited for, and a server that is dead (`patience`). None of it changes an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar, overload

import msgspec

from evolsynth.errors import EngineError, EvolsynthError, InputError, RequestError, SetupError
from evolsynth.llm.base import encoded
from evolsynth.llm.server.endpoints import Endpoint, Place, places_of
from evolsynth.llm.server.exchange import Exchange
from evolsynth.llm.server.limits import Limits
from evolsynth.llm.server.patience import Health, Times
from evolsynth.llm.server.replies import NotFound, Reply, Trouble, pause_asked, quote, refusal
from evolsynth.llm.server.turns import Asked, Turns

__all__ = ["Endpoint", "Limits", "NotFound", "Transport", "TransportStats"]

T = TypeVar("T")

_log = logging.getLogger("evolsynth.server")

_NO_LIMITS = Limits()
_TIMES = Times()
_TRIES = 8
_LONGEST_PAUSE = 900.0
# After an answer that says that nothing is left; the next refusal says what it really means.
_LONGEST_OWN_PAUSE = 60.0
# A dead server is given up on a little before its time, never after it.
_OF_PATIENCE = 0.85
# When so much of it is over, it is said what is waited for.
_SAID_AFTER = 0.1
# A server that only ever says that it is busy gets so many times the patience.
_BUSY_PATIENCE = 10.0
_UNREADABLE = (ValueError, LookupError, TypeError, RecursionError, msgspec.MsgspecError)


class TransportStats(msgspec.Struct):
    """Running totals: for people, never for rows.

    ``requests`` were answered, after ``retried`` attempts in vain; ``statuses`` counts replies.
    ``seconds_waiting`` is the time that requests waited for their turn, ``best_concurrency`` the
    most that were under way at once when an answer came. ``endpoints`` says of each address how
    it is doing.
    """

    requests: int = 0
    retried: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    seconds_waiting: float = 0.0
    in_flight: int = 0
    best_concurrency: int = 0
    endpoints: dict[str, str] = {}


class _Flight(msgspec.Struct, eq=False):
    """One attempt under way, and why it was ended from outside."""

    place: Place
    asked: Asked
    began: float
    ends: asyncio.Timeout
    why: Callable[[], Exception] | None = None

    def end(self, why: Callable[[], Exception]) -> None:
        """End it with an error, unless it has just ended itself."""
        if self.why is None:
            self.why = why
            self.ends.reschedule(0.0)


class Transport:
    """Asks a server at one or more addresses, as fast as it can take it and no faster.

    Args:
        endpoints: the addresses at which the model answers.
        key: the server's key, sent to these addresses in a header and shown nowhere.
        key_header: the header; ``Authorization`` gets ``Bearer`` before the key.
        limits: what the user allows.
        patience: for how many seconds a server that is dead is waited for.
        name: the server's, in messages.
        verify: whether certificates are checked, or a file with those to trust.

    Raises:
        InputError: an address is none, or the key holds what no header may.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        key: str | None = None,
        key_header: str = "Authorization",
        limits: Limits = _NO_LIMITS,
        patience: float = 60.0,
        name: str = "the server",
        verify: bool | str = True,
        _times: Times = _TIMES,
    ) -> None:
        if key is not None and not (key.isascii() and key.isprintable()):
            raise InputError(f"The key for {name} holds characters that no key has: copy it again.")
        self._places = places_of(endpoints, limits, _times)
        self._exchange = Exchange(name, key, key_header, verify, _times.connect)
        self._most = limits.concurrency or limits.most
        self._key = key
        self._name = name
        self._times = _times
        self._chance = random.Random()  # noqa: S311 - it only spreads waits
        self._turns = Turns(self._places, limits)
        self._health = Health(patience * _OF_PATIENCE)
        self._flights: dict[int, _Flight] = {}
        self._flown = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.TimerHandle | None = None
        self._open = False
        self._asking = 0
        self._nobody_asks = asyncio.Event()
        self._said = False
        self._dead = ""
        self._died_at = float("-inf")
        self._dead_to = float("-inf")
        self._stats = TransportStats()

    def __repr__(self) -> str:
        return f"Transport({', '.join(place.url for place in self._places)})"

    async def start(self) -> None:
        """Make ready to ask; nothing is sent. Safe to call twice."""
        self._exchange.start()
        self._open = True

    async def aclose(self) -> None:
        """End all that is under way and free every connection. Safe to call twice."""
        self._open = False
        self._turns.end(self._was_closed)
        for flight in self._flights.values():
            flight.end(self._was_closed)
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._asking:
                await self._nobody_asks.wait()
        finally:
            await self._exchange.aclose()

    def begin_at(self, slots: int) -> None:
        """Ask the first address for so many at once to begin with: it says that it works on them.

        It is where the search for the best number begins, and neither a bound nor a promise.
        """
        self._places[0].load.begin_at(slots)

    @property
    def at_once(self) -> int:
        """How many requests the server gets at once, as far as was found."""
        limits = sum(place.load.limit for place in self._places if place.well)
        return max(1, min(self._most, limits))

    @property
    def concurrency(self) -> int:
        """How many requests are worth asking at once: enough for more to be tried."""
        wanted = sum(place.load.wanted for place in self._places if place.well)
        return max(1, min(self._most, wanted))

    @property
    def stats(self) -> TransportStats:
        """Totals since the start."""
        self._stats.in_flight = sum(place.under_way for place in self._places)
        self._stats.endpoints = {place.url: place.told() for place in self._places}
        return self._stats

    async def get(self, path: str) -> Any:
        """What stands at a path, as JSON.

        Args:
            path: begins with ``/``; it is put behind the endpoint's address.

        Raises:
            NotFound: the server has no such path.
            RequestError, EngineError, SetupError: as in `post`.
        """
        return await self._answered(Asked("GET", path), None)

    @overload
    async def post(self, path: str, body: Mapping[str, Any], *, tokens: int = 1) -> Any: ...

    @overload
    async def post(
        self, path: str, body: Mapping[str, Any], *, tokens: int = 1, read: Callable[[Any], T]
    ) -> T: ...

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        tokens: int = 1,
        read: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Ask one question, until it is answered or can never be.

        Args:
            path: begins with ``/``; it is put behind the endpoint's address.
            body: the question; it becomes JSON.
            tokens: about how many the question and its longest answer have, for the limit of
                tokens a minute and for how long an answer may take. 0: it is no work for the
                model, which says nothing of what the server can bear.
            read: turns the decoded JSON into what is wanted. A ``ValueError``, ``LookupError``,
                ``TypeError`` or error of msgspec says that the answer is malformed: it is asked
                for again. None: the JSON as it is.

        Raises:
            RequestError: the server will never answer this; its words are quoted.
            NotFound: it has no such path or model.
            ContextOverflow: question and answer do not fit its context.
            ContentRefused: its rules forbid the question.
            EngineError: no attempt succeeded while others did, or the transport was closed.
            SetupError: the key is wrong, the certificate bad, the host unknown, or the server dead.
        """
        return await self._answered(Asked("POST", path, encoded(body), tokens), read)

    async def _answered(self, asked: Asked, read: Callable[[Any], Any] | None) -> Any:
        """Attempts until one succeeds."""
        self._asking += 1
        self._nobody_asks.clear()
        self._tick()
        try:
            while True:
                place = await self._admitted(asked)
                try:
                    reply = await self._attempt(place, asked)
                    found = self._read(place, reply, read)
                    self._succeeded(place, asked)
                except Trouble as trouble:
                    wait = self._failed(asked, place, trouble)
                except RequestError:
                    self._spoke(place)
                    raise
                else:
                    return found
                finally:
                    self._turns.leave(place, asked)
                self._stats.retried += 1
                self._check_open()
                await self._turns.sleep(wait)
        finally:
            self._health.forget(id(asked))
            self._asking -= 1
            if not self._asking:
                self._nobody_asks.set()
                self._stop_ticking()

    async def _admitted(self, asked: Asked) -> Place:
        """Wait for a place to ask at."""
        self._check_open()
        now = time.monotonic()
        place = await self._turns.place_for(asked)
        self._stats.seconds_waiting += asked.began - now
        return place

    def _check_open(self) -> None:
        if not self._open:
            raise self._was_closed()
        if time.monotonic() < self._dead_to:
            raise SetupError(self._dead)

    async def _attempt(self, place: Place, asked: Asked) -> Reply:
        """Send it once, and the server's reply to that."""
        self._flown = number = self._flown + 1
        flight = _Flight(place, asked, asked.began, asyncio.timeout(None))
        self._flights[number] = flight
        try:
            async with flight.ends:
                reply = await self._exchange.once(place, asked.method, asked.path, asked.content)
        except TimeoutError:
            raise (flight.why or _slow)() from None
        finally:
            del self._flights[number]
        self._stats.statuses[reply.status] += 1
        self._pause(place, reply)
        return reply

    def _read(self, place: Place, reply: Reply, read: Callable[[Any], Any] | None) -> Any:
        if reply.status >= 300:
            raise refusal(reply, self._exchange.told(place), self._key)
        try:
            data = msgspec.json.decode(reply.body)
            return data if read is None else read(data)
        except EvolsynthError:
            raise
        except _UNREADABLE as error:
            said = quote(f"{type(error).__name__}: {error}", self._key)
            raise Trouble("error", f"its answer is not what was asked for ({said})") from None

    # --- what an attempt came to ---------------------------------------------------------------

    def _pause(self, place: Place, reply: Reply) -> None:
        """Leave the server alone for as long as its reply asks for."""
        pause = pause_asked(reply)
        if reply.status < 300:
            pause = min(pause, _LONGEST_OWN_PAUSE)
        if pause > _LONGEST_PAUSE:
            raise SetupError(
                f"{self._exchange.told(place)} wants to be left alone for {pause / 60:.0f} minutes "
                f"(status {reply.status}). Go on with the run then."
            )
        if pause:
            pause *= self._chance.uniform(1.0, 1.1)
            place.paused_to = max(place.paused_to, time.monotonic() + pause)

    def _spoke(self, place: Place) -> float:
        """It works, whatever it answered."""
        now = time.monotonic()
        self._health.succeeded(now)
        place.succeeded(now)
        return now

    def _succeeded(self, place: Place, asked: Asked) -> None:
        now = self._spoke(place)
        if asked.tokens:
            place.pace.answered(now - asked.began, asked.tokens)
            place.load.answered(now, entered=asked.began, busy=len(self._turns) > 0)
            self._stats.requests += 1
            self._stats.best_concurrency = max(self._stats.best_concurrency, place.under_way)

    def _failed(self, asked: Asked, place: Place, trouble: Trouble) -> float:
        """Take note of an attempt that failed, and for how long the next one waits."""
        now = time.monotonic()
        if asked.began <= self._died_at:  # its reply lay here when the server was given up
            raise SetupError(self._dead)
        asked.tries += 1
        asked.first_failed = asked.first_failed or now
        if trouble.kind == "busy":
            self._busy(place, asked, trouble, now)
        else:
            self._stumbled(place, asked, trouble, now)
        asked.avoid = (*asked.avoid, place)
        if any(p.well and p.paused_to <= now and p not in asked.avoid for p in self._places):
            return 0.0  # another address is asked at once
        asked.avoid = ()
        if place.paused_to > now:
            return 0.0  # it said itself for how long
        first = self._times.back_off
        if trouble.kind == "busy":  # room is made as fast as it answers
            first = min(first, max(first / 10, place.pace.usual))
        longest = min(self._times.longest_back_off, first * 2.0 ** min(asked.tries, 20))
        return self._chance.uniform(0.0, longest)

    def _busy(self, place: Place, asked: Asked, trouble: Trouble, now: float) -> None:
        place.lives(now)
        place.load.refused(now, entered=asked.began, left=place.under_way - 1)
        self._health.busy(now)
        since = self._health.busy_since or now
        if now - since > _BUSY_PATIENCE * self._health.patience:
            self._die(
                now,
                f"{trouble}; it has answered nothing else for {(now - since) / 60:.0f} minutes. "
                "Look at the server, or at the account's limits; the run can go on then.",
            )
            raise SetupError(self._dead)

    def _stumbled(self, place: Place, asked: Asked, trouble: Trouble, now: float) -> None:
        if trouble.kind == "slow":
            place.pace.too_short(asked.began, now)
            place.load.slowed(now, entered=asked.began)
        if trouble.kind == "slow" and self._lives(place, now):
            place.failed += 1
            self._health.lives()
        else:
            alone = not any(p.well for p in self._places if p is not place)
            place.stumbled(now, 2 * self._times.back_off, alone=alone, chance=self._chance)
            began = now if trouble.kind == "error" else asked.began
            reached = trouble.kind != "connection"
            self._health.failed(began, id(asked), str(trouble), reached=reached)
        if trouble.kind == "connection" or asked.tries < _TRIES:
            return
        first = asked.first_failed or now
        alone = not self._health.blames_server(lives=True)
        if self._health.last_success > first or (alone and now - first >= self._health.patience):
            error = EngineError(
                f"{self._exchange.told(place)} failed {asked.tries} times with this request, the "
                f"last time because {trouble}. Ask again later, or look at the server's log."
            )
            raise _final(error, asked.tries)

    def _was_closed(self) -> EngineError:
        return _final(EngineError(f"{self._name} was closed before it answered. Start it again."))

    # --- while nothing happens -----------------------------------------------------------------

    def _tick(self) -> None:
        if self._ticker is None:
            loop = asyncio.get_running_loop()
            due = time.monotonic() + self._times.tick
            self._ticker = loop.call_later(self._times.tick, self._look, due)

    def _stop_ticking(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def _look(self, due: float) -> None:
        """Look who waits too long, and whether the server is dead."""
        self._ticker = None
        now = time.monotonic()
        # Where we come late ourselves, answers may lie here unread: they are read first.
        if now - due < self._times.tick:
            self._end_slow(now)
            self._say(now)
            if self._health.suspected(now):
                self._suspect(now)
        if self._asking:
            self._tick()

    def _say(self, now: float) -> None:
        """Say once that a server does nothing but fail, so that nobody waits in silence."""
        since, patience = self._health.since, self._health.patience
        if since is None:
            self._said = False
        elif not self._said and now - since > _SAID_AFTER * patience:
            self._said = True
            _log.warning(
                "%s gives nothing but errors (%s). It is asked again for up to %.0f seconds.",
                self._exchange.told(self._places[0]),
                self._health.last_message,
                patience - (now - since),
            )

    def _end_slow(self, now: float) -> None:
        for flight in list(self._flights.values()):
            place, age = flight.place, now - flight.began
            if age < self._times.least:
                break  # and all that began later
            if age > place.pace.allowed(flight.asked.tokens, lives=self._lives(place, now)):
                flight.end(_slow)
            else:
                self._ask_for_sign(place, now)

    def _suspect(self, now: float) -> None:
        """Nothing but errors for all its time: is the server dead?"""
        longest_connect = self._times.connect + self._times.tick
        for flight in self._flights.values():
            if now - flight.began > longest_connect and not flight.place.silent:
                return  # it is still connected, and waits
        since = now if self._health.since is None else self._health.since
        lives = any(place.alive_at > since for place in self._places)
        if self._health.blames_server(lives=lives):
            self._die(
                now,
                f"{self._exchange.told(self._places[0])} gave nothing but errors for "
                f"{now - since:.0f} seconds, the last: {self._health.last_message}. Look whether "
                "it runs; the run can go on then.",
            )
            return
        for place in self._places:
            self._ask_for_sign(place, now)

    def _die(self, now: float, message: str) -> None:
        """End all who wait with one sentence, and those who come within the next seconds."""
        self._dead = message
        self._died_at = now
        self._dead_to = now + min(10.0, self._health.patience)
        self._health.reset()
        self._turns.end(lambda: SetupError(message))
        for flight in self._flights.values():
            flight.end(lambda: SetupError(message))

    def _lives(self, place: Place, now: float) -> bool:
        """Whether it has shown a sign of life lately."""
        return now - place.alive_at < 3 * self._times.sign + self._times.tick

    def _ask_for_sign(self, place: Place, now: float) -> None:
        """Ask for something cheap, if nothing was heard for a while."""
        if now - place.alive_at > self._times.sign and now >= place.sign_asked + self._times.sign:
            place.sign_asked = now
            self._begin(self._sign(place))

    async def _sign(self, place: Place) -> None:
        lives = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._times.sign):
                lives = await self._exchange.lives(place)
        if lives:
            place.lives(time.monotonic())
        else:
            place.silent = True
            self._health.unreachable()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _slow() -> Trouble:
    return Trouble("slow", "no answer came in the time that answers take there")


def _final(error: EngineError, tries: int = 0) -> EngineError:
    """An error that the run need not try again: that was done here."""
    error.retryable = False  # type: ignore[misc] # of this one
    error.attempt = tries
    return error
