"""``python -m evals scale --kills 30``: runs on Ray whose workers, nodes and process are killed.

Each run is a process with a cluster of three nodes on this machine. At random moments a worker, a
node or the run itself is killed with SIGKILL; the run is begun again with the same command. In the
end its files must be those of a run that nobody touched, without Ray, and no answer that was stored
when the run was killed may have been asked for again. The model notes what it is asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TextIO

import msgspec

from evals.machine import Watch, describe
from evals.scale import ask, numbers
from evolsynth.cluster.settings import Ray
from evolsynth.errors import SetupError
from evolsynth.llm.base import LLM, Request, hash_of
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import Pipeline
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.run import run as run_pipeline

__all__ = ["answers_in", "files_of", "kills"]

_ROWS, _NODES, _MOST = 240, 2, 6  # rows, nodes beside the first, kills of a run
_LOG = "EVALS_ASKED"
_LIMIT = 180.0


def noting() -> LLM:
    """A model that writes down the key of each request before it answers."""
    own = Scripted([], name="noting")
    identity = hash_of((own.name, own.provenance)).hex()

    def answer(request: Request) -> str:
        log = os.environ.get(_LOG)
        if log:
            with open(log, "a", encoding="ascii") as file:  # noqa: PTH123 - one write, appended
                file.write(f"{request.key(identity).hex()}\n")
        return f"an answer with the number {request.seed % 997}"

    return Scripted(
        answer,
        delay=lambda request: 0.05 + request.seed % 300 / 1000,
        concurrency=8,
        remember=False,
        name="noting",
    )


def _line() -> Pipeline:
    return (numbers(_ROWS) >> ask(column="one") >> ask(column="two")).using(name="kills", seed=5)


async def _driven(folder: str) -> None:
    """A run on a cluster of its own."""
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    for _ in range(_NODES):
        cluster.add_node(**node)
    on = Ray(address=cluster.address, models={"noting": noting}, patience=20)
    options = RunOptions(llm="noting", on=on, embedder=None, report=False)
    await run_pipeline(_line(), folder, options)


def kills(times: int, seed: int, told: TextIO) -> dict[str, Any]:
    """Run so often, and compare."""
    watch, wrong, totals = Watch(), [], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="evals-kills-") as place:
        whole = Path(place) / "whole"
        options = RunOptions(llm=noting(), embedder=None, report=False, signals=False)
        asyncio.run(run_pipeline(_line(), whole, options))
        expected = files_of(whole)
        for number in range(times):
            found = _trial(Path(place) / str(number), random.Random(f"{seed}/{number}"))  # noqa: S311
            totals.update(found.killed)
            same = files_of(Path(place) / str(number) / "run") == expected
            totals["asked again"] += found.again
            if not same or found.again:
                wrong.append(number)
            print(
                f"{number + 1:>3}: killed {dict(found.killed)}; {found.seconds:.0f} s; "
                f"{'the same bytes' if same else 'OTHER BYTES'}; {found.stored} answers were "
                f"stored at a kill of the run, {found.again} of them asked again",
                file=told,
                flush=True,
            )
            totals["stored"] += found.stored
    print(f"{times - len(wrong)} of {times} runs right; in all: {dict(totals)}", file=told)
    return {
        "machine": msgspec.to_builtins(describe()),
        "others": watch.others(),
        "runs": times,
        "wrong": wrong,
        "totals": dict(totals),
    }


class _Found(msgspec.Struct):
    killed: dict[str, int]
    stored: int
    again: int
    seconds: float


def _trial(place: Path, chance: random.Random) -> _Found:
    place.mkdir()
    folder, log = place / "run", place / "asked"
    log.touch()
    killed, stored, again = Counter[str](), set[str](), 0
    began, left, seen = time.monotonic(), chance.randint(2, _MOST), 0
    process = _begun(folder, log)
    while True:
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(chance.uniform(0.3, 2.0))
            if status:
                raise SetupError(f"A run ended with {status}: {_tail(place)}")
            break
        if time.monotonic() - began > _LIMIT:
            process.kill()
            raise SetupError(f"A run took more than {_LIMIT:g} s: {_tail(place)}")
        if not left or not answers_in(folder):
            continue
        what = chance.choices(("worker", "node", "run"), (4, 2, 3))[0]
        if what == "run":
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            _end_session(process.pid)
            asked = log.read_text("ascii").splitlines()
            again += sum(key in stored for key in asked[seen:])
            seen, stored = len(asked), stored | answers_in(folder)
            process = _begun(folder, log)
        else:
            some = _processes(process.pid, "ray::Worker" if what == "worker" else "raylet/raylet")
            some = some[1:] if what == "node" else some  # the first is the head
            if not some:
                continue
            with suppress(ProcessLookupError):
                os.kill(chance.choice(some), signal.SIGKILL)
        killed[what] += 1
        left -= 1
    asked = log.read_text("ascii").splitlines()
    again += sum(key in stored for key in asked[seen:])
    _end_session(process.pid)
    return _Found(dict(killed), len(stored), again, time.monotonic() - began)


def _begun(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with (folder.parent / "err").open("ab") as err:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "evals.scale_kills", str(folder)],
            env={**os.environ, _LOG: str(log), "RAY_USAGE_STATS_ENABLED": "0"},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=err,
        )


def _processes(session: int, named: str) -> list[int]:
    """The session's processes of a name, the oldest first."""
    listed = subprocess.run(  # noqa: S603
        ["ps", "-o", "pid=,args=", "--sid", str(session), "--sort=start_time"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, args in found if named in args]


def _end_session(session: int) -> None:
    """What is left of a run that was killed: nobody waits for it."""
    for pid in _processes(session, ""):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def answers_in(folder: Path) -> set[str]:
    """The keys of the answers that are stored."""
    store = folder / "run.sqlite"
    if not store.exists():
        return set()
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            return {bytes(key).hex() for (key,) in db.execute("SELECT key FROM completions")}
    except sqlite3.OperationalError:  # it is just being made
        return set()


def files_of(folder: Path) -> dict[str, bytes]:
    """A run's rows, as its files have them."""
    return {one.name: one.read_bytes() for one in sorted(folder.glob("*.jsonl"))}


def _tail(place: Path) -> str:
    return (place / "err").read_text("utf-8", "replace").strip()[-500:]


if __name__ == "__main__":
    try:
        asyncio.run(_driven(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - the other process reads it
        print(json.dumps(str(error)), file=sys.stderr)
        sys.exit(1)
