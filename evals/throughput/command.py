"""``python -m evals throughput``: its options, and the course of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.machine import describe
from evals.options import STDOUT, add_json, check_place, names, positive, save, told_on
from evals.throughput.cells import ARMS, plan
from evals.throughput.report import document, print_report
from evals.throughput.rounds import Measured, measure, quietest, run_job
from evals.throughput.workloads import WORKLOADS, Sizes, Workload, build
from evolsynth.llm.llamacpp import DEFAULT_MODEL
from evolsynth.llm.llamacpp.files import find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.model import Model

__all__ = ["add_options", "resolve", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="FILE|NAME",
        help=f"a .gguf file, used as it is, or a name of the catalogue (default: {DEFAULT_MODEL})",
    )
    add_json(parser)
    parser.add_argument(
        "--rounds", type=positive, metavar="N", help="default: 3, and 1 with --quick"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it all work?")
    parser.add_argument(
        "--only", type=names(ARMS), default=ARMS, metavar="ARM,ARM", help=", ".join(ARMS)
    )
    parser.add_argument(
        "--workloads",
        type=names(tuple(WORKLOADS)),
        default=tuple(WORKLOADS),
        metavar="NAME,NAME",
        help=", ".join(WORKLOADS),
    )


def run(options: argparse.Namespace) -> int:
    """Measure, and show it: 0, or 1 where an arm failed."""
    from rich.console import Console

    check_place(options.json)
    machine, model = describe(), resolve(options.model)
    rounds = options.rounds or (1 if options.quick else 3)
    sizes = (Sizes.quick if options.quick else Sizes.full)(machine.threads)
    workloads = _built(model, options.workloads, sizes)
    found: list[Measured] = []
    for workload in workloads:
        cells = plan(workload, options.only, machine.threads, quick=options.quick)
        how = run_job if options.quick else quietest
        found += measure(workload, cells, model, rounds=rounds, say=_say, run=how)
        if workload is workloads[-1] or options.json != STDOUT:  # a file holds what there is yet
            content = document(machine, model, workloads, found, rounds=rounds, quick=options.quick)
            save(options.json, content)
    told = told_on(options.json)
    console = Console(file=told, width=None if told.isatty() else 120)
    print_report(console, machine, model.name, found, rounds)
    return 1 if any(m.problem.startswith("failed") for m in found) else 0


def resolve(text: str) -> Path:
    """The file that all arms load: the one that the engine itself would.

    Raises:
        ModelNotFound: there is no such model.
        InputError: the file is no usable model.
    """
    path, entry = find_model(text)
    if entry is None or entry.quantisation is None:
        return path.resolve()
    return requantised(path, sha256_of(path), entry.quantisation).resolve()


def _built(path: Path, wanted: Sequence[str], sizes: Sizes) -> list[Workload]:
    model = Model(path)
    try:
        return build(model, wanted, sizes)
    finally:
        model.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
