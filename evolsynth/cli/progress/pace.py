"""How fast a run goes, and how long it will take.

What is left is reckoned in the work that it is, not in rows that came out: rows leave a pipeline
in order, so in bursts, and the first of them late, but its models write at a steady rate. For each
step, the rows that it will still get times the tokens that a row has cost it, over the tokens
written per second of late. How many rows a step will get follows from what became of those that
it has had; where a number of accepted rows is asked for, from the measured yield.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Literal, NamedTuple

from evolsynth.cli.progress.phrases import rounded
from evolsynth.cli.progress.work import Work
from evolsynth.pipeline.run.state import RunState

__all__ = ["Forecast", "Pace"]

_RECENT = 10.0  # seconds that "now" stands for
_WINDOW = 40.0  # seconds that the forecast's rate is taken over
_BETWEEN = 0.5  # seconds between two looks that are remembered
_KNOWN_AFTER = 3.0  # seconds of work before anything is foretold
_SUPPOSED, _SURE = 0.75, 4.0  # the yield before it is measured, and rows that it counts as much as
_GRACE = 4.0  # seconds that a limit of tokens leaves to what is under way
_REPLAY = 30.0  # seconds that reading stored answers is waited for at most

#: What ends a run first.
End = Literal["accepted", "rows", "attempts", "tokens", "cost", "minutes"]


class Forecast(NamedTuple):
    """How long it will take, in seconds, until what.

    ``accepted`` rows there will be then; None while too few rows came out to tell.
    """

    seconds: float
    until: End
    accepted: int | None


class _Look(NamedTuple):
    at: float
    tokens: int
    rows: int
    accepted: int
    asked: int
    found: int
    cost: float

    @classmethod
    def of(cls, state: RunState, at: float) -> _Look:
        counts = state.refresh()
        asked, found = sum(c.asked for c in counts), sum(c.found for c in counts)
        # those of answers under way too, or there would be no speed until the first are whole
        tokens = max(state.tokens, state.usage.completion_tokens)
        return cls(at, tokens, state.total, state.accepted, asked, found, state.cost or 0.0)

    def since(
        self, first: _Look, what: Literal["tokens", "rows", "accepted", "cost"]
    ) -> float | None:
        """How many a second since that look; None until a second has passed."""
        if self.at - first.at < 1.0:
            return None
        gained: float = getattr(self, what) - getattr(first, what)
        return gained / (self.at - first.at)


class Pace:
    """Rates of a run, and its forecast, from looks at it.

    Rows that come out of stored answers, when a run goes on, say nothing about the time that new
    ones take: rates count from the look at which the models were first asked more than the store.

    Args:
        state: the run.
        at: the time now, in seconds of any clock.
    """

    def __init__(self, state: RunState, at: float) -> None:
        self._state = state
        self._began, self._seconds_before = at, state.seconds
        self._since = self._last = _Look.of(state, at)
        self._looks = deque([self._last])
        self._work = Work(state, at)
        self._replaying, self._stopping = True, False
        self._end: float | None = None
        self._shown: float | None = None
        #: How long it will take; None until enough is known, and at the end.
        self.forecast: Forecast | None = None

    def look(self, at: float) -> None:
        """Take note of how the run stands."""
        now = _Look.of(self._state, at)
        if self._replaying:
            asked, found = now.asked - self._last.asked, now.found - self._last.found
            if found > asked:
                self._since = now
                self._looks.clear()
                self._work.restart(at)
            self._replaying = (found > asked or not asked) and at - self._began <= _REPLAY
        self._work.look(at)
        elapsed, self._last = at - self._last.at, now
        if not self._looks or at - self._looks[-1].at >= _BETWEEN:
            self._looks.append(now)
        while len(self._looks) > 2 and at - self._looks[1].at >= _WINDOW:
            self._looks.popleft()
        self._smooth(self._reckoned(at), at, elapsed)

    def stop(self) -> None:
        """Foretell nothing more: the run is being stopped."""
        self._stopping, self.forecast = True, None

    @property
    def replaying(self) -> bool:
        """Whether it is still reading what was stored before, and nothing was asked."""
        return self._replaying and self._last.found > 0 and not self._stopping

    def answered(self, place: int) -> int:
        """Rows that wait in a step for their turn to go on, with their answers."""
        return self._work.answered(place)

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return self._seconds_before + self._last.at - self._began

    @property
    def tokens_per_second(self) -> float | None:
        """Over all."""
        return self._last.since(self._since, "tokens")

    @property
    def tokens_per_second_now(self) -> float | None:
        """Over the last ten seconds."""
        least = self._last.at - _RECENT
        first = next((look for look in self._looks if look.at >= least), self._last)
        return self._last.since(first, "tokens")

    @property
    def accepted_per_minute(self) -> float | None:
        """Over all."""
        rate = self._last.since(self._since, "accepted")
        return None if rate is None else 60 * rate

    def _reckoned(self, at: float) -> Forecast | None:
        """What ends the run first; None where too little is known, or no end is in sight."""
        if self._stopping or at - self._since.at < _KNOWN_AFTER or self.replaying:
            return None
        state, limits, rows, work = self._state, self._state.budget, self._state.total, self._work
        rows_per_second = self._last.since(self._looks[0], "rows") or 0.0
        share, sure = _share(state)
        found: list[Forecast] = []

        def more(coming: float) -> int | None:
            """Accepted rows once so many more came out."""
            then = state.accepted + round(share * coming)
            then = then if limits.accepted is None else min(then, limits.accepted)
            return then if sure else None

        def add(until: End, target: float, *, ends: bool = False) -> None:
            """When so many rows will have come out."""
            good = float(limits.accepted or 0) if until == "accepted" else None
            then = work.seconds(max(target, rows), at, ends=ends, accepted=good)
            coming = max(0.0, target - rows)
            if then is None and rows_per_second > 0:  # no model was asked yet
                then = coming / rows_per_second
            if then is not None:
                found.append(Forecast(then, until, more(coming)))

        expected = work.expected()
        all_rows = math.inf if expected is None else work.grown(expected)
        if expected is not None:
            add("rows", all_rows, ends=work.ends)
        if limits.max_attempts is not None and limits.max_attempts < all_rows:
            add("attempts", limits.max_attempts)
        if limits.accepted is not None:
            target = rows + max(0, limits.accepted - state.accepted) / share
            if target < all_rows:
                add("accepted", target)
        tokens_per_second = self._last.since(self._looks[0], "tokens") or 0.0
        if limits.max_tokens is not None and tokens_per_second > 0:
            written = state.tokens + state.tokens_found
            left = max(0, limits.max_tokens - written)
            coming = rows / max(1, written) * left
            then = left / tokens_per_second + _GRACE
            found.append(Forecast(then, "tokens", more(coming)))
        per_second, spent = self._last.since(self._looks[0], "cost") or 0.0, self._last.cost
        if limits.max_cost is not None and per_second > 0:
            to_spend = max(0.0, limits.max_cost - spent)
            coming = rows / max(spent, 1e-12) * to_spend
            found.append(Forecast(to_spend / per_second + _GRACE, "cost", more(coming)))
        if limits.minutes is not None:
            left_seconds = max(0.0, limits.minutes * 60 - self.seconds)
            found.append(Forecast(left_seconds, "minutes", more(rows_per_second * left_seconds)))
        return min(found, key=lambda end: end.seconds, default=None)

    def _smooth(self, raw: Forecast | None, at: float, elapsed: float) -> None:
        """Let the foretold end move slowly, and what is shown go up only when it really slips."""
        if raw is None:
            # once something was foretold it stands, also when the yield becomes less sure again
            if self.forecast is not None and self._end is not None and not self._stopping:
                self.forecast = self.forecast._replace(seconds=max(0.0, self._end - at))
            return
        if raw.until == "minutes":  # this is known, so there is nothing to smooth
            self._end, self._shown, self.forecast = at + raw.seconds, None, raw
            return
        if self._end is None:
            self._end = at + raw.seconds
        slow = min(15.0, max(1.0, self.seconds / 8))
        if not 0.5 < raw.seconds / max(1.0, self._end - at) < 2:  # it was no more than a guess
            slow = 1.5
        self._end += (at + raw.seconds - self._end) * -math.expm1(-elapsed / slow)
        left = max(0.0, self._end - at)
        shown = self._shown
        if shown is None or rounded(left) <= rounded(shown) or left > 1.08 * shown:
            shown = self._shown = left
        self.forecast = raw._replace(seconds=shown)


def _share(state: RunState) -> tuple[float, bool]:
    """The yield, supposed at first, then measured; and whether it is sure enough to be told.

    That is where its standard error is a fifth of it at most, or a third of the rows asked for are
    there.
    """
    rows, accepted = state.total, state.accepted
    share = (accepted + _SUPPOSED * _SURE) / (rows + _SURE)
    wanted = state.budget.accepted or math.inf
    sure = rows >= 5 and accepted >= max(2.0, min(25 * (1 - share), wanted / 3))
    return share, sure
