"""The tasks that Self-Instruct has, by people and by the model: what is shown, what is new."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence

from evolsynth.evaluation.text.rouge import RougeIndex
from evolsynth.findings import Finding
from evolsynth.methods.self_instruct.seeds import LEAST_SEEDS, SeedTask
from evolsynth.methods.self_instruct.writer import Plan
from evolsynth.rows import derive_seed

__all__ = ["TaskPool"]

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
