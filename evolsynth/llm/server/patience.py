"""How long an answer is waited for, and when a server counts as dead.

A request that was sent may have been billed, so it is not made again while its answer can still
come: what an answer may take follows from what answers took. Before the first there is nothing to
go by, and a large model on a small machine may need minutes; so long as the server shows any sign
of life, it gets them.
"""

from __future__ import annotations

from collections import deque

import msgspec

__all__ = ["Health", "Pace", "Times"]


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of all kinds. Tests make them short; nobody else changes them."""

    connect: float = 10.0
    back_off: float = 0.5
    longest_back_off: float = 20.0
    #: the least that an answer may take
    least: float = 30.0
    #: what the first answer may take of a server that lives
    unseen: float = 600.0
    #: what it may take of one that does not even answer a GET
    silent: float = 240.0
    #: how often it is looked who waits too long
    tick: float = 1.0
    #: between two signs of life that are asked for
    sign: float = 10.0


# A question has a price of its own, beside that of its tokens.
_BASE_TOKENS = 64
_KEPT = 256
_MARGIN = 6.0
_MOST_STRETCH = 16.0


class Pace:
    """What a server was seen to need for an answer, by the tokens that were expected.

    The 99th percentile of the last 256 answers, six times over: an answer may be that much longer
    than most, or have stood in a queue. Each time that proves too short it is doubled.
    """

    def __init__(self, times: Times) -> None:
        self._times = times
        self._seen: deque[float] = deque(maxlen=_KEPT)
        self._slowest: float | None = None
        #: the seconds of an answer, as the last ones were
        self.usual = float("inf")
        self._stretch = 1.0
        self._stretched_at = float("-inf")

    def answered(self, seconds: float, tokens: int) -> None:
        """An answer took so long."""
        self._seen.append(seconds / (tokens + _BASE_TOKENS))
        self._slowest = None
        self.usual = seconds if self.usual == float("inf") else 0.9 * self.usual + 0.1 * seconds
        self._stretch = max(1.0, self._stretch * 0.9)

    def too_short(self, began: float, now: float) -> None:
        """A request that began at some time ran out of what it was allowed.

        Of those that were under way together one counts.
        """
        if began >= self._stretched_at:
            self._stretched_at = now
            self._stretch = min(_MOST_STRETCH, self._stretch * 2)

    def allowed(self, tokens: int, *, lives: bool) -> float:
        """For how many seconds an answer is waited for."""
        if not self._seen:
            return self._stretch * (self._times.unseen if lives else self._times.silent)
        if self._slowest is None:
            ordered = sorted(self._seen)
            self._slowest = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        needed = _MARGIN * self._slowest * (tokens + _BASE_TOKENS)
        return self._stretch * max(self._times.least, needed)


class Health:
    """Whether anything answers: the circuit breaker's memory.

    Only time with nothing but errors counts. An answer, or a server's word that it has too much to
    do, ends it.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.since: float | None = None
        self.busy_since: float | None = None
        self.last_success = float("-inf")
        self.last_message = ""
        self._unreachable = False
        self._failing: set[int] = set()

    def succeeded(self, now: float) -> None:
        """An answer came."""
        self.last_success = now
        self.busy_since = None
        self.lives()

    def lives(self) -> None:
        """There is no answer, and yet it is there."""
        self.since = None
        self._failing.clear()

    def busy(self, now: float) -> None:
        """It said that it has too much to do."""
        self.lives()
        if self.busy_since is None:
            self.busy_since = now

    def failed(self, began: float, who: int, message: str, *, reached: bool) -> None:
        """An attempt failed that began at some time; ``reached``: a connection came about."""
        if self.since is None:
            self.since = began
        self._failing.add(who)
        self._unreachable = not reached
        self.last_message = message

    def unreachable(self) -> None:
        """It did not even answer what was cheap."""
        self._unreachable = True

    def forget(self, who: int) -> None:
        """A question that failed is not asked any more."""
        self._failing.discard(who)

    def suspected(self, now: float) -> bool:
        """Whether its time is over."""
        return self.since is not None and now >= self.since + self.patience

    def blames_server(self, *, lives: bool) -> bool:
        """Whether it is the server that fails, and not one question that it cannot bear.

        Args:
            lives: whether it has shown a sign of life since all this began.
        """
        return len(self._failing) >= _SOME or (self._unreachable and not lives)

    def reset(self) -> None:
        """Begin anew, as if nothing had been asked."""
        self.busy_since = None
        self._unreachable = False
        self.lives()


# How many different questions have to fail before it is the server's fault.
_SOME = 3
