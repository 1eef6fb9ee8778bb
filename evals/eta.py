"""``python -m evals eta``: is the time left of a run told rightly? Recorded runs are replayed.

What is told (`Forecast.seconds`) is compared with the time that was left, at each recorded look
from a third of the run on. A look is good if it is off by 30% of the time left at most, or by five
seconds, which are told as "a few seconds".
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from evals.eta_record import COUNTS, FOLDER, RUNS, Recorded, load_recording, record
from evals.options import add_json, check_place, save, told_on
from evolsynth.cli.progress.pace import Pace
from evolsynth.errors import InputError
from evolsynth.llm.base import Usage
from evolsynth.methods.method import METHODS
from evolsynth.pipeline.graph import Node, Step
from evolsynth.pipeline.run.state import Budget, RunState

__all__ = ["UNREAD", "Result", "add_options", "replay", "result", "run"]

#: Runs that were not looked at before the reckoning was done; it was made with the others. All
#: whose names end as `QUIET` were recorded after that, with nothing else on the machine.
UNREAD = ("short", "tasks", "wide", "several")
QUIET = "-quiet"
FROM, NEAR, SECONDS = 1 / 3, 0.30, 5.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How well one run was foretold.

    ``others`` is the share of the processors that other programs had.
    ``first`` is the second at which a time was told first. Of ``looks`` from a third of the run
    on, ``good`` is the share that is off by 30% or five seconds at most, ``strict`` by 30%;
    ``median`` and ``worst`` are of how far they are off, in parts of the time left, where that is
    more than five seconds. ``rises`` is how often the time told became longer by a tenth or more.
    """

    name: str
    tuned: bool
    others: float | None
    seconds: float
    first: float | None
    looks: int
    good: float
    strict: float
    median: float
    worst: float
    rises: int


class _Replayed(RunState):
    """A run as it was recorded."""

    seconds = 0.0
    tokens = 0
    tokens_found = 0
    planned = 0
    usage = Usage()
    at_once = 1

    def show(self, look: Sequence[Any]) -> None:
        """Stand as at this look."""
        self.seconds, self.accepted, self.rejected, self.failed = look[:4]
        self.tokens_found = look[6]
        for step, values in zip(self.counts, look[7], strict=True):
            for name, value in zip(COUNTS, values, strict=True):
                setattr(step, name, value)
        self.tokens = sum(step.tokens for step in self.counts)
        requests = sum(step.asked for step in self.counts)
        self.usage = Usage(requests=requests, completion_tokens=look[4], prompt_tokens=look[5])


async def _nothing(rows: Any) -> None:
    """Stands for a step that is no method."""


def _state(told: Recorded) -> _Replayed:
    nodes = [
        Node(
            place,
            step["name"],
            Step(
                kind=step["kind"],
                function=METHODS[step["kind"]].function if step["kind"] in METHODS else _nothing,
                shape=step["shape"],
                parameters=step["parameters"],
            ),
            tuple(step["inputs"]),
        )
        for place, step in enumerate(told.steps)
    ]
    state = _Replayed(told.name, None, nodes, Budget(**told.budget))
    state.expected, state.at_once, state.width = told.expected, told.at_once, told.width
    return state


def replay(told: Recorded) -> Iterator[tuple[float, float | None]]:
    """At each second of a run, how many were said to be left."""
    state = _state(told)
    state.show(told.looks[0])
    pace = Pace(state, told.looks[0][0])
    for look in told.looks[1:-1]:
        state.show(look)
        pace.look(look[0])
        yield look[0], None if pace.forecast is None else pace.forecast.seconds


def result(told: Recorded) -> Result:
    """How well the run was foretold."""
    end = told.looks[-1][0]
    said = list(replay(told))
    late = [(end - at, left) for at, left in said if at >= FROM * end]
    off = [abs(left - true) if left is not None else 1e9 for true, left in late]
    parts = [o / true for o, (true, _) in zip(off, late, strict=True)]
    good = [o <= max(SECONDS, NEAR * true) for o, (true, _) in zip(off, late, strict=True)]
    long = sorted(p for p, (true, _) in zip(parts, late, strict=True) if true > SECONDS)
    known = [left for _, left in said if left is not None]
    return Result(
        name=told.name,
        tuned=told.name not in UNREAD and not told.name.endswith(QUIET),
        others=told.others,
        seconds=end,
        first=next((at for at, left in said if left is not None), None),
        looks=len(late),
        good=sum(good) / max(1, len(good)),
        strict=sum(p <= NEAR for p in parts) / max(1, len(parts)),
        median=long[len(long) // 2] if long else 0.0,
        worst=max(long, default=0.0),
        rises=sum(b > 1.1 * a for a, b in pairwise(known)),
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The program's options."""
    parser.add_argument(
        "--record",
        metavar="NAME",
        help=f"make the run, and write its recording: {', '.join(RUNS)}",
    )
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="DIR", help="the recordings")
    parser.add_argument("--run", metavar="NAME", help="only this one, second by second")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Record a run, or replay those that there are; 1 if one of them was foretold badly."""
    check_place(options.json)
    out = told_on(options.json)
    if options.record is not None:
        made = record(options.record, options.data)
        print(f"{made.name}: {made.looks[-1][0]:.0f} s, {len(made.looks)} looks", file=out)
        return 0
    paths = sorted(options.data.glob("*.jsonl.xz"))
    if options.run is not None:
        paths = [path for path in paths if path.name == f"{options.run}.jsonl.xz"]
    if not paths:
        raise InputError(f"{options.data}: there is no such recording. Make one with --record.")
    runs = [load_recording(path) for path in paths]
    if options.run is not None:
        end = runs[0].looks[-1][0]
        for at, left in replay(runs[0]):
            shown = "-" if left is None else f"{left:.0f}"
            print(f"{at:6.0f} s  {end - at:6.0f} left  {shown:>6} told", file=out)
    results = [result(told) for told in runs]
    print(
        "run                tuned others   took  first told  good  strict  median  worst  rises",
        file=out,
    )
    for one in sorted(results, key=lambda one: (not one.tuned, one.name)):
        first = "-" if one.first is None else f"{one.first:.0f} s"
        print(
            f"{one.name:<19}{'yes' if one.tuned else 'no':<6}{one.others or 0:6.0%}"
            f"{one.seconds:5.0f} s{first:>12}"
            f"{one.good:6.0%}{one.strict:8.0%}{one.median:8.0%}{one.worst:7.0%}{one.rises:7}",
            file=out,
        )
    save(options.json, {"from": FROM, "near": NEAR, "seconds": SECONDS, "runs": results})
    return 0 if all(one.good == 1 for one in results) else 1
