"""``python -m evals self-instruct``: how many attempts of the bootstrap loop give a new task.

Whether those are good is for a reader: ``--dump`` writes every attempt with its reasons.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.atomic import writing
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.self_instruct.pool import SeedTask, read_seeds
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.prompts import PromptFamily
from evolsynth.rows import Row

__all__ = ["Yield", "add_options", "measure", "run"]


class Yield(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of the loop came to. ``reasons`` are first reasons of rejected rows; ``openings``
    is the largest share of accepted tasks that begin with the same three words."""

    attempts: int
    accepted: int
    rejected: int
    failed: int
    with_input: int
    classifications: int
    reasons: dict[str, int]
    openings: float
    requests: int
    tokens: int
    seconds: float

    @property
    def share(self) -> float:
        """Accepted tasks of attempts."""
        return self.accepted / max(self.attempts, 1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("-n", type=positive, default=100, metavar="N", help="tasks (100)")
    parser.add_argument("--seeds", metavar="FILE", help="seed tasks (default: those that ship)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL")
    parser.add_argument("--prompts", choices=("small", "classic"), help="default: by size")
    parser.add_argument("--dump", type=Path, metavar="FILE", help="write every attempt there")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    seeds = None if options.seeds is None else read_seeds(options.seeds)
    machine, watch, told = describe(), Watch(), told_on(options.json)
    found, rows = asyncio.run(
        _measured(options.model, options.n, options.seed, seeds, options.prompts)
    )
    if options.dump is not None:
        with writing(str(options.dump)) as write:
            for row in rows:
                write(row.to_json() + "\n")
    print(f"{machine.cpu}; {options.model}, seed {options.seed}", file=told)
    print(
        f"{found.accepted} accepted of {found.attempts} attempts ({found.share:.1%}); "
        f"{found.rejected} rejected, {found.failed} failed",
        file=told,
    )
    print(
        f"of the accepted {found.with_input} with an input, {found.classifications} "
        f"classifications; most alike openings (3 words) {found.openings:.1%}",
        file=told,
    )
    each = max(found.accepted, 1)
    print(
        f"per accepted task: {found.requests / each:.1f} requests, {found.tokens / each:.0f} tokens"
        f", {found.seconds / each:.2f} s (others used {watch.others() or 0.0:.0%})",
        file=told,
    )
    for reason, count in sorted(found.reasons.items(), key=lambda one: -one[1]):
        print(f"  {reason:22}{count:5}", file=told)
    figures = msgspec.to_builtins(found) | {"share": found.share, "seed": options.seed}
    save(options.json, {"machine": msgspec.to_builtins(machine), **figures})
    return 0


async def _measured(
    model: str, n: int, seed: int, seeds: tuple[SeedTask, ...] | None, prompts: PromptFamily | None
) -> tuple[Yield, list[Row]]:
    async with LlamaCpp(model) as llm:
        return await measure(llm, n=n, seed=seed, seeds=seeds, prompts=prompts)


async def measure(
    llm: LLM,
    *,
    n: int,
    seed: int,
    seeds: tuple[SeedTask, ...] | None = None,
    prompts: PromptFamily | None = None,
) -> tuple[Yield, list[Row]]:
    """Run the loop until ``n`` tasks are accepted: figures and all rows."""
    began, rows = time.perf_counter(), []
    async for row in bootstrap_tasks(llm, n=n, seed=seed, seeds=seeds, prompts=prompts):
        rows.append(row)
        if len(rows) % 50 == 0:
            print(f"{len(rows)} attempts", file=sys.stderr, flush=True)
    good = [row for row in rows if row.status == "accepted"]
    reasons = Counter(row.verdict.reasons[0] for row in rows if row.verdict and row.settled)
    heads = Counter(" ".join(str(row.instruction).split()[:3]) for row in good)
    ended = sum(row.failure is not None and row.failure.error == "Shortfall" for row in rows)
    return (
        Yield(
            attempts=len(rows) - ended,
            accepted=len(good),
            rejected=sum(row.status == "rejected" for row in rows),
            failed=sum(row.status == "failed" for row in rows) - ended,
            with_input=sum(bool(row.extra["input"]) for row in good),
            classifications=sum(bool(row.extra["is_classification"]) for row in good),
            reasons=dict(reasons),
            openings=max(heads.values(), default=0) / max(len(good), 1),
            requests=llm.usage.requests,
            tokens=llm.usage.completion_tokens,
            seconds=time.perf_counter() - began,
        ),
        rows,
    )
