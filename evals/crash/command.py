"""The program: its options, its trials, its figures."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import msgspec

from evals.crash.faulty_server import faulty
from evals.crash.killing import Outcome, Trial, undisturbed
from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on, whole

__all__ = ["Crash", "add_options", "run"]


class Crash(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all runs on one model.

    ``different`` ended with other bytes than a run left alone, ``unfinished`` did not end,
    ``untidy`` left unfinished files behind.
    ``asked_again`` counts questions whose answer was in the store when the run was killed,
    ``never_stored`` those whose answer is not in it at the end.
    ``widths_same``: the files were the same with 1, 4 and 64 questions under way and shuffled
    latencies.
    """

    model: str
    runs: int
    kills: int
    in_export: int
    asked: int
    stored_before: int
    asked_again: int
    never_stored: int
    different: int
    unfinished: int
    untidy: int
    seconds_undisturbed: float
    seconds: float
    widths_same: bool | None = None

    @property
    def failures(self) -> int:
        """Runs with which something was wrong."""
        lost = (self.asked_again > 0) + (self.never_stored > 0)
        return self.different + self.unfinished + self.untidy + lost


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--runs", type=whole, default=100, metavar="N", help="on the script (default: 100)"
    )
    parser.add_argument(
        "--real", type=whole, default=10, metavar="N", help="on SmolLM2 (default: 10)"
    )
    parser.add_argument(
        "--rows", type=positive, default=40, metavar="N", help="of a run on the script (40)"
    )
    parser.add_argument(
        "--real-rows", type=positive, default=12, metavar="N", help="of a run on SmolLM2 (12)"
    )
    parser.add_argument(
        "--server", type=whole, default=10, metavar="N", help="on a server that fails (default: 10)"
    )
    parser.add_argument("--seed", type=whole, default=1, metavar="N", help="of the kills")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Kill runs; the exit status: 1 if one was not as if nobody had killed it."""
    check_place(options.json)
    told = told_on(options.json)
    found = []
    for name, model, runs in (
        ("scripted", "scripted", options.runs),
        ("real", "SmolLM2-135M-Instruct", options.real),
        ("server", "a server that fails", options.server),
    ):
        if not runs:
            continue
        with tempfile.TemporaryDirectory(prefix="evals-crash-") as place, ExitStack() as stack:
            extra = {}
            if name == "server":
                log = Path(place) / "answered"
                extra["CRASH_SERVER"] = stack.enter_context(faulty(log, options.seed))
            figures = _trials(name, model, runs, options, Path(place), told, extra)
        found.append(figures)
        print(
            f"{model}: {figures.runs} runs, {figures.kills} kills ({figures.in_export} while files "
            f"were written), {figures.asked} questions asked, {figures.asked_again} of them again, "
            f"{figures.different} runs with other bytes, {figures.unfinished} unfinished: "
            f"{figures.failures} failures",
            file=told,
        )
        if figures.widths_same is not None:
            same = "the same bytes" if figures.widths_same else "OTHER BYTES"
            print(f"  1, 4 and 64 under way, latencies shuffled: {same}", file=told)
    failed = sum(f.failures + (f.widths_same is False) for f in found)
    save(
        options.json,
        {"machine": msgspec.to_builtins(describe()), "models": msgspec.to_builtins(found)},
    )
    return 1 if failed else 0


def _trials(
    name: str,
    model: str,
    runs: int,
    options: argparse.Namespace,
    place: Path,
    told: TextIO,
    more: dict[str, str],
) -> Crash:
    began = time.perf_counter()
    rows = options.real_rows if name == "real" else options.rows
    extra = {"CRASH_ROWS": str(rows), **more}
    whole_files, seconds = undisturbed(name, place / "whole", place / "whole.log", extra)
    outcomes: list[Outcome] = []
    for number in range(runs):
        folder = place / f"run-{number}"
        trial = Trial(
            name, folder, seconds=seconds, whole=whole_files, seed=options.seed * 1000 + number
        )
        outcome = trial.go(extra)
        outcomes.append(outcome)
        wrong = outcome.asked_again or outcome.never_stored or outcome.left
        if wrong or not (outcome.same and outcome.finished):
            print(f"run {number}: {outcome}", file=told)
        elif number % 10 == 9:
            print(f"{number + 1} of {runs} runs", file=told)
        shutil.rmtree(folder, ignore_errors=True)
    return Crash(
        model=model,
        runs=runs,
        kills=sum(o.kills for o in outcomes),
        in_export=sum(o.in_export for o in outcomes),
        asked=sum(o.asked for o in outcomes),
        stored_before=sum(o.stored_before for o in outcomes),
        asked_again=sum(o.asked_again for o in outcomes),
        never_stored=sum(o.never_stored for o in outcomes),
        different=sum(not o.same for o in outcomes),
        unfinished=sum(not o.finished for o in outcomes),
        untidy=sum(bool(o.left) for o in outcomes),
        seconds_undisturbed=round(seconds, 2),
        seconds=round(time.perf_counter() - began, 1),
        widths_same=_widths_same(name, whole_files, place, extra) if name == "scripted" else None,
    )


def _widths_same(name: str, expected: dict[str, bytes], place: Path, extra: dict[str, str]) -> bool:
    """Whether runs of other widths, with other latencies, give the same files."""
    found: Sequence[dict[str, bytes]] = [
        undisturbed(
            name,
            place / f"width-{width}-{latency}",
            place / "width.log",
            {**extra, "CRASH_WIDTH": width, "CRASH_LATENCY": latency},
        )[0]
        for width in ("1", "4", "64")
        for latency in ("1", "2")
    ]
    return all(files == expected for files in found)
