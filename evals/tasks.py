"""``python -m evals tasks``: are kinds of tasks told, and where truth is at stake?

Labelled instructions are in ``evals/data/tasks.jsonl``: ``instruction``, ``task``, how it was
``made``, and the ``part`` that it belongs to: the rules were made with ``dev`` in view, and not
with ``held``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.options import add_json, check_place, save, told_on
from evolsynth.evaluation.text.task import TASKS, Task, task_of, truth_at_stake

__all__ = ["Figures", "Labelled", "add_options", "figures", "read", "run"]

DATA = Path(__file__).with_name("data") / "tasks.jsonl"


class Labelled(msgspec.Struct, frozen=True):
    """An instruction and what a reader takes it for."""

    instruction: str
    task: Task
    part: str
    made: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of ``number`` instructions. ``free`` are those that are told to have no truth at stake, and
    ``rightly`` how many of them have none; ``really`` is how many have none by the labels.
    ``by_kind`` has labelled, told and rightly told ones of each kind, and ``confused`` the pairs of
    label and answer that differ, the most frequent first."""

    number: int
    right: int
    free: int
    rightly: int
    really: int
    by_kind: dict[str, tuple[int, int, int]]
    confused: tuple[tuple[str, str, int], ...]

    @property
    def accuracy(self) -> float:
        """The share of kinds that are told rightly."""
        return self.right / max(self.number, 1)

    @property
    def precision(self) -> float:
        """Of "truth is not at stake"."""
        return self.rightly / max(self.free, 1)

    @property
    def recall(self) -> float:
        """Of "truth is not at stake"."""
        return self.rightly / max(self.really, 1)


def read(path: Path = DATA) -> list[Labelled]:
    """The labelled instructions."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [msgspec.convert(json.loads(line), Labelled) for line in lines]


def figures(rows: Sequence[Labelled]) -> Figures:
    """How the rules do on these."""
    pairs = [(row.task, task_of(row.instruction)) for row in rows]
    labelled, told = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    right = Counter(one for one, two in pairs if one == two)
    confused = Counter((one, two) for one, two in pairs if one != two)
    free = [(one, two) for one, two in pairs if not truth_at_stake(two)]
    return Figures(
        number=len(pairs),
        right=right.total(),
        free=len(free),
        rightly=sum(not truth_at_stake(one) for one, _ in free),
        really=sum(not truth_at_stake(one) for one, _ in pairs),
        by_kind={task: (labelled[task], told[task], right[task]) for task in TASKS},
        confused=tuple((*pair, count) for pair, count in confused.most_common()),
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--part", choices=("dev", "held"), default="dev", help="default: dev")
    parser.add_argument("--wrong", action="store_true", help="show what is told wrongly")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    out = told_on(options.json)
    rows = [row for row in read() if row.part == options.part]
    found = figures(rows)
    print(f"{options.part}: {found.right} of {found.number} kinds ({found.accuracy:.1%})", file=out)
    print(
        f"truth not at stake: told of {found.free}, rightly of {found.rightly} (precision "
        f"{found.precision:.1%}), of {found.really} (recall {found.recall:.1%})",
        file=out,
    )
    print(f"\n{'kind':16}{'labelled':>9}{'told':>6}{'right':>6}", file=out)
    for task, (labelled, told, right) in found.by_kind.items():
        print(f"{task:16}{labelled:9}{told:6}{right:6}", file=out)
    print("\nlabelled as, told as", file=out)
    for label, told_as, count in found.confused:
        print(f"{count:4}  {label}, {told_as}", file=out)
    if options.wrong:
        for row in rows:
            if (answer := task_of(row.instruction)) != row.task:
                mark = "!!" if truth_at_stake(row.task) and not truth_at_stake(answer) else "  "
                print(f"{mark} {row.task:15}{answer:15}{row.instruction!r:.110}", file=out)
    save(options.json, msgspec.to_builtins(found) | {"part": options.part})
    return 0
