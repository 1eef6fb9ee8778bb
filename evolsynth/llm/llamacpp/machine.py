"""The machine: what this process may use of it, and how to spread the processors.

A container's limits are included: control groups (version 1 or 2) limit processors and memory, each
for itself and for the groups in it.

How to spread: many contexts of one thread, or few of many, whichever is faster. Small models gain
little from threads that share a decode step and wait for each other at each of its hundreds of
operations; large ones are read from memory once for all threads. Where the line runs depends on the
machine, so it is measured at the first use of a model, in five seconds at most, and remembered.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from evolsynth.atomic import cache_folder, locked, written
from evolsynth.doing import doing
from evolsynth.errors import EngineError, InputError
from evolsynth.llm.llamacpp.context import LARGE, Context
from evolsynth.llm.llamacpp.model import llama

if TYPE_CHECKING:
    from evolsynth.llm.llamacpp.model import Model

__all__ = ["UNKNOWN", "Arrangement", "Reading", "arrangement", "available_memory"]
__all__ += [
    "available_threads",
    "candidates",
    "fingerprint",
    "flash_is_faster",
    "measure",
    "processors",
    "remembered",
]

UNKNOWN = 2**63  #: bytes available where nothing says how many: enough for anything
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available_threads() -> int:
    """Threads to compute on: ``$EVOLSYNTH_THREADS``, else the `processors`.

    Raises:
        InputError: the variable is no positive whole number.
    """
    given = os.environ.get("EVOLSYNTH_THREADS", "").strip()
    if not given:
        return processors()
    if not given.isdecimal() or int(given) == 0:
        raise InputError(f"EVOLSYNTH_THREADS is '{given}'. Set it to a whole number from 1.")
    return int(given)


def processors(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Processors that the scheduler lets this process run on, and no more than a container's
    quota pays for, rounded up."""
    if sys.platform == "linux":
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return min([allowed, *_quotas(proc, groups)])


def _quotas(proc: Path, groups: Path) -> Iterator[int]:
    for folder in _own_groups(proc, groups, "cpu"):
        first = (*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us"))
        for found in (_words(folder / "cpu.max"), first):
            if len(found) == 2 and all(map(str.isdecimal, found)):  # not "max", not -1
                quota, period = map(int, found)
                yield max(1, -(-quota // max(1, period)))


def available_memory(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Bytes that this process can still take: what the machine and each control group it is in
    have left; `UNKNOWN` where neither says so."""
    machine = dict(_pairs(proc / "meminfo")).get("MemAvailable:", UNKNOWN // 1024) * 1024
    return min([machine, *_left(proc, groups)])


def _left(proc: Path, groups: Path) -> Iterator[int]:
    """What each group has left; caches can be dropped."""
    for folder in _own_groups(proc, groups, "memory"):
        for limit, used, caches in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            numbers = [*_words(folder / limit)[:1], *_words(folder / used)[:1]]
            if len(numbers) == 2 and all(map(str.isdecimal, numbers)):  # not "max"
                dropped = dict(_pairs(folder / "memory.stat")).get(caches, 0)
                yield max(0, int(numbers[0]) - int(numbers[1]) + dropped)


def _own_groups(proc: Path, root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in, and of those that hold them."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # A line is number:controllers:group. Version 2 has one hierarchy, without controllers.
    fields = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    own = {kinds: group for _, kinds, group in fields}
    v1 = next((group for kinds, group in own.items() if controller in kinds.split(",")), "/")
    for top, group in ((root, own.get("", "/")), (root / controller, v1)):
        folder = top / group.strip("/")
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _words(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return ()


def _pairs(file: Path) -> Iterator[tuple[str, int]]:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[1].isdecimal():
            yield words[0], int(words[1])


_TOKENS, _PROMPT, _STEPS, _MOST_ROUNDS = 64, 32, 6, 4
_SECONDS = 4.5  # that all of it may take, on a busy machine too, but for what contexts take to make
_QUIET = 0.93  # the share that a reading must have had to count as undisturbed
_ANEW = 2  # so often it is measured where other programs disturbed it
_NEAR = 0.97  # of the best rate: as good, for one look of some tenths of a second
_log = logging.getLogger("evolsynth.llamacpp")
K = TypeVar("K")
_BEHIND, _BLOCK, _LOOKS, _CLEARLY = 240, 12, 5, 0.8  # see `flash_is_faster`


class Arrangement(msgspec.Struct, frozen=True, order=True):
    """So many contexts side by side, each computing on so many threads."""

    contexts: int
    threads: int

    def __str__(self) -> str:
        return f"{self.contexts} x {self.threads}"


class Reading(NamedTuple):
    """Tokens a second, and the least share of the time for which a context's thread had a
    processor: less than 1 where other programs ran too (known for contexts of one thread)."""

    rate: float
    share: float


class _Measured(msgspec.Struct, frozen=True):
    """What was found once: the choice, and tokens a second for each that was tried; how often it
    was measured while other programs ran, 0 where none disturbed it."""

    chosen: Arrangement
    rates: dict[str, float]
    disturbed: int = 0


def candidates(processors: int, most_contexts: int = 64) -> tuple[Arrangement, ...]:
    """The arrangements worth trying on so many processors, those with most contexts first."""
    sizes = {1 << power for power in range(processors.bit_length())} | {processors}
    return tuple(
        Arrangement(processors // threads, threads)
        for threads in sorted(sizes)
        if threads <= processors and processors // threads <= most_contexts
    ) or (Arrangement(1, processors),)


def arrangement(
    model: Model, *, identity: str, slots: int, processors: int, most_contexts: int = 64
) -> Arrangement:
    """The fastest arrangement for decoding ``slots`` sequences in each context.

    Measured within seconds at the first use and kept in the cache folder, by `fingerprint`. Where
    other programs disturbed that, it is good enough to go by, and measured once more at a later
    start, when the machine is quiet.

    Args:
        identity: names the weights: the source file's hash and the quantisation.
        most_contexts: how many there is memory for.
    """
    choices = candidates(processors, most_contexts)
    if len(choices) == 1:
        return choices[0]
    key = fingerprint(identity, slots=slots, processors=processors)
    known = _load().get(key)
    if known is not None and known.chosen in choices:
        again = 0 < known.disturbed < _ANEW and _quiet(processors)
        if not again:
            return known.chosen
    with doing("measuring how to spread the processors, once"):
        readings = measure(model, choices, slots=slots)
    chosen = choose(readings)
    _log.info("measured %s: %s contexts x threads", readings, chosen)
    disturbed = any(reading.share < _QUIET for reading in readings.values())
    times = (known.disturbed if known is not None else 0) + 1 if disturbed else 0
    rates = {str(a): round(reading.rate, 1) for a, reading in readings.items()}
    _remember(key, _Measured(chosen, rates, times))
    return chosen


class _Attention(msgspec.Struct, frozen=True):
    """What was found once: milliseconds of 12 tokens behind 240."""

    flash: float
    plain: float


def flash_is_faster(model: Model, *, identity: str) -> bool:
    """Whether attention is computed as llama.cpp's flash attention, or as products of matrices.

    They differ in last bits, so the choice must not hang on chance: it is measured in some three
    seconds at the first use of a small model on a machine, with one thread and the best of five,
    kept in the cache folder, and flash attention is left only where the other takes less than 0.8
    of its time. Of 12 tokens behind 240 that was 0.4 on a Xeon (Sapphire Rapids); on Zen 4 flash
    attention is the faster. Of models of a billion parameters and more attention is a small part.

    Args:
        identity: names the weights.
    """
    if model.parameters >= LARGE:
        return True
    key, place = fingerprint(identity, slots=0, processors=1), cache_folder() / "attention.json"
    found: _Attention | None = None
    try:
        with locked(place):
            known = _kept(place, _Attention)
            found = known.get(key)
            if found is None:
                with doing("measuring how to compute attention, once"):
                    found = _attention(model)
                _log.info("measured %s", found)
                _write(place, known | {key: found})
    except OSError as error:  # it is measured again next time
        _log.warning("the way of attention cannot be kept in %s (%s)", place, error.strerror)
    if found is None:
        found = _attention(model)
    return found.plain >= _CLEARLY * found.flash


def _attention(model: Model) -> _Attention:
    best = {True: float("inf"), False: float("inf")}
    contexts: dict[bool, Context] = {}
    try:
        for flash in best:
            contexts[flash] = Context(model, sequences=2, tokens=256, threads=1, flash=flash)
            contexts[flash].read(0, (0,) * _BEHIND, 0)
        for _ in range(_LOOKS):
            for flash, context in contexts.items():
                began = time.perf_counter()
                context.read(0, (0,) * _BLOCK, _BEHIND)
                best[flash] = min(best[flash], time.perf_counter() - began)
                context.clear(0, _BEHIND)
    finally:
        for context in contexts.values():
            context.close()
    return _Attention(*(round(1000 * best[flash], 2) for flash in (True, False)))


def _quiet(processors: int) -> bool:
    """Whether next to nothing ran on the machine in the last minute."""
    try:
        return os.getloadavg()[0] < 0.25 * processors
    except (AttributeError, OSError):  # not on every system
        return False


def choose(readings: Mapping[Arrangement, Reading]) -> Arrangement:
    """The one with most contexts among those about as fast as the fastest: while one of them
    reads a prompt, the others go on."""
    best = max(reading.rate for reading in readings.values())
    return max(a for a, reading in readings.items() if reading.rate >= _NEAR * best)


def measure(
    model: Model, choices: Sequence[Arrangement], *, slots: int
) -> dict[Arrangement, Reading]:
    """Each arrangement's fastest reading of at least two, taken in turn; of more, where other
    programs kept the processors from it, and of fewer where time runs out."""
    best = dict.fromkeys(choices, Reading(0.0, 0.0))
    end = time.perf_counter() + _SECONDS
    for number in range(_MOST_ROUNDS):
        for left, choice in zip(range(len(choices), 0, -1), choices, strict=True):
            now = time.perf_counter()
            if now < end:
                until = end if number else now + (end - now) / left
                best[choice] = max(best[choice], _read(model, choice, slots, until))
        if number > 0 and all(reading.share >= _QUIET for reading in best.values()):
            break
    return best


def _read(model: Model, choice: Arrangement, slots: int, until: float) -> Reading:
    contexts: list[Context] = []
    try:
        for _ in range(choice.contexts):
            contexts.append(Context(model, sequences=slots, tokens=_TOKENS, threads=choice.threads))
            contexts[-1].give_up_at(until)
        ready = threading.Barrier(choice.contexts)
        with ThreadPoolExecutor(choice.contexts) as pool:
            work = functools.partial(_work, slots=slots, ready=ready, until=until)
            began, ended, shares, steps = zip(*pool.map(work, contexts), strict=True)
        # Threads that share a step wait for each other too: there the share says nothing, but
        # that of a machine on which they came to no end.
        share = min(shares) if choice.threads == 1 or not all(steps) else 1.0
        return Reading(slots * sum(steps) / (max(ended) - min(began)), share)
    finally:
        for context in contexts:
            context.close()


def _work(
    context: Context, *, slots: int, ready: threading.Barrier, until: float
) -> tuple[float, float, float, int]:
    """Read a prompt, then decode some steps of all sequences, as many as there is time for until
    ``until``: when that began, when it ended, this thread's share of a processor, and the steps.

    The first computing is done here too, not in another thread: see `Worker.start`.
    """
    steps = 0
    with suppress(EngineError):  # given up: the time is over
        try:
            context.warm_up()
        finally:
            ready.wait()
        began, used = time.perf_counter(), time.thread_time()
        ended, computed = began + 1.0, used  # where not one step is done
        try:
            context.read(0, (0,) * _PROMPT, 0)
            while steps < _STEPS and (not steps or time.perf_counter() < until):
                positions = (_PROMPT + steps, *(steps,) * (context.sequences - 1))
                context.step((0,) * context.sequences, positions)
                steps += 1
                ended, computed = time.perf_counter(), time.thread_time()
        except EngineError:  # what was under way does not count
            pass
        return began, ended, (computed - used) / (ended - began), steps
    now = time.perf_counter()
    return now - 1.0, now, 0.0, 0


def fingerprint(identity: str, *, slots: int, processors: int) -> str:
    """What the choice depends on: processor, llama.cpp's build, weights, slots, processors."""
    native = llama()
    facts = (
        _processor(),
        str(native.__version__),
        native.llama_print_system_info().decode("utf-8", "replace"),
        identity,
        str(slots),
        str(processors),
    )
    return hashlib.blake2b("\n".join(facts).encode(), digest_size=12).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return next((line for line in lines if line.startswith("model name")), platform.machine())


def remembered(key: str) -> Arrangement | None:
    """What was measured before, if it was."""
    found = _load().get(key)
    return found.chosen if found is not None else None


def _load() -> dict[str, _Measured]:
    return _kept(_place(), _Measured)


def _kept(place: Path, kind: type[K]) -> dict[str, K]:
    try:
        return msgspec.json.decode(place.read_bytes(), type=dict[str, kind])  # type: ignore[valid-type]
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("%s cannot be used and is made anew (%s)", place, error)
        return {}


def _remember(key: str, found: _Measured) -> None:
    place = _place()
    try:
        with locked(place):
            _write(place, _load() | {key: found})
    except OSError as error:  # it is measured again next time
        _log.warning("the arrangement cannot be kept in %s (%s)", place, error.strerror)


def _write(place: Path, known: Mapping[str, msgspec.Struct]) -> None:
    with written(place) as part:
        content = msgspec.to_builtins(known)
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _place() -> Path:
    return cache_folder() / "arrangements.json"
