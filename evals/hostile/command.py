"""The program: which trials, run how, and what is told of them."""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TextIO

import msgspec

from evals.hostile import calls, commands, limits, models, moments, pipelines
from evals.hostile.oracle import judge
from evals.hostile.running import Outcome, Servers, carry_out
from evals.hostile.trial import Draw, Trial
from evals.machine import describe
from evals.options import add_json, check_place, names, positive, save, told_on, whole
from evolsynth.atomic import cache_folder
from evolsynth.errors import InputError

__all__ = ["KINDS", "Failed", "add_options", "made", "run", "run_one"]

#: What each kind of trial draws, and how often it comes where all are drawn from.
KINDS: dict[str, tuple[Callable[[Trial, Draw], None], float]] = {
    "files": (commands.files, 50),
    "forms": (commands.forms, 50),
    "long": (commands.long, 4),
    "pipelines": (pipelines.pipelines, 12),
    "steps": (pipelines.steps, 8),
    "folders": (pipelines.folders, 4),
    "calls": (calls.calls, 10),
    "shell": (moments.shell, 3),
    "signals": (moments.signals, 5),
    "twice": (moments.twice, 1),
    "full": (moments.full, 1.5),
    "clock": (moments.clock, 1),
    "models": (models.models, 1),
    "templates": (models.templates, 1),
}
_FAILURES_SHOWN = 40


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A trial with which something was wrong, and where it can be looked at."""

    name: str
    wrong: list[str]
    told: list[str]
    folder: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--trials", type=positive, default=10_000, metavar="N", help="how many (default: 10000)"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="begin no more trials after so long"
    )
    parser.add_argument("--seed", type=whole, default=1, metavar="N", help="of the draws")
    parser.add_argument(
        "--only", type=names((*KINDS, "limits")), metavar="KIND,...",
        help=f"some kinds of trials: {', '.join(KINDS)}; or limits: the least memory, files and "
        "file size that each command can do with, as a table",
    )  # fmt: skip
    parser.add_argument("--replay", metavar="NAME", help="one trial again, with all that is said")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where failures are kept (default: a new folder)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run trials; the exit status: 1 if something was wrong with one."""
    check_place(options.json)
    if options.replay is not None:
        return _replayed(options.replay, options.keep)
    told = told_on(options.json)
    if "limits" in (options.only or ()):
        return limits.run(options.json, told)
    began = time.monotonic()
    failed: list[Failed] = []
    counts: Counter[str] = Counter()
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    keep = options.keep or Path(tempfile.mkdtemp(prefix="evals-hostile-kept-"))
    end = None if options.minutes is None else began + options.minutes * 60
    drawn = _drawn(options.seed, options.trials, options.only or tuple(KINDS), end)
    for name, one, took, ended in _through(drawn, keep):
        kind = name.rpartition("-")[0].rpartition("-")[0]
        counts[kind] += 1
        seconds[kind] += took
        statuses[kind].update(map(str, ended))
        if one is not None:
            failed.append(one)
            _tell(one, told, short=len(failed) > _FAILURES_SHOWN)
        total = counts.total()
        if total % 500 == 0:
            print(
                f"{total} trials, {len(failed)} failed, {time.monotonic() - began:.0f} s", file=told
            )
    parts = ", ".join(f"{kind} {counts[kind]}" for kind in KINDS if counts[kind])
    print(f"{counts.total()} trials ({parts}), {time.monotonic() - began:.0f} s: "
          f"{len(failed)} failed", file=told)  # fmt: skip
    if failed:
        print(f"Kept in {keep}; python -m evals hostile --replay NAME", file=told)
    elif options.keep is None:
        shutil.rmtree(keep, ignore_errors=True)
    save(options.json, {
        "machine": msgspec.to_builtins(describe()), "trials": counts.total(), "kinds": dict(counts),
        "seconds": round(time.monotonic() - began, 1), "seed": options.seed,
        "seconds_by_kind": {kind: round(value, 1) for kind, value in seconds.items()},
        "statuses": {kind: dict(found) for kind, found in statuses.items()},
        "failed": msgspec.to_builtins(failed),
    })  # fmt: skip
    return 1 if failed else 0


def _drawn(seed: int, trials: int, kinds: Sequence[str], end: float | None) -> Iterator[str]:
    weights = [KINDS[kind][1] for kind in kinds]
    for number in range(trials):
        if end is not None and time.monotonic() > end:
            return
        draw = random.Random(f"{seed}-{number}")  # noqa: S311 - the same each time
        yield f"{draw.choices(kinds, weights)[0]}-{seed}-{number}"


#: A trial's name, what was wrong, the seconds that it took, and its exit statuses.
_Done = tuple[str, Failed | None, float, list[int]]


def _through(drawn: Iterator[str], keep: Path) -> Iterator[_Done]:
    """All trials, some at once."""
    servers = Servers()

    def one(name: str) -> _Done:
        began, ended = time.monotonic(), list[int]()
        try:
            found = run_one(name, servers, keep, ended)
        except Exception:  # noqa: BLE001 - a fault of the program itself is told, and the rest goes on
            found = Failed(name=name, wrong=[traceback.format_exc()], told=[], folder="")
        return name, found, time.monotonic() - began, ended

    width = len(os.sched_getaffinity(0))
    with cache_of_its_own(), ThreadPoolExecutor(width) as pool:
        under_way: set[Future[_Done]] = set()
        try:
            for name in drawn:
                under_way.add(pool.submit(one, name))
                if len(under_way) > width:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            servers.close()


class cache_of_its_own:  # noqa: N801 - used as a function
    """A cache folder with the models and vectors of the usual one, for what trials measure."""

    def __enter__(self) -> None:
        self._before = os.environ.get("EVOLSYNTH_CACHE")
        usual, self._mine = cache_folder().absolute(), Path(tempfile.mkdtemp(prefix="evals-cache-"))
        for name in ("models", "static"):
            (usual / name).mkdir(parents=True, exist_ok=True)
            (self._mine / name).symlink_to(usual / name)
        if (usual / "arrangements.json").exists():
            shutil.copy(usual / "arrangements.json", self._mine)
        os.environ["EVOLSYNTH_CACHE"] = str(self._mine)

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ["EVOLSYNTH_CACHE"]
        else:
            os.environ["EVOLSYNTH_CACHE"] = self._before
        shutil.rmtree(self._mine, ignore_errors=True)


def made(name: str, home: Path) -> Trial:
    """The trial of this name, with its files, in a folder of its own.

    Raises:
        InputError: no trial has such a name.
    """
    kind, _, rest = name.partition("-")
    if kind not in KINDS or not re.fullmatch(r"\d+-\d+", rest):
        raise InputError(f"'{name}' is no trial. A name is KIND-SEED-NUMBER: files-1-7.")
    trial = Trial(name, home)
    trial.begin()
    KINDS[kind][0](trial, Draw(name))
    (home / "reproduce.sh").write_text(trial.reproducer(), "utf-8", "surrogateescape")
    return trial


def run_one(
    name: str, servers: Servers, keep: Path, ended: list[int] | None = None
) -> Failed | None:
    """Make a trial, run it, and judge it; one that failed is kept as it was before it ran.
    ``ended`` is told the exit statuses."""
    home = Path(tempfile.mkdtemp(prefix="evals-hostile-"))
    try:
        trial = made(name, home)
        outcome = carry_out(trial, servers)
        if ended is not None:
            ended += [said.ended.status for said in outcome.said]
        wrong = judge(trial, outcome)
        if not wrong:
            return None
        place = keep / name
        _removed(place)
        made(name, place)
        _write_down(place, outcome, wrong)
        told = [*trial.told, *(command.shown() for command in trial.commands)]
        return Failed(name=name, wrong=wrong, told=told, folder=str(place))
    finally:
        _removed(home)


def _removed(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)


def _write_down(place: Path, outcome: Outcome, wrong: list[str]) -> None:
    with (place / "outcome.txt").open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"WRONG: {sentence}\n" for sentence in wrong)
        for said in outcome.said:
            file.write(f"\n$ {said.command.shown()}\nexit status {said.ended.status}, "
                       f"{said.ended.seconds:.2f} s, {said.ended.memory:.0f} MiB\n")  # fmt: skip
            for name in ("stdout", "stderr"):
                text = getattr(said, name).decode("utf-8", "backslashreplace")
                file.write(f"-- {name}\n{text[:20_000]}\n")
        file.write("-- files afterwards\n")
        file.writelines(f"{found.size:9} {path}\n" for path, found in sorted(outcome.after.items()))


def _tell(one: Failed, told: TextIO, *, short: bool) -> None:
    print(f"FAILED {one.name}: {_plain(one.wrong[0])[: 160 if short else 1500]}", file=told)
    if not short:
        for line in (*one.wrong[1:], *one.told):
            print(f"    {_plain(line)[:600]}", file=told)


def _plain(text: str) -> str:
    """What was drawn, fit for a terminal."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in shown)


def _replayed(name: str, keep: Path | None) -> int:
    place = keep or Path(tempfile.mkdtemp(prefix="evals-hostile-replay-"))
    servers = Servers()
    try:
        with cache_of_its_own():
            found = run_one(name, servers, place)
    finally:
        servers.close()
    if found is None:
        print(f"{name}: nothing is wrong.")
        if keep is None:
            _removed(place)
        return 0
    print(_plain((place / name / "reproduce.sh").read_text("utf-8", "surrogateescape")))
    print(_plain((place / name / "outcome.txt").read_text("utf-8")))
    print(f"Kept in {place / name}", file=sys.stderr)
    return 1
