"""Answers of a small model to requests with demands, made once for ``python -m evals demands``.

``python -m evals demand-answers`` writes ``evals/data/demand_answers.jsonl`` anew: requests of
``demand_requests.txt``, each with demands drawn for it or with one on form, answered greedily and
with sampling, in turns. The same seed gives the same rows on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from evals.options import positive
from evolsynth.evaluation.demands import KINDS, Demand
from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import word_lists
from evolsynth.llm.base import LLM, Request, Sampling
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.rows import Message, derive_seed

__all__ = ["ANSWERS", "Answer", "add_options", "answered", "questions", "requests", "run"]

ANSWERS = Path(__file__).parent / "data" / "demand_answers.jsonl"
_TOKENS = 220
_SAMPLED = Sampling(temperature=0.8, top_k=40, top_p=0.95, repeat_penalty=1.1)
_GREEDY = Sampling(temperature=0.0, repeat_penalty=1.1)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A request of some task, whole, and what was answered; ``greedy`` or sampled."""

    task: Task
    instruction: str
    response: str
    greedy: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("-n", type=positive, default=300, metavar="N", help="answers (300)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL")
    parser.add_argument("--to", type=Path, default=ANSWERS, metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Make and write them."""
    rows = asyncio.run(_made(options.model, options.n, options.seed))
    options.to.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    print(f"{len(rows)} answers, {options.to.stat().st_size:,} bytes, in {options.to}.")
    return 0


async def _made(model: str, n: int, seed: int) -> list[Answer]:
    async with LlamaCpp(model) as llm:
        return await answered(list(questions(n, seed)), llm, seed)


def requests() -> list[tuple[Task, str]]:
    """The requests without demands, each with its task."""
    lists = word_lists(str(ANSWERS), "demand_requests.txt")
    return [(cast(Task, task), line) for task in lists if task != "forms" for line in lists[task]]


def questions(n: int, seed: int) -> Iterator[tuple[Task, str]]:
    """So many requests with demands, by turns with one drawn and with one on form."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    forms = word_lists(str(ANSWERS), "demand_requests.txt")["forms"]
    some = requests()
    for number in range(n):
        task, text = some[number % len(some)]
        demand = _drawn(chance, Asked(text, task, chance.randint(1, 3)))
        if number % 3 == 0 or demand is None:
            yield task, f"{text} {chance.choice(forms)}"
        else:
            yield task, f"{text} {demand.worded(chance.randrange(99))}"


def _drawn(chance: random.Random, asked: Asked) -> Demand | None:
    names = list(KINDS)
    for name in chance.sample(names, len(names)):
        demand = KINDS[name].draw(chance, asked)
        if demand is not None:
            return demand
    return None


async def answered(some: Sequence[tuple[Task, str]], llm: LLM, seed: int) -> list[Answer]:
    """An answer to each, in their order."""
    gate = asyncio.Semaphore(llm.concurrency)

    async def one(number: int, task: Task, text: str) -> Answer:
        greedy = number % 2 == 0
        async with gate:
            completion = await llm.complete(
                Request(
                    messages=(Message("user", text),),
                    sampling=_GREEDY if greedy else _SAMPLED,
                    seed=derive_seed(seed, "demand-answers", str(number)),
                    max_tokens=_TOKENS,
                )
            )
        return Answer(task=task, instruction=text, response=completion.text.strip(), greedy=greedy)

    return await asyncio.gather(*(one(i, task, text) for i, (task, text) in enumerate(some)))
