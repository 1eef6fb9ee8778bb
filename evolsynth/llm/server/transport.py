"""JSON questions to a server, each answered once: `Transport`.

All that can go wrong between here and there is inside: how many requests are under way, what a
minute allows, attempts that failed and are made again, other addresses of the same model, time-outs
by what the server was seen to need, and a server that is dead. None of it changes an answer.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from evolsynth.errors import EngineError, EvolsynthError, RequestError, SetupError
from evolsynth.llm.base import encoded
from evolsynth.llm.server.endpoints import Endpoint, Place, choose, places_of
from evolsynth.llm.server.limits import Bucket, Limits
from evolsynth.llm.server.replies import (
    NotFound,
    Reply,
    Trouble,
    pause_asked,
    quote,
    read_body,
    refusal,
)

__all__ = ["Endpoint", "Limits", "NotFound", "Transport", "TransportStats"]

T = TypeVar("T")

_NO_LIMITS = Limits()
_CONNECT_SECONDS = 10.0
_TRIES = 6
_LONGEST_BACK_OFF = 20.0
_LONGEST_PAUSE = 900.0
_REDIRECTS = 5
# A server may be given up on a little before its time, never after it.
_OF_PATIENCE = 0.9
# How many different questions have to fail before it is the server's fault.
_SOME = 3
_UNREADABLE = (ValueError, LookupError, TypeError, RecursionError, msgspec.MsgspecError)


class TransportStats(msgspec.Struct):
    """Running totals: for people, never for rows.

    ``requests`` were answered, after ``retried`` attempts in vain; ``statuses`` counts replies.
    ``seconds_waiting`` is the time that requests waited for their turn, ``best_concurrency`` the
    most that was allowed at once. ``endpoints`` says of each address how it is doing.
    """

    requests: int = 0
    retried: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    seconds_waiting: float = 0.0
    in_flight: int = 0
    best_concurrency: int = 0
    endpoints: dict[str, str] = {}


class _Asked(msgspec.Struct, eq=False):
    """A question, and what has come of it so far."""

    method: str
    path: str
    content: bytes
    tokens: int
    tries: int = 0
    first_failed: float | None = None
    avoid: list[Place] = []


class _Turn(msgspec.Struct, eq=False):
    """Who waits for a place."""

    asked: _Asked
    place: asyncio.Future[Place]


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
        InputError: an address is none.
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
        _back_off: float = 0.5,
    ) -> None:
        self._places = places_of(endpoints, limits)
        self._key = key
        self._key_header = key_header
        self._limits = limits
        self._patience = patience * _OF_PATIENCE
        self._name = name
        self._verify = verify
        self._back_off = _back_off
        self._chance = random.Random()  # noqa: S311 - it only spreads waits
        self._client: Any = None
        self._closed = False
        self._turns: deque[_Turn] = deque()
        self._sleepers: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._requests = Bucket(limits.requests_per_minute)
        self._tokens = Bucket(limits.tokens_per_minute)
        self._trouble_since: float | None = None
        self._last_success = float("-inf")
        self._ill: set[int] = set()
        self._dead_to = float("-inf")
        self._dead: str = ""
        self._stats = TransportStats()
        self._attempts: set[asyncio.Timeout] = set()

    def __repr__(self) -> str:
        return f"Transport({', '.join(place.url for place in self._places)})"

    async def start(self) -> None:
        """Make ready to ask; nothing is sent. Safe to call twice."""
        if self._client is not None:
            return
        import httpx

        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if self._key:
            bearer = "Bearer " if self._key_header.lower() == "authorization" else ""
            headers[self._key_header] = bearer + self._key
        self._closed = False
        self._client = httpx.AsyncClient(
            headers=headers,
            http2=True,
            follow_redirects=False,
            verify=self._verify,
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def aclose(self) -> None:
        """End all that is under way and free every connection. Safe to call twice."""
        self._closed = True
        self._end_waiting(self._was_closed)
        for attempt in list(self._attempts):
            attempt.reschedule(0.0)
        while self._attempts:  # noqa: ASYNC110 - each ends within a few turns
            await asyncio.sleep(0)
        if self._timer is not None:
            self._timer.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @property
    def concurrency(self) -> int:
        """How many requests are worth having under way now."""
        return sum(p.load.limit for p in self._places if p.well) or 1

    @property
    def stats(self) -> TransportStats:
        """Totals since the start."""
        self._stats.in_flight = sum(p.under_way for p in self._places)
        self._stats.endpoints = {
            p.url: f"{'well' if p.well else 'ill'}, {p.answered} answered, {p.failed} failed"
            for p in self._places
        }
        return self._stats

    async def get(self, path: str) -> Any:
        """What stands at a path, as JSON.

        Args:
            path: begins with ``/``; it is put behind the endpoint's address.

        Raises:
            NotFound: the server has no such path.
            RequestError, EngineError, SetupError: as in `post`.
        """
        return await self._answer(_Asked("GET", path, b"", 0, avoid=[]), None)

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        tokens: int = 0,
        read: Callable[[Any], T] | None = None,
    ) -> T:
        """Ask one question, until it is answered or can never be.

        Args:
            path: begins with ``/``; it is put behind the endpoint's address.
            body: the question; it becomes JSON.
            tokens: about how many the question and its longest answer have, for the limit of
                tokens a minute and for how long an answer may take.
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
        return cast(
            T, await self._answer(_Asked("POST", path, encoded(body), tokens, avoid=[]), read)
        )

    async def _answer(self, asked: _Asked, read: Callable[[Any], Any] | None) -> Any:
        try:
            while True:
                place = await self._admitted(asked)
                entered = time.monotonic()
                try:
                    reply = await self._attempt(place, asked)
                    found = self._read(place, reply, read)
                except Trouble as trouble:
                    self._left(place)
                    wait = self._failed(asked, place, trouble, entered)
                except BaseException:
                    self._left(place)
                    raise
                else:
                    self._succeeded(asked, place, entered, len(reply.body))
                    return found
                self._stats.retried += 1
                await self._sleep(wait)
        finally:
            self._ill.discard(id(asked))

    def _told(self, place: Place) -> str:
        return f"{self._name} at {place.host}"

    def _read(self, place: Place, reply: Reply, read: Callable[[Any], Any] | None) -> Any:
        if reply.status >= 300:
            raise refusal(reply, self._told(place), self._key)
        try:
            data = msgspec.json.decode(reply.body)
            return data if read is None else read(data)
        except EvolsynthError:
            raise
        except _UNREADABLE as error:
            said = quote(f"{type(error).__name__}: {error}", self._key)
            raise Trouble("error", f"its answer is not what was asked for ({said})") from None

    # --- turns ---------------------------------------------------------------------------------

    async def _admitted(self, asked: _Asked) -> Place:
        """Wait for a place to ask at."""
        self._check_open()
        asked_at = time.monotonic()
        turn = _Turn(asked, asyncio.get_running_loop().create_future())
        if asked.tries:
            self._turns.appendleft(turn)
        else:
            self._turns.append(turn)
        self._deal()
        try:
            return await turn.place
        except asyncio.CancelledError:
            if turn.place.done() and not turn.place.cancelled() and not turn.place.exception():
                self._left(turn.place.result())
            elif turn in self._turns:
                self._turns.remove(turn)
            raise
        finally:
            self._stats.seconds_waiting += time.monotonic() - asked_at

    def _check_open(self) -> None:
        if self._closed or self._client is None:
            raise self._was_closed()
        if time.monotonic() < self._dead_to:
            raise SetupError(self._dead)

    def _was_closed(self) -> EngineError:
        return _final(EngineError(f"{self._name} was closed before it answered. Start it again."))

    def _deal(self) -> None:
        """Give places to those who wait, in their order, as far as there is room."""
        now = time.monotonic()
        again = now + 60
        while self._turns:
            wait = max(self._requests.wait(now), self._tokens.wait(now))
            if wait > 0:
                again = now + wait
                break
            turn = self._turns[0]
            if turn.place.done():
                self._turns.popleft()
                continue
            place = choose(self._places, now, turn.asked.avoid)
            if place is None:
                again = min(
                    (p.ready_at() for p in self._places if p.ready_at() > now), default=again
                )
                break
            self._turns.popleft()
            self._requests.take(1, now)
            self._tokens.take(turn.asked.tokens, now)
            place.under_way += 1
            turn.place.set_result(place)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turns:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, again - now), self._deal)

    def _left(self, place: Place) -> None:
        place.under_way -= 1
        self._deal()

    async def _sleep(self, seconds: float) -> None:
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

    def _end_waiting(self, error: Callable[[], EvolsynthError]) -> None:
        waiting: list[asyncio.Future[Any]] = [turn.place for turn in self._turns]
        waiting += self._sleepers
        self._turns.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error())

    # --- what happened ---------------------------------------------------------------------------

    def _succeeded(self, asked: _Asked, place: Place, entered: float, size: int) -> None:
        now = time.monotonic()
        self._last_success = now
        self._trouble_since = None
        self._ill.clear()
        self._stats.requests += 1
        place.succeeded()
        place.load.answered(now, entered=entered, work=size, busy=bool(self._turns))
        best = max(self._stats.best_concurrency, place.under_way)
        self._stats.best_concurrency = best
        self._left(place)

    def _failed(self, asked: _Asked, place: Place, trouble: Trouble, entered: float) -> float:
        """Take note of an attempt that failed, and for how long the next one waits."""
        now = time.monotonic()
        if asked.first_failed is None:
            asked.first_failed = now
        asked.tries += 1
        if trouble.kind == "busy":
            place.load.refused(now, entered=entered, left=place.under_way)
            self._trouble_since = None
            return self._backed_off(asked)
        place.stumbled(now, self._chance)
        self._ill.add(id(asked))
        if self._trouble_since is None:
            self._trouble_since = entered if trouble.kind == "connection" else now
        self._give_up(asked, place, trouble, now)
        if place not in asked.avoid:
            asked.avoid.append(place)
        if any(p.well and p not in asked.avoid for p in self._places):
            return 0.0  # another address is asked at once
        asked.avoid.clear()
        return self._backed_off(asked)

    def _backed_off(self, asked: _Asked) -> float:
        longest = min(_LONGEST_BACK_OFF, self._back_off * 2 ** min(asked.tries, 20))
        return self._chance.uniform(0.0, longest)

    def _give_up(self, asked: _Asked, place: Place, trouble: Trouble, now: float) -> None:
        since = self._trouble_since if self._trouble_since is not None else now
        if now - since >= self._patience and (
            trouble.kind == "connection" or len(self._ill) >= _SOME
        ):
            self._dead = (
                f"{self._told(place)} is not to be reached: for {now - since:.0f} seconds it gave "
                f"nothing but errors ({trouble}). Look whether it runs; the run can go on then."
            )
            self._dead_to = now + min(10.0, self._patience)
            self._trouble_since = None
            self._end_waiting(lambda: SetupError(self._dead))
            raise SetupError(self._dead)
        first = asked.first_failed if asked.first_failed is not None else now
        if trouble.kind == "connection" or asked.tries < _TRIES:
            return
        if self._last_success > first or now - first >= self._patience:
            raise _final(
                EngineError(
                    f"{self._told(place)} failed {asked.tries} times with this request, the last "
                    f"time because {trouble}. Ask again later."
                ),
                asked.tries,
            )

    # --- one attempt ---------------------------------------------------------------------------

    async def _attempt(self, place: Place, asked: _Asked) -> Reply:
        import httpx

        ends = asyncio.timeout(600.0)
        try:
            async with ends:
                self._attempts.add(ends)
                try:
                    reply = await self._exchanged(place, asked)
                finally:
                    self._attempts.discard(ends)
        except TimeoutError:
            if self._closed:
                raise self._was_closed() from None
            raise Trouble("slow", "it did not answer in time") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error, place) from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            said = quote(f"{type(error).__name__} {error}", self._key)
            raise Trouble("error", f"the connection broke ({said})") from None
        except RequestError as error:  # too long
            raise type(error)(f"{self._told(place)}: {error}") from None
        self._stats.statuses[reply.status] += 1
        pause = pause_asked(reply)
        if pause > _LONGEST_PAUSE:
            raise SetupError(
                f"{self._told(place)} wants to be left alone for {pause / 60:.0f} minutes "
                f"(status {reply.status}). Go on with the run then."
            )
        if pause:
            place.paused_to = max(place.paused_to, time.monotonic() + pause)
        return reply

    async def _exchanged(self, place: Place, asked: _Asked) -> Reply:
        """Send it, and read what comes back; follow where the same host sends it on."""
        url = place.url + asked.path
        for _ in range(_REDIRECTS):
            reply = await self._sent(url, asked)
            if reply.status not in (301, 302, 307, 308) or "location" not in reply.headers:
                return reply
            target = urljoin(url, reply.headers["location"])
            if not _same_host(url, target):
                raise SetupError(
                    f"{self._told(place)} sends requests on to another host, "
                    f"{quote(str(urlsplit(target).netloc), self._key)}: nothing was sent there. "
                    "Give that address if it is the one you mean."
                )
            url = target
        raise Trouble("error", "it sends requests round in a circle")

    async def _sent(self, url: str, asked: _Asked) -> Reply:
        import httpx

        request = self._client.build_request(
            asked.method,
            url,
            content=asked.content or None,
            headers={"Content-Type": "application/json"} if asked.content else None,
        )
        response: httpx.Response = await self._client.send(request, stream=True)
        try:
            encoding = response.headers.get("content-encoding", "")
            body = await read_body(response.aiter_raw(), encoding)
            return Reply(response.status_code, response.headers, body)
        finally:
            await response.aclose()

    def _unreachable(self, error: Exception, place: Place) -> Exception:
        """What it means that no connection came about."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return SetupError(
                    f"{self._told(place)} shows a certificate that cannot be trusted "
                    f"({quote(cause.verify_message, None)}): nothing was sent. Name the file of "
                    "the certificates to trust, or the right address."
                )
            if isinstance(cause, socket.gaierror) and cause.errno in _NO_HOST:
                return SetupError(f"There is no host {place.host}: look at the server's address.")
            cause = cause.__cause__ or cause.__context__
        return Trouble("connection", quote(str(error) or "no connection in time", self._key))


_NO_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _final(error: EngineError, tries: int = 0) -> EngineError:
    """An error that the run need not try again: that was done here."""
    error.retryable = False  # type: ignore[misc] # of this one
    error.attempt = tries
    return error


def _same_host(url: str, target: str) -> bool:
    """Whether a redirect stays with the host that the user named, and does not leave TLS."""
    try:
        old, new = urlsplit(url), urlsplit(target)
        same_port = (old.port, old.scheme) == (new.port, new.scheme)
        to_tls = (old.scheme, new.scheme, new.port) == ("http", "https", None)
    except ValueError:
        return False
    return old.hostname == new.hostname and (same_port or to_tls)
