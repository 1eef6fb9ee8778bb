"""Starting a run, killing it, and looking at what it has left."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evolsynth.errors import SetupError

__all__ = ["FILES", "Outcome", "Trial", "started", "undisturbed"]

FILES = ("accepted.jsonl", "rejected.jsonl", "failed.jsonl")
_PATIENCE = 300.0
_PIPELINES = Path(__file__).with_name("pipelines.py")
_EXPORT = ("sync:1", "sync:2", "name:1", "name:2")


class Outcome(NamedTuple):
    """What a run that was killed came to.

    ``never_stored`` are questions whose answer is not in the store at the end: none may be.
    ``left`` are unfinished files that nobody took away.
    """

    kills: int
    in_export: int
    stored_before: int
    asked: int
    asked_again: int
    never_stored: int
    same: bool
    left: tuple[str, ...]
    finished: bool


def started(
    name: str, folder: Path, log: Path, *, die: str = "", extra: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process that runs the pipeline into the folder."""
    environment = {**os.environ, "CRASH_LOG": str(log), "CRASH_DIE": die, **(extra or {})}
    command = [
        sys.executable, "-m", "evolsynth", "run", f"{_PIPELINES}:{name}", "-o", str(folder),
        "--log", "quiet", "--no-report", "--embedder", "none",
    ]  # fmt: skip
    with (folder.parent / f"{folder.name}.err").open("ab") as told:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file
            command, env=environment, stdout=subprocess.DEVNULL, stderr=told
        )


def undisturbed(
    name: str, folder: Path, log: Path, extra: Mapping[str, str] | None = None
) -> tuple[dict[str, bytes], float]:
    """The files of a run that nobody kills, and how long it took.

    Raises:
        SetupError: it does not come to its end.
    """
    began = time.perf_counter()
    process = started(name, folder, log, extra=extra)
    if process.wait(_PATIENCE) != 0:
        told = (folder.parent / f"{folder.name}.err").read_text("utf-8", "replace")
        raise SetupError(f"The run that nobody killed failed: {told.strip()[-500:]}")
    return _files(folder), time.perf_counter() - began


class Trial:
    """One run, killed several times and then let go on to its end."""

    def __init__(
        self, name: str, folder: Path, *, seconds: float, whole: Mapping[str, bytes], seed: int
    ) -> None:
        self.name, self.folder, self.seconds, self.whole = name, folder, seconds, whole
        self.log = folder.parent / f"{folder.name}.log"
        self._draw = random.Random(seed)  # noqa: S311 - the same each time

    def go(self, extra: Mapping[str, str] | None = None) -> Outcome:
        """Kill it some times, one of them while it writes its files, and see what it ends as."""
        stored: set[str] = set()
        kills = in_export = again = stored_before = 0
        seen = 0
        plan = ["" for _ in range(self._draw.randint(2, 4))] + [self._draw.choice(_EXPORT)]
        for die in plan:
            process = started(self.name, self.folder, self.log, die=die, extra=extra)
            if die:
                died = process.wait(_PATIENCE) == -signal.SIGKILL
                in_export += died
                kills += died
            else:
                try:
                    process.wait(self._draw.uniform(0.1, 1.0) * self.seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    kills += 1
            asked = self._asked()
            again += sum(key in stored for key in asked[seen:])
            seen = len(asked)
            stored = self._stored()
            stored_before = max(stored_before, len(stored))
        process = started(self.name, self.folder, self.log, extra=extra)
        finished = process.wait(_PATIENCE) == 0
        asked = self._asked()
        again += sum(key in stored for key in asked[seen:])
        files = _files(self.folder)
        left = tuple(path.name for path in self.folder.iterdir() if "part" in path.name)
        return Outcome(
            kills=kills,
            in_export=in_export,
            stored_before=stored_before,
            asked=len(asked),
            asked_again=again,
            never_stored=len(set(asked) - self._stored()),
            same=files == self.whole,
            left=left,
            finished=finished,
        )

    def _asked(self) -> Sequence[str]:
        """The keys of all questions so far, in the order in which they were asked."""
        if not self.log.exists():
            return []
        return [line.split()[1] for line in self.log.read_text("ascii").splitlines()]

    def _stored(self) -> set[str]:
        """The keys of all answers in the store, as another process finds them."""
        place = self.folder / "run.sqlite"
        if not place.exists():
            return set()
        base = sqlite3.connect(f"file:{place}?mode=ro", uri=True)
        try:
            return {bytes(key).hex() for (key,) in base.execute("SELECT key FROM completions")}
        except sqlite3.OperationalError:  # killed before there were tables
            return set()
        finally:
            base.close()


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}
