"""How many requests a server should have under way at once: found by watching it.

Additive increase, multiplicative decrease (D.-M. Chiu and R. Jain, 1989) with a test of the gain,
since what is to be found has no sharp edge: a server that reads and writes for many at once becomes
slower for each long before it stops becoming faster for all. The answers a second at a limit are,
by Little's law, the requests under way divided by the seconds of each. Those seconds are taken
from all that entered since the limit was set, with what the unfinished have waited so far (the
estimate for censored lives, B. Epstein and M. Sobel, 1953): the quickest answers come first.

More is tried, twice as much at first, and kept where throughput grew; where the server refuses
(429, overloaded) or answers stop coming in time, it gets less at once, and after a while one more;
where seconds grew and throughput did not, less is tried. Netflix's gradient limiter compares the
seconds with the least that were seen, which would stop a batching server far below its best.
"""

from __future__ import annotations

from typing import NamedTuple

from evolsynth.llm.server.limits import Limits

__all__ = ["Load"]

_FIRST = 4
# A gain or a loss of less is not told from chance.
_GAIN = 1.05
_LOSS = 0.95
_A_LITTLE = 1.02
# With twice as many, an answer takes no longer: the server is far from its best.
_AS_FAST = 1.15
# So much more, and it is more even if the server has not felt all of it yet.
_FAR_MORE = 1.3
# What is tried, beside what was known; and when a server counts as overloaded.
_MORE = 1.5
_LESS = 0.75
_SLOW = 2.5
# Windows between two trials, more after each in vain; and before one more is tried after a refusal.
_OFTEN = 4
_SELDOM = 16
_MOST_CALM = 32
# Answers in a window, for each that may be under way; more where it would stop the growth.
_ANSWERS = 2
_SURE = 8


class _Known(NamedTuple):
    """What was seen at a limit: how many may be under way, and the seconds of an answer."""

    limit: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.limit / self.seconds


class Load:
    """The number of requests that one server gets at once.

    It holds no clock and asks nothing: it is told what happened, and says `limit`.

    Args:
        limits: a fixed number of requests, or the most of them.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.concurrency or limits.most
        self._fixed = limits.concurrency is not None
        self.limit = self._most if self._fixed else min(_FIRST, self._most)
        # What was seen of those that entered since the limit was set.
        self._since = self._last = float("-inf")
        self._present = self._count = self._idle = 0
        self._waited = 0.0
        self._settled = False
        # The same of all limits at which answers came as fast as at the first.
        self._fast_count = 0
        self._fast_waited = 0.0
        self._growing = True
        self._before: _Known | None = None
        self._windows = 0
        self._every = _OFTEN
        self._unhurried: float | None = None
        # After a refusal.
        self._additive = False
        self._raised = False
        self._cut_at = float("-inf")
        self._least = 1
        self._calm = 1

    @property
    def wanted(self) -> int:
        """How many requests should be there to choose from, so that more can be tried."""
        return self.limit if self._fixed else min(self._most, 2 * self.limit)

    def begin_at(self, limit: int) -> None:
        """Where the search begins, before anything is asked: on so many the server says that it
        works at once."""
        if not self._fixed:
            self.limit = max(1, min(self._most, limit))

    # --- what happens ---

    def entered(self, now: float) -> None:
        """A request goes to the server."""
        self._pass(now)
        if now >= self._since:
            self._present += 1

    def left(self, now: float, *, entered: float) -> None:
        """A request is over, whatever came of it."""
        self._pass(now)
        if entered >= self._since and self._present:
            self._present -= 1

    def answered(self, now: float, *, entered: float, busy: bool) -> None:
        """An answer came.

        Args:
            now: the time.
            entered: when it was asked for.
            busy: whether others wait, so that the server has all that it is allowed.
        """
        if self._fixed or entered < self._since:
            return
        self._pass(now)
        self._count += 1
        self._idle += not busy
        if self._count >= self._enough():
            self._window(now)

    def refused(self, now: float, *, entered: float, left: int) -> None:
        """The server said that it has too much to do.

        Args:
            now: the time.
            entered: when the refused request was sent.
            left: how many others are under way: what the server bears, when the last one of a
                burst is refused.
        """
        if self._fixed:
            return
        if entered >= self._cut_at:
            self._cut(now)
        self._set(now, max(self._least, min(self.limit, left)))

    def slowed(self, now: float, *, entered: float) -> None:
        """An answer did not come in time."""
        if not self._fixed and entered >= self._cut_at:
            self._cut(now)
            self._set(now, self._least)

    def _pass(self, now: float) -> None:
        if self._present:
            self._waited += self._present * (now - self._last)
        self._last = now

    # --- what follows from it ---

    def _cut(self, now: float) -> None:
        """The first sign of a burst; those that follow from before it cut no deeper than half."""
        self._cut_at = now
        self._least = max(1, self.limit // 2)
        self._growing = False
        self._additive = True
        self._raised = False
        self._before = None
        self._windows = 0
        self._calm = min(_MOST_CALM, 2 * self._calm)

    def _set(self, now: float, limit: int, settle: float = 0.0) -> None:
        """From now on so many; what enters while the server still works on the old ones tells
        nothing for ``settle`` seconds."""
        self.limit = max(1, min(self._most, limit))
        self._since = self._last = now + settle
        self._settled = settle > 0
        self._present = self._count = self._idle = 0
        self._waited = 0.0

    @property
    def _seconds(self) -> float:
        """What an answer takes at this limit."""
        return max(self._waited / self._count, 1e-9)

    def _enough(self) -> int:
        """How many answers tell the throughput at this limit."""
        some = _ANSWERS * max(self.limit, _FIRST)
        before = self._before
        if before is None:
            return some * (self._windows + 1) + (_FIRST if self._growing else 0)
        if not self._growing:
            return some
        if self._count >= max(_FIRST, self.limit // 2) and self._as_fast:
            return self._count
        # Growth is not given up by chance: to stay a little longer where there is too much to do
        # costs no throughput.
        if self._count < some or not self._settled or self._gain(before) >= _AS_FAST:
            return some
        return _SURE * self.limit

    def _gain(self, before: _Known) -> float:
        return self.limit / self._seconds / before.rate

    @property
    def _as_fast(self) -> bool:
        return self._unhurried is not None and self._seconds <= _AS_FAST * self._unhurried

    def _window(self, now: float) -> None:
        """Enough answers at one limit came to know its throughput."""
        if self._idle > self._count // 5:  # nothing was there to ask
            self._windows = 0
            self._set(now, self.limit)
            return
        known = _Known(self.limit, self._seconds)
        before, self._before = self._before, None
        if self._growing and (self._unhurried is None or self._as_fast):
            self._fast_count += self._count
            self._fast_waited += self._waited
            self._unhurried = self._fast_waited / self._fast_count
            self._try(now, _Known(self.limit, self._unhurried), 2 * self.limit)
        elif before is not None and self._unsettled(before):
            self._before = before
            self._set(now, self.limit, 1e-9)  # a generation has passed; now it counts
        elif before is not None:
            self._judge(now, before, known)
        else:
            self._steady(now, known)

    def _unsettled(self, before: _Known) -> bool:
        """Whether the server may still show the ease of the smaller limit."""
        return self._growing and not self._settled and self._gain(before) < _FAR_MORE

    def _try(self, now: float, known: _Known, limit: int) -> None:
        self._windows = 0
        limit = max(1, min(self._most, limit))
        if limit == self.limit:
            self._growing = False
        else:
            self._before = known
        self._set(now, limit, 0.0 if self._growing else known.seconds)

    def _judge(self, now: float, before: _Known, known: _Known) -> None:
        """Whether the limit that was tried is better."""
        gain = known.rate / before.rate
        if known.limit < before.limit:
            self._judge_less(now, before, known, gain)
        elif gain >= _GAIN:
            self._every = _OFTEN
            self._growing = self._growing or gain >= _AS_FAST
            self._try(now, known, 2 * known.limit if self._growing else known.limit)
        elif self._growing:
            # Some more than it can work on, so that it never waits for us.
            self._growing = False
            margin = known.limit if gain > _A_LITTLE else int(_MORE * before.limit)
            self._set(now, before.limit if gain < _LOSS else margin)
        else:
            self._every = min(_SELDOM, 2 * self._every)
            self._set(now, before.limit)

    def _judge_less(self, now: float, before: _Known, known: _Known, gain: float) -> None:
        if gain >= _LOSS:
            self._set(now, known.limit)
        else:  # answers have become longer, that is all
            self._unhurried = before.seconds / 2
            self._set(now, before.limit)

    def _steady(self, now: float, known: _Known) -> None:
        """Now and then another limit is tried: servers have other users too."""
        self._windows += 1
        if self._additive and self._windows >= self._calm:
            self._windows = 0
            if self._raised:  # and nothing was refused since
                self._calm = max(1, self._calm // 2)
            self._raised = True
            self._set(now, self.limit + 1)
        elif not self._additive and self._windows >= self._every:
            slow = known.seconds > _SLOW * (self._unhurried or known.seconds)
            more = max(int(_MORE * self.limit), self.limit + 1)
            less = min(int(_LESS * self.limit), self.limit - 1)
            self._try(now, known, less if slow else more)
