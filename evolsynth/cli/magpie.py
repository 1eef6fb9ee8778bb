"""``evolsynth magpie``: rows from nothing, as JSON Lines."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing

import msgspec
from rich.console import Console

from evolsynth.cli.compare import as_json, compare, show
from evolsynth.cli.files import writing
from evolsynth.cli.method_progress import Watch
from evolsynth.cli.systems import candidates_of, read_systems
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.system_prompts import SystemPrompt, SystemPrompts, steering_hint
from evolsynth.methods.respond import respond

__all__ = ["Asked", "compare_systems", "generate_magpie"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for. ``systems`` is a file of system prompts."""

    n: int
    seed: int = 7
    model: str | None = None
    system: str | None = None
    systems: str | None = None
    topic: str | None = None
    candidates: int | None = None
    turns: int = 1
    end_with_user: bool = False
    include_system_prompt: bool = False
    only_instruction: bool = False
    language: str = ""

    def system_prompt(self) -> SystemPrompt:
        """The system prompt, or those of the file.

        Raises:
            InputError: both are given, or the file cannot be used.
        """
        if self.system is not None and self.systems is not None:
            raise InputError("--system and --systems exclude each other. Give one of the two.")
        return read_systems(self.systems) if self.systems is not None else self.system


def generate_magpie(output: str | None, asked: Asked) -> int:
    """Write the planned rows with their verdicts; the exit status."""
    console = Console(stderr=True, soft_wrap=True)
    system_prompt = asked.system_prompt()
    if asked.only_instruction and asked.turns > 1:
        raise InputError("--only-instruction and --turns exclude each other: a turn follows on an "
                         "answer. Leave out one of the two.")  # fmt: skip
    for choice in SystemPrompts(system_prompt).choices:
        hint = steering_hint(choice.text or "")
        if hint is not None:
            console.print(f"Hint: {hint}", highlight=False, markup=False)

    async def make(write: Callable[[str], object]) -> Counter[str]:
        counts: Counter[str] = Counter()
        embedder = MiniLM()
        gate = Gate(
            embedder,
            settings=GateSettings(language=asked.language, instruction_language=asked.language),
        )
        async with LlamaCpp(asked.model or DEFAULT_MODEL) as llm:
            await asyncio.to_thread(embedder.load)  # a missing one is told before any work is done
            rows = magpie(
                llm,
                n=asked.n,
                seed=asked.seed,
                system_prompt=system_prompt,
                topic=asked.topic,
                candidates=asked.candidates,
                embedder=embedder,
                n_turns=asked.turns,
                end_with_user=asked.end_with_user,
                include_system_prompt=asked.include_system_prompt,
            )
            if asked.turns == 1:
                rows = gate.check(rows, instructions_only=True)
                if not asked.only_instruction:
                    rows = respond(rows, llm, seed=asked.seed)
            watch = Watch(llm, planned=asked.n, console=console)
            async with watch.shown(), aclosing(gate.check(rows)) as checked:
                async for row in checked:
                    watch.add(row)
                    counts[row.status] += 1
                    write(row.to_json() + "\n")
        return counts

    with writing(output) as write:
        counts = asyncio.run(make(write))
    done = ", ".join(f"{counts[s]} {s}" for s in ("accepted", "rejected", "failed"))
    console.print(f"{asked.n} planned = {done}.", highlight=False)
    return 0


def compare_systems(asked: Asked, path: str, *, output: str | None, as_lines: bool) -> int:
    """Compare the system prompts of a file; a table, or JSON. The exit status."""
    if asked.n < 1:
        raise InputError("-n is 0: nothing can be compared. Give a number from 1, such as 100.")
    if asked.system is not None or asked.systems is not None:
        raise InputError("--compare-system brings its own system prompts. Leave out the other.")
    prompts = candidates_of(read_systems(path))
    # the table is for people, and JSON for whatever reads standard output
    console = Console(stderr=True, soft_wrap=True) if as_lines else Console(soft_wrap=True)

    async def look() -> str:
        embedder = MiniLM()
        async with LlamaCpp(asked.model or DEFAULT_MODEL) as llm:
            await asyncio.to_thread(embedder.load)
            settings = GateSettings(instruction_language=asked.language)
            found = await compare(
                prompts,
                llm,
                embedder,
                Gate(embedder, settings=settings),
                n=asked.n,
                seed=asked.seed,
                topic=asked.topic,
            )
        show(console, found)
        return json.dumps(as_json(found), ensure_ascii=False, indent=2)

    text = asyncio.run(look())
    if as_lines or output is not None:
        with writing(output) as write:
            write(text + "\n")
    return 0
