"""``evolsynth gate``: verdicts on rows from any tool; ``evolsynth gates``: the checks there are."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import aclosing

from rich.console import Console
from rich.table import Table

from evolsynth.cli.files import writing
from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.findings import EXPLANATIONS, explain
from evolsynth.evaluation.gate import Gate
from evolsynth.evaluation.settings import THRESHOLDS, GateSettings
from evolsynth.rows import Row, read_rows

__all__ = ["gate", "gates"]


def gates(*, as_yaml: bool) -> int:
    """Print all checks with their thresholds, or a settings file to start from."""
    settings = GateSettings()
    if as_yaml:
        sys.stdout.write(settings.to_yaml())
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("reason", "threshold", "meaning"):
        table.add_column(column, overflow="fold")
    for code, sentence in EXPLANATIONS.items():
        own = [t for t in THRESHOLDS if t.code == code]
        shown = "\n".join(f"{t.name}: {getattr(settings, t.name)}" for t in own)
        table.add_row(code, shown, sentence)
    Console().print(table)
    return 0


def gate(
    data: str, output: str | None, *, rejects: str | None, settings: str | None, embed: bool
) -> int:
    """Write the accepted rows of ``data``, and the others with their reasons; the exit status."""
    chosen = GateSettings() if settings is None else GateSettings.read(settings)
    embedder = MiniLM() if embed else None
    if embedder is not None:
        embedder.load()  # a missing one is told before any work is done
    rows = read_rows(data)
    judge = Gate(embedder, settings=chosen)
    with writing(output) as accept:
        if rejects is None:
            counts = asyncio.run(_judged(judge, rows, accept, lambda _: None))
        else:
            with writing(rejects) as refuse:
                counts = asyncio.run(_judged(judge, rows, accept, refuse))
    _summarise(counts)
    return 0


Write = Callable[[str], object]


async def _judged(judge: Gate, rows: Iterable[Row], accept: Write, refuse: Write) -> Counter[str]:
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
