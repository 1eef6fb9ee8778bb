"""``evolsynth magpie``: rows from nothing, as JSON Lines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.cli.progress import Watch
from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.gate import Gate
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.magpie import magpie
from evolsynth.methods.respond import respond

__all__ = ["generate_magpie"]


def generate_magpie(
    output: str | None,
    *,
    n: int,
    seed: int,
    model: str | None,
    system: str | None,
    only_instruction: bool,
) -> int:
    """Write ``n`` planned rows with their verdicts; the exit status."""
    console = Console(stderr=True, soft_wrap=True)

    async def make(write: Callable[[str], object]) -> Counter[str]:
        counts: Counter[str] = Counter()
        embedder = MiniLM()
        gate = Gate(embedder)
        async with LlamaCpp(model or DEFAULT_MODEL) as llm:
            await asyncio.to_thread(embedder.load)  # a missing one is told before any work is done
            rows = gate.screen(magpie(llm, n=n, seed=seed, system_prompt=system))
            if not only_instruction:
                rows = respond(rows, llm, seed=seed)
            watch = Watch(llm, planned=n, console=console)
            async with watch.shown(), aclosing(gate.check(rows)) as checked:
                async for row in checked:
                    watch.add(row)
                    counts[row.status] += 1
                    write(row.to_json() + "\n")
        return counts

    with writing(output) as write:
        counts = asyncio.run(make(write))
    done = ", ".join(f"{counts[s]} {s}" for s in ("accepted", "rejected", "failed"))
    console.print(f"{n} planned = {done}.", highlight=False)
    return 0
