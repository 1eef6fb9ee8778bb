"""``python -m evals shards``: duplicates among any number of rows, on Ray: how fast, in how much.

Rows with planted copies are written as Parquet files (`shard_rows`) and go through
``evolsynth dedup --method minhash --ray`` in a process of its own. Memory is that of all its
processes together, Ray's among them, each shared page counted once, as the kernel tells it every
few seconds. With ``--one-process`` the same rows go through ``evolsynth dedup`` without Ray, too,
and the rows that stay are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from evals.duplicate_rows import KINDS
from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evals.shard_rows import truth_of, write
from evolsynth.errors import EvolsynthError

__all__ = ["Sharded", "add_options", "run"]

_EVERY = 3.0  # seconds between two looks at the memory
_KIBI = 1024


class Sharded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows. ``recall`` by kind of copy; ``wrong`` counts rows that went and are
    no copies; ``processor_seconds`` are those of all its processes, as far as they were seen."""

    way: str
    rows: int
    kept: int
    seconds: float
    peak_mib: float
    recall_of_all: float
    recall: dict[str, float]
    wrong: int
    processor_seconds: float
    same_as_one_process: bool | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--rows", type=positive, default=100_000, metavar="N")
    parser.add_argument("--seed", type=positive, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--workers", type=positive, default=2, metavar="N", help="tasks at once (default: 2)"
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="for rows and results, which stay there"
    )
    parser.add_argument("--one-process", action="store_true", help="without Ray, too, and compare")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    told, machine = told_on(options.json), describe()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.folder or Path(temporary)
        if not (folder / "truth").is_dir():
            write(folder, options.rows, seed=options.seed, workers=options.workers)
        found = []
        for one in _measured(folder, options.rows, options.workers, options.one_process):
            found.append(one)
            kinds = "  ".join(f"{kind} {share:.4f}" for kind, share in one.recall.items())
            print(
                f"{one.way:12}{one.rows:>12,} rows{one.seconds:9.1f} s{one.peak_mib:8.0f} MiB  "
                f"{one.kept:,} kept, recall {one.recall_of_all:.4f} ({kinds}), "
                f"{one.wrong} wrong, {one.processor_seconds:.0f} s of processors, same as one "
                f"process: {one.same_as_one_process}",
                file=told,
                flush=True,
            )
    document = {"machine": msgspec.to_builtins(machine), "found": msgspec.to_builtins(found)}
    save(options.json, document)
    return 0


def _measured(folder: Path, rows: int, workers: int, both: bool) -> Iterator[Sharded]:
    alone: set[int] | None = None
    if both:
        out, gone = folder / "kept.jsonl", folder / "gone.jsonl"
        figures = _command(folder, out, gone)
        with gone.open(encoding="utf-8") as file:
            alone = {int(json.loads(line)["row"]["id"][4:]) for line in file}
        yield _score("one process", folder, rows, alone, figures)
    out, gone = folder / f"kept-{workers}", folder / f"gone-{workers}"
    figures = _command(folder, out, gone, "--ray", "--workers", str(workers))
    dropped = set(_numbers(gone))
    one = _score("Ray", folder, rows, dropped, figures)
    if alone is not None:
        one = msgspec.structs.replace(one, same_as_one_process=dropped == alone)
    yield one


def _numbers(folder: Path) -> Iterator[int]:
    from pyarrow import parquet

    for place in sorted(folder.glob("*.parquet")):
        numbers = parquet.read_table(place, columns=["number"])["number"]
        yield from (number - 1 for number in numbers.to_pylist())


def _command(folder: Path, out: Path, gone: Path, *more: str) -> dict[str, Any]:
    """Run ``evolsynth dedup``, with a look at its memory now and then."""
    command = [sys.executable, "-m", "evolsynth", "dedup", str(folder / "rows"), "-o", str(out)]
    command += ["--duplicates", str(gone), "--method", "minhash", *more]
    began, peak, used = time.monotonic(), 0.0, dict[int, float]()
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        ended = threading.Event()

        def look() -> None:
            nonlocal peak
            while not ended.wait(_EVERY):
                those = below(process.pid)
                peak = max(peak, sum(map(memory_of, those)))
                for one in those:
                    used[one] = max(used.get(one, 0.0), seconds_of(one))

        thread = threading.Thread(target=look)
        thread.start()
        status = process.wait()
        ended.set()
        thread.join()
    if status:
        raise EvolsynthError(f"`evolsynth dedup` ended with status {status}.")
    seconds = time.monotonic() - began
    return {"seconds": seconds, "peak_mib": peak, "processor_seconds": sum(used.values())}


def below(process: int) -> set[int]:
    """A process and all that it started, and those started."""
    found, left = {process}, [process]
    while left:
        with suppress(OSError):  # it has ended
            for task in (Path("/proc") / str(left.pop()) / "task").iterdir():
                children = set(map(int, (task / "children").read_text("ascii").split()))
                left += children - found
                found |= children
    return found


def memory_of(process: int) -> float:
    """MiB of a process, of pages that several share its part; 0 for one that has ended."""
    with suppress(OSError):
        text = (Path("/proc") / str(process) / "smaps_rollup").read_text("ascii")
        return sum(int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:") / _KIBI
    return 0.0


def seconds_of(process: int) -> float:
    """Seconds that a process has had of processors."""
    with suppress(OSError):
        told = (Path("/proc") / str(process) / "stat").read_text().rpartition(") ")[2].split()
        return sum(map(int, told[11:13])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _score(
    way: str, folder: Path, rows: int, dropped: set[int], figures: dict[str, Any]
) -> Sharded:
    totals, hits, right = Counter[str](), Counter[str](), 0
    for place, _, kind in truth_of(folder):
        totals[KINDS[kind]] += 1
        hits[KINDS[kind]] += place in dropped
        right += place in dropped
    return Sharded(
        way=way,
        rows=rows,
        kept=rows - len(dropped),
        recall_of_all=right / max(totals.total(), 1),
        recall={kind: hits[kind] / totals[kind] for kind in KINDS if totals[kind]},
        wrong=len(dropped) - right,
        **figures,
    )
