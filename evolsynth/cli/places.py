"""Making rows with a model and writing them, as most commands do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from typing import NamedTuple

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.cli.method_progress import Watch
from evolsynth.findings import explain
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.rows import Row, Status

__all__ = ["Made", "Places", "make_rows"]

Write = Callable[[str], object]
_MOST_REASONS = 8


class Places(NamedTuple):
    """Where good rows go, and the others, and which model makes them.

    Without a place for the others they are only counted, or, with ``together``, written among the
    good ones.
    """

    output: str | None
    rejects: str | None
    model: str | None
    together: bool = False


class Made(NamedTuple):
    """How many rows there were of each status, and of each reason."""

    counts: Counter[Status]
    reasons: Counter[str]

    @property
    def status(self) -> int:
        """The exit status: 1 if a row failed."""
        return 1 if self.counts["failed"] else 0


def make_rows(
    places: Places, rows: Callable[[LLM, Watch], AsyncGenerator[Row]], *, planned: int
) -> Made:
    """Write what ``rows`` makes of a running model, show how it stands, and tell the sum."""
    console = Console(stderr=True, soft_wrap=True)
    reasons: Counter[str] = Counter()

    async def make(write: Write, refuse: Write) -> Counter[Status]:
        async with open_llm(places.model or DEFAULT_MODEL) as llm:
            watch = Watch(llm, planned=planned, console=console)
            async with watch.shown(), aclosing(rows(llm, watch)) as stream:
                async for row in stream:
                    watch.add(row)
                    if row.verdict is not None:
                        reasons.update(row.verdict.reasons)
                    if row.failure is not None:
                        console.print(row.failure.message, highlight=False, markup=False)
                    good = row.status in ("accepted", "pending")
                    (write if good else refuse)(row.to_json() + "\n")
        return watch.counts

    with ExitStack() as files:
        write = files.enter_context(writing(places.output))
        refuse: Write = write if places.together else len
        if places.rejects is not None:
            refuse = files.enter_context(writing(places.rejects))
        made = Made(asyncio.run(make(write, refuse)), reasons)
    counts = made.counts
    good = counts["accepted"] + counts["pending"]
    word = "accepted" if counts["accepted"] else "made"
    told = f"{good} {word}, {counts['rejected']} rejected, {counts['failed']} failed."
    console.print(f"{counts.total()} rows = {told}", highlight=False)
    for code, count in reasons.most_common(_MOST_REASONS):
        console.print(f"{count:8} {code}: {explain(code)}", highlight=False, markup=False)
    return made
