"""Who is measured on what, in which arrangement, and against which of the engine's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.throughput.arm import OURS
from evals.throughput.jobs import Arrangement, Job, Row
from evals.throughput.workloads import Workload
from evolsynth.llm.llamacpp import DEFAULT_SLOTS

__all__ = [
    "AGAINST",
    "APART",
    "ARMS",
    "ENGINE",
    "NOT_INSTALLED",
    "Cell",
    "command_of",
    "counted",
    "job_of",
    "missing",
    "plan",
]

ROOT = Path(__file__).resolve().parents[2]
NOT_INSTALLED = "not installed: make peers"
NOT_OFFERED = "not offered"

ENGINE = "engine"
#: Arms in `.venv-peers`, by the program that measures them.
PEERS = {"distilabel": "distilabel_arm.py", "llama-server": "server_arm.py"}
ARMS = (*OURS, *PEERS)

#: Sets of cells that are compared with each other: the engine's best in a set is the reference.
AGAINST = ("as it comes", "16 in all")
#: The engine on prompts that have nothing in common, where the others are candidates of the same.
APART = "all prompts different"

_IN_ALL = 16
_SERVER_SLOTS = (8, 16, 32)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """An arm on a workload in an arrangement, compared within ``against``.

    ``problem`` says why it cannot be measured, where that is known before.
    """

    workload: str
    arm: str
    arrangement: Arrangement
    against: str = AGAINST[0]
    problem: str = ""


def plan(workload: Workload, arms: Sequence[str], threads: int, *, quick: bool) -> list[Cell]:
    """The cells of a workload, those next to each other that are compared most closely."""
    cells: list[Cell] = []
    for arm in (arm for arm in ARMS if arm in arms):
        if arm in PEERS and workload.kind == "score":
            alone = [Arrangement(label="")]
            problem = NOT_OFFERED
        elif missing(arm):
            alone = [Arrangement(label="")]
            problem = NOT_INSTALLED
        else:
            alone, problem = _own_arrangements(arm, workload, threads, quick=quick), ""
        cells += [
            Cell(workload=workload.name, arm=arm, arrangement=a, problem=problem) for a in alone
        ]
    if workload.name == "decode":
        cells += [
            Cell(workload=workload.name, arm=arm, arrangement=a, against=AGAINST[1])
            for a in _sixteen(threads)
            for arm in ("ceiling", ENGINE)
            if arm in arms
        ]
    return cells


def _own_arrangements(
    arm: str, workload: Workload, threads: int, *, quick: bool
) -> list[Arrangement]:
    if arm == "ceiling":
        if workload.name != "decode":
            return []  # the others are not mere decoding
        return [_lanes(threads, 1, DEFAULT_SLOTS, f"{DEFAULT_SLOTS} in each context")]
    if arm == ENGINE:
        return [
            Arrangement(label="as it comes"),
            *([Arrangement(label=APART)] if workload.apart else []),
        ]
    if arm == "llama-server":
        slots = (_IN_ALL,) if quick else _SERVER_SLOTS
        return [_lanes(1, threads, n, f"{n} slots") for n in slots]
    return [_lanes(1, threads, 1, "one by one")]


def _sixteen(threads: int) -> list[Arrangement]:
    """16 sequences in all: in one context, and divided among as many contexts as can be."""
    contexts = max(n for n in range(1, _IN_ALL + 1) if _IN_ALL % n == 0 and n <= threads)
    layouts = [_lanes(1, threads, _IN_ALL, "16 in all")]
    if contexts > 1:
        layouts.append(_lanes(contexts, threads // contexts, _IN_ALL // contexts, "16 in all"))
    return layouts


def _lanes(contexts: int, threads: int, slots: int, label: str) -> Arrangement:
    return Arrangement(
        label=f"{label}, {contexts} x {counted(threads, 'thread')}",
        contexts=contexts,
        threads=threads,
        slots=slots,
    )


def counted(number: int, name: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{number} {name}{'s' * (number != 1)}"


def missing(arm: str, root: Path = ROOT) -> bool:
    """Whether an arm needs `.venv-peers` and that is not there, or not whole."""
    return arm in PEERS and not (root / ".venv-peers" / ".evolsynth-peers").is_file()


def command_of(arm: str, python: str) -> list[str]:
    """The program that measures an arm; ``python`` is the interpreter for those of ours."""
    if arm in PEERS:
        program = ROOT / "evals" / "peers" / PEERS[arm]
        return [str(ROOT / ".venv-peers" / "bin" / "python"), str(program)]
    return [python, "-m", "evals.throughput.arm"]


def job_of(cell: Cell, workload: Workload, model: Path) -> Job:
    """What the cell's process is told."""
    rows: tuple[Row, ...] = workload.rows
    warmup = workload.warmup
    if cell.arrangement.label == APART:
        rows = workload.apart
    elif cell.arm in ("llama-class", "distilabel"):
        rows, warmup = rows[: workload.alone], warmup[:2]
    return Job(
        arm=cell.arm,
        model=str(model),
        kind=workload.kind,
        arrangement=cell.arrangement,
        rows=rows,
        warmup=warmup,
    )
