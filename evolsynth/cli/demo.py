"""``evolsynth demo``: the whole line, from nothing to a checked data set and its report."""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evolsynth.cli.progress import Watch
from evolsynth.dataset import DatasetWriter
from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.findings import explain
from evolsynth.evaluation.gate import Gate
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.evol_instruct import evol_instruct
from evolsynth.methods.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.report.build import write_report
from evolsynth.rows import Row

__all__ = ["demo", "line"]


def demo(output: str, *, n: int, seed: int, model: str | None) -> int:
    """Run the demo into the folder ``output``; the exit status."""
    console = Console(soft_wrap=True)
    writer, embedder = DatasetWriter(output), MiniLM()
    try:
        rows, watch, facts = asyncio.run(
            _make(writer, embedder, console, n=n, seed=seed, model=model)
        )
    except KeyboardInterrupt:
        console.print(
            f"Stopped. The {writer.counts['accepted']} accepted and {writer.counts['rejected']} "
            f"rejected rows made so far are in {escape(output)}, in *.partial.jsonl.",
            highlight=False,
        )
        raise
    report = write_report(
        Path(output) / "report.html",
        rows,
        embedder=embedder,
        title=f"evolsynth demo, seed {seed}",
        run=facts,
    )
    _summarise(console, rows, watch)
    console.print(f"Data set: {escape(output)}  Report: {escape(str(report))}", highlight=False)
    return 0


def line(
    llm: LLM, gate: Gate, *, n: int, seed: int, watch: Watch | None = None
) -> AsyncGenerator[Row]:
    """Magpie, a screen, one evolution round, a screen, responses, the final check."""
    rows = gate.screen(magpie(llm, n=n, seed=seed))
    if watch is not None:
        rows = watch.plan(rows)
    rows = gate.screen(evol_instruct(rows, llm, seed=seed, gate=gate))
    return gate.check(respond(rows, llm, seed=seed))


async def _make(
    writer: DatasetWriter,
    embedder: MiniLM,
    console: Console,
    *,
    n: int,
    seed: int,
    model: str | None,
) -> tuple[list[Row], Watch, dict[str, Any]]:
    console.print(f"Loading {escape(model or DEFAULT_MODEL)} ...", highlight=False)
    async with LlamaCpp(model or DEFAULT_MODEL) as llm:
        console.print("Loading the embedder (15 s longer at its first use) ...", highlight=False)
        await asyncio.to_thread(embedder.load)  # a missing one is told before any work is done
        console.print(
            f"{n} Magpie instructions, one evolution of each that passes, responses, checks.",
            highlight=False,
        )
        done: list[Row] = []
        watch = Watch(llm, planned=n, console=console)
        with writer:
            async with (
                watch.shown(),
                aclosing(line(llm, Gate(embedder), n=n, seed=seed, watch=watch)) as rows,
            ):
                async for row in rows:
                    writer.add(row)
                    watch.add(row)
                    done.append(row)
        usage, seconds = llm.usage, watch.seconds
        facts = {
            **llm.provenance,
            "seed": seed,
            "seconds": round(seconds, 1),
            "tokens written": usage.completion_tokens,
            "tokens read": usage.prompt_tokens,
            "tokens read once and reused": usage.saved_prompt_tokens,
            "tokens written per second": round(watch.tokens_per_second),
            "machine": f"{platform.machine()}, {llm.contexts} contexts x {llm.threads} threads",
        }
    return done, watch, facts


def _summarise(console: Console, rows: list[Row], watch: Watch) -> None:
    counts: Counter[tuple[str, str]] = Counter((row.method, row.status) for row in rows)
    table = Table(title="planned = accepted + rejected + failed", title_justify="left")
    table.add_column("step")
    for column in ("planned", "accepted", "rejected", "failed"):
        table.add_column(column, justify="right")
    for method in dict.fromkeys(row.method for row in rows):
        parts = [counts[method, status] for status in ("accepted", "rejected", "failed")]
        table.add_row(method, str(sum(parts)), *map(str, parts))
    totals = [watch.counts[status] for status in ("accepted", "rejected", "failed")]
    table.add_row("all", str(watch.planned), *map(str, totals), style="bold")
    console.print(table)
    rate = watch.counts["accepted"] / max(watch.seconds, 1e-9) * 60
    console.print(
        f"{watch.seconds:.0f} s, {watch.tokens_per_second:.0f} tokens/s, "
        f"{rate:.1f} accepted rows per minute.",
        highlight=False,
    )
    reasons = Counter(r for row in rows if row.verdict for r in row.verdict.reasons)
    for reason, count in reasons.most_common(5):
        console.print(f"  {count:4d}  {reason}: {explain(reason)}", highlight=False)
    accepted = [row for row in rows if row.status == "accepted"]
    evolved = [row for row in accepted if row.round] or accepted
    width = min(shutil.get_terminal_size().columns, 110)
    for row in evolved[:: max(1, len(evolved) // 3)][:3]:
        console.print()
        _show(console, "instruction", row.instruction, width)
        _show(console, "response", row.response, width)


def _show(console: Console, name: str, text: str | None, width: int) -> None:
    short = " ".join((text or "").split())
    if len(short) > 300:
        short = short[:297] + "..."
    console.print(f"[bold]{name}[/bold] {escape(short)}", width=width, soft_wrap=False)
