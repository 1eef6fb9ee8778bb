"""What a check is, what it costs, and in which order checks are made.

A check is one function in one file of ``checks/``, with all that is told of it in its decorator::

    @check(
        "too_short",
        "instruction",
        cost="text",
        sentence="The instruction has too few words to ask for anything.",
        advice="Take seeds that are whole sentences, or lower the gate's setting min_words.",
    )
    def too_short(case: Case, *, min_words: Count = 3) -> Finding | None: ...

Its keyword parameters are its thresholds: fields of `GateSettings` with that default and range, and
with the meaning that its docstring gives. Another package adds checks by the entry points
``evolsynth.checks``, each of which names a module with such functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from evolsynth.evaluation.gate.case import Case, Part
from evolsynth.findings import Finding, reason
from evolsynth.options import Option, options_of
from evolsynth.registry import Registry
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["CHECKS", "COSTS", "PARTS", "BatchCheck", "Case", "Check", "Cost", "Part", "check"]
__all__ += ["findings", "ordered", "tiers"]

Cost = Literal["free", "text", "pair", "meaning", "stream", "own"]

#: What each class of cost means, cheapest first. A row that a cheaper class refuses is not looked
#: at by a dearer one.
COSTS: Mapping[Cost, str] = {
    "free": "a look at a field",
    "text": "rules on one text, or on a response and what was asked",
    "pair": "rules on an evolution and its original",
    "meaning": "as pair, and the embedder is asked where words do not decide",
    "stream": "all rows before it are searched, and the embedder decides on candidates",
    "own": "whatever a check of your own costs; made last",
}
PARTS: tuple[Part, ...] = ("instruction", "evolution", "response", "row")


@dataclasses.dataclass(frozen=True, eq=False)
class Check:
    """One thing that can be wrong with a row.

    Args:
        name: the code of what it finds.
        function: of a `Case`, and of its thresholds by their names.
        parts: of the row that it looks at, each by itself.
        needs: for people, what it cannot do without (else it finds nothing).
        optional: made only where settings name it in ``also``.
        languages: of its rules, by ISO 639-1; none: any. It says nothing of a text that is told to
            be in another.
        reads: the parts whose language counts; by default the part that it looks at.
        own: only for instructions that a model wrote.
        place: among the checks of the same cost and part; those with the same by their names.
    """

    name: str
    function: Callable[..., Finding | None]
    parts: tuple[Part, ...] = ("row",)
    cost: Cost = "own"
    needs: str = ""
    optional: bool = False
    languages: tuple[str, ...] = ()
    reads: tuple[Part, ...] = ()
    own: bool = False
    place: int = 100
    sentence: str = ""
    advice: str = ""

    @cached_property
    def thresholds(self) -> Mapping[str, Option]:
        """Its thresholds, by the names of the settings' fields."""
        return {} if self.cost == "own" else options_of(self.function, without=("case",))

    def find(self, case: Case, part: Part | None = None) -> Finding | None:
        """What it finds in this part of the row, by default in its first."""
        case.part = self.parts[0] if part is None else part
        if self.own and not case.made:
            return None
        if self.languages:
            for read in self.reads or (case.part,):
                if not case.may_be_in(read, self.languages):
                    return None
        names = self.thresholds
        return self.function(case, **{n: getattr(case.settings, n) for n in names} if names else {})


class BatchCheck(NamedTuple):
    """A check of your own over several rows at once, for what pays in batches (a classifier).

    ``find`` takes as many rows as are at hand, 1 to 64, and returns one finding or None for each.
    What it says of a row must not depend on the others.
    """

    name: str
    find: Callable[[Sequence[Row]], Sequence[Finding | None]]


#: All checks by their names; nothing else lists them.
CHECKS: Registry[Check] = Registry("check", "evolsynth.evaluation.gate.checks", "evolsynth.checks")

Function = Callable[..., Finding | None]


def check(
    name: str,
    *parts: Part,
    cost: Cost,
    sentence: str,
    advice: str = "",
    needs: str = "",
    optional: bool = False,
    languages: Sequence[str] = (),
    reads: Sequence[Part] = (),
    own: bool = False,
    place: int = 100,
) -> Callable[[Function], Check]:
    """Make a check of a function, and register it; see `Check`."""

    def made(function: Function) -> Check:
        one = Check(
            name,
            function,
            parts=parts or ("row",),
            cost=cost,
            needs=needs,
            optional=optional,
            languages=tuple(languages),
            reads=tuple(reads),
            own=own,
            place=place,
            sentence=sentence,
            advice=advice,
        )
        CHECKS.register(name, one, function.__module__)
        reason(name, sentence, advice)
        return one

    return made


def ordered() -> list[Check]:
    """All checks, cheapest first, as they are made."""
    costs = list(COSTS)
    return sorted(
        CHECKS.values(),
        key=lambda c: (costs.index(c.cost), PARTS.index(c.parts[0]), c.place, c.name),
    )


def tiers(
    settings: GateSettings, *, parts: Sequence[Part] = PARTS
) -> list[tuple[Part, Cost, tuple[Check, ...]]]:
    """The checks that settings leave on, in the order in which they are made.

    All of one tier, which is a cost and a part of the row, are made before a row is refused, so
    that it tells each reason; tiers after it are not.
    """
    on = [
        one
        for one in sorted(CHECKS.values(), key=lambda c: (c.place, c.name))
        if one.name not in settings.skip and (not one.optional or one.name in settings.also)
    ]
    groups = [
        (part, cost, tuple(c for c in on if c.cost == cost and part in c.parts))
        for cost in COSTS
        for part in parts
    ]
    return [group for group in groups if group[2]]


def findings(case: Case, part: Part, *names: str) -> list[Finding]:
    """What some checks find in one part of a row, in this order."""
    found = (CHECKS[name].find(case, part) for name in names)
    return [finding for finding in found if finding is not None]
