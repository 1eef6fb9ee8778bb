"""Watchers of a run: a live table on a terminal, plain lines elsewhere, or JSON events.

A watcher never ends a run: once what it writes to is gone, it says nothing more.
docs/progress.md says what the fields of the JSON events mean.
"""

from __future__ import annotations

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from evolsynth.cli.progress.aside import error_file, settle
from evolsynth.cli.progress.pace import Pace
from evolsynth.cli.progress.phrases import (
    counted,
    duration,
    one_line,
    planned,
    roughly,
    step_table,
    sum_text,
)
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import as_line
from evolsynth.cli.progress.waiting import hushed
from evolsynth.pipeline.run.state import RunState, RunWatch
from evolsynth.store.status import StepCounts

__all__ = ["NUMBERED", "Events", "Lines", "Quiet", "RunWatch", "Table", "WatchKind",
           "error_console", "left_text", "line", "numbers", "outcome_text", "watcher"]  # fmt: skip

WatchKind = Literal["auto", "plain", "json", "quiet"]
Clock = Callable[[], float]

#: Events that carry all the numbers of the run.
NUMBERED = frozenset({"begin", "progress", "stopping", "stopped", "finished", "end"})

_LOOK_EVERY = 0.25  # seconds between two looks at the run
_LINES_BESIDE = 8  # lines of a terminal that are not for steps
_EACH = 3  # failed rows told for one step and one error
_ALL = 12  # and in all


def watcher(
    kind: WatchKind = "auto",
    console: Console | None = None,
    *,
    every: float = 10.0,
    clock: Clock = time.monotonic,
) -> RunWatch:
    """Somebody to tell how a run goes.

    Args:
        kind: ``auto`` is a table on a terminal or in a notebook, and plain lines elsewhere;
            ``plain``, ``json`` and ``quiet`` are so anywhere.
        console: where to; by default standard error.
        every: seconds between two lines on how the run stands.
        clock: the time in seconds.
    """
    if kind == "auto" and console is None:
        from evolsynth.cli.progress.notebook import Notebook, in_notebook

        if in_notebook():
            return Notebook(clock=clock)
    console = console or error_console()
    if kind == "quiet":
        return Quiet()
    if kind == "json":
        return Events(console, every=every, clock=clock)
    if kind == "auto" and console.is_terminal and not console.is_dumb_terminal:
        return Table(console, clock=clock)
    return Lines(console, every=every, clock=clock)


def error_console() -> Console:
    """Standard error, which nobody waits for: for what is said beside a run's data."""
    return Screen(file=cast(TextIO, error_file()), soft_wrap=True)


class Quiet:
    """Says nothing."""

    def begin(self, state: RunState) -> None:
        """Nothing."""

    def event(self, kind: str, /, **data: Any) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class _Watch(ABC):
    """Looks at the run four times a second, by a timer of the event loop: no task, no thread."""

    _state: RunState
    _pace: Pace

    def __init__(self, console: Console, *, every: float = 10.0, clock: Clock = time.monotonic):
        self._console, self._every, self._clock = console, every, clock
        self._teller = Teller()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._deaf = True  # until it begins, and from its end on

    def begin(self, state: RunState) -> None:
        """Show the run from now on; called in its event loop."""
        now = self._clock()
        self._state, self._pace = state, Pace(state, now)
        self._due, self._deaf = now + self._every, False
        self._say(self._open)
        self._look_later()

    def tick(self) -> None:
        """Look at the run, and show how it stands if that is due."""
        now = self._clock()
        self._pace.look(now)
        if now >= self._due:
            # by the schedule, and not once for each line that was missed
            self._due = max(now, self._due + self._every)
            self._say(self._show)

    def event(self, kind: str, /, **data: Any) -> None:
        """Tell what happened."""
        if kind == "traceback" and not isinstance(self, Events):  # for who looks for its cause
            return
        if self._timer is not None and kind in NUMBERED:
            self._pace.look(self._clock())
            if kind in ("stopping", "stopped"):
                self._pace.stop()
        self._say(lambda: self._tell(kind, data))

    def end(self) -> None:
        """Show how it ended, and nothing from now on."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._pace.look(self._clock())
        self._deaf = False  # a table must be taken off the terminal, whatever failed before
        self._say(self._close)
        self._deaf = True
        settle(self._console)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look_again)

    def _look_again(self) -> None:
        self._look_later()
        self.tick()

    def _say(self, show: Callable[[], None]) -> None:
        if self._deaf:
            return
        try:
            show()
        except (OSError, ValueError):
            self._deaf = True

    def _print(self, text: str, style: str = "") -> None:
        if text:
            self._console.print(Text(text, style=style), soft_wrap=True)

    @abstractmethod
    def _tell(self, kind: str, data: Mapping[str, Any]) -> None: ...

    def _open(self) -> None:
        self._tell("begin", {})

    def _show(self) -> None:
        self._tell("progress", {})

    def _close(self) -> None:
        self._tell("end", {})


class Lines(_Watch):
    """Plain lines: at the beginning, from time to time, when something happens, at the end."""

    def _open(self) -> None:
        names = " -> ".join(one_line(step.name, 40) for step in self._state.counts)
        wanted, expected = self._state.budget.accepted, self._state.expected
        parts = [f"{wanted:,} accepted rows are wanted"] if wanted is not None else []
        parts += [f"the sources give {expected:,} rows"] if expected is not None else []
        told = f" ({', '.join(parts)})" if parts else ""
        self._print(f"Steps: {names}{told}")

    def _show(self) -> None:
        self._print(line(self._state, self._pace))

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        self._print(self._teller.tell(kind, data, self._state))

    def _close(self) -> None:
        state, rates = self._state, pace_text(self._pace)
        told = sum_text(state.accepted, state.rejected, state.failed)
        self._print(f"Ended: {told}{'; ' if rates else ''}{rates}.")


class Events(_Watch):
    """One JSON object a line."""

    def __init__(
        self,
        console: Console,
        *,
        every: float = 10.0,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(console, every=every, clock=clock)
        self._now = now

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        told: dict[str, Any] = {"seconds": round(self._pace.seconds, 1)}
        if kind in NUMBERED:
            told = numbers(self._state, self._pace)
        elif kind == "step":
            steps = (s for s in self._state.counts if s.name == data.get("step"))
            told |= next(map(step_numbers, steps), {})
        self._console.file.write(as_line(kind, self._now(), {**data, **told}) + "\n")
        self._console.file.flush()


class Table(_Watch):
    """A table that is drawn anew, with what happens above it; it goes away at the end."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic):
        super().__init__(console, every=0.0, clock=clock)
        self._note = ""
        self._live: Live | None = None
        self._told_end = False
        self._hushed = ExitStack()

    def shown(self) -> Group:
        """What is on the terminal now."""
        state, pace, size = self._state, self._pace, self._console.size
        height = max(2, size.height - _LINES_BESIDE)
        rates, left = pace_text(pace), left_text(state, pace)
        told = ((outcome_text(state), "bold"), (rates, ""), (left, ""), (self._note, "bold yellow"))
        # lines must be broken here, also on a console that leaves that to the terminal: a table
        # that takes more lines than rich knows of cannot be drawn over
        lines = [Text(t, style=s, no_wrap=False, overflow="fold") for t, s in told if t]
        return Group(step_table(state.counts, width=size.width, height=height), Text(), *lines)

    def _open(self) -> None:
        # what goes to a file or a pipe must not be drawn on the terminal
        self._live = Live(
            self.shown(),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._hushed.enter_context(hushed())
        self._live.start(refresh=True)

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self.shown(), refresh=True)

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        text = self._teller.tell(kind, data, self._state)
        if kind in ("stopping", "stopped"):
            self._note = text
            self._show()
        elif kind != "step":  # the table shows that
            self._print(text, "yellow" if kind in ("failed_row", "retry") else "")
        self._told_end = self._told_end or kind in ("finished", "stopped")

    def _close(self) -> None:
        with suppress(OSError, ValueError, IndexError):  # the last: rich, when it never began
            if self._live is not None:
                self._live.stop()
        self._live = None
        self._hushed.close()
        if not self._told_end:
            self._print(line(self._state, self._pace))


# --- in words


def outcome_text(state: RunState) -> str:
    """``38 accepted of 120, 12 rejected, 1 failed``."""
    wanted = state.budget.accepted
    accepted = f"{counted(state.accepted)} accepted"
    parts = [
        accepted if wanted is None else f"{accepted} of {counted(wanted)}",
        f"{counted(state.rejected)} rejected",
    ]
    if state.failed:
        parts.append(f"{counted(state.failed)} failed")
    return ", ".join(parts)


def pace_text(pace: Pace) -> str:
    """``412 tokens/s (390 over all), 24.1 accepted/min``; empty at the very beginning."""
    parts = []
    now, overall = pace.tokens_per_second_now, pace.tokens_per_second
    if overall:
        parts.append(f"{now or 0:,.0f} tokens/s ({overall:,.0f} over all)")
    if pace.accepted_per_minute:
        parts.append(f"{pace.accepted_per_minute:,.1f} accepted/min")
    return ", ".join(parts)


def left_text(state: RunState, pace: Pace) -> str:
    """``about 3 min left for 120 accepted``; empty until enough is known."""
    if pace.replaying:
        return "reading answers that were stored before"
    told = pace.forecast
    if told is None:
        return ""
    limits, left = state.budget, f"{roughly(told.seconds)} left"
    options = {
        "minutes": f" (--minutes {limits.minutes or 0:g})",
        "tokens": f" (--max-tokens {limits.max_tokens})",
        "cost": f" (--max-cost {limits.max_cost})",
        "attempts": f" (--max-attempts {limits.max_attempts})",
    }
    if told.until == "accepted":
        return f"{left} for {counted(limits.accepted or 0)} accepted"
    left += options.get(told.until, "")
    if told.accepted is None:
        return left
    short = limits.accepted is not None and told.accepted < limits.accepted
    of = f" of the {counted(limits.accepted or 0)}" if short else ""
    return f"{left}, then about {counted(told.accepted)}{of} accepted"


def line(state: RunState, pace: Pace) -> str:
    """All of it in one line."""
    running = ", ".join(
        _under_way(step, pace.answered(place))
        for place, step in enumerate(state.counts)
        if step.running
    )
    parts = [outcome_text(state), pace_text(pace), running and f"under way: {running}"]
    parts.append(left_text(state, pace))
    return f"{duration(pace.seconds)}: {'; '.join(part for part in parts if part)}"


def _under_way(step: StepCounts, answered: int) -> str:
    """``respond 64 (17 answered)``: rows leave in order, so many may wait for one."""
    told = f"{one_line(step.name, 24)} {counted(step.running)}"
    return f"{told} ({counted(answered)} answered)" if answered else told


def step_text(step: StepCounts) -> str:
    """What became of the rows of a step that has ended."""
    parts = [f"{counted(step.left)} went on"]
    parts += [f"{counted(step.rejected)} rejected"] if step.rejected else []
    parts += [f"{counted(step.failed)} failed"] if step.failed else []
    rows = planned(step)
    unit = "row" if rows == 1 else "rows"
    return f"{one_line(step.name, 40)} is done: {counted(rows)} {unit}, {', '.join(parts)}."


class Teller:
    """Says what happens in sentences; of failures that are all alike, only the first few."""

    def __init__(self) -> None:
        self._failures: Counter[tuple[str, str]] = Counter()
        self._told, self._hushed = 0, False

    def tell(self, kind: str, data: Mapping[str, Any], state: RunState | None) -> str:
        """A sentence on an event, or an empty text where it says nothing new."""
        if kind in ("failed_row", "retry"):
            return self._failure(kind, data)
        if kind == "step":
            steps = () if state is None else state.counts
            step = next((s for s in steps if s.name == data.get("step")), None)
            return "" if step is None else step_text(step)
        if data.get("message"):
            return one_line(data["message"], 500)
        if kind == "stopping":
            return _stopping(str(data.get("reason") or ""))
        if kind == "stopped":
            return "Stopped. What was made is kept; the same command goes on from here."
        if kind in ("begin", "progress", "finished"):
            return ""  # the line on how it stands says more
        told = ", ".join(f"{one_line(n, 40)} {one_line(value, 80)}" for n, value in data.items())
        return f"{one_line(kind, 40).replace('_', ' ')}{': ' if told else ''}{told}"

    def _failure(self, kind: str, data: Mapping[str, Any]) -> str:
        step, error = str(data.get("step") or "a step"), str(data.get("error") or "an error")
        self._failures[kind + step, error] += 1
        if self._failures[kind + step, error] > _EACH or self._told >= _ALL:
            if self._hushed:
                return ""
            self._hushed = True
            return "More like this are only counted from here on."
        self._told += 1
        what = "A row failed" if kind == "failed_row" else "Asked again"
        why = f": {one_line(data['message'], 300)}" if data.get("message") else "."
        row = f", row {one_line(data['row'], 40)}" if data.get("row") else ""
        return f"{what} in {one_line(step, 40)}{row} ({one_line(error, 60)}){why}"


def _stopping(reason: str) -> str:
    limits = {"minutes": "its minutes are over", "max_tokens": "its tokens are used up"}
    if reason == "max_cost":
        return (
            "Ending: its money is spent. Nothing new is asked; what is under way is waited for, as "
            "it is paid for. Ctrl-C stops at once."
        )
    if reason in limits:
        return f"Ending: {limits[reason]}. Nothing new is asked, what finishes now is kept."
    return (
        "Stopping: nothing new is asked, what finishes within 5 s is kept. Ctrl-C again stops at "
        "once."
    )


# --- as JSON


def numbers(state: RunState, pace: Pace) -> dict[str, Any]:
    """How the run stands."""
    told = pace.forecast
    return {
        "seconds": round(pace.seconds, 1),
        "planned": state.planned,
        "expected": state.expected,
        "wanted": state.budget.accepted,
        "accepted": state.accepted,
        "rejected": state.rejected,
        "failed": state.failed,
        "asked": sum(step.asked for step in state.counts),
        "found": sum(step.found for step in state.counts),
        "tokens": state.tokens,
        "tokens_found": state.tokens_found,
        "cost": state.cost,
        "tokens_per_second": _rounded(pace.tokens_per_second_now),
        "tokens_per_second_overall": _rounded(pace.tokens_per_second),
        "accepted_per_minute": _rounded(pace.accepted_per_minute),
        "seconds_left": None if told is None else round(told.seconds, 1),
        "left_until": None if told is None else told.until,
        "accepted_then": None if told is None else told.accepted,
        "steps": [step_numbers(step) for step in state.counts],
    }


def step_numbers(step: StepCounts) -> dict[str, Any]:
    """How one step stands."""
    counted_too = ("came", "made", "used", "running", "left", "rejected", "failed", "asked",
                   "found", "tokens", "cost")  # fmt: skip
    told = {"step": step.name, "kind": step.kind, "planned": planned(step)}
    return told | {name: getattr(step, name) for name in counted_too}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
