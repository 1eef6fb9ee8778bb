"""``python -m evals scale --workers 1,2,4,8,16``: how a run's rate grows with Ray's workers.

A worker's model is a script that takes as long for an answer as SmolLM2 does on one processor with
eight answers at once, so that a machine of two processors can hold sixteen workers; what is
measured is all the rest: the plan, the store, and what goes between them and the workers. As many
rows for each worker, and the time counts from when all workers are there.

With ``--engine`` the model is SmolLM2: two workers of one processor each beside one process with
two contexts, in turn.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from evals.machine import Watch, describe
from evolsynth.cluster.pool import Pool
from evolsynth.cluster.settings import Ray
from evolsynth.errors import SetupError
from evolsynth.llm.base import LLM, Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import Pipeline, gate, magpie
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.run import run as run_pipeline
from evolsynth.rows import derive_seed

__all__ = ["Workers", "engines", "one", "paced", "workers"]

_AT_ONCE = 8
#: Seconds for an answer: 8 at once in 2 to 6 s are two a second.
_LATENCY = (2.0, 6.0)


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """A run with so many workers. ``processor_seconds`` and MiB are of the run's own process."""

    workers: int
    rows: int
    seconds: float
    processor_seconds: float
    memory_at_start: float
    memory_at_most: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def paced() -> LLM:
    """A model that takes its time."""
    return Scripted(
        lambda _: "so many words that are said",
        delay=lambda request: random.Random(request.seed).uniform(*_LATENCY),  # noqa: S311 - times
        concurrency=_AT_ONCE,
        remember=False,
    )


def at_once() -> LLM:
    """A model that answers at once."""
    return Scripted(lambda _: "so many words", concurrency=64, remember=False)


def workers(
    counts: Sequence[int], each: int, told: TextIO, shards: int | None = None
) -> dict[str, Any]:
    """Measure each number of workers, a process of its own for each; with ``shards``, of runs with
    a gate that compares rows with what so many processes keep."""
    found, watch = [], Watch()
    for count in counts:
        figures = msgspec.convert(_child(count, each * count, shards), Workers)
        found.append(figures)
        first = found[0]
        efficiency = figures.rate / figures.workers / (first.rate / first.workers)
        print(
            f"{count:>3} workers, {figures.rows:>6,} rows: {figures.seconds:6.1f} s, "
            f"{figures.rate:7.2f} rows/s, efficiency {efficiency:.3f}; the run's process: "
            f"{figures.processor_seconds:.1f} s of processor, "
            f"{figures.memory_at_most - figures.memory_at_start:.1f} MiB above start",
            file=told,
            flush=True,
        )
    return {
        "machine": msgspec.to_builtins(describe()),
        "others": watch.others(),
        "workers": msgspec.to_builtins(found),
    }


def _child(count: int, rows: int, shards: int | None) -> Any:
    command = [sys.executable, "-m", "evals", "scale", "--one", "--workers", str(count)]
    command += [] if shards is None else ["--gate-shards", str(shards)]
    done = subprocess.run(  # noqa: S603
        [*command, "--rows", str(rows)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SetupError(f"The run with {count} workers failed: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def one(count: int, rows: int, *, pace: bool = True, shards: int | None = None) -> dict[str, Any]:
    """A run with so many workers, in this process."""
    return asyncio.run(_one(count, rows, pace=pace, shards=shards))


async def _one(count: int, rows: int, *, pace: bool, shards: int | None) -> dict[str, Any]:
    import ray

    ray.init(
        "local", num_cpus=count, include_dashboard=False, log_to_driver=False,
        object_store_memory=256 << 20,
    )  # fmt: skip
    make = paced if pace else at_once
    on = Ray(models={"script": make}, workers=count, shards=shards)
    pool = Pool(on)
    with tempfile.TemporaryDirectory(prefix="evals-workers-") as place:
        async with pool.engines({"model": "script"}, make()) as llm:
            await pool.begun(count)
            start = _resident()
            began, before = time.perf_counter(), time.process_time()
            # the script is at the workers already; what the gate keeps goes where `on` says
            options = RunOptions(
                llm=llm,
                embedder=None if shards is None else "static",
                report=False,
                signals=False,
                on=None if shards is None else on,
            )
            result = await run_pipeline(_line(rows, gated=shards is not None), place, options)
            seconds, used = time.perf_counter() - began, time.process_time() - before
    if result.accepted != rows:
        raise SetupError(f"{result.accepted} of {rows} rows came out.")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return msgspec.to_builtins(  # type: ignore[no-any-return]
        Workers(
            workers=count,
            rows=rows,
            seconds=round(seconds, 2),
            processor_seconds=round(used, 2),
            memory_at_start=round(start, 1),
            memory_at_most=round(most, 1),
        )
    )


def _line(rows: int, *, gated: bool) -> Pipeline:
    from evals.scale import ask, numbers

    line = numbers(rows) >> ask(column="first")
    return (line >> gate() if gated else line).using(name="workers")


def _resident() -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


# The engine --------------------------------------------------------------------------------------


def engines(rows: int, times: int, told: TextIO) -> dict[str, Any]:
    """One process with two contexts, and two workers, in turn."""
    watch = Watch()
    found: dict[str, list[float]] = {"one process, two contexts": [], "two workers": []}
    for turn in range(times):
        for name, values in found.items():
            rate = asyncio.run(_engine(rows, turn, on_ray=name == "two workers"))
            values.append(round(rate, 3))
            print(f"{name}: {rate:.2f} rows/s", file=told, flush=True)
    own, theirs = (statistics.median(values) for values in found.values())
    print(f"two workers make {theirs / own:.3f} times the rows (medians)", file=told)
    return {
        "machine": msgspec.to_builtins(describe()),
        "others": watch.others(),
        "rates": found,
        "ratio": round(theirs / own, 3),
    }


async def _engine(rows: int, seed: int, *, on_ray: bool) -> float:
    """Rows a second of Magpie with answers."""
    own = LlamaCpp(contexts=2, threads=1)
    pool = Pool(Ray(workers=2))
    llm = pool.engines({"model": own.name}, LlamaCpp()) if on_ray else own
    async with llm:
        if on_ray:
            await pool.begun(2)
        await _warm(llm)
        line = magpie(n=rows, only_instruction=False).using(name="engine", seed=seed)
        options = RunOptions(llm=llm, embedder=None, report=False, signals=False, breaker=0)
        began = time.perf_counter()
        await run_pipeline(line, None, options)
        seconds = time.perf_counter() - began
    return rows / seconds


async def _warm(llm: LLM) -> None:
    asked = (
        Request(
            prompt=Prompt.of("Once upon a time"), seed=derive_seed(1, "warm", str(n)), max_tokens=8
        )
        for n in range(64)
    )
    await asyncio.gather(*(llm.complete(request) for request in asked))
