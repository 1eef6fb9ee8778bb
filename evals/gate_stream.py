"""``python -m evals gate``: what the gate finds of planted defects, how fast, in which memory.

Rows by our grammar (`gate_rows`) are written to a file and judged by ``evolsynth gate`` in a
process of its own. Memory is that process's peak above its peak for an empty file; seconds are
above those for an empty file too, so that loading a model does not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from evals.gate_rows import DEFECTS, planted
from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.gate.check import Case, ordered
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.rows import Row

__all__ = ["Judged", "add_options", "costs", "judge_file", "run", "tally"]

_TIMED = 400  # rows that each check is timed on
_KIBI = 1024
#: The command, which then tells the peak of its memory in KiB: the kernel's own figure, since
#: getrusage counts what the parent had when it forked.
_CHILD = """
import pathlib, resource, sys
from evolsynth.cli.main import main
status = main(sys.argv[1:])
kernel = pathlib.Path("/proc/self/status")
lines = kernel.read_text().splitlines() if kernel.is_file() else []
peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
print(peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of ``rows`` rows: ``recall`` by planted defect (its reason is among those
    given), ``refused`` of good rows by reason, as shares."""

    rows: int
    seconds: float
    mebibytes: float
    recall: Mapping[str, float]
    refused: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


class _Run(NamedTuple):
    seconds: float
    mebibytes: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--rows",
        type=positive,
        nargs="+",
        default=[10_000],
        metavar="N",
        help="how many, once or several times (default: 10000)",
    )
    parser.add_argument("--seed", type=positive, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--embedder", action="store_true", help="with MiniLM, which looks for near-duplicates"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    machine, told = describe(), told_on(options.json)
    embed: bool = options.embedder
    judged = []
    print(f"{machine.cpu}, {'with' if embed else 'without'} embedder", file=told)
    print(f"{'rows':>8}{'rows/s':>9}{'MiB above start':>17}", file=told, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for n in options.rows:
            one = judge_file(Path(folder), n, seed=options.seed, embed=embed)
            print(f"{one.rows:8}{one.rate:9.0f}{one.mebibytes:17.1f}", file=told, flush=True)
            judged.append(one)
    last, took = judged[-1], costs(options.seed)
    print(f"\n{'planted defect':20}{'recall':>8}", file=told)
    for name, share in last.recall.items():
        print(f"{name:20}{share:8.1%}", file=told)
    print(f"\n{'good rows refused':20}", file=told)
    for name, share in last.refused.items():
        print(f"{name:20}{share:8.2%}", file=told)
    print(f"\n{'check':28}{'µs a row':>10}", file=told)
    for name, micros in took.items():
        print(f"{name:28}{micros:10.1f}", file=told)
    save(
        options.json,
        {
            "machine": msgspec.to_builtins(machine),
            "embedder": embed,
            "judged": [{**msgspec.to_builtins(one), "rate": one.rate} for one in judged],
            "microseconds": took,
        },
    )
    return 0


def judge_file(folder: Path, n: int, *, seed: int, embed: bool) -> Judged:
    """Judge ``n`` rows by the command, in a process of its own.

    Raises:
        EvolsynthError: the command failed.
    """
    nothing, data = folder / "nothing.jsonl", folder / "rows.jsonl"
    nothing.write_text("")
    wanted: dict[str, str] = {}
    with data.open("w", encoding="utf-8") as file:
        for one in planted(n, seed=seed):
            wanted[one.row.id] = one.defect
            file.write(one.row.to_json() + "\n")
    bare = _command(nothing, folder, embed)
    full = _command(data, folder, embed)
    reasons: dict[str, Sequence[str]] = {}
    for name in ("accepted", "rejected"):
        with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                row = Row.from_dict(json.loads(line)).to_dict()
                reasons[row["id"]] = row["verdict"]["reasons"]
    recall, refused = tally(wanted, reasons)
    return Judged(
        rows=n,
        seconds=max(full.seconds - bare.seconds, 1e-3),
        mebibytes=full.mebibytes - bare.mebibytes,
        recall=recall,
        refused=refused,
    )


def _command(data: Path, folder: Path, embed: bool) -> _Run:
    """Run ``evolsynth gate``; only what it takes is looked at here."""
    place = [str(folder / "accepted.jsonl"), "--rejects", str(folder / "rejected.jsonl")]
    more = [] if embed else ["--no-embedder"]
    command = [sys.executable, "-c", _CHILD, "gate", str(data), "-o", *place, *more]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - began
    if done.returncode:
        raise EvolsynthError(f"`evolsynth gate` failed: {done.stderr}")
    return _Run(seconds, int(done.stdout) / _KIBI)


def tally(
    wanted: Mapping[str, str], reasons: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """The recall of each planted defect, and how often good rows were refused, by first reason.

    Args:
        wanted: the defect of each row by its id, empty for a good row.
        reasons: the reasons given to each row by its id.

    Raises:
        InputError: a row got no verdict.
    """
    lost = wanted.keys() - reasons.keys()
    if lost:
        raise InputError(f"{len(lost)} rows got no verdict, {min(lost)} among them.")
    counts = Counter(wanted.values())
    hits = Counter(defect for key, defect in wanted.items() if defect in reasons[key])
    alarms = Counter(reasons[k][0] for k, defect in wanted.items() if not defect and reasons[k])
    recall = {name: hits[name] / counts[name] for name in DEFECTS if counts[name]}
    return recall, {name: count / counts[""] for name, count in sorted(alarms.items())}


def costs(seed: int) -> dict[str, float]:
    """Microseconds that each check takes a row by itself, without an embedder.

    What checks share (a text's words) is worked out by the first that asks.
    """
    settings = GateSettings()
    cases = [Case(_evolved(p.row, i), settings) for i, p in enumerate(planted(_TIMED, seed=seed))]
    took: dict[str, float] = {}
    for check in ordered():
        if check.cost == "stream":
            continue
        for part in check.parts:
            began = time.perf_counter()
            for case in cases:
                if case.has(part):
                    check.find(case, part)
            spent = time.perf_counter() - began
            took[f"{check.name} ({part})"] = round(spent / len(cases) * 1e6, 1)
    return took


def _evolved(row: Row, number: int) -> Row:
    """The row as an evolution of itself, with one demand more."""
    asked = row.instruction or ""
    demand = f"{asked} Also name {number % 7 + 2} people who worked on it."
    made = {"original": asked, "prompt": "evol_instruct/anchored/explain"}
    return row.replace(instruction=demand, provenance={"instruction": made})
