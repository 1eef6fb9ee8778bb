"""A trial: what is run on what, and what was there before and after it."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from evals.hostile.server import ROOT

__all__ = ["Command", "Draw", "Found", "Output", "Trial", "snapshot"]

#: What is written into an output: rows, other JSON objects, a run's folder, or any text.
What = Literal["rows", "objects", "run", "text"]


class Draw(Random):
    """Draws of one trial."""

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.random() < share


@dataclass
class Output:
    """A path in the working folder that the trial's command was told to write to.

    ``rows`` counts in the sum of all outputs. ``new`` tells that nothing, or a regular file, was
    there, so that what is there in the end can be read; ``None`` as ``path`` is standard output.
    """

    path: str | None
    what: What = "rows"
    new: bool = True


@dataclass
class Command:
    """One process: evolsynth with these words, or a Python ``script``, or a ``program``.

    ``stdin`` are bytes that are piped in, or ``closed``; by default there is nothing to read.
    ``stdout`` is caught in a file, or is a pipe whose reader leaves after so many bytes, or
    ``full``, or ``closed``; ``stderr`` likewise. ``due`` are the seconds of processor that the
    work may take, ``stop`` a signal and the seconds after which it is sent.
    """

    words: list[str]
    kind: Literal["evolsynth", "script", "program"] = "evolsynth"
    stdin: bytes | Literal["closed"] | None = None
    stdout: Literal["file", "full", "closed", "pipe"] = "file"
    stderr: Literal["file", "full", "closed"] = "file"
    reads: int = 1
    due: float = 10.0
    stop: tuple[int, float] | None = None
    limits: dict[str, int] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    clock: float = 0.0

    def shown(self) -> str:
        """As a person would type it."""
        words = shlex.join(self.words)
        if self.kind == "evolsynth":
            words = f'"$PYTHON" -m evolsynth {words}'
        elif self.kind == "script":
            words = f'"$PYTHON" {words}'
        before = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        flags = {"AS": ("-v", 1024), "NOFILE": ("-n", 1), "FSIZE": ("-f", 512), "CPU": ("-t", 1)}
        for name, most in self.limits.items():
            flag, unit = flags[name]
            before.insert(0, f"ulimit {flag} {most // unit};")
        ends = {"closed": "<&-", None: "</dev/null"}
        after = [ends[self.stdin] if not isinstance(self.stdin, bytes) else ""]
        after.append({"full": ">/dev/full", "closed": ">&-"}.get(self.stdout, ""))
        after.append({"full": "2>/dev/full", "closed": "2>&-"}.get(self.stderr, ""))
        if self.stdout == "pipe":
            after.append(f"| head -c {self.reads}")
        if isinstance(self.stdin, bytes):
            before.insert(0, "<../stdin")
        if self.stop is not None:
            after.append(f"# and kill -{self.stop[0]} after {self.stop[1]:.3f} s")
        if self.clock:
            after.append(f"# with a clock that jumps by {self.clock:.0f} s")
        return " ".join(part for part in (*before, words, *after) if part)


@dataclass
class Trial:
    """What was drawn: commands, their files, and what must be true of them afterwards.

    Args:
        name: ``KIND-SEED-NUMBER``, by which it can be made again.
        home: the trial's own folder; commands work in ``work`` below it.
        marks: words that only one good row has; with exit status 0 each must stand in an output,
            where ``whole`` says that outputs hold all rows.
        rows: how many rows were given, where the summary must say so.
        tame: nothing was drawn that may be refused.
        feeds, drains: named pipes, and who writes into them or reads them.
        may_come: names in the working folder that may come without being told.
        says: what a script says at its end, if nothing is wrong.
    """

    name: str
    home: Path
    commands: list[Command] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    whole: bool = False
    rows: int | None = None
    tame: bool = False
    heavy: bool = False
    together: bool = False
    feeds: dict[str, bytes] = field(default_factory=dict)
    drains: list[str] = field(default_factory=list)
    may_come: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    says: str | None = None

    @property
    def kind(self) -> str:
        """The kind of trial."""
        return self.name.rpartition("-")[0].rpartition("-")[0]

    @property
    def work(self) -> Path:
        """The folder that commands work in."""
        return self.home / "work"

    def begin(self) -> None:
        """Make the folders."""
        for name in ("work", "told", "tmp"):
            (self.home / name).mkdir(parents=True, exist_ok=True)

    def reproducer(self) -> str:
        """A shell script that does the same."""
        lines = ["#!/bin/bash", f"# {self.name}", *(f"# {line}" for line in self.told)]
        lines += ['cd "$(dirname "$0")/work"', f'PYTHON="${{PYTHON:-{sys.executable}}}"']
        lines.append(f'export PYTHONPATH="${{PYTHONPATH:-{ROOT}}}"')
        for path in self.feeds:
            lines.append(f"cat ../fed-{Path(path).name} > {shlex.quote(path)} &")
        lines += [f"cat {shlex.quote(path)} > /dev/null &" for path in self.drains]
        end = " &" if self.together else ""
        lines += [f"{command.shown()}{end}" for command in self.commands]
        return "\n".join((*lines, 'echo "exit status $?"' if not end else "wait", ""))


@dataclass(frozen=True)
class Found:
    """A path as it stands: its kind and bits, how many names it has, and what it holds."""

    kind: int
    bits: int
    links: int
    holds: str
    size: int


def snapshot(folder: Path) -> Mapping[str, Found]:
    """All that is in a folder, by its path below it; folders too."""
    found: dict[str, Found] = {}
    for here, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            path = os.path.join(here, name)
            what = os.lstat(path)
            mode = what.st_mode
            holds = ""
            if stat.S_ISLNK(mode):
                holds = os.fsdecode(os.readlink(path))
            elif stat.S_ISREG(mode):
                holds = _digest(path)
            is_file = stat.S_ISREG(mode)
            found[os.fsdecode(os.path.relpath(path, os.fsencode(folder)))] = Found(
                stat.S_IFMT(mode),
                stat.S_IMODE(mode),
                what.st_nlink if is_file else 0,
                holds,
                what.st_size if is_file else 0,
            )
    return found


def _digest(path: bytes) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
