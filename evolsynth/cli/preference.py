"""``evolsynth preference``: pairs for DPO from several responses, or from two files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, aclosing
from typing import Literal, NamedTuple

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.cli.method_progress import Watch
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.evaluation.scores.response import (
    MARGINS,
    ResponseScore,
    by_ifd,
    by_judge,
    by_rules,
)
from evolsynth.export.trl import Format, preference_line
from evolsynth.findings import explain
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.methods.preference import preference
from evolsynth.methods.responses import join_responses
from evolsynth.rows import Row, dump
from evolsynth.streams import Rows

__all__ = ["Wanted", "prefer"]

Write = Callable[[str], object]


class Wanted(NamedTuple):
    """What is preferred and how pairs are written. None: the score's own default."""

    score: Literal["judge", "ifd", "rules"] = "rules"
    margin: float | None = None
    least: float | None = None
    format: Format | Literal["rows"] = "conversational"
    seed: int = 7
    model: str | None = None


def prefer(
    data: str,
    other: str | None,
    *,
    output: str | None,
    rejects: str | None,
    skip_bad: bool,
    wanted: Wanted,
) -> int:
    """Write the pairs, and the other rows with their reasons; the exit status, 1 if some failed."""
    if data == other == "-":
        raise InputError("Both IN and OTHER are standard input. Give a file for one of them.")
    source = Source(data, skip_bad=skip_bad)
    against = None if other is None else Source(other, skip_bad=skip_bad)
    planned = source.count()  # a bad line is told before a model is loaded
    if against is not None:
        against.count()
    with ExitStack() as files:
        write = files.enter_context(writing(output))
        refuse: Write = len if rejects is None else files.enter_context(writing(rejects))
        counts, reasons = asyncio.run(_made(source, against, wanted, planned or 0, write, refuse))
    console = Console(stderr=True, soft_wrap=True)
    told = f"{counts['accepted']} pairs, {counts['rejected']} rejected, {counts['failed']} failed."
    console.print(told, highlight=False)
    for code, count in reasons.most_common():
        console.print(f"{count:8} {code}: {explain(code)}", highlight=False, markup=False)
    return 1 if counts["failed"] else 0


async def _made(
    source: Source,
    against: Source | None,
    wanted: Wanted,
    planned: int,
    write: Write,
    refuse: Write,
) -> tuple[Counter[str], Counter[str]]:
    """Rows of each status, and of each reason."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    console = Console(stderr=True, soft_wrap=True)
    async with AsyncExitStack() as stack:
        llm: LLM | None = None
        if wanted.score != "rules":
            llm = await stack.enter_async_context(open_llm(wanted.model or DEFAULT_MODEL))
        rows: Rows = await stack.enter_async_context(aclosing(source.stream()))
        if against is not None:
            others = await stack.enter_async_context(aclosing(against.stream()))
            rows = await stack.enter_async_context(aclosing(join_responses(rows, others)))
        margin = MARGINS[wanted.score] if wanted.margin is None else wanted.margin
        least = 0.0 if wanted.least is None and wanted.score == "rules" else wanted.least
        pairs = preference(rows, score=_score(wanted, llm), margin=margin, least=least)
        stream = await stack.enter_async_context(aclosing(pairs))
        watch = None if llm is None else Watch(llm, planned=planned, console=console)
        if watch is not None:
            await stack.enter_async_context(watch.shown())
        async for row in stream:
            counts[row.status] += 1
            if watch is not None:
                watch.add(row)
            if row.verdict is not None:
                reasons.update(row.verdict.reasons)
            if row.failure is not None:
                console.print(row.failure.message, highlight=False, markup=False)
            if row.settled:
                refuse(row.to_json() + "\n")
            else:
                write(_line(row, wanted.format) + "\n")
    return counts, reasons


def _score(wanted: Wanted, llm: LLM | None) -> ResponseScore:
    if llm is None:
        return by_rules()
    return by_ifd(llm) if wanted.score == "ifd" else by_judge(llm, seed=wanted.seed)


def _line(row: Row, format: Format | Literal["rows"]) -> str:
    return row.to_json() if format == "rows" else dump(preference_line(row, format))
