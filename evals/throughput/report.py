"""Shows what was measured: tables for people, a document for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from evals.machine import Machine
from evals.throughput.cells import ENGINE, counted
from evals.throughput.figures import Promise, engine_of, figure_of, promises, ratio, share
from evals.throughput.jobs import Reading
from evals.throughput.rounds import QUIET, Measured, others
from evals.throughput.workloads import Workload

__all__ = ["document", "notes", "print_report"]

_NONE = "-"


def print_report(
    console: Console, machine: Machine, model: str, found: Sequence[Measured], rounds: int
) -> None:
    """Everything, for people."""
    console.print(_about(machine, model, rounds), highlight=False)
    console.print(_speeds(found))
    for note in notes(found):
        console.print(note, highlight=False)
    console.print(_promises(promises(found, avx512=machine.avx512)))


def _about(machine: Machine, model: str, rounds: int) -> str:
    return (
        f"{machine.cpu}, {machine.threads} used; {' '.join(machine.vectors) or 'no vectors known'}"
        f"\nllama-cpp-python {machine.llama_cpp_python}, Python {machine.python}, "
        f"evolsynth {machine.evolsynth}; {model}; medians of {counted(rounds, 'round')}"
    )


def _speeds(found: Iterable[Measured]) -> Table:
    table = Table(title="Speed", title_justify="left")
    for column in ("workload", "arm", "arrangement"):
        table.add_column(column, overflow="fold")
    for column in ("tokens/s", "lowest", "highest", "rows/s", "engine / arm"):
        table.add_column(column, justify="right", no_wrap=True)
    found = list(found)
    before = ""
    for measured in found:
        cell, figure = measured.cell, figure_of(measured.readings)
        if before not in ("", cell.workload):
            table.add_section()
        name = "" if cell.workload == before else cell.workload
        before = cell.workload
        if figure is None or measured.problem:
            table.add_row(name, cell.arm, measured.problem or cell.arrangement.label, *[_NONE] * 5)
            continue
        times = ratio(engine_of(found, cell.workload, cell.against), measured)
        table.add_row(
            name,
            cell.arm,
            cell.arrangement.label,
            f"{figure.tokens_per_second:.1f}",
            f"{figure.low:.1f}",
            f"{figure.high:.1f}",
            f"{figure.rows_per_second:.2f}",
            _NONE if times is None else f"{times:.2f}",
        )
    return table


def _promises(promised: Iterable[Promise]) -> Table:
    table = Table(title="Wanted and measured", title_justify="left")
    table.add_column("ratio", overflow="fold")
    for column in ("wanted", "measured"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("as wanted")
    for promise in promised:
        sign = "at most" if promise.at_most else "at least"
        measured = _NONE if promise.measured is None else f"{promise.measured:.2f}{promise.unit}"
        answer = {True: "yes", False: "no", None: "not measured"}[promise.kept]
        table.add_row(promise.name, f"{sign} {promise.wanted:g}{promise.unit}", measured, answer)
    return table


def notes(found: Sequence[Measured]) -> list[str]:
    """What a reader must know to compare the arms fairly."""
    lines = []
    own = share(found)
    if own is not None:
        lines.append(
            "The engine's own part of a decode step, 16 slots in one context: "
            f"{own[0]:.2f}%, {own[1]:.2f} ms."
        )
    chosen = next((m for m in found if m.cell.arm == ENGINE and m.readings), None)
    if chosen is not None and "contexts" in chosen.readings[0].details:
        details = chosen.readings[0].details
        lines.append(
            f"As it comes, the engine has {counted(int(details['contexts']), 'context')} with "
            f"{counted(int(details['threads']), 'thread')} each."
        )
    lines += _disturbances([r for m in found for r in m.readings])
    arms = {m.cell.arm for m in found if m.readings}
    if "ceiling" in arms:
        lines.append("ceiling: decoding only; its reading of prompts is not in the time.")
    if "llama-class" in arms:
        lines.append("llama-class, distilabel: fewer rows, as their rate does not depend on it.")
    if "distilabel" in arms:
        lines.append(
            "distilabel: chat only, so prompts went in as a user's message; it stops at end "
            "tokens, so it is compared by the tokens it made."
        )
    server = next((m for m in found if m.cell.arm == "llama-server" and m.readings), None)
    if server is not None:
        details = server.readings[0].details
        lines.append(
            f"llama-server: xllamacpp {details['xllamacpp']}, its wheel as published: "
            f"{details['system']}"
        )
    return lines


def _disturbances(readings: Sequence[Reading]) -> list[str]:
    lines = []
    again = sum(int(r.details.get("tries", 1)) - 1 for r in readings)
    if again:
        lines.append(f"{again} readings were taken again because other programs disturbed them.")
    shares = [others(reading) for reading in readings]
    if shares and max(shares) > QUIET:
        lines.append(
            f"NOT A QUIET MACHINE: others used up to {max(shares):.0%} of it while an arm was "
            f"timed (median {statistics.median(shares):.0%})."
        )
    return lines


def document(
    machine: Machine,
    model: Path,
    workloads: Sequence[Workload],
    found: Sequence[Measured],
    *,
    rounds: int,
    quick: bool,
) -> dict[str, Any]:
    """All of it with every reading, as JSON can hold it."""
    own = share(found)
    return {
        "machine": {**msgspec.to_builtins(machine), "avx512": machine.avx512},
        "model": model.name,
        "rounds": rounds,
        "quick": quick,
        "workloads": [
            {"name": w.name, "about": w.about, "rows": len(w.rows), "alone": w.alone}
            for w in workloads
        ],
        "measured": [
            {
                "workload": m.cell.workload,
                "arm": m.cell.arm,
                "arrangement": msgspec.to_builtins(m.cell.arrangement),
                "against": m.cell.against,
                "problem": m.problem,
                "rounds": msgspec.to_builtins(m.readings),
                "median": msgspec.to_builtins(figure_of(m.readings)),
            }
            for m in found
        ],
        "own_part_of_a_step": None if own is None else {"percent": own[0], "milliseconds": own[1]},
        "promises": [
            {**msgspec.to_builtins(p), "kept": p.kept}
            for p in promises(found, avx512=machine.avx512)
        ],
        "notes": notes(found),
    }
