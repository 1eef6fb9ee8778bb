"""``python -m evals demand-rates``: how often does an answer of the small model meet a demand?

Each kind of demand is drawn for some requests, and one near-greedy answer to each is checked: as it
came, and after rules were applied (`Demand.apply`); and one to the request without it, held to its
grammar where it has one, after rules.
The shares steer what is asked for, and how (`evolsynth.evaluation.demands.draw`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import InputError
from evolsynth.evaluation.demands import draw
from evolsynth.evaluation.demands.demand import KINDS, Demand
from evolsynth.evaluation.demands.draw import asked_of, rates
from evolsynth.evaluation.demands.forced import grammar_of
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.respond import RESPONSE_SAMPLING, Answers, respond
from evolsynth.prompts import load_prompt
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import together

__all__ = ["Rate", "add_options", "given", "measured", "requests_of", "run"]

_REQUESTS = Path(__file__).parent / "data" / "answer_room.jsonl"
_RATES = Path(draw.__file__).with_name("rates.txt")
_LONGEST = 300  # characters of a request: what Magpie and people ask for
_HEAD = """\
# How often one near-greedy answer of SmolLM2-135M meets a demand of each kind: the share of answers
# that do as they came; that do after rules were applied; and of answers to the request without the
# demand, after rules. `python -m evals demand-rates --write` measures it.
[met]
"""


class Rate(NamedTuple):
    """Of so many ``rows`` with a demand of a ``kind``, the shares whose answers meet it: as they
    came (``met``), and after rules (``ruled``), and of answers to the request ``alone``."""

    kind: str
    rows: int
    met: float
    ruled: float
    alone: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--data", type=Path, default=_REQUESTS, metavar="FILE", help="JSONL with instruction"
    )
    parser.add_argument(
        "--rows", type=positive, default=20, metavar="N", help="of each kind (default: 20)"
    )
    parser.add_argument(
        "--requests", type=positive, default=100, metavar="N", help="of the file (default: 100)"
    )
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="these alone; by default all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"put them into {_RATES.name}")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print, and write if asked to."""
    check_place(options.json)
    told = told_on(options.json)
    requests = requests_of(options.data, options.requests, options.seed)
    some = list(given(requests, options.kinds, options.rows, options.seed))
    found = asyncio.run(_asked(some, options.seed))
    for one in found:
        print(_line(one.kind, one.rows, [one.met, one.ruled, one.alone]), file=told)
    means = [sum(getattr(r, name) * r.rows for r in found) / len(some) for name in _SHARES]
    print(_line("all", len(some), means), file=told)
    if options.write:
        known = {name: tuple(rate) for name, rate in rates().items() if name in KINDS}
        known |= {one.kind: (one.met, one.ruled, one.alone) for one in found}
        lines = (f"{name} {a:.2f} {b:.2f} {c:.2f}\n" for name, (a, b, c) in sorted(known.items()))
        _RATES.write_text(_HEAD + "".join(lines), encoding="utf-8")
    save(options.json, {"rates": [one._asdict() for one in found]})
    return 0


_SHARES = ("met", "ruled", "alone")


def _line(kind: str, rows: int, shares: Sequence[float]) -> str:
    return f"{kind:28}{rows:4}" + "".join(f"{share:8.0%}" for share in shares)


def requests_of(place: Path, number: int, seed: int) -> list[str]:
    """So many requests of a file, each once, without long ones and those that a label answers.

    Raises:
        InputError: it has none.
    """
    lines = (json.loads(line) for line in place.read_text(encoding="utf-8").splitlines())
    texts = (line.get("instruction", "") for line in lines if line.get("room") != "label")
    found = [text for text in dict.fromkeys(texts) if 0 < len(text) <= _LONGEST]
    if not found:
        raise InputError(f"{place} has no instruction. Give JSON Lines with some.")
    chance = random.Random(derive_seed(seed, "demand-rates", "requests"))  # noqa: S311
    return chance.sample(found, min(number, len(found)))


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
                told = {"instruction": {"demands": [demand.to_dict()], "original": text}}
                yield Row.make(whole, key=f"{name}/{made}", provenance=told), demand
                made += 1
            if made == rows:
                break


async def _asked(some: Sequence[tuple[Row, Demand]], seed: int) -> list[Rate]:
    async with LlamaCpp() as llm:
        return await measured(some, llm, seed)


async def measured(some: Sequence[tuple[Row, Demand]], llm: LLM, seed: int) -> list[Rate]:
    """The rates of each kind, from one answer to each row, and one to its request alone."""
    told = await _answers([row for row, _ in some], llm, seed)
    keys = [(row.provenance["instruction"]["original"], grammar_of([one])) for row, one in some]
    ways = list(dict.fromkeys(keys))
    answers = Answers(llm, load_prompt("respond/brief").part("system"), {}, RESPONSE_SAMPLING, 320)
    bare = await together(
        answers.answer(None, [Message("user", text)], derive_seed(seed, "alone", text), grammar)
        for text, grammar in ways
    )
    alone = {way: text for way, (text, _) in zip(ways, bare, strict=True)}
    found: dict[str, list[tuple[bool, bool, bool]]] = {}
    for (row, demand), key, text in zip(some, keys, told, strict=True):
        asked = row.instruction or ""
        met = demand.check(text, asked=asked) is None
        ruled = [demand.apply(one, asked=asked) is not None for one in (text, alone[key])]
        found.setdefault(demand.kind, []).append((met, ruled[0], ruled[1]))
    return [
        Rate(kind, len(some), *(sum(shares) / len(some) for shares in zip(*some, strict=True)))
        for kind, some in found.items()
    ]


async def _answers(rows: Sequence[Row], llm: LLM, seed: int) -> list[str]:
    async with aclosing(respond(rows, llm, seed=seed)) as answered:
        return [row.response or "" async for row in answered]
