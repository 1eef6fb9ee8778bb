"""Problems whose answers are computed, with their steps."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evolsynth.columns import Columns
from evolsynth.errors import InputError, SetupError, did_you_mean
from evolsynth.evaluation.problems.problem import (
    PROBLEMS,
    Level,
    Task,
    asking_lines,
    task_of_values,
    wordings,
)
from evolsynth.foreign import failure
from evolsynth.llm.base import LLM
from evolsynth.methods.computed.reword import Reworder
from evolsynth.methods.method import Options, method
from evolsynth.options import Count, Natural, Share
from evolsynth.prompts import lists_hash
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import ordered_map

if TYPE_CHECKING:
    from evolsynth.methods.steering import Steering

__all__ = ["GYM", "OWN", "chosen_sets", "computed"]

_SETS = "sets"
#: Groups of sets: those that need nothing else, and those of reasoning-gym.
OWN, GYM = "own", "gym"
#: Of answers without steps, how many are asked for without explanation; of those with steps, how
#: many are asked for with them.
_ASKED = 0.5


def _columns(_: str, options: Options, came: Columns) -> Columns:
    """Rows without a text have no input."""
    return Columns(
        {"instruction": "text", "response": "text"},
        sometimes={"input": "not every problem is about a text"},
    )


@method(
    shape="source",
    gives=["instruction", "response"],
    keeps=False,
    columns=_columns,
    idle={"llm": lambda options: not options.get("reword")},
    then=lambda _: {"gate": {}},
)
async def computed(
    llm: LLM | None = None,
    *,
    n: Natural | None = None,
    seed: int = 0,
    sets: Mapping[str, float] | Sequence[str] | None = None,
    steps: Share = 0.6,
    level: Literal["small", "medium", "mixed"] = "mixed",
    reword: bool = False,
    concurrency: Count | None = None,
    steering: Steering | None = None,
) -> AsyncGenerator[Row]:
    """Problems drawn by a program, each with its answer computed, and its steps: ``n`` rows in
    plan order.

    Row ``i`` depends on ``seed`` and ``i`` alone, so a longer run begins with the rows of a
    shorter one. A text that a problem is about is the row's ``input``. What the answer stands on
    is told in ``provenance["response"]["ground"]``, and the gate computes it again.

    Args:
        n: how many rows; by default without end, or as many as a run's budget asks for.
        sets: kinds of problems, as a list, or each with its weight; ``own`` stands for all that
            need no other package, ``gym`` for those of reasoning-gym. By default ``own``.
        steps: the share of answers that show their steps, where there are any.
        level: how large numbers, lists and tables are.
        reword: have the model say instructions in other words; where that loses or invents
            anything, the instruction stays as it was.

    Raises:
        InputError: there is no such set, a weight cannot be drawn from, or ``steps`` is no share.
        SetupError: a set of reasoning-gym was asked for, which is not installed.
        CapabilityError: the model cannot go on from a raw prompt (``reword``).
    """
    if not 0 <= steps <= 1:
        raise InputError(f"steps is {steps}: give the share of answers with steps, from 0 to 1.")
    weights = chosen_sets([OWN] if sets is None else sets)
    reworder = None
    if reword:
        if llm is None:
            raise InputError("reword needs a model. Give one, or leave it out.")
        reworder = Reworder(llm, seed)
    maker = _Maker(seed, weights, steps, level)

    async def one(index: int) -> Row:
        drawn = None if steering is None else await _drawn(steering, weights, seed, index)
        row = await asyncio.to_thread(maker.row, index, drawn)
        return row if reworder is None else await reworder.row(row)

    def failed(index: int, error: BaseException) -> Row:
        row = Row.make(key=f"computed/{seed}/{index}", method="computed")
        return row.replace(failure=failure("computed", error))

    width = concurrency or (4 if llm is None else llm.concurrency)
    plan = itertools.count() if n is None else range(n)
    async with aclosing(
        ordered_map(plan, one, concurrency=width, failed=failed, name="computed")
    ) as stream:
        async for row in stream:
            yield row


async def _drawn(steering: Steering, usual: Mapping[str, float], seed: int, index: int) -> str:
    """The set of row ``index`` in a run that steers itself."""
    from evolsynth.methods.steering import chosen, spread

    tasks = {name: PROBLEMS[name].task for name in usual}
    weights = await steering.weights(index, _SETS, usual, tasks)
    return chosen(weights, spread(seed, f"computed/{_SETS}", index))


def chosen_sets(sets: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    """The weights of sets, in the order of their names; a group's weight is shared out evenly.

    Raises:
        InputError: a set is unknown, or the weights cannot be drawn from.
        SetupError: one needs reasoning-gym, which is not installed.
    """
    weights: dict[str, float] = {}
    for name, weight in _given(sets).items():
        members = [
            p for p in PROBLEMS if name in (OWN, GYM) and PROBLEMS[p].foreign == (name == GYM)
        ]
        if not members and name not in PROBLEMS:
            known = [OWN, GYM, *PROBLEMS]
            raise InputError(f"There is no set of problems '{name}'. {did_you_mean(name, known)}")
        if weight is not None and not 0 <= weight < math.inf:
            raise InputError(f"The weight of '{name}' is {weight}: it must be a number from 0.")
        members = members or [name]
        for member in members:
            share = 1.0 if weight is None else weight / len(members)
            weights[member] = weights.get(member, 0.0) + share
    weights = {name: weights[name] for name in sorted(weights) if weights[name] > 0}
    if not weights:
        raise InputError(
            "No set of problems is left to draw from. Name some, with weights above 0."
        )
    if any(PROBLEMS[name].foreign for name in weights):
        _find_gym()
    return weights


def _given(sets: Mapping[str, float] | Sequence[str]) -> dict[str, float | None]:
    """The weights as they were given; the command line has them in one text ("dates=2,units")."""
    if isinstance(sets, Mapping):
        return dict(sets)
    given: dict[str, float | None] = {}
    for told in (one.strip() for text in sets for one in text.split(",")):
        name, _, weight = told.partition("=")
        try:
            given[name.strip()] = float(weight) if weight else None
        except ValueError:
            raise InputError(f"The weight of '{name}' is '{weight}': give a number.") from None
    return given


def _find_gym() -> None:
    """Find out at the start that reasoning-gym is missing."""
    import importlib.util

    if importlib.util.find_spec("reasoning_gym") is None:
        raise SetupError(
            "reasoning-gym is needed for its problems. Run: pip install 'evolsynth[computed]', or "
            "name other sets."
        )


class _Maker(NamedTuple):
    """What all rows of a run have in common."""

    seed: int
    sets: Mapping[str, float]
    steps: float
    level: Literal["small", "medium", "mixed"]

    def row(self, index: int, drawn: str | None = None) -> Row:
        """Row ``index``, of the set that was drawn by a run that steers itself, if one was."""
        key = f"computed/{self.seed}/{index}"
        chance = Random(derive_seed(self.seed, "computed", str(index)))  # noqa: S311 - reproducible
        name = drawn or chance.choices(list(self.sets), list(self.sets.values()))[0]
        kind = PROBLEMS[name]
        size: Level = chance.choice(("small", "medium"))
        level: Level = size if self.level == "mixed" else self.level
        values = kind.draw(chance, level)
        solution = kind.solve(values)
        told = self._told(chance, name, solution.case, bool(solution.steps))
        task = task_of_values(name, values, **told)
        ground = {"kind": "computed", "set": name, "values": dict(values), **told}
        made: dict[str, Any] = {
            "method": "computed",
            "kind": name,
            "task": kind.task,
            "case": solution.case,
            "level": level,
            "wording": f"{name}/{solution.case}/{told['wording']}",
            "seed": derive_seed(self.seed, "computed", str(index)),
            "prompt": f"computed/{name}",
            "prompt_sha256": lists_hash(f"computed/{name}"),
        }
        if drawn is not None:
            from evolsynth.methods.steering import DRAWN

            made[DRAWN] = {_SETS: drawn}
        return _row(task, key, made, {**ground, "answer": task.answer})

    def _told(self, chance: Random, name: str, case: str, has_steps: bool) -> dict[str, Any]:
        """How the problem is put: its wording, the form of its answer, what asks for that."""
        forms = PROBLEMS[name].forms
        form = "sentence"
        asked = chance.random() < _ASKED
        if "sentence" not in forms or (has_steps and chance.random() < self.steps):
            form = "steps"
        elif has_steps and asked and "bare" in forms:
            form = "bare"
        told = {"wording": chance.randrange(len(wordings(name, case))), "form": form}
        lines = asking_lines(name, form)
        told["asking"] = chance.randrange(len(lines)) if lines and asked else None
        told["says"] = chance.randrange(len(wordings(name, f"{case}: answer")))
        return told


def _row(task: Task, key: str, made: Mapping[str, Any], ground: Mapping[str, Any]) -> Row:
    return Row.make(
        task.instruction,
        key=key,
        method="computed",
        response=task.response,
        extra={"input": task.input} if task.input else {},
        provenance={
            "instruction": dict(made),
            "response": {"method": "computed", "finish_reason": "stop", "ground": dict(ground)},
        },
    )
