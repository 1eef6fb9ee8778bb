"""``python -m evals endurance``: thousands of short requests through one engine.

Does it grow slower, keep memory, or leave threads behind? Requests of every sort, some of them
cancelled, go through with a bounded number under way. Each block of 20 has the same sorts and
lengths, so that the first part of a run and the last are the same work.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM, Prompt, Request, Sampling
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp

__all__ = ["Endurance", "add_options", "endure", "rate_of_parts", "run"]

WARMUP = 200
_BLOCK = 20  # requests in which every sort appears
_SHARED = (
    "Name what is asked for, in one word.\n\nAn animal with black and white stripes: zebra\n",
    "Finish each sentence simply.\n\nThe sun rises in the east.\nBread is made from flour.\n",
    "Give a short title.\n\nText: Rain fell for nine days and the bridge was lost.\nTitle: Flood\n",
    "",
)
_THINGS = ("a river", "an old clock", "snow", "a loud market", "bread", "the moon", "a lost key")


class Endurance(msgspec.Struct, frozen=True, kw_only=True):
    """What a run showed. Rates are requests a second; memory is in MiB.

    Threads are counted before the engine was started, after the warm-up, at the end, and after
    the engine was closed.
    """

    requests: int
    cancelled: int
    scored: int
    stopped: int
    seconds: float
    first_rate: float
    last_rate: float
    memory_after_warmup: float
    memory_at_end: float
    threads: tuple[int, int, int, int]

    @property
    def last_to_first(self) -> float:
        """The rate of the last tenth as a part of that of the first."""
        return self.last_rate / self.first_rate

    @property
    def growth(self) -> float:
        """MiB that the process grew by after the warm-up."""
        return self.memory_at_end - self.memory_after_warmup


class _Tally:
    """What came back, and when."""

    def __init__(self) -> None:
        self.ended: list[float] = []
        self.cancelled = self.scored = self.stopped = 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "-n", type=positive, default=5000, metavar="N", help="requests (default: 5000)"
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="FILE|NAME",
        help=f"a .gguf file or a name of the catalogue (default: {DEFAULT_MODEL})",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, and show it."""
    if options.n < _BLOCK:
        raise InputError(f"-n is {options.n}: it must be at least {_BLOCK}, one of every sort.")
    check_place(options.json)
    machine = describe()
    threads = _threads()
    engine = LlamaCpp(options.model)
    found = asyncio.run(_through(engine, options.n, threads))
    told = told_on(options.json)
    print(f"{machine.cpu}, {machine.threads} used; {engine.name}", file=told)
    print(_shown(found), file=told)
    result = {**msgspec.to_builtins(found), "growth": found.growth}
    save(options.json, {"machine": msgspec.to_builtins(machine), "endurance": result})
    return 0


async def _through(engine: LlamaCpp, n: int, threads_before: int) -> Endurance:
    async with engine:
        found = await endure(engine, n, threads_before)
    return msgspec.structs.replace(found, threads=(*found.threads[:3], _threads()))


async def endure(llm: LlamaCpp, n: int, threads_before: int = 0, warmup: int = WARMUP) -> Endurance:
    """Put ``warmup`` requests through a running engine, then ``n`` more that count."""
    await _put_through(llm, range(warmup), _Tally())
    gc.collect()
    memory, threads = _memory(), _threads()
    tally = _Tally()
    began = time.perf_counter()
    await _put_through(llm, range(warmup, warmup + n), tally)
    seconds = time.perf_counter() - began
    gc.collect()
    first, last = rate_of_parts(began, tally.ended)
    return Endurance(
        requests=len(tally.ended),
        cancelled=tally.cancelled,
        scored=tally.scored,
        stopped=tally.stopped,
        seconds=seconds,
        first_rate=first,
        last_rate=last,
        memory_after_warmup=memory,
        memory_at_end=_memory(),
        threads=(threads_before, threads, _threads(), 0),
    )


def rate_of_parts(began: float, ended: Sequence[float], part: float = 0.1) -> tuple[float, float]:
    """Ends a second in the first and in the last ``part`` of them, from the times of the ends."""
    times = sorted(ended)
    count = max(1, int(len(times) * part))
    before_last = times[-count - 1] if len(times) > count else began
    return count / (times[count - 1] - began), count / (times[-1] - before_last)


async def _put_through(llm: LlamaCpp, numbers: range, tally: _Tally) -> None:
    """Have as many under way as the engine finds worth having, never more."""
    waiting: Iterator[int] = iter(numbers)
    async with asyncio.TaskGroup() as lanes:
        for _ in range(llm.concurrency):
            lanes.create_task(_lane(llm, waiting, tally))


async def _lane(llm: LLM, waiting: Iterator[int], tally: _Tally) -> None:
    for number in waiting:
        sort = number % _BLOCK
        if sort in (3, 11):
            await _score(llm, number)
            tally.scored += 1
        elif sort == 7:
            tally.cancelled += await _cancel(llm, number)
        else:
            stop = (".", "\n") if sort in (5, 15) else ()
            completion = await llm.complete(_request(number, stop))
            tally.stopped += bool(stop) and completion.finish_reason == "stop"
        tally.ended.append(time.perf_counter())


def _prompt(number: int) -> Prompt:
    shared = _SHARED[number % len(_SHARED)]
    thing = _THINGS[number % len(_THINGS)]
    return Prompt.of(f"\nNumber {number}, about {thing}:", shared=shared)


def _request(number: int, stop: tuple[str, ...] = ()) -> Request:
    """From 4 to 12 tokens, or until a stop string."""
    tokens = 4 + number % _BLOCK % 9
    return Request(
        prompt=_prompt(number),
        seed=number,
        max_tokens=tokens,
        min_tokens=0 if stop else tokens,
        sampling=Sampling(temperature=0.8),
        stop=stop,
    )


async def _score(llm: LLM, number: int) -> None:
    score = await llm.score(_prompt(number), f" it was {_THINGS[number % len(_THINGS)]}.")
    if not score.logprobs:
        raise AssertionError(f"Request {number} was scored without a single log-probability.")


async def _cancel(llm: LLM, number: int) -> bool:
    """Ask for more than there is time for, and change one's mind; whether that was in time."""
    long = msgspec.structs.replace(_request(number), max_tokens=200, min_tokens=200)
    task = asyncio.create_task(llm.complete(long))
    await asyncio.sleep(number % 7 * 0.01)
    task.cancel()
    return isinstance(
        (await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError
    )


def _memory() -> float:
    """Resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _shown(found: Endurance) -> str:
    sorts = f"{found.cancelled} cancelled, {found.scored} scored, {found.stopped} stopped by text"
    lines = (
        ("requests", f"{found.requests} in {found.seconds:.1f} s ({sorts})"),
        ("first tenth", f"{found.first_rate:.2f} a second"),
        ("last tenth", f"{found.last_rate:.2f} a second, {found.last_to_first:.3f} of the first"),
        (
            "memory",
            f"{found.memory_after_warmup:.1f} MiB after {WARMUP}, {found.growth:+.1f} since",
        ),
        ("threads", " / ".join(map(str, found.threads)) + " before / warm / at the end / closed"),
    )
    return "\n".join(f"{name:12}{text}" for name, text in lines)
