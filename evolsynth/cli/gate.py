"""``evolsynth gate``: verdicts on rows from any tool; ``evolsynth gates``: the checks there are."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from rich.console import Console
from rich.table import Table

from evolsynth.atomic import writing
from evolsynth.data.files import read_objects, read_rows
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.check import COSTS, Check, ordered
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.findings import explain
from evolsynth.rows import Row
from evolsynth.streams import Rows

__all__ = ["gate", "gates"]


def gates(*, as_yaml: bool, settings: str | None = None) -> int:
    """Print all checks with their thresholds, cheapest first, or a settings file to start from."""
    chosen = GateSettings() if settings is None else GateSettings.read(settings)
    if as_yaml:
        sys.stdout.write(chosen.to_yaml())
        return 0
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    for column in ("made", "looks at", "cost", "thresholds", "meaning"):
        table.add_column(column, overflow="fold")
    for check in ordered():
        table.add_row(check.name, *_described(check, chosen), check.sentence)
    wide = None if sys.stdout.isatty() else 120  # a pipe has no width
    console = Console(width=wide)
    console.print(table)
    console.print("\nCosts, cheapest first; a row that one refuses is not looked at by the next:")
    for cost, meaning in COSTS.items():
        console.print(f"  {cost}: {meaning}", highlight=False)
    console.print("\nTo change something: `evolsynth gates --yaml` prints a file to start from.")
    return 0


def _described(check: Check, settings: GateSettings) -> tuple[str, ...]:
    """Whether a check is made, of what, at which cost, with which thresholds."""
    made = "yes"
    if check.name in settings.skip:
        made = "no (skip)"
    elif check.optional:
        made = "yes (also)" if check.name in settings.also else "if asked for"
    shown = [f"{field}: {getattr(settings, field)}" for field in check.thresholds]
    if check.name == "wrong_language":
        shown.append(f"language: {settings.language or 'as asked in'}")
    return made, ", ".join(check.parts), check.cost, "\n".join(shown)


def gate(
    data: str, output: str | None, *, rejects: str | None, settings: str | None, embed: bool
) -> int:
    """Write the accepted rows of ``data``, and the others with their reasons; the exit status."""
    chosen = GateSettings() if settings is None else GateSettings.read(settings)
    if data != "-":
        next(read_objects(data), None)  # a missing file is told before a model is loaded
    embedder = MiniLM() if embed else None
    if embedder is not None:
        embedder.load()  # a missing one is told before any work is done
    # A file is read ahead; a pipe is not, since its next row may come much later.
    rows: Rows = read_rows(data) if data == "-" else _ahead(read_rows(data))
    judge = Gate(embedder, settings=chosen, at_once=64)
    with writing(output) as accept:
        if rejects is None:
            counts = asyncio.run(_judged(judge, rows, accept, lambda _: None))
        else:
            with writing(rejects) as refuse:
                counts = asyncio.run(_judged(judge, rows, accept, refuse))
    _summarise(counts)
    return 0


async def _ahead(rows: Iterable[Row]) -> AsyncGenerator[Row]:
    """Rows that never make anybody wait."""
    for row in rows:
        yield row


Write = Callable[[str], object]


async def _judged(judge: Gate, rows: Rows, accept: Write, refuse: Write) -> Counter[str]:
    """Hand each row on as it is decided; how many of each status, and of each reason."""
    counts: Counter[str] = Counter()
    async with aclosing(judge.check(rows)) as decided:
        async for row in decided:
            counts[row.status] += 1
            if row.verdict is not None:
                counts.update(f"reason {code}" for code in row.verdict.reasons)
            (accept if row.status == "accepted" else refuse)(row.to_json() + "\n")
    return counts


def _summarise(counts: Counter[str]) -> None:
    console = Console(stderr=True, soft_wrap=True)
    kinds = ("accepted", "rejected", "failed")
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    console.print(f"{sum(counts[kind] for kind in kinds)} rows = {parts}.", highlight=False)
    for name, count in counts.most_common():
        reason, _, code = name.partition(" ")
        if reason == "reason":
            console.print(f"{count:8} {code}: {explain(code)}", highlight=False)
