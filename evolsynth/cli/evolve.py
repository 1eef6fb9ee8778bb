"""``evolsynth evolve``: rounds of Evol-Instruct on instructions of the user's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import NamedTuple

from evolsynth.cli.method_progress import Watch
from evolsynth.cli.places import Places, make_rows
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.base import LLM
from evolsynth.methods.evol_instruct.evol_instruct import evol_instruct
from evolsynth.methods.family import PromptFamily
from evolsynth.rows import Row

__all__ = ["Asked", "evolve", "weights_of"]


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


def evolve(data: str, places: Places, *, skip_bad: bool, asked: Asked) -> int:
    """Write the evolutions that were accepted, and the others with their reasons; the exit
    status, 1 if a row failed."""
    settings = GateSettings() if asked.settings is None else GateSettings.read(asked.settings)
    rows = list(Source(data, skip_bad=skip_bad))  # a bad line is told before a model is loaded
    if not rows:
        raise InputError(f"{data}: there are no rows. Give one JSON object a line.")
    live = sum(not row.settled for row in rows)
    of_each = (1 if asked.only_last else asked.rounds) + asked.originals

    async def made(llm: LLM, _: Watch) -> AsyncGenerator[Row]:
        embedder = MiniLM() if asked.embed else None
        if embedder is not None:  # a missing one is told before any work is done
            await asyncio.to_thread(embedder.load)
        gate = Gate(embedder, settings=settings)
        async with aclosing(gate.check(_evolved(rows, llm, gate, asked))) as checked:
            async for row in checked:
                yield row

    return make_rows(places, made, planned=len(rows) - live + live * of_each).status


def _evolved(rows: list[Row], llm: LLM, gate: Gate, asked: Asked) -> AsyncGenerator[Row]:
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
