"""``python -m evals scale``: a million rows through three steps, each of which asks a model.

The model is a script that answers at once, so what is measured is the pipeline: its streams, its
accounts, its store, its files. Each size runs in a process of its own, into a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import SetupError
from evolsynth.llm.base import LLM, Prompt, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import Pipeline, generate, generate_rows, respond, step
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.run import run as run_pipeline
from evolsynth.rows import Row, derive_seed

__all__ = ["Scale", "add_options", "run"]

_STEPS = 3
_WIDTH = 64
_PACED = 50_000  # rows from which on a script answers at once: then memory is what is looked at


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """A run of one size. ``microseconds`` are of processor time, of one row at one step, with
    everything in it: the script's answer, the store, the files. Memory in MiB."""

    steps: str
    rows: int
    seconds: float
    processor_seconds: float
    microseconds: float
    memory_at_start: float
    memory_at_most: float
    store_mib: float

    @property
    def growth(self) -> float:
        """MiB above the start."""
        return self.memory_at_most - self.memory_at_start


@step
async def numbers(n: int) -> AsyncIterator[Row]:
    """N rows with a number each."""
    for number in range(n):
        yield Row.make(f"Say something about the number {number}.", key=str(number))


@step
async def ask(row: Row, llm: LLM, seed: int, column: str) -> Row:
    """Ask the model for one more text."""
    request = Request(
        prompt=Prompt.of(f"{row.instruction} {column}"),
        seed=derive_seed(seed, column, row.id),
        max_tokens=16,
    )
    completion = await llm.complete(request)
    return row.replace(extra={**row.extra, column: completion.text})


def _plain(n: int) -> Pipeline:
    return numbers(n) >> ask(column="first") >> ask(column="second") >> ask(column="third")


def _methods(n: int) -> Pipeline:
    made = generate_rows(n=n, prompt="Name a thing.")
    return made >> generate(prompt="Two of {{ instruction }}", output="two") >> respond()


_PIPELINES = {"plain": _plain, "methods": _methods}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--rows", type=positive, default=1_000_000, metavar="N", help="default: 1000000"
    )
    parser.add_argument(
        "--steps",
        choices=tuple(_PIPELINES),
        default="plain",
        help="steps that only ask, or methods with their prompts and templates (default: plain)",
    )
    parser.add_argument(
        "--workers",
        type=lambda text: [positive(part) for part in text.split(",")],
        metavar="N,N",
        help="numbers of Ray's workers to compare, at --each rows for each, with a script that "
        "takes its time",
    )
    parser.add_argument(
        "--each", type=positive, default=120, metavar="N", help="rows of a worker (default: 120)"
    )
    parser.add_argument(
        "--gate-shards",
        type=int,
        metavar="N",
        help="of --workers: a gate compares rows with what N processes keep, 0 with the run's own",
    )
    parser.add_argument(
        "--engine",
        action="store_true",
        help="two workers with SmolLM2 beside one process with two contexts, --times in turn, "
        "--each rows",
    )
    parser.add_argument("--times", type=positive, default=3, metavar="N", help="default: 3")
    parser.add_argument(
        "--kills",
        type=positive,
        metavar="N",
        help="runs on a cluster on this machine whose workers, nodes and own process are killed",
    )
    parser.add_argument(
        "--hosts",
        type=positive,
        metavar="N",
        help="hosts with networks, processes and places of their own (needs root), of which one is "
        "lost, at --each rows in all",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of --kills (default: 1)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run a tenth, a quarter and all of the rows."""
    if options.workers or options.engine or options.kills or options.hosts:
        return _with_ray(options)
    if options.one:
        print(json.dumps(_one(options.steps, options.rows)))
        return 0
    check_place(options.json)
    told, watch = told_on(options.json), Watch()
    found = []
    for part in (10, 4, 1):
        rows = max(1, options.rows // part)
        figures = msgspec.convert(_child(options.steps, rows), Scale)
        found.append(figures)
        print(
            f"{figures.rows:>9,} rows, {figures.steps}: {figures.seconds:8.1f} s, "
            f"{figures.microseconds:6.1f} us a row and step, {figures.growth:6.1f} MiB above "
            f"start ({figures.memory_at_start:.0f}), store {figures.store_mib:,.0f} MiB",
            file=told,
            flush=True,
        )
    first, last = found[0].microseconds, found[-1].microseconds
    print(f"all rows cost {last / first:.2f} times as much each as a tenth of them", file=told)
    others = watch.others()
    save(
        options.json,
        {
            "machine": msgspec.to_builtins(describe()),
            "others": others,
            "sizes": msgspec.to_builtins(found),
        },
    )
    return 0


def _with_ray(options: argparse.Namespace) -> int:
    from evals.scale_workers import engines, one, workers

    if options.one:
        paced = options.rows < _PACED
        print(
            json.dumps(
                one(options.workers[0], options.rows, pace=paced, shards=options.gate_shards)
            )
        )
        return 0
    check_place(options.json)
    told = told_on(options.json)
    if options.kills:
        from evals.scale_kills import kills

        found = kills(options.kills, options.seed, told)
        save(options.json, found)
        return 1 if found["wrong"] else 0
    if options.hosts:
        from evals.scale_hosts import hosts

        found = hosts(options.hosts, options.each, told)
        save(options.json, found)
        return 1 if found["wrong"] else 0
    if options.engine:
        save(options.json, engines(options.each, options.times, told))
    else:
        save(options.json, workers(options.workers, options.each, told, options.gate_shards))
    return 0


def _child(steps: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "evals", "scale", "--one"]
    command += ["--steps", steps, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SetupError(f"The run of {rows} rows failed: {done.stderr.strip()[-500:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _one(steps: str, rows: int) -> dict[str, Any]:
    llm = Scripted(lambda _: "so many words", concurrency=_WIDTH, remember=False)
    pipeline = _PIPELINES[steps](rows)
    with tempfile.TemporaryDirectory(prefix="evals-scale-") as place:
        start = _memory("VmRSS")
        began, before = time.perf_counter(), time.process_time()
        options = RunOptions(llm=llm, embedder=None, report=False, concurrency=_WIDTH)
        result = asyncio.run(run_pipeline(pipeline, place, options))
        seconds, used = time.perf_counter() - began, time.process_time() - before
        if result.accepted != rows:
            raise SetupError(f"{result.accepted} of {rows} rows came out.")
        store = sum(file.stat().st_size for file in Path(place).glob("run.sqlite*"))
    return msgspec.to_builtins(  # type: ignore[no-any-return]
        Scale(
            steps=steps,
            rows=rows,
            seconds=round(seconds, 1),
            processor_seconds=round(used, 1),
            microseconds=round(used / rows / _STEPS * 1e6, 1),
            memory_at_start=round(start, 1),
            memory_at_most=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            store_mib=round(store / 2**20, 1),
        )
    )


def _memory(name: str) -> float:
    """MiB by the kernel's account."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
