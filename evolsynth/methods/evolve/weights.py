"""How often each operation of Evol-Instruct is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from evolsynth.errors import InputError
from evolsynth.methods.evolve.demanded import CONSTRAINTS
from evolsynth.methods.evolve.drafts import OPERATIONS
from evolsynth.prompts import PromptFamily

__all__ = ["CLASSIC_WEIGHTS", "SMALL_WEIGHTS", "by_operation", "family_weights", "without_demands"]

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
