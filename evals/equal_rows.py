"""``python -m evals equal-rows``: the three methods behind llama-server and in process, greedy.

The same GGUF file is asked in both ways for the same rows, always with the likeliest token, and
the texts are compared. Two builds of llama.cpp calculate in other ways (the processor's units that
they use, how a prompt is cut into chunks), so that the likeliest of two nearly equal tokens is now
the one, now the other. Of a row that differs it is told after how many characters, and how each
goes on.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evals.options import add_json, positive, save, told_on
from evolsynth.llm.base import LLM, Sampling
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.server import Server
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.rows import Row

__all__ = ["Difference", "Shares", "add_options", "compared", "measure", "run"]

GREEDY = Sampling(temperature=0.0)


class Difference(msgspec.Struct, kw_only=True):
    """Two texts of one row: what both begin with, and how each goes on."""

    same: int
    in_process: str
    served: str


class Shares(msgspec.Struct, kw_only=True):
    """Of one method: rows, how many are equal, and where the others part."""

    method: str
    rows: int
    equal: int
    differences: list[Difference]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--url", required=True, help="where llama-server listens")
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file that it has")
    parser.add_argument("--rows", type=positive, default=20, help="rows of each method")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and tell."""
    shares = asyncio.run(measure(options.url, options.model, options.rows))
    stream = told_on(options.json)
    for one in shares:
        print(f"{one.method}: {one.equal} of {one.rows} rows are equal", file=stream)
        for part in one.differences:
            print(
                f"  after {part.same} characters: {part.in_process[:40]!r}, served "
                f"{part.served[:40]!r}",
                file=stream,
            )
    if options.json is not None:
        save(options.json, {one.method: msgspec.to_builtins(one) for one in shares})
    return 0


async def measure(url: str, model: Path, n: int) -> list[Shares]:
    """All methods, in both ways."""
    async with LlamaCpp(model, quantisation=None) as ours, Server(f"llama-server:{url}") as served:
        found = {}
        for llm in (ours, served):
            found[llm] = await _texts(llm, n)
        return [compared(name, found[ours][name], found[served][name]) for name in found[ours]]


async def _texts(llm: LLM, n: int) -> dict[str, list[str]]:
    """The texts that each method makes; the later ones begin with fixed rows, and not with those
    that an earlier one made."""
    instructions = [Row.make(f"Name {i + 2} things that begin with water.") for i in range(n)]
    greedy: dict[str, Any] = {"sampling": GREEDY}
    return {
        "magpie": await _made(magpie(llm, n=n, only_instruction=True, **greedy)),
        "self-instruct": await _made(
            bootstrap_tasks(llm, n=n, max_attempts=n, candidates=1, **greedy)
        ),
        "evolve": await _made(evolve(instructions, llm, candidates=1, **greedy)),
        "respond": await _made(respond(instructions, llm, **greedy)),
    }


async def _made(rows: AsyncIterable[Row]) -> list[str]:
    return [f"{row.instruction}\n\n{row.response or ''}" async for row in rows]


def compared(method: str, ours: Sequence[str], served: Sequence[str]) -> Shares:
    """How many texts are equal, in their order; one that is missing is not."""
    longest = max(len(ours), len(served))
    pairs = [(_at(ours, i), _at(served, i)) for i in range(longest)]
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    return Shares(
        method=method,
        rows=longest,
        equal=longest - len(differing),
        differences=[_difference(*pair) for pair in differing],
    )


def _at(texts: Sequence[str], place: int) -> str:
    return texts[place] if place < len(texts) else ""


def _difference(ours: str, served: str) -> Difference:
    pairs = enumerate(zip(ours, served, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(served)))
    return Difference(same=same, in_process=ours[same:], served=served[same:])
