"""Watchers of a run: a live table on a terminal, plain lines elsewhere, or JSON events.

A watcher never ends a run: once what it writes to is gone, it says nothing more.
"""

from __future__ import annotations

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from evolsynth.cli.progress.events import NUMBERED, as_line, numbers, step_numbers
from evolsynth.cli.progress.lines import Teller, ended, left_text, line, outcome_text, pace_text
from evolsynth.cli.progress.pace import Pace
from evolsynth.cli.progress.table import step_table
from evolsynth.pipeline.run.watch import RunWatch, Seen

__all__ = ["Events", "Lines", "Quiet", "RunWatch", "Table", "WatchKind", "error_console", "watcher"]

WatchKind = Literal["auto", "plain", "json", "quiet"]
Clock = Callable[[], float]

_LOOK_EVERY = 0.25  # seconds between two looks at the run
_LINES_BESIDE = 8  # lines of a terminal that are not for steps


def watcher(
    kind: WatchKind = "auto",
    console: Console | None = None,
    *,
    every: float = 10.0,
    clock: Clock = time.monotonic,
) -> RunWatch:
    """Somebody to tell how a run goes.

    Args:
        kind: ``auto`` is a table on a terminal and plain lines elsewhere; ``plain``, ``json`` and
            ``quiet`` are so anywhere.
        console: where to; by default standard error.
        every: seconds between two lines on how the run stands.
        clock: the time in seconds.
    """
    console = console or error_console()
    if kind == "quiet":
        return Quiet()
    if kind == "json":
        return Events(console, every=every, clock=clock)
    if kind == "auto" and console.is_terminal and not console.is_dumb_terminal:
        return Table(console, clock=clock)
    return Lines(console, every=every, clock=clock)


class _ErrorConsole(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller; rich would end the program and close standard output."""
        raise BrokenPipeError


def error_console() -> Console:
    """Standard error, which the program outlives: for what is said beside a run's data."""
    return _ErrorConsole(stderr=True, soft_wrap=True)


class Quiet:
    """Says nothing."""

    def begin(self, state: Seen) -> None:
        """Nothing."""

    def event(self, kind: str, /, **data: Any) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class _Watch(ABC):
    """Looks at the run four times a second, by a timer of the event loop: no task, no thread."""

    def __init__(self, console: Console, *, every: float = 0.0, clock: Clock = time.monotonic):
        self._console, self._every, self._clock = console, every, clock
        self._state: Seen | None = None
        self._pace: Pace | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._deaf = False

    def begin(self, state: Seen) -> None:
        """Show the run from now on; called in its event loop."""
        now = self._clock()
        self._state, self._pace = state, Pace(state, now)
        self._due = now + self._every
        self._say(self._open)
        self._look_later()

    def tick(self) -> None:
        """Look at the run, and show how it stands if that is due."""
        now = self._clock()
        if self._pace is not None:
            self._pace.look(now)
        if now >= self._due:
            # by the schedule, and not once for each line that was missed
            self._due = max(now, self._due + self._every)
            self._say(self._show)

    def event(self, kind: str, /, **data: Any) -> None:
        """Tell what happened."""
        if self._pace is not None and kind in NUMBERED:
            self._pace.look(self._clock())
            if kind in ("stopping", "stopped"):
                self._pace.stop()
        self._say(lambda: self._tell(kind, data))

    def end(self) -> None:
        """Show how it ended, and nothing from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pace is not None:
            self._pace.look(self._clock())
        self._deaf = False  # a table must be taken off the terminal, whatever failed before
        self._say(self._close)
        self._deaf, self._state, self._pace = True, None, None

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
    def _open(self) -> None: ...

    @abstractmethod
    def _show(self) -> None: ...

    @abstractmethod
    def _tell(self, kind: str, data: dict[str, Any]) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class Lines(_Watch):
    """Plain lines: at the beginning, from time to time, when something happens, at the end."""

    def __init__(self, console: Console, *, every: float = 10.0, clock: Clock = time.monotonic):
        super().__init__(console, every=every, clock=clock)
        self._teller = Teller()

    def _open(self) -> None:
        if self._state is not None:
            names = " -> ".join(step.name for step in self._state.counts)
            wanted, expected = self._state.budget.accepted, self._state.expected
            parts = [f"{wanted:,} accepted rows are wanted"] if wanted is not None else []
            parts += [f"the sources give {expected:,} rows"] if expected is not None else []
            told = f" ({', '.join(parts)})" if parts else ""
            self._print(f"Steps: {Text(names).plain}{told}")

    def _show(self) -> None:
        if self._state is not None and self._pace is not None:
            self._print(line(self._state, self._pace))

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._print(self._teller.tell(kind, data, self._state))

    def _close(self) -> None:
        if self._state is not None and self._pace is not None:
            parts = (ended(self._state), pace_text(self._pace))
            told = "; ".join(part for part in parts if part)
            self._print(f"Ended: {told}.")


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

    def _open(self) -> None:
        self._tell("begin", {})

    def _show(self) -> None:
        self._tell("progress", {})

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        told: dict[str, Any] = {}
        if self._state is not None and self._pace is not None:
            told["seconds"] = round(self._pace.seconds, 1)
            if kind in NUMBERED:
                told = numbers(self._state, self._pace)
            elif kind == "step":
                steps = (s for s in self._state.counts if s.name == data.get("step"))
                told |= next(map(step_numbers, steps), {})
        self._console.file.write(as_line(kind, self._now(), {**data, **told}) + "\n")
        self._console.file.flush()

    def _close(self) -> None:
        self._tell("end", {})


class Table(_Watch):
    """A table that is drawn anew, with what happens above it; it goes away at the end."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic):
        super().__init__(console, clock=clock)
        self._teller, self._note = Teller(), ""
        self._live: Live | None = None
        self._told_end = False

    def shown(self) -> Group:
        """What is on the terminal now."""
        state, pace = self._state, self._pace
        if state is None or pace is None:
            return Group()
        size = self._console.size
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
        self._live.start(refresh=True)

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self.shown(), refresh=True)

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
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
        if self._state is not None and self._pace is not None and not self._told_end:
            self._print(line(self._state, self._pace))
