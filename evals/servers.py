"""``python -m evals servers``: how fast questions go to a server, and is the best load found?

``speed``: requests a second against a server that answers at once with 500 bytes, beside a bare
loop over httpx with as many under way, in turn; then what 1,000 requests under way cost in memory
and in time. ``aimd``: servers that work on some questions at once, and how the load that is found
compares with the best fixed one. The servers are processes of their own, on another core if there
is one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evals.servers_fake import BATCH, served
from evolsynth.errors import RequestError
from evolsynth.llm.server.transport import Endpoint, Limits, Transport

__all__ = ["Load", "Speed", "add_options", "run"]

_MEASURES = ("speed", "aimd")
_AT_ONCE = 32
_IN_FLIGHT = 1000
_SECONDS = 2.0
_FIXED = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)
_BODY = {"model": "m", "messages": [{"role": "user", "content": "Name a thing. " * 10}], "seed": 7}


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a second of both arms, round by round, and what 1,000 under way cost: KiB of
    memory a request, and milliseconds that an answer came later than the server sent it."""

    transport: list[float]
    bare_httpx: list[float]
    kib_a_request: float
    added_ms_median: float
    added_ms_p99: float

    @property
    def rate(self) -> float:
        """Requests a second, the median of the rounds."""
        return statistics.median(self.transport)

    @property
    def share(self) -> float:
        """Of the bare loop's requests a second: the median of the rounds' shares."""
        return _share(self.transport, self.bare_httpx)


def _share(ours: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, others, strict=True))


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and what was found: requests a second by fixed number under way, then in turn of
    the best of them and adaptive."""

    server: str
    fixed: dict[int, float]
    beside: list[float]
    found: list[float]
    limits: list[int]
    refused: list[int]

    @property
    def best(self) -> int:
        """The best fixed number."""
        return max(self.fixed, key=self.fixed.__getitem__)

    @property
    def share(self) -> float:
        """Of the best fixed number's throughput: the median of the rounds' shares."""
        return _share(self.found, self.beside)


class _Fake(NamedTuple):
    about: str
    seconds: float
    slots: int
    refused_from: int = 0
    spread: float = 0.0

    @property
    def rate(self) -> float:
        """About how many questions a second it can answer."""
        slots = self.slots if self.slots > 0 else BATCH
        return slots / self.seconds


_SERVERS = (
    _Fake("8 slots, 20 ms", 0.02, 8),
    _Fake("8 slots, about 20 ms", 0.02, 8, 0, 0.8),
    _Fake("1 slot, 20 ms", 0.02, 1),
    _Fake("8 slots, 20 ms, refuses from 12 on", 0.02, 8, 12),
    _Fake("8 slots, 20 ms, refuses from 8 on", 0.02, 8, 8),
    _Fake("32 slots, about 50 ms", 0.05, 32, 0, 0.5),
    _Fake("batching, 40 ms and more", 0.04, -1),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--measure", choices=_MEASURES, default=None, help="only this (default: both)"
    )
    parser.add_argument(
        "--requests",
        type=positive,
        default=3000,
        metavar="N",
        help="in a run for speed (default: 3000)",
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        default=6,
        metavar="N",
        help="about how long a run for aimd takes (default: 6)",
    )
    parser.add_argument(
        "--rounds", type=positive, default=5, metavar="N", help="of each arm (default: 5)"
    )
    parser.add_argument(
        "--url",
        default=None,
        metavar="URL",
        help="aimd on the llama-server that runs there, with --requests in a run, and nothing else",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and tell."""
    check_place(options.json)
    told, watch = told_on(options.json), Watch()
    document: dict[str, Any] = {"machine": msgspec.to_builtins(describe())}
    with _one_core():
        if options.url is not None:
            load = asyncio.run(_real_load(options.url, options.requests, options.rounds))
            document["aimd"] = [msgspec.to_builtins(load)]
            print(_told_load(load), file=told, flush=True)
        else:
            _measured(options, document, told)
    document["others"] = watch.others()
    save(options.json, document)
    return 0


def _measured(options: argparse.Namespace, document: dict[str, Any], told: TextIO) -> None:
    """Both measures, or the one that is asked for, on servers of our own."""
    if options.measure != "aimd":
        speed = asyncio.run(_speed(options.requests, options.rounds))
        document["speed"] = msgspec.to_builtins(speed)
        print(_told_speed(speed), file=told, flush=True)
    if options.measure != "speed":
        document["aimd"] = []
        for fake in _SERVERS:
            load = asyncio.run(_load(fake, options.seconds, options.rounds))
            document["aimd"].append(msgspec.to_builtins(load))
            print(_told_load(load), file=told, flush=True)


class _one_core:  # noqa: N801 - used as a function is
    """This process on one core; what it starts may use the others."""

    def __enter__(self) -> None:
        self._all = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        if len(self._all) > 1:
            os.sched_setaffinity(0, {max(self._all)})

    def __exit__(self, *_: object) -> None:
        if len(self._all) > 1:
            os.sched_setaffinity(0, self._all)


def _told_speed(speed: Speed) -> str:
    bare = statistics.median(speed.bare_httpx)
    return (
        f"{speed.rate:,.0f} requests a second, a bare httpx loop {bare:,.0f}: {speed.share:.0%}; "
        f"{_IN_FLIGHT:,} under way: {speed.kib_a_request:.0f} KiB each, answers "
        f"{speed.added_ms_median:.1f} ms later (p99 {speed.added_ms_p99:.1f} ms)"
    )


def _told_load(load: Load) -> str:
    rate, found = statistics.median(load.beside), statistics.median(load.found)
    return (
        f"{load.server:36} best fixed {rate:7,.1f} a second with {load.best:3} under way; "
        f"found {found:7,.1f} with {statistics.median(load.limits):.0f}: {load.share:.0%}, "
        f"{statistics.median(load.refused):.0f} refused"
    )


# --- speed -----------------------------------------------------------------------------------


async def _speed(requests: int, rounds: int) -> Speed:
    ours: list[float] = []
    bare: list[float] = []
    with _elsewhere(_Fake("", 0.0, 1)) as url:
        for round_ in range(rounds + 1):
            found = await _transport_rate(url, requests, Limits(concurrency=_AT_ONCE), _AT_ONCE)
            beside = await _bare_rate(url, requests)
            if round_:  # the first warms up
                ours.append(found.rate)
                bare.append(beside)
    with _elsewhere(_Fake("", _SECONDS, 1_000_000)) as url:
        kib, added = await _many(url)
    added.sort()
    return Speed(
        transport=ours,
        bare_httpx=bare,
        kib_a_request=kib,
        added_ms_median=statistics.median(added),
        added_ms_p99=added[len(added) * 99 // 100],
    )


class _elsewhere:  # noqa: N801 - used as a function is
    """A server on the cores that this process leaves alone."""

    def __init__(self, fake: _Fake) -> None:
        self._served = served(fake.seconds, fake.slots, fake.refused_from, fake.spread)

    def __enter__(self) -> str:
        own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        others = set(range(os.cpu_count() or 1)) - own
        if others and own:
            os.sched_setaffinity(0, others)
        try:
            return self._served.__enter__()
        finally:
            if others and own:
                os.sched_setaffinity(0, own)

    def __exit__(self, *error: Any) -> None:
        self._served.__exit__(*error)


class _Rate(NamedTuple):
    rate: float
    limit: int
    refused: int


async def _transport_rate(
    url: str, requests: int, limits: Limits, workers: int, *, real: bool = False
) -> _Rate:
    numbers = iter(range(requests))
    transport = Transport([Endpoint(url)], limits=limits)
    await transport.start()
    if real and (slots := (await transport.get("/props")).get("total_slots")):
        transport.begin_at(slots)  # as `Server` does

    def ask() -> Awaitable[Any]:
        if real:
            return transport.post("/completion", _completion(next(numbers)), tokens=80)
        return transport.post("/v1/x", _BODY, tokens=100)

    try:
        seconds = await _timed(ask, requests, workers)
        refused = transport.stats.statuses[429]
        return _Rate(requests / seconds, transport.stats.best_concurrency, refused)
    finally:
        await transport.aclose()


async def _bare_rate(url: str, requests: int) -> float:
    import httpx

    many = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=many, timeout=None, trust_env=False) as client:  # noqa: S113

        async def ask() -> Any:
            reply = await client.post(f"{url}/v1/x", json=_BODY)
            return reply.json()

        return requests / await _timed(ask, requests, _AT_ONCE)


async def _timed(ask: Callable[[], Awaitable[Any]], requests: int, workers: int) -> float:
    """The seconds of so many requests, asked for by some at once, without stopping between."""
    left = iter(range(requests))

    async def work() -> None:
        for _ in left:
            await ask()

    gc.collect()
    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(min(workers, requests))))
    return time.perf_counter() - began


async def _many(url: str) -> tuple[float, list[float]]:
    """KiB of each request of 1,000 under way, and by how many milliseconds answers came later."""
    limits = Limits(concurrency=_IN_FLIGHT)
    transport = Transport([Endpoint(url)], limits=limits)
    await transport.start()
    await transport.post("/v1/x", _BODY)
    gc.collect()
    before = _resident()
    added: list[float] = []

    async def work(number: int) -> None:
        await asyncio.sleep(_SECONDS * number / _IN_FLIGHT)  # evenly, as a server answers
        for nth in range(4):
            began = time.perf_counter()
            await transport.post("/v1/x", _BODY)
            if nth:  # the first opens the connection
                added.append(1000 * (time.perf_counter() - began - _SECONDS))

    workers = asyncio.gather(*(work(number) for number in range(_IN_FLIGHT)))
    await asyncio.sleep(2 * _SECONDS)
    kib = (_resident() - before) / _IN_FLIGHT
    await workers
    await transport.aclose()
    return kib, added


def _resident() -> float:
    """KiB of this process in memory."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    raise RequestError("/proc/self/status tells no VmRSS: measure on Linux.")


# --- the load that is found ------------------------------------------------------------------


def _completion(number: int) -> dict[str, Any]:
    """A question to llama-server: no two alike, answers of many lengths."""
    return {
        "prompt": f"{number}: Write about the number {number * 7919}.",
        "n_predict": 24 + number * 37 % 32,
        "temperature": 0,
        "cache_prompt": False,
        "ignore_eos": True,
    }


async def _real_load(url: str, requests: int, rounds: int) -> Load:
    """The same of a llama-server that runs already."""
    fixed: dict[int, float] = {}
    beside: list[float] = []
    found: list[_Rate] = []
    for number in (1, 2, 4, 6, 8, 12, 16, 32):
        limits = Limits(concurrency=number)
        some = max(2 * number, requests // 3)
        fixed[number] = (await _transport_rate(url, some, limits, 2 * number, real=True)).rate
    best = Limits(concurrency=max(fixed, key=fixed.__getitem__))
    for _ in range(rounds):
        beside.append((await _transport_rate(url, requests, best, 512, real=True)).rate)
        found.append(await _transport_rate(url, requests, Limits(), 512, real=True))
    return Load(
        server=url,
        fixed=fixed,
        beside=beside,
        found=[rate.rate for rate in found],
        limits=[rate.limit for rate in found],
        refused=[rate.refused for rate in found],
    )


async def _load(fake: _Fake, seconds: int, rounds: int) -> Load:
    fixed: dict[int, float] = {}
    beside: list[float] = []
    found: list[_Rate] = []
    requests = int(seconds * fake.rate)
    with _elsewhere(fake) as url:
        for number in _FIXED:
            if fake.refused_from and number > fake.refused_from:
                break
            limits = Limits(concurrency=number)
            some = min(requests, int(seconds * number / fake.seconds))  # few take long
            fixed[number] = (await _transport_rate(url, some, limits, 2 * number)).rate
            rates = list(fixed.values())
            if len(rates) > 4 and max(rates[-3:]) < 1.01 * max(rates[:-3]):
                break  # it becomes no better any more
        best = Limits(concurrency=max(fixed, key=fixed.__getitem__))
        for _ in range(rounds):
            beside.append((await _transport_rate(url, requests, best, 512)).rate)
            found.append(await _transport_rate(url, requests, Limits(), 512))
    return Load(
        server=fake.about,
        fixed=fixed,
        beside=beside,
        found=[rate.rate for rate in found],
        limits=[rate.limit for rate in found],
        refused=[rate.refused for rate in found],
    )
