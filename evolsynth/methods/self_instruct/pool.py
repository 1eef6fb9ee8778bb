"""The tasks that Self-Instruct has, by people and by the model: what is shown, what is new."""

from __future__ import annotations

import bisect
import os
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from evolsynth.data.files import read_objects
from evolsynth.errors import InputError
from evolsynth.evaluation.text.rouge import RougeIndex
from evolsynth.findings import Finding
from evolsynth.methods.self_instruct.writer import Plan
from evolsynth.rows import derive_seed

__all__ = ["LEAST_SEEDS", "SeedTask", "TaskPool", "read_seeds", "shipped_seeds"]

#: So many examples are shown at once.
LEAST_SEEDS = 8

_SHIPPED = Path(__file__).with_name("seed_tasks.jsonl")


class SeedTask(NamedTuple):
    """A task written by a person, with one instance of it; ``input`` is empty where it needs none,
    ``output`` where none was given."""

    instruction: str
    input: str = ""
    output: str = ""
    is_classification: bool = False


@cache
def shipped_seeds() -> tuple[SeedTask, ...]:
    """71 varied tasks, 15 of them classifications, written for this project."""
    return read_seeds(_SHIPPED)


def read_seeds(path: str | os.PathLike[str]) -> tuple[SeedTask, ...]:
    """Tasks from a JSON Lines file: ``instruction``, and if known ``input``, ``output`` and
    ``is_classification``; or, as in the file of Self-Instruct's authors, ``instances``, a list of
    inputs and outputs, of which the first is taken.

    Raises:
        InputError: the file cannot be read, a line is no task, or there are fewer than 8.
    """
    seeds = tuple(_seed(data, f"{path}, line {number}") for number, data in read_objects(path))
    if len(seeds) < LEAST_SEEDS:
        raise InputError(
            f"{path}: {len(seeds)} seed tasks, and {LEAST_SEEDS} are shown at once. Add some, or "
            "leave the file out to use those that ship."
        )
    return seeds


def _seed(data: Mapping[str, Any], where: str) -> SeedTask:
    instances = data.get("instances")
    if isinstance(instances, list) and instances and isinstance(instances[0], dict):
        data = {**instances[0], **data}
    instruction = _text(data, "instruction", where)
    if not instruction:
        raise InputError(f"{where}, field 'instruction': there is no text. Give the task's words.")
    label = data.get("is_classification")
    if not isinstance(label, bool | None):
        raise InputError(f"{where}, field 'is_classification': give true or false.")
    return SeedTask(
        instruction,
        _text(data, "input", where),
        _text(data, "output", where),
        is_classification=bool(label),
    )


def _text(data: Mapping[str, Any], name: str, where: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where}, field '{name}': a text was expected.")
    return value.strip()


_SHOTS, _OWN_SHOTS = LEAST_SEEDS, 2
_SAME_SHOTS = 4  # attempts that are shown the same tasks, which are then read once


class TaskPool:
    """Seeds first, then accepted tasks in the order of their attempts.

    ``made``, where it is asked for, is how many accepted tasks an attempt may know of.
    """

    def __init__(self, seeds: Sequence[SeedTask], *, seed: int, most_similar: float) -> None:
        self._seed, self._most_similar = seed, most_similar
        self._made_by: list[int] = []  # the attempts of accepted tasks, rising
        self._index = RougeIndex()
        for number, task in enumerate(seeds):
            self._index.add(task.instruction, name=f"seed {number + 1}")
        self._seeds = len(seeds)
        self._with_input = [bool(task.input) for task in seeds]

    @property
    def accepted(self) -> int:
        """Tasks in the pool beside the seeds."""
        return len(self._made_by)

    def made_before(self, attempt: int) -> int:
        """How many were accepted of the attempts before this one."""
        return bisect.bisect_left(self._made_by, attempt)

    def add(self, task: str, *, attempt: int, name: str, with_input: bool) -> None:
        """Take in an accepted task; attempts must rise."""
        self._made_by.append(attempt)
        self._index.add(task, name=name)
        self._with_input.append(with_input)

    def plan(self, number: int, made: int, *, input_share: float | None) -> Plan:
        """Six seeds and two tasks made before, shuffled; eight seeds while there are none.

        With a share of tasks that work on an input, those are asked for by themselves: only such
        are shown then, as far as there are enough, and else only others.
        """
        group = str(number // _SAME_SHOTS)
        draw = random.Random(derive_seed(self._seed, "self_instruct/shots", group))  # noqa: S311
        wanted = None if input_share is None else draw.random() < input_share
        size = self._seeds
        own = draw.sample(
            self._alike(range(size, size + made), wanted, _OWN_SHOTS), min(_OWN_SHOTS, made)
        )
        places = draw.sample(self._alike(range(size), wanted, _SHOTS), _SHOTS - len(own)) + own
        draw.shuffle(places)
        shots = [self._index[place] for place in places]
        names = tuple(shot.name for shot in shots)
        return Plan(number, tuple(shot.text for shot in shots), names, bool(wanted))

    def _alike(self, places: range, with_input: bool | None, least: int) -> Sequence[int]:
        """Those of the wanted kind; all where there are fewer than ``least``."""
        alike = [p for p in places if with_input is None or self._with_input[p] == with_input]
        return alike if len(alike) >= least else places

    def like_another(self, task: str, made: int | None = None) -> Finding | None:
        """The seed or task that is worded alike, of the first ``made`` made, or of all."""
        first = None if made is None else self._seeds + made
        near = self._index.nearest(task, least=self._most_similar, first=first)
        if near is None:
            return None
        found = {"twin": near.name, "text": near.text, "rouge_l": round(near.score, 4)}
        return Finding("same_wording", {**found, "least": self._most_similar})
