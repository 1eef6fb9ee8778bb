"""``evolsynth evolve``: rounds of Evol-Instruct on instructions of the user's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from typing import NamedTuple

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.cli.progress import Watch
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.findings import explain
from evolsynth.evaluation.gate import Gate
from evolsynth.evaluation.settings import GateSettings
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.evol_instruct import evol_instruct
from evolsynth.methods.family import PromptFamily
from evolsynth.rows import Row

__all__ = ["Asked", "evolve", "weights_of"]

Write = Callable[[str], object]
_MOST_REASONS = 8


class Asked(NamedTuple):
    """What the user asked for; see `evol_instruct`. ``settings`` is the gate's YAML file."""

    rounds: int
    candidates: int
    good_enough: float
    operations: Mapping[str, float] | None
    prompts: PromptFamily | None
    answers: bool
    originals: bool
    only_last: bool
    seed: int
    model: str | None
    settings: str | None
    embed: bool


def weights_of(text: str) -> dict[str, float]:
    """``constraints=2,deepening`` as weights; a name alone has the weight 1.

    Raises:
        InputError: a weight is no number. Names are checked where they are used.
    """
    weights = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            weights[name.strip()] = float(value) if value else 1.0
        except ValueError:
            raise InputError(
                f"--operations {text}: '{value}' is no number. Write {name}=2, say."
            ) from None
    return weights


def evolve(
    data: str, output: str | None, *, rejects: str | None, skip_bad: bool, asked: Asked
) -> int:
    """Write the evolutions that were accepted, and the others with their reasons; the exit
    status, 1 if a row failed."""
    settings = GateSettings() if asked.settings is None else GateSettings.read(asked.settings)
    rows = list(Source(data, skip_bad=skip_bad))  # a bad line is told before a model is loaded
    if not rows:
        raise InputError(f"{data}: there are no rows. Give one JSON object a line.")
    console = Console(stderr=True, soft_wrap=True)
    with ExitStack() as files:
        write = files.enter_context(writing(output))
        refuse: Write = files.enter_context(writing(rejects)) if rejects is not None else len
        counts = asyncio.run(_made(rows, settings, asked, write, refuse, console))
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in ("accepted", "rejected", "failed"))
    total = sum(counts[kind] for kind in ("accepted", "rejected", "failed"))
    console.print(f"{total} rows = {parts}.", highlight=False)
    reasons = [(name[7:], n) for name, n in counts.most_common() if name.startswith("reason ")]
    for code, count in reasons[:_MOST_REASONS]:
        console.print(f"{count:8} {code}: {explain(code)}", highlight=False)
    return 1 if counts["failed"] else 0


async def _made(
    rows: list[Row],
    settings: GateSettings,
    asked: Asked,
    write: Write,
    refuse: Write,
    console: Console,
) -> Counter[str]:
    counts: Counter[str] = Counter()
    embedder = MiniLM() if asked.embed else None
    async with LlamaCpp(asked.model or DEFAULT_MODEL) as llm:
        if embedder is not None:  # a missing one is told before any work is done
            await asyncio.to_thread(embedder.load)
        gate = Gate(embedder, settings=settings)
        live = sum(not row.settled for row in rows)
        of_each = (1 if asked.only_last else asked.rounds) + asked.originals
        watch = Watch(llm, planned=len(rows) - live + live * of_each, console=console)
        stream = gate.check(_evolved(rows, llm, gate, asked))
        async with watch.shown(), aclosing(stream) as checked:
            async for row in checked:
                watch.add(row)
                counts[row.status] += 1
                if row.verdict is not None:
                    counts.update(f"reason {code}" for code in row.verdict.reasons)
                if row.failure is not None:
                    console.print(row.failure.message, highlight=False, markup=False)
                (write if row.status == "accepted" else refuse)(row.to_json() + "\n")
    return counts


def _evolved(rows: list[Row], llm: LlamaCpp, gate: Gate, asked: Asked) -> AsyncGenerator[Row]:
    return evol_instruct(
        rows,
        llm,
        gate=gate,
        num_evolutions=asked.rounds,
        candidates=asked.candidates,
        good_enough=asked.good_enough,
        operations=asked.operations,
        prompts=asked.prompts,
        generate_answers=asked.answers,
        include_original_instruction=asked.originals,
        store_evolutions=not asked.only_last,
        seed=asked.seed,
    )
