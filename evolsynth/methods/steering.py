"""What a method asks of a run that steers itself: how often to draw what, at a place of the plan.

A method that draws something for each row, such as first words, an operation or a kind of task,
takes a parameter ``steering`` (see `GIVEN`), which is None unless the run steers::

    weights = {"by name": 1.0, "by year": 2.0}
    if steering is not None:
        weights = await steering.weights(number, "kinds", weights)
    kind = chosen(weights, spread(seed, "mine/kinds", number))

and writes what it drew into the row's provenance, beside how it was made, under `DRAWN`::

    provenance={"instruction": {**made, DRAWN: {"kinds": kind}}}

so that the run can tell later what the gate thought of it. Nothing else is to be done: the run
sees which rows come out, and what is thin among them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from evolsynth.rows import Row, derive_seed

__all__ = ["DRAWN", "Steering", "chosen", "spread"]

#: Where ``provenance["instruction"]`` says what was drawn for a row: names of sets to a choice, or
#: to a list of several.
DRAWN = "drawn"

_DRAWS = 2**32 - 1  # `derive_seed` gives a number below this
#: The golden ratio's fractional part: its multiples lie as evenly in [0, 1) as any can.
_GOLDEN = 0.6180339887498949


class Steering(ABC):
    """Tells how often each choice of a set is to be drawn; filled in by the run.

    What it says at a place of the plan depends on rows that came out of the run before a certain
    other place, and so on neither time nor concurrency. It may wait until those are there.
    """

    @abstractmethod
    async def weights(
        self,
        at: int | Row,
        name: str,
        usual: Mapping[str, float],
        kinds: Mapping[str, str] = {},
    ) -> dict[str, float]:
        """The weights of a set's choices, in the order of ``usual``; 0 for those that are dropped,
        never for all.

        Args:
            at: the place in the plan. For a source the number of the row, counted from 0 as the
                rows come out of it; for other steps the row that they are given.
            name: of the set, such as ``"openings"``: the name under which rows say what was drawn.
            usual: weights of the choices as they are where nothing is known. Choices may differ
                from call to call; what is known of one is known by its name.
            kinds: the kind of task (see `task_of`) that a choice is likely to give, as far as that
                is known; it must not change from call to call.
        """


def chosen(weights: Mapping[str, float], at: float) -> str:
    """The choice at a point of [0, 1), where each takes up as much as its weight.

    >>> chosen({"a": 1.0, "b": 3.0}, 0.2), chosen({"a": 1.0, "b": 3.0}, 0.3)
    ('a', 'b')
    """
    left = at * sum(weights.values())
    last = ""
    for name, weight in weights.items():
        if weight > 0:
            last = name
            left -= weight
            if left < 0:
                break
    return last


def spread(seed: int, step: str, number: int) -> float:
    """A point of [0, 1) for row ``number``: chance by the seed, but more even over the rows than
    independent draws are, so that what is to be drawn as often comes as often (Kronecker's
    sequence with the golden ratio)."""
    return (derive_seed(seed, step, "") / _DRAWS + number * _GOLDEN) % 1.0
