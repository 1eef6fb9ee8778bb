"""Which demands an instruction is given: such as fit it, do not clash, and can be met.

A kind is drawn by its weight. What under 5% of the small model's answers meet, even with the help
of rules, is not asked for at all: no number of candidates would do. The others are drawn as often
as the best of four candidates meets them, less if every answer does; there are so many that none
makes up much of what is drawn. How often answers meet each is in ``rates.txt``, which ``python -m
evals demand-rates`` measures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from evolsynth.evaluation.demands.demand import KINDS, Asked, Demand
from evolsynth.evaluation.demands.found import demands_in
from evolsynth.evaluation.text.task import Task, task_of
from evolsynth.evaluation.text.words import word_lists

__all__ = ["Rate", "asked_of", "draw_demands", "hardly_alone", "kind_weights", "likelier_alone"]
__all__ += ["rates"]

#: Below this share of answers that meet it, a demand is not asked for.
_LEAST = 0.05

#: By how much less what every answer meets is asked for.
_TOOTHLESS = 0.7
#: How much oftener the gate finds nothing in answers to a request alone: in 63 of 71, beside 52.
_SOUNDER = 1.2

#: About how many words an answer of a small model has, by the kind of task.
_WORDS: Mapping[Task, int] = MappingProxyType(
    {
        "fact": 40,
        "explanation": 120,
        "advice": 120,
        "howto": 140,
        "ideas": 90,
        "creative": 120,
        "letter": 130,
        "opinion": 110,
        "extraction": 40,
        "classification": 20,
        "calculation": 60,
        "code": 60,
        "conversation": 40,
    }
)
_OTHER_WORDS = 80
_LONGEST = 200  # words that a rewritten text is taken to have at most


def draw_demands(
    chance: random.Random,
    asked: Asked,
    *,
    number: int,
    standing: Sequence[Demand] = (),
    kinds: Mapping[str, float] | None = None,
) -> tuple[Demand, ...]:
    """Up to ``number`` demands for an instruction; fewer, or none, where no more fit.

    They clash neither with each other nor with ``standing``, those that the instruction was given
    before, nor with what it asks of its answer in its own words (`demands_in`).

    Args:
        chance: draws.
        asked: the instruction.
        number: of demands, at most.
        standing: demands that it has.
        kinds: weights of the kinds instead of `kind_weights`.
    """
    held = [*standing, *(found.demand for found in demands_in(asked.instruction))]
    drawn: list[Demand] = []
    left = {n: w for n, w in (kind_weights() if kinds is None else kinds).items() if w > 0}
    while left and len(drawn) < number:
        name = chance.choices(list(left), weights=list(left.values()))[0]
        del left[name]
        one = KINDS[name].draw(chance, asked)
        if one is not None and not any(one.clashes(other) for other in (*held, *drawn)):
            drawn.append(one)
    return tuple(drawn)


def asked_of(instruction: str, *, given: str = "", round: int = 1) -> Asked:
    """An instruction as demands are drawn for it.

    Args:
        given: the data that it works on, if any: a rewritten text is about as long.
        round: of its evolution, from 1.
    """
    task = task_of(instruction)
    words = _WORDS.get(task, _OTHER_WORDS)
    if task == "rewriting":
        words = max(15, min(len(given.split()), _LONGEST)) if given else 30
    return Asked(instruction, task, round, words)


class Rate(NamedTuple):
    """The share of single answers that meet a demand of a kind: ``met`` as they came, ``ruled``
    after rules were applied, and ``alone``, after rules, of answers to the request without it."""

    met: float
    ruled: float
    alone: float


#: For a kind that was not measured.
_UNKNOWN = Rate(0.5, 0.5, 0.5)


@cache
def rates() -> Mapping[str, Rate]:
    """How often the small model's answers meet a demand of each kind that was measured."""
    lines = (line.split() for line in word_lists(__file__, "rates.txt")["met"])
    return {name: Rate(*map(float, shares)) for name, *shares in lines}


def likelier_alone(demands: Sequence[Demand]) -> bool:
    """Whether an answer to the request alone is likelier to pass than one to the request with these
    demands: a small model often speaks of a rule instead of keeping to it."""
    some = [rates().get(one.kind, _UNKNOWN) for one in demands]
    alone = math.prod(rate.alone for rate in some)
    return alone * _SOUNDER >= math.prod(rate.ruled for rate in some)


def hardly_alone(demands: Sequence[Demand]) -> bool:
    """Whether answers to the request without these demands next to never meet them by chance."""
    some = [rates().get(one.kind, _UNKNOWN) for one in demands]
    return math.prod(rate.alone for rate in some) < _LEAST


@cache
def kind_weights() -> Mapping[str, float]:
    """Of each kind that is asked for: the chance that the best of four candidates meets it, two of
    which were told it; less where answers meet it anyway, so that it makes little difference."""
    found = {}
    never = frozenset(word_lists(__file__, "rates.txt")["not asked"])
    for name in sorted(set(KINDS) - never):
        rate = rates().get(name, _UNKNOWN)
        if max(rate.ruled, rate.alone) >= _LEAST:
            best_of_four = 1 - (1 - rate.ruled) ** 2 * (1 - rate.alone) ** 2
            found[name] = best_of_four * (1 - _TOOTHLESS * min(rate.met, rate.alone))
    return found
