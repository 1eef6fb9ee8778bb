"""``python -m evals preference``: of how many seeds do preference pairs come, and who prefers them?

Seeds of a set are drawn, perhaps given demands by Evol-Instruct, answered with several samples, and
paired by rules. ``--dump`` writes the pairs for a reader, who is not told which side was chosen:
that is in a file beside it (``.key.jsonl``), and all rows in another (``.rows.jsonl``). What was
read so is in ``evals/readings/preference.jsonl``, and ``--readings`` counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TextIO

import msgspec
from msgspec import structs

from evals.demand_answers import requests
from evals.options import add_made, made_or_read, positive
from evals.yields import read_seeds
from evolsynth.data.files import read_rows
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.computed.computed import computed
from evolsynth.methods.evolve.choosing import CONSTRAINTS
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.preference import preference
from evolsynth.methods.respond import respond
from evolsynth.rows import Row, dump

__all__ = ["READINGS", "SETS", "Read", "add_options", "drawn", "evolved", "paired", "readings"]
__all__ += ["run", "write_pairs"]

READINGS = Path(__file__).parent / "readings" / "preference.jsonl"
_DATA = Path(__file__).parent / "data"


def _of_file(name: str, **wanted: str) -> list[Row]:
    """The instructions of a file of evals/data whose fields have these values."""
    lines = map(msgspec.json.decode, (_DATA / name).read_bytes().splitlines())
    return [
        Row.make(line["instruction"])
        for line in lines
        if all(line[field] == value for field, value in wanted.items())
    ]


async def _computed() -> list[Row]:
    """Problems with the answers that a program computed."""
    return [row async for row in computed(n=200, seed=1)]


#: What seeds are drawn from.
SETS: Mapping[str, Callable[[], list[Row]]] = {
    "packaged": lambda: read_seeds(None),
    "requests": lambda: [Row.make(text) for _, text in requests()],
    "tasks": lambda: _of_file("tasks.jsonl", part="held", made="written"),
    "rooms": lambda: _of_file("answer_room.jsonl"),
    "computed": lambda: asyncio.run(_computed()),
}


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Of the seeds of one set, how many gave a pair, and of how many of these a reader prefers the
    chosen side, neither, or the rejected one."""

    set: str
    seeds: int
    pairs: int
    chosen: int
    neither: int
    rejected: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--set", choices=tuple(SETS), default="requests", help="default: requests")
    parser.add_argument(
        "--rows", type=Path, metavar="FILE", help="its rows, such as accepted.jsonl, and no set"
    )
    parser.add_argument("-n", type=positive, default=10, metavar="N", help="seeds (10)")
    parser.add_argument("--samples", type=positive, default=4, metavar="K", help="of each (4)")
    parser.add_argument("--demands", action="store_true", help="give each a demand first")
    add_made(parser, "write the pairs there, to read")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    return made_or_read(
        options,
        _measure,
        lambda: readings(READINGS),
        lambda one: (
            f"{one.set:28}{one.seeds:3} seeds{one.pairs:4} pairs; a reader prefers the chosen"
            f" side of {one.chosen}, neither of {one.neither}, the other of {one.rejected}"
        ),
    )


def _measure(options: argparse.Namespace, told: TextIO) -> dict[str, Any]:
    rows = drawn(options.set, options.n, options.seed, options.rows)
    rows = asyncio.run(_made(options, rows))
    why = Counter(row.verdict.reasons[0] for row in rows if row.verdict and row.verdict.reasons)
    pairs = [row for row in rows if row.status == "accepted"]
    failed = sum(row.status == "failed" for row in rows)
    print(f"{len(rows)} seeds, {len(pairs)} pairs; {dict(why)}, {failed} failed", file=told)
    if options.dump is not None:
        write_pairs(options.dump, rows)
    return {"seeds": len(rows), "pairs": len(pairs), "reasons": dict(why)}


def drawn(name: str, n: int, seed: int, file: Path | None = None) -> list[Row]:
    """So many seeds of a set, or rows of a file in its place, all where there are no more."""
    some = SETS[name]() if file is None else _unjudged(file)
    name = name if file is None else "rows"
    return random.Random(f"{name}/{seed}").sample(some, min(n, len(some)))  # noqa: S311


def _unjudged(file: Path) -> list[Row]:
    """A file's rows without verdicts, each of which has a response."""
    return [structs.replace(row, verdict=None) for row in read_rows(file) if row.response]


async def _made(options: argparse.Namespace, rows: Sequence[Row]) -> list[Row]:
    async with LlamaCpp(options.model) as llm:
        if options.demands:
            rows = await evolved(llm, rows, seed=options.seed)
        return await paired(llm, rows, samples=options.samples, seed=options.seed)


async def evolved(llm: LLM, rows: Sequence[Row], *, seed: int) -> list[Row]:
    """Each row with a demand that a program can check, or as it is where none fits."""
    stream = evolve(rows, llm, seed=seed, demands=True, operations={CONSTRAINTS: 1.0}, gate=Gate())
    last: dict[str, Row] = {}
    async with aclosing(stream) as made:
        async for row in made:
            if not row.settled:
                last[row.parents[0] if row.parents else row.id] = row
    return list(last.values())


async def paired(llm: LLM, rows: Sequence[Row], *, samples: int, seed: int) -> list[Row]:
    """The rows after `respond` and `preference`; a seed's own answer stands beside the samples."""
    answered = respond(rows, llm, samples=samples, answered=True, seed=seed)
    async with aclosing(preference(answered)) as pairs:
        return [row async for row in pairs]


def write_pairs(place: Path, rows: Sequence[Row]) -> None:
    """Pairs with their sides in an order that nobody is told, and the order in a file beside it."""
    shown, key = [], []
    for row in rows:
        if row.status != "accepted":
            continue
        chosen, rejected = row.extra["chosen"], row.extra["rejected"]
        sides = [chosen, rejected]
        random.Random(row.id).shuffle(sides)  # noqa: S311 - no secret
        asked = {"instruction": row.instruction, **({"input": row.input} if row.input else {})}
        shown.append(dump({"id": row.id, **asked, "first": sides[0], "second": sides[1]}))
        key.append(dump({"id": row.id, "chosen": "first" if sides[0] == chosen else "second"}))
    place.write_text("".join(f"{line}\n" for line in shown), encoding="utf-8")
    beside = place.with_suffix(".key.jsonl")
    beside.write_text("".join(f"{line}\n" for line in key), encoding="utf-8")
    rest = place.with_suffix(".rows.jsonl")
    rest.write_text("".join(f"{row.to_json()}\n" for row in rows), encoding="utf-8")


def readings(path: Path) -> list[Read]:
    """What a reader made of pairs, by sets; a line without a pair is a seed that gave none."""
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    found = []
    for name in dict.fromkeys(line["set"] for line in lines):
        some = [line for line in lines if line["set"] == name]
        said = Counter(line["prefers"] for line in some if "chosen" in line)
        found.append(
            Read(
                set=name,
                seeds=len(some),
                pairs=said.total(),
                chosen=said["chosen"],
                neither=said["neither"],
                rejected=said["rejected"],
            )
        )
    return found
