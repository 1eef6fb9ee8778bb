"""What is chosen in a round of Evol-Instruct: an operation by its weight, demands for the one that
asks no model, and of the candidates one.

The constraints of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) are demands that a
program can check. They are drawn: one in the first round, up to two or three in later ones, such as
fit the kind of task and do not clash with what is asked already. So the row knows what it demands,
and an answer can be checked for it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from evolsynth.errors import InputError
from evolsynth.evaluation.demands.draw import asked_of, draw_demands
from evolsynth.evaluation.demands.found import demands_of
from evolsynth.methods.evolve.drafts import OPERATIONS, Draft, Written, anchor_behind
from evolsynth.prompts import PromptFamily
from evolsynth.rows import Row

__all__ = ["CLASSIC_WEIGHTS", "CONSTRAINTS", "SMALL_WEIGHTS", "by_demands", "by_operation"]
__all__ += ["family_weights", "root_of", "standing", "told_of", "turns", "without_demands"]

#: The operation that draws demands.
CONSTRAINTS = "constraints"
#: For a small model: by how many of its demands are good.
SMALL_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "constraints": 3.0,
        "deepening": 2.0,
        "concretizing": 2.0,
        "increased_reasoning_steps": 2.0,
        "complicate_input": 0.5,
        "breadth": 0.0,
    }
)
#: Constraints that are demands drawn by rule need no model and can be checked: six rounds in ten.
DEMANDS_WEIGHT = 10.0
#: As in the paper: all alike.
CLASSIC_WEIGHTS: Mapping[str, float] = MappingProxyType(dict.fromkeys(OPERATIONS, 1.0))
#: Candidates of one round: the gate may have something against the first.
_CANDIDATES = 4
#: New demands of one round at most, and demands that an instruction has in all.
_NEW, _IN_ALL = 3, 4
#: How many a model is asked for before the gate is asked whether more are needed.
_AT_ONCE = 2


# Operations ---------------------------------------------------------------------------------------


def by_operation(operations: Mapping[str, float]) -> dict[str, float]:
    """The weights in the order of `OPERATIONS`, so that the order given does not matter.

    Raises:
        InputError: an operation is unknown, or the weights cannot be drawn from.
    """
    given = {name.casefold(): weight for name, weight in operations.items()}
    for name, weight in given.items():
        if name not in OPERATIONS:
            raise InputError(
                f"There is no operation '{name}'. Use some of: {', '.join(OPERATIONS)}."
            )
        if not 0 <= weight < math.inf:
            raise InputError(f"The weight of '{name}' is {weight}: it must be a number from 0.")
    drawn = {name: given[name] for name in OPERATIONS if given.get(name, 0) > 0}
    if not drawn:
        raise InputError("All weights are 0: give at least one operation a positive weight.")
    return drawn


def family_weights(family: PromptFamily, *, demands: bool) -> dict[str, float]:
    """The weights of a family of prompts, where nobody gives others."""
    usual = SMALL_WEIGHTS if family == "small" else CLASSIC_WEIGHTS
    return by_operation({**usual, CONSTRAINTS: DEMANDS_WEIGHT} if demands else usual)


def without_demands(weights: Mapping[str, float]) -> tuple[float, Mapping[str, float]]:
    """The share of constraints, and the weights of the others; of themselves, if there are none:
    they are asked for where no demand fits."""
    others = {name: weight for name, weight in weights.items() if name != CONSTRAINTS}
    return weights.get(CONSTRAINTS, 0.0) / sum(weights.values()), others or weights


# Demands ------------------------------------------------------------------------------------------


def by_demands(
    parent: Row, *, root: str, seed: int, kinds: Mapping[str, float] | None = None
) -> list[Written]:
    """Candidates of one evolution, each with demands of its own; none where no demand fits.

    Args:
        root: what the instruction was before the first round: it tells the kind of task.
        seed: of what is drawn.
        kinds: the weights of kinds of demands, instead of the usual ones.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    anchor = anchor_behind(root, parent.instruction or "")
    asked = asked_of(root, given=anchor.given, round=parent.round + 1)
    standing = demands_of(parent)
    most = min(_NEW, parent.round + 1, _IN_ALL - len(standing))
    if most < 1:
        return []
    made: dict[str, Written] = {}
    for _ in range(_CANDIDATES):
        number = chance.randint(1, most)
        drawn = draw_demands(chance, asked, number=number, standing=standing, kinds=kinds)
        said = " ".join(one.worded(chance.randrange(1_000_000)) for one in drawn)
        if drawn:
            text = anchor.with_demand(anchor.before(said), said)
            told = {"demands": [one.to_dict() for one in drawn]}
            made.setdefault(text, Written(CONSTRAINTS, text, told))
    return list(made.values())


# Candidates ---------------------------------------------------------------------------------------


def turns(drafts: Sequence[Draft | Written]) -> Iterator[tuple[int, Sequence[Draft | Written]]]:
    """What is tried at once, with the place of the first: two that a model is asked for, or one
    that asks none."""
    place = 0
    while place < len(drafts):
        pair = drafts[place : place + _AT_ONCE]
        some = list(takewhile(lambda draft: isinstance(draft, Draft), pair)) or pair[:1]
        yield place, some
        place += len(some)


def standing(row: Row, place: int) -> tuple[Any, ...]:
    """Smaller is better: let through, then the better score, then fewer reasons, then the plan."""
    reasons = row.verdict.reasons if row.verdict is not None else ()
    return (row.settled, -row.scores.get("good_evolution", 0.0), len(reasons), place)


def told_of(row: Row) -> dict[str, Any]:
    """What is kept of a candidate that was not chosen."""
    made = row.provenance["instruction"]
    told: dict[str, Any] = {"instruction": row.instruction, "operation": made["operation"]}
    if "connector" in made:
        told["connector"] = made["connector"]
    if row.verdict is not None:
        told["reasons"] = list(row.verdict.reasons)
    return {**told, **row.scores}


def root_of(row: Row) -> str:
    """What the instruction was before its first evolution."""
    made = row.provenance.get("instruction")
    root = made.get("root") if isinstance(made, dict) else None
    return root if isinstance(root, str) else row.instruction or ""
