"""``python -m evals rouge``: how long a candidate takes against a pool, and whether anything is
missed.

Three pools: tasks varied word by word from the seeds that ship; tasks of one wording that differ in
a few words; and the worst kind, the same words in any order, of which every one must be compared.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import msgspec

from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.evaluation.gate.checks.self_instruct import SAME_WORDING
from evolsynth.evaluation.text.rouge import RougeIndex, rouge_l
from evolsynth.methods.self_instruct.pool import shipped_seeds

__all__ = ["Timed", "add_options", "measure", "pool_of", "run"]

_WORDS, _BAG = 60, 16  # of the pool of one wording, in each place; of the bag


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds a candidate against a pool of ``pool`` texts; ``checked`` of the candidates
    were compared with every text as well, and for ``missed`` of these another answer was right."""

    kind: str
    pool: int
    candidates: int
    found: int
    median_ms: float
    p95_ms: float
    longest_ms: float
    checked: int
    missed: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--pool", type=positive, default=50_000, metavar="N", help="(50000)")
    parser.add_argument("-n", type=positive, default=300, metavar="N", help="candidates (300)")
    parser.add_argument(
        "--check", type=positive, default=20, metavar="N", help="compared with all (20)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; the status is 1 if anything was missed."""
    check_place(options.json)
    machine, watch, told = describe(), Watch(), told_on(options.json)
    found = [
        measure(kind, size=options.pool, candidates=options.n, check=options.check)
        for kind in ("varied", "one wording", "one bag of words")
    ]
    print(f"{machine.cpu}; one core, ms a candidate, {options.pool} texts", file=told)
    print(f"{'pool':18}{'median':>9}{'95%':>9}{'longest':>9}{'found':>8}{'missed':>8}", file=told)
    for one in found:
        print(
            f"{one.kind:18}{one.median_ms:9.2f}{one.p95_ms:9.2f}{one.longest_ms:9.2f}"
            f"{one.found:5} / {one.candidates}{one.missed:5}/{one.checked}",
            file=told,
        )
    print(f"others used {watch.others() or 0.0:.0%} of the machine", file=told)
    document = {"machine": msgspec.to_builtins(machine), "pools": msgspec.to_builtins(found)}
    save(options.json, document)
    return 1 if any(one.missed for one in found) else 0


def measure(kind: str, *, size: int, candidates: int, check: int) -> Timed:
    """Fill a pool and ask for each candidate's nearest, by the clock."""
    texts = pool_of(kind, size + candidates, seed=1)
    index = RougeIndex()
    for text in texts[:size]:
        index.add(text)
    times, found, missed = [], 0, 0
    for number, text in enumerate(texts[size:]):
        began = time.perf_counter()
        near = index.nearest(text, least=SAME_WORDING)
        times.append((time.perf_counter() - began) * 1000)
        found += near is not None
        if number < check:
            best = max(rouge_l(text, other) for other in texts[:size])
            told = 0.0 if near is None else near.score
            missed += told != (best if best >= SAME_WORDING else 0.0)
    times.sort()
    return Timed(
        kind=kind,
        pool=size,
        candidates=candidates,
        found=found,
        median_ms=statistics.median(times),
        p95_ms=times[int(0.95 * (len(times) - 1))],
        longest_ms=times[-1],
        checked=min(check, candidates),
        missed=missed,
    )


def pool_of(kind: str, size: int, *, seed: int) -> list[str]:
    """``size`` texts: "varied", of "one wording" or of "one bag of words"."""
    draw = random.Random(seed)  # noqa: S311 - reproducible on purpose
    seeds = [task.instruction.split() for task in shipped_seeds()]
    words = sorted({word for task in seeds for word in task})
    if kind == "varied":
        return [
            " ".join(w if draw.random() < 0.7 else draw.choice(words) for w in draw.choice(seeds))
            for _ in range(size)
        ]
    some = words[:_WORDS]
    if kind == "one bag of words":
        return [" ".join(draw.sample(some[:_BAG], _BAG)) for _ in range(size)]
    return [
        f"Write a {draw.choice(some)} text about {draw.choice(some)} and the {draw.choice(some)} "
        f"{draw.choice(some)} of a {draw.choice(some)} for {draw.choice(some)} and {n}."
        for n in range(size)
    ]
