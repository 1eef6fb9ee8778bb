"""The least of memory, open files and file size that each command can do with, by bisection.

Each probe is a process of its own, started by a shell with ``ulimit``. At the least and above, the
command ends as it should; below it says why not.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Literal, TextIO

import msgspec
from rich.console import Console
from rich.table import Table

from evals.hostile.moments import plain_commands
from evals.hostile.oracle import judge
from evals.hostile.running import Servers, carry_out
from evals.hostile.server import ROOT
from evals.hostile.trial import Command, Draw, Output, Trial
from evals.machine import describe
from evals.options import save

__all__ = ["Least", "least", "run"]

Kind = Literal["v", "n", "f"]
#: What is tried: flags of ``ulimit`` with the least and the most that is tried, and how near.
_RANGES: dict[Kind, tuple[int, int, int]] = {
    "v": (64 << 10, 6 << 20, 32 << 10),  # KiB
    "n": (4, 80, 1),
    "f": (0, 512, 1),  # KiB
}


class Least(msgspec.Struct, frozen=True, kw_only=True):
    """What a command needs at the least: MiB, open files, KiB of a file; None where not even the
    most that was tried was enough. ``wrong`` is what went wrong below, other than by a sentence."""

    command: str
    memory: int | None
    files: int | None
    size: int | None
    wrong: list[str]


def run(json: Path | None, told: TextIO) -> int:
    """Find them for every command, and tell them in a table."""
    servers, found = Servers(), list[Least]()
    try:
        for number in range(_how_many()):
            found.append(least(number, servers))
            one = found[-1]
            print(f"{one.command}: {one.memory} MiB, {one.files} files, {one.size} KiB"
                  f"{'; ' if one.wrong else ''}{'; '.join(one.wrong)[:300]}",
                  file=told)  # fmt: skip
    finally:
        servers.close()
    table = Table("command", "ulimit -v, MiB", "-n", "-f, KiB", "below it", box=None)
    for one in found:
        shown = (one.memory, one.files, one.size)
        table.add_row(
            one.command, *map(str, shown), "a sentence" if not one.wrong else one.wrong[0]
        )
    Console(file=told, width=110).print(table)
    save(json, {"machine": msgspec.to_builtins(describe()), "least": msgspec.to_builtins(found)})
    return int(any(one.wrong for one in found))


def _how_many() -> int:
    with tempfile.TemporaryDirectory(prefix="evals-hostile-") as place:
        trial = Trial("limits-0-0", Path(place))
        trial.begin()
        return len(plain_commands(trial, Draw(0), rows=5))


def least(number: int, servers: Servers) -> Least:
    """The least that one of `plain_commands` needs."""
    wrong: list[str] = []
    name, found = "", dict[Kind, int | None]()
    for kind, (low, high, near) in _RANGES.items():
        name, works = _probe(number, kind, high, servers, [])
        while works and high - low > near:
            middle = (low + high) // 2
            _, well = _probe(number, kind, middle, servers, wrong)
            low, high = (low, middle) if well else (middle, high)
        found[kind] = high if works else None
    memory = found["v"]
    return Least(command=name, memory=None if memory is None else memory >> 10, files=found["n"],
                 size=found["f"], wrong=wrong)  # fmt: skip


def _probe(
    number: int, kind: Kind, value: int, servers: Servers, wrong: list[str]
) -> tuple[str, bool]:
    """Whether the command does what it should with so much; what it did wrong otherwise."""
    home = Path(tempfile.mkdtemp(prefix="evals-hostile-"))
    try:
        trial = Trial(f"limits-{number}-{value}", home)
        trial.begin()
        words = plain_commands(trial, Draw(number), rows=5)[number]
        trial.whole = False
        for flag, path in pairwise(words):
            if flag in ("-o", "--rejects", "--duplicates", "--json"):
                trial.outputs.append(Output(path, "run" if "." not in path else "text"))
        script = (f"ulimit -{kind} {value}; PYTHONPATH={shlex.quote(str(ROOT))} exec "
                  f"{shlex.quote(sys.executable)} -m evolsynth {shlex.join(words)}")  # fmt: skip
        trial.commands.append(Command(["bash", "-c", script], kind="program", due=60))
        outcome = carry_out(trial, servers)
        well = outcome.said[0].ended.status == 0
        wrong += [f"ulimit -{kind} {value}: {one}" for one in judge(trial, outcome)]
        return words[0], well
    finally:
        shutil.rmtree(home, ignore_errors=True)
