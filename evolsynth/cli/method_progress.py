"""What a run shows while it goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from evolsynth.llm.base import LLM
from evolsynth.rows import Row, Status

__all__ = ["Watch"]

_LINE_EVERY = 10.0  # seconds between plain lines
_LOOK_EVERY = 0.25
#: Tokens that a row costs a small model at most, roughly: its instruction and two answers.
_TOKENS = 225


class Watch:
    """Counts rows on their way and shows how the run stands.

    ``planned`` is how many rows will come out, as far as is known; ``counts`` are those that did,
    by status.
    """

    def __init__(self, llm: LLM, *, planned: int, console: Console) -> None:
        self._llm, self._console = llm, console
        self.planned = planned
        self.counts: Counter[Status] = Counter()
        self._began = time.perf_counter()
        self._ended: float | None = None
        self._tokens_before = llm.usage.completion_tokens

    def add(self, row: Row) -> None:
        """Count a row that came out."""
        self.counts[row.status] += 1

    @property
    def seconds(self) -> float:
        """Since the start; to the end, once the block of `shown` was left."""
        return (self._ended or time.perf_counter()) - self._began

    @property
    def tokens_per_second(self) -> float:
        """Tokens written a second, over all so far."""
        tokens = self._llm.usage.completion_tokens - self._tokens_before
        return tokens / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """By the rows that came out, or early on, when none have, by the tokens written."""
        out = self.counts.total()
        if out >= 0.2 * self.planned:
            return self.seconds / out * (self.planned - out) if out else None
        work = self.planned * _TOKENS
        rate = self.tokens_per_second
        return max(0.0, work / rate - self.seconds) if rate > 0 else None

    def line(self) -> str:
        """How the run stands, in one line."""
        parts = [f"{self.counts['accepted']} accepted", f"{self.counts['rejected']} rejected"]
        if self.counts["failed"]:
            parts.append(f"{self.counts['failed']} failed")
        usage = self._llm.usage
        parts.append(f"{usage.requests} model answers, {self.tokens_per_second:.0f} tokens/s")
        left = self.seconds_left
        if left is not None and self.counts.total() < self.planned:
            parts.append(f"about {_duration(left)} left")
        return ", ".join(parts)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the run's state until the block is left."""
        ticker = asyncio.create_task(self._bar() if self._console.is_terminal else self._lines())
        try:
            yield
        finally:
            self._ended = time.perf_counter()
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker

    async def _bar(self) -> None:
        columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("reading the model's first words", total=self.planned)
            while True:
                await asyncio.sleep(_LOOK_EVERY)
                progress.update(
                    task,
                    total=self.planned,
                    completed=self.counts.total(),
                    description=self.line(),
                )

    async def _lines(self) -> None:
        due = 0.0
        while True:
            if self.seconds >= due:
                due = self.seconds + _LINE_EVERY
                out, expected = self.counts.total(), self.planned
                self._console.print(
                    f"{_duration(self.seconds)}: {out} of about {expected} rows, {self.line()}",
                    highlight=False,
                    soft_wrap=True,
                )
            await asyncio.sleep(_LOOK_EVERY)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
