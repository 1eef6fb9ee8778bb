"""Runs whose end is to be foretold, and their recording: how each stood, second by second.

A recording is a line of JSON on the plan and one for each second, compressed: some KB. It has what
a watcher of a run sees (counts of each step, rows that came out, tokens written), and no row.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from evals.machine import Watch
from evolsynth.cli.demo import UNDER_WAY, line
from evolsynth.errors import InputError
from evolsynth.pipeline import (
    Pipeline,
    bootstrap_tasks,
    evolve,
    gate,
    generate,
    group,
    load,
    magpie,
    merge,
    preference,
    respond,
)
from evolsynth.pipeline.graph import Node, Step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import RunState
from evolsynth.prompts import passages_folder

__all__ = ["COUNTS", "FOLDER", "RUNS", "Recorded", "load_recording", "record"]

FOLDER = Path(__file__).parent / "data" / "eta"
_SEEDS = Path(__file__).parent / "data" / "answer_room.jsonl"

#: What of a step is recorded, in this order.
COUNTS = ("came", "made", "used", "left", "rejected", "failed", "running", "tokens", "asked",
          "found")  # fmt: skip


class Wanted(NamedTuple):
    """A run: its pipeline, how it is run, and of how many rows it does the half beforehand."""

    pipeline: Callable[[], Pipeline]
    options: Mapping[str, Any] = {}
    before: int = 0


def _seeds(rows: int) -> Step:
    return load(str(_SEEDS), limit=rows)


RUNS: Mapping[str, Wanted] = {
    "demo": Wanted(lambda: magpie(n=60) >> evolve() >> respond() >> gate()),
    "magpie": Wanted(lambda: magpie(n=400) >> gate()),
    "accepted": Wanted(lambda: magpie() >> respond() >> gate(), {"accepted": 100}),
    "evolve": Wanted(lambda: _seeds(160) >> evolve() >> gate()),
    "evolve-3": Wanted(lambda: _seeds(50) >> evolve(rounds=3) >> gate()),
    "self-instruct": Wanted(lambda: bootstrap_tasks(n=40) >> gate()),
    "respond": Wanted(lambda: _seeds(250) >> respond() >> gate()),
    "generate": Wanted(
        lambda: (
            _seeds(200)
            >> generate(prompt="Write a short story about this: {{ instruction }}", output="story")
        )
    ),
    "preference": Wanted(lambda: _seeds(60) >> respond(samples=3) >> preference(score="ifd")),
    "resumed": Wanted(lambda: _seeds(300) >> respond() >> gate(), before=150),
    "low-yield": Wanted(
        lambda: magpie(topic="mathematics") >> evolve() >> respond() >> gate(), {"accepted": 15}
    ),
    "fan-out": Wanted(
        lambda: (
            _seeds(80)
            >> [respond(), respond(name="other", seed=11, max_tokens=160)]
            >> group(columns=["response"])
        )
    ),
    "few": Wanted(lambda: magpie() >> respond() >> gate(), {"accepted": 30}),
    "attempts": Wanted(
        lambda: magpie() >> evolve(rounds=2) >> gate(), {"accepted": 500, "max_attempts": 200}
    ),
    "short": Wanted(
        lambda: (
            _seeds(400)
            >> generate(prompt="Say in a sentence: {{ instruction }}", output="gist", max_tokens=64)
        )
    ),
    "tasks": Wanted(lambda: bootstrap_tasks(n=60) >> gate()),
    "wide": Wanted(
        lambda: (
            _seeds(150)
            >> [evolve(), respond(name="other", max_tokens=160)]
            >> merge()
            >> respond(name="last", max_tokens=100)
        )
    ),
    "several": Wanted(lambda: _seeds(60) >> evolve() >> respond(samples=2) >> gate()),
    "branches": Wanted(
        lambda: line([passages_folder()], 100, 7),
        {"accepted": 100, "seed": 7, "stall": None, "concurrency": UNDER_WAY},
    ),
    "tokens": Wanted(lambda: magpie() >> respond() >> gate(), {"max_tokens": 30_000}),
}


class Recorded(msgspec.Struct, frozen=True):
    """A recorded run: its plan, and ``looks`` of (seconds, accepted, rejected, failed, tokens
    written, read, found, and the counts of each step); the last is its end.

    ``others`` is the share of the processors that other programs used, where that is known;
    ``at_once`` how many answers were worked on at once, ``width`` how many rows at each step.
    """

    name: str
    steps: list[dict[str, Any]]
    budget: dict[str, Any]
    expected: int | None
    others: float | None
    looks: list[list[Any]]
    at_once: int = 64
    width: int | None = None


class _Recorder:
    """Looks at a run once a second; a `RunWatch`."""

    def __init__(self) -> None:
        self.looks: list[list[Any]] = []
        self.state: RunState | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, state: RunState) -> None:
        self.state = state
        self._again()

    def event(self, kind: str, /, **data: Any) -> None:
        """What happens is in the counts."""

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(1.0, self._again)
        self._look()

    def _look(self) -> None:
        state = self.state
        if state is None:
            return
        usage, counts = state.usage, state.refresh()
        totals = [round(state.seconds, 2), state.accepted, state.rejected, state.failed]
        work = [usage.completion_tokens, usage.prompt_tokens, state.tokens_found]
        steps = [[getattr(step, name) for name in COUNTS] for step in counts]
        self.looks.append([*totals, *work, steps])


def record(name: str, folder: Path = FOLDER) -> Recorded:
    """Run it, and write its recording.

    Raises:
        InputError: there is no run of that name.
    """
    if name not in RUNS:
        raise InputError(f"There is no run '{name}'. There are: {', '.join(RUNS)}.")
    wanted, recorder, watch = RUNS[name], _Recorder(), Watch()
    pipeline = wanted.pipeline()
    with tempfile.TemporaryDirectory() as place:
        told = {"report": False, "signals": False, **wanted.options}
        if wanted.before:
            some = RunOptions(**told, limit=wanted.before)
            asyncio.run(run(wanted.pipeline(), place, some))
        asyncio.run(run(pipeline, place, RunOptions(**told, watch=recorder)))
    state = recorder.state
    if state is None:
        raise InputError(f"The run '{name}' was never begun.")
    made = Recorded(
        name,
        [_step(node) for node in state.nodes],
        msgspec.to_builtins(state.budget),
        state.expected,
        watch.others(),
        recorder.looks,
        state.at_once,
        state.width,
    )
    lines = [{n: getattr(made, n) for n in made.__struct_fields__ if n != "looks"}, *made.looks]
    text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines)
    (folder / f"{name}.jsonl.xz").write_bytes(lzma.compress(text.encode()))
    return made


def _step(node: Node) -> dict[str, Any]:
    plain = {n: v for n, v in node.step.parameters.items() if isinstance(v, int | float | str)}
    return {
        "name": node.name,
        "kind": node.step.kind,
        "shape": node.step.shape,
        "inputs": list(node.inputs),
        "parameters": plain,
    }


def load_recording(path: Path) -> Recorded:
    """Read one.

    Raises:
        InputError: it is none.
    """
    try:
        head, *looks = lzma.decompress(path.read_bytes()).decode().splitlines()
        told = json.loads(head) | {"looks": [json.loads(look) for look in looks]}
        return msgspec.convert(told, Recorded)
    except (OSError, lzma.LZMAError, ValueError) as error:
        raise InputError(f"{path}: no recording of a run can be read there ({error}).") from None
