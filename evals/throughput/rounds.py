"""Runs the cells: round after round, one process at a time, each second round backwards.

Going back and forth, a machine that grows slower or faster while it is measured treats all arms
alike. A reading that other programs disturbed is taken again, whichever arm it is of.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from evals.machine import Watch
from evals.throughput.cells import ENGINE, ROOT, Cell, command_of, job_of
from evals.throughput.jobs import Job, Reading
from evals.throughput.workloads import Workload

__all__ = ["QUIET", "Measured", "in_order", "measure", "others", "quietest", "run_job", "shortfall"]

QUIET = 0.05  #: the share of the machine that others may use unmentioned
_TRIES = 3  # for a reading that others disturbed
_LIMIT = 1800.0  # seconds; nothing here takes a tenth of it
_EXACT = (ENGINE, "llama-class", "llama-server")  # arms that can go on after an end token

T = TypeVar("T")


class Measured(msgspec.Struct, kw_only=True):
    """A cell and its readings, one a round; ``problem`` is why there are none, or no more."""

    cell: Cell
    readings: list[Reading] = []
    problem: str = ""


def in_order(items: Sequence[T], number: int) -> list[T]:
    """The items in the order of round ``number``, counted from 0: forwards, backwards, ..."""
    return list(items) if number % 2 == 0 else list(reversed(items))


def run_job(job: Job, *, limit: float = _LIMIT) -> Reading | str:
    """Measure in a new process; what came out, or why nothing did.

    The reading's ``others`` is the share of the machine that was not ours meanwhile.
    """
    watch = Watch()
    try:
        done = subprocess.run(  # noqa: S603 - our own programs
            command_of(job.arm, sys.executable),
            input=msgspec.json.encode(job),
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"},
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"failed: not done after {limit:.0f} s"
    except OSError as error:
        return f"failed: it does not start ({error.strerror})"
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        return f"failed: {said[-1].strip()[:200]}"
    lines = done.stdout.strip().splitlines() or [b""]
    try:
        reading = msgspec.json.decode(lines[-1], type=Reading)
    except msgspec.MsgspecError:
        return f"failed: it printed no reading but {lines[-1][:80]!r}"
    others = watch.others()
    if others is None:
        return reading
    return msgspec.structs.replace(reading, details={**reading.details, "others": others})


def others(reading: Reading) -> float:
    """The share of the machine that others used meanwhile; 0 where that is not known."""
    return float(reading.details.get("others", 0))


def quietest(
    job: Job, run: Callable[[Job], Reading | str] = run_job, *, tries: int = _TRIES
) -> Reading | str:
    """The first reading that others left in peace; of ``tries`` disturbed ones, the least so.

    Its ``tries`` says how many there were.
    """
    found: list[Reading] = []
    for _ in range(tries):
        reading = run(job)
        if isinstance(reading, str):
            return reading
        found.append(reading)
        if others(reading) <= QUIET:
            break
    least = min(found, key=others)
    return msgspec.structs.replace(least, details={**least.details, "tries": len(found)})


def shortfall(job: Job, reading: Reading) -> str:
    """What is wrong with a reading that must have an exact number of tokens; empty if nothing."""
    if job.arm not in _EXACT:
        return ""
    if job.kind == "score":
        wanted = sum(len(row.continuation_tokens) for row in job.rows)
    else:
        wanted = sum(row.max_tokens for row in job.rows)
    return "" if reading.tokens == wanted else f"failed: {reading.tokens} tokens of {wanted}"


def measure(
    workload: Workload,
    cells: Sequence[Cell],
    model: Path,
    *,
    rounds: int,
    say: Callable[[str], None],
    run: Callable[[Job], Reading | str] = quietest,
) -> list[Measured]:
    """Measure all cells of a workload in each round. ``say`` hears of each reading."""
    found = [Measured(cell=cell, problem=cell.problem) for cell in cells]
    for number in range(rounds):
        for measured in in_order(found, number):
            if measured.problem:
                continue
            cell = measured.cell
            job = job_of(cell, workload, model)
            reading = run(job)
            measured.problem = reading if isinstance(reading, str) else shortfall(job, reading)
            if isinstance(reading, Reading):
                measured.readings.append(reading)
            what = ", ".join(filter(None, (cell.workload, cell.arm, cell.arrangement.label)))
            say(f"round {number + 1} of {rounds}: {what}: {measured.problem or _told(reading)}")
    return found


def _told(reading: Reading | str) -> str:
    if isinstance(reading, str):
        return reading
    line = f"{reading.tokens / reading.seconds:.1f} tokens/s, {reading.seconds:.1f} s"
    share = others(reading)
    return line if share <= QUIET else f"{line} (others used {share:.0%} of the machine)"
