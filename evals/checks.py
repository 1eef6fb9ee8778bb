"""``python -m evals checks``: does the gate, with its embedder, slow down generation?

The same rows are generated with and without checks in turn, in one process and on one engine, and
the rates of generated tokens compared. A new embedder each time: none remembers a text.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

import msgspec

from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evals.throughput.rounds import in_order
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.rows import Row

__all__ = ["Compared", "add_options", "compare", "run"]

Stream = AsyncGenerator[Row]


class Job(NamedTuple):
    """What is generated, and the part of the gate that looks at it."""

    name: str
    rows: Callable[[LLM], Stream]
    checked: Callable[[Gate, Stream], Stream]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Generated tokens a second in each round. ``others`` is the most that others used, in shares
    of the machine, while a reading was taken."""

    job: str
    rows: int
    without: tuple[float, ...]
    with_checks: tuple[float, ...]
    others: float

    @property
    def kept(self) -> float:
        """The part of the rate that is kept with checks: of the medians."""
        return statistics.median(self.with_checks) / statistics.median(self.without)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("-n", type=positive, default=96, metavar="N", help="rows (default: 96)")
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    parser.add_argument("--contexts", type=positive, metavar="N", help="default: as measured")
    parser.add_argument("--threads", type=positive, metavar="N", help="of each context")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    machine = describe()
    llm = LlamaCpp(contexts=options.contexts, threads=options.threads)
    found = asyncio.run(compare(llm, n=options.n, rounds=options.rounds))
    told = told_on(options.json)
    layout = f"{llm.contexts} contexts x {llm.threads} threads"
    print(f"{machine.cpu}, {layout}; tokens/s, medians", file=told)
    print(f"{'':10}{'without':>10}{'checks':>10}{'kept':>8}{'others':>8}", file=told)
    for one in found:
        print(
            f"{one.job:10}{statistics.median(one.without):10.1f}"
            f"{statistics.median(one.with_checks):10.1f}{one.kept:8.1%}{one.others:8.1%}",
            file=told,
        )
    jobs = {one.job: msgspec.to_builtins(one) | {"kept": one.kept} for one in found}
    arrangement = {"contexts": llm.contexts, "threads": llm.threads}
    save(options.json, {"machine": msgspec.to_builtins(machine), **arrangement, "jobs": jobs})
    return 0


async def compare(llm: LLM, *, n: int, rounds: int) -> list[Compared]:
    """Generate with and without checks in turn, ``rounds`` times each."""
    async with llm:
        originals = [row async for row in magpie(llm, n=n, seed=1)]
        jobs = (
            Job("magpie", lambda back: magpie(back, n=n, seed=2), lambda g, rows: g.check(rows)),
            Job(
                "evolve",
                lambda back: evolve(originals, back, seed=2),
                lambda gate, rows: gate.check(rows, instructions_only=True),
            ),
        )
        return [await _compare(job, llm, rounds) for job in jobs]


async def _compare(job: Job, llm: LLM, rounds: int) -> Compared:
    rates: dict[bool, list[float]] = {False: [], True: []}
    rows, others = 0, 0.0
    for number in range(rounds):
        for checked in in_order((False, True), number):
            rows, rate, share = await _rate(job, llm, checked)
            rates[checked].append(rate)
            others = max(others, share)
            label = "with checks" if checked else "without"
            print(
                f"round {number + 1} of {rounds}: {job.name}, {label}: {rate:.1f} tokens/s",
                file=sys.stderr,
                flush=True,
            )
    return Compared(
        job=job.name,
        rows=rows,
        without=tuple(rates[False]),
        with_checks=tuple(rates[True]),
        others=others,
    )


async def _rate(job: Job, llm: LLM, checked: bool) -> tuple[int, float, float]:
    """How many rows came, the tokens generated a second, and the machine's share of others."""
    rows = job.rows(llm)
    if checked:
        embedder = MiniLM()
        await asyncio.to_thread(embedder.embed, ["Computed once before the clock runs."])
        await asyncio.to_thread(embedder.rough)
        rows = job.checked(Gate(embedder), rows)
    watch, before, began = Watch(), llm.usage.completion_tokens, time.perf_counter()
    count = len([row async for row in rows])
    seconds = time.perf_counter() - began
    return count, (llm.usage.completion_tokens - before) / seconds, watch.others() or 0.0
