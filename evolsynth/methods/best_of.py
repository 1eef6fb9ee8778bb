"""Of several answers to one instruction, the first that is as it was asked for.

An answer passes if the gate's checks of responses find nothing and it meets every demand that its
row carries or its instruction makes (`demands_of`). What only its form lacks is made so by rule
(`Demand.apply`), and then all is checked again. Best of k by a checker is rejection sampling as in
Touvron et al. 2023, arXiv:2307.09288, section 3.2.2, with rules in place of a reward model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, permutations
from typing import Any, NamedTuple

from evolsynth.evaluation.demands.demand import KINDS, Demand
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.foreign import of_all
from evolsynth.methods.respond import AT_ONCE
from evolsynth.rows import Row
from evolsynth.streams import together

__all__ = ["AT_ONCE", "Candidate", "best_of", "meet_by_rule", "unmet"]

#: Orders of rules that are tried: all of four.
_ORDERS = 24
#: The gate's finding about demands, which are counted here one by one.
_DEMANDS = "demand_unmet"

#: Asks for the answer of a number, from 0: its text, and how it was made.
Ask = Callable[[int], Awaitable[tuple[str, dict[str, Any]]]]


class Candidate(NamedTuple):
    """An answer and what it lacks.

    Args:
        number: which it was of those asked for, from 0.
        text: after rules were applied.
        how: it was made.
        applied: the kinds of demands that it was made to meet by rule.
        findings: codes of what the gate has against it.
        unmet: the kinds of demands that it does not meet.
    """

    number: int
    text: str
    how: dict[str, Any]
    applied: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()

    @property
    def lacks(self) -> int:
        """How many things are wrong with it."""
        return len(self.findings) + len(self.unmet)


async def best_of(
    row: Row,
    ask: Ask,
    demands: Sequence[Demand],
    *,
    most: int,
    settings: GateSettings,
    pair: bool = False,
) -> tuple[Candidate, list[Candidate]]:
    """The first of up to ``most`` answers that passes, or else the one that lacks least; and all
    that were asked for, in their order.

    One that cannot be had is left out; where none can, the first error is raised.

    Args:
        pair: whether to go on until one has failed, too, which a pair of preference needs.
    """
    had: list[Candidate] = []
    raised: list[Exception] = []
    for start in range(0, most, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, most))
        for number, made in zip(
            numbers, await together(_had(ask, n) for n in numbers), strict=True
        ):
            if isinstance(made, Exception):
                raised.append(made)
            else:
                had.append(_judged(row, number, *made, demands, settings))
        passed = sum(not one.lacks for one in had)
        if raised or (passed and not (pair and passed == len(had))):
            break
    if not had:
        raise raised[0]
    return min(had, key=lambda one: (one.lacks, one.number)), had


async def _had(ask: Ask, number: int) -> tuple[str, dict[str, Any]] | Exception:
    try:
        return await ask(number)
    except Exception as error:
        if of_all(error):
            raise
        return error


def _judged(
    row: Row,
    number: int,
    text: str,
    how: dict[str, Any],
    demands: Sequence[Demand],
    settings: GateSettings,
) -> Candidate:
    asked, given = row.instruction or "", row.input or ""
    text, applied = meet_by_rule(text, demands, asked, given)
    made = row.replace(response=text, provenance={**row.provenance, "response": how})
    codes = dict.fromkeys(f.code for f in part_findings(made, "response", settings))
    found = tuple(code for code in codes if code != _DEMANDS)
    missing = tuple(one.kind for one in unmet(text, demands, asked, given))
    return Candidate(number, text, how, applied, found, missing)


def unmet(response: str, demands: Sequence[Demand], asked: str, given: str = "") -> list[Demand]:
    """The demands that a response does not meet; ``given`` is the text that it is about."""
    return [one for one in demands if one.check(response, asked=asked, source=given) is not None]


def meet_by_rule(
    response: str, demands: Sequence[Demand], asked: str, given: str = ""
) -> tuple[str, tuple[str, ...]]:
    """The response made to meet what form alone decides, and the kinds for which it was changed.

    A title that is added may break "all in capitals", so rules are tried in one order after the
    other until all demands are met together; else the order that leaves fewest unmet is taken, and
    where none helps the response stays.
    """
    lacking = len(unmet(response, demands, asked, given))
    best: tuple[str, tuple[str, ...]] = response, ()
    if not lacking or not response.strip():
        return best
    rules = [one for one in demands if KINDS[one.kind].rule]
    for order in islice(permutations(rules), _ORDERS):
        text, applied = response, list[str]()
        for one in order:
            changed = one.apply(text, asked=asked)
            if changed is not None and changed != text:
                text = changed
                applied.append(one.kind)
        left = len(unmet(text, demands, asked, given))
        if left < lacking:
            lacking, best = left, (text, tuple(applied))
        if not left:
            break
    return best
