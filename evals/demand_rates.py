"""``python -m evals demand-rates``: how often does an answer of the small model meet a demand?

Each kind of demand is drawn for some requests, and one near-greedy answer to each is checked: as it
came, and after rules were applied (`Demand.apply`). The shares steer what is asked for
(`evolsynth.evaluation.demands.draw`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import InputError
from evolsynth.evaluation.demands import draw
from evolsynth.evaluation.demands.demand import KINDS, Demand
from evolsynth.evaluation.demands.draw import asked_of
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.respond import respond
from evolsynth.rows import Row, derive_seed

__all__ = ["Rate", "add_options", "given", "measured", "requests_of", "run"]

_REQUESTS = Path(__file__).parent / "data" / "answer_room.jsonl"
_RATES = Path(draw.__file__).with_name("rates.txt")
_LONGEST = 300  # characters of a request: what Magpie and people ask for
_HEAD = """\
# How often one near-greedy answer of SmolLM2-135M meets a demand of each kind: the share of answers
# that do as they came, and the share that do after rules were applied. `python -m evals
# demand-rates --write` measures it.
[met]
"""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Of so many ``rows`` with a demand of a ``kind``, the shares whose answers meet it: as they
    came (``met``), and after rules (``ruled``)."""

    kind: str
    rows: int
    met: float
    ruled: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--data", type=Path, default=_REQUESTS, metavar="FILE", help="JSONL with instruction"
    )
    parser.add_argument(
        "--rows", type=positive, default=20, metavar="N", help="of each kind (default: 20)"
    )
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="these alone; by default all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"write them to {_RATES.name}")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print, and write if asked to."""
    check_place(options.json)
    told = told_on(options.json)
    some = list(given(requests_of(options.data), options.kinds, options.rows, options.seed))
    found = asyncio.run(_asked(some, options.seed))
    for one in found:
        print(f"{one.kind:28}{one.rows:4}{one.met:8.0%}{one.ruled:8.0%}", file=told)
    met, ruled = (sum(getattr(r, n) * r.rows for r in found) / len(some) for n in ("met", "ruled"))
    print(f"{'all':28}{len(some):4}{met:8.0%}{ruled:8.0%}", file=told)
    if options.write:
        lines = (f"{one.kind} {one.met:.2f} {one.ruled:.2f}\n" for one in found)
        _RATES.write_text(_HEAD + "".join(lines), encoding="utf-8")
    save(options.json, {"rates": [msgspec.to_builtins(one) for one in found]})
    return 0


def requests_of(place: Path) -> list[str]:
    """The requests of a file, each once, without long ones.

    Raises:
        InputError: it has none.
    """
    lines = place.read_text(encoding="utf-8").splitlines()
    texts = (json.loads(line).get("instruction", "") for line in lines if line.strip())
    found = [text for text in dict.fromkeys(texts) if 0 < len(text) <= _LONGEST]
    if not found:
        raise InputError(f"{place} has no instruction. Give JSON Lines with some.")
    return found


def given(
    requests: Sequence[str], kinds: Sequence[str] | None, rows: int, seed: int
) -> Iterator[tuple[Row, Demand]]:
    """Rows with a demand, up to so many of each kind: as Evol-Instruct makes them."""
    for name in sorted(KINDS) if kinds is None else kinds:
        chance = random.Random(derive_seed(seed, "demand-rates", name))  # noqa: S311
        made = 0
        for text in chance.sample(requests, len(requests)):
            demand = KINDS[name].draw(chance, asked_of(text))
            if demand is not None:
                whole = f"{text} {demand.worded(chance.randrange(1000))}"
                told = {"instruction": {"demands": [demand.to_dict()]}}
                yield Row.make(whole, key=f"{name}/{made}", provenance=told), demand
                made += 1
            if made == rows:
                break


async def _asked(some: Sequence[tuple[Row, Demand]], seed: int) -> list[Rate]:
    async with LlamaCpp() as llm:
        return await measured(some, llm, seed)


async def measured(some: Sequence[tuple[Row, Demand]], llm: LLM, seed: int) -> list[Rate]:
    """The rates of each kind, from one answer to each row."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    demands = {row.id: demand for row, demand in some}
    async with aclosing(respond([row for row, _ in some], llm, seed=seed)) as rows:
        async for row in rows:
            demand, text, asked = demands[row.id], row.response or "", row.instruction or ""
            met = demand.check(text, asked=asked) is None
            ruled = met or demand.apply(text, asked=asked) is not None
            found.setdefault(demand.kind, []).append((met, ruled))
    return [
        Rate(
            kind=kind,
            rows=len(pairs),
            met=sum(met for met, _ in pairs) / len(pairs),
            ruled=sum(ruled for _, ruled in pairs) / len(pairs),
        )
        for kind, pairs in found.items()
    ]
