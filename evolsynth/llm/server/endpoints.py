"""The addresses at which one model answers: how each is doing, and which is asked next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.server.limits import Limits
from evolsynth.llm.server.load import Load
from evolsynth.llm.server.patience import Pace, Times

__all__ = ["Endpoint", "Place", "choose", "places_of"]

_TRUSTED_FAILURES = 2
# While others work, one that failed is tried again once a minute at the latest; where there is no
# other, every few seconds. In parts of the first rest.
_LONGEST_REST = 60.0
_LONGEST_REST_ALONE = 5.0


class Endpoint(NamedTuple):
    """An address of the model, and how much of the work it gets beside the others."""

    url: str
    weight: float = 1.0


class Place(msgspec.Struct, eq=False):
    """One endpoint at work.

    After some failures in a row it rests, each time for longer, and is then tried by one request.
    ``paused_to`` is until when the server itself asked to be left alone; ``silent``: it gave no
    sign of life when it was last asked for one.
    """

    url: str
    host: str
    weight: float
    load: Load
    pace: Pace
    under_way: int = 0
    failures: int = 0
    rests_to: float = 0.0
    paused_to: float = 0.0
    alive_at: float = float("-inf")
    sign_asked: float = float("-inf")
    silent: bool = False
    answered: int = 0
    failed: int = 0

    @property
    def well(self) -> bool:
        """Whether it answers, as far as is known."""
        return self.failures <= _TRUSTED_FAILURES

    @property
    def room(self) -> int:
        """How many more requests it may have: one where it has to prove itself."""
        return (self.load.limit if self.well else 1) - self.under_way

    def ready_at(self) -> float:
        """From when on it may be asked."""
        return max(self.rests_to, self.paused_to)

    def told(self) -> str:
        """How it is doing, for people."""
        state = "well" if self.well else f"ill, after {self.failures} failures"
        return f"{state}; {self.answered} answered, {self.failed} failed, {self.load.limit} at once"

    def lives(self, now: float) -> None:
        """It gave a sign of life."""
        self.alive_at = now
        self.silent = False

    def succeeded(self, now: float) -> None:
        """It answered."""
        self.lives(now)
        self.answered += 1
        self.failures = 0
        self.rests_to = 0.0

    def stumbled(self, now: float, first_rest: float, *, alone: bool, chance: Random) -> None:
        """It failed; after some failures it rests, for longer each time.

        Args:
            now: the time.
            first_rest: the seconds of the first rest.
            alone: whether no other place is well.
            chance: spreads the rests of those that failed together.
        """
        self.failed += 1
        self.failures += 1
        if not self.well:
            longest = _LONGEST_REST_ALONE if alone else _LONGEST_REST
            rest = min(longest, 2.0 ** min(10, self.failures - _TRUSTED_FAILURES - 1))
            self.rests_to = now + first_rest * rest * chance.uniform(0.5, 1.0)


def places_of(endpoints: Sequence[Endpoint], limits: Limits, times: Times) -> list[Place]:
    """The endpoints, checked, each with a load of its own.

    Raises:
        InputError: there is none, or one has no address of http or https, holds a password, or
            has no weight.
    """
    if not endpoints:
        raise InputError("A server has no address: give one, as in http://localhost:8000.")
    return [_place(endpoint, limits, times) for endpoint in endpoints]


def _place(endpoint: Endpoint, limits: Limits, times: Times) -> Place:
    url, weight = endpoint
    try:
        parts = urlsplit(url)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError:
        host, user, parts = None, None, urlsplit("")
    if user is not None:
        raise InputError(
            f"The address of the server at {host} holds a user's name or password: leave it out, "
            "and put the key into the environment."
        )
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(
            f"{url!r} is no address of a server: give one such as http://localhost:8000."
        )
    if not 0 < weight < float("inf"):
        raise InputError(f"The weight of {url} is {weight}: it must be more than 0.")
    netloc = parts.netloc.lower()
    return Place(url.rstrip("/"), netloc, weight, Load(limits), Pace(times))


def choose(places: Sequence[Place], now: float, avoid: Collection[Place] = ()) -> Place | None:
    """The place that is asked next: of those with room, the one with least to do for its weight.

    Args:
        places: all there are, in the user's order.
        now: the time.
        avoid: those that have just failed this request; taken only where all others are ill too.
    """
    ready = [p for p in places if p.ready_at() <= now and p.room > 0]
    others = [p for p in places if p not in avoid and p.well]
    if others:
        ready = [p for p in ready if p not in avoid]
    return min(ready, key=lambda p: (p.under_way + 1) / p.weight, default=None)
