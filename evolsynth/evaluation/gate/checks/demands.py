"""Whether a response does what its instruction demands, as far as a program can check it."""

from __future__ import annotations

from evolsynth.evaluation.gate.check import Case, check
from evolsynth.evaluation.gate.tier import checked_demands
from evolsynth.findings import Finding

__all__ = ["demand_unmet"]


@check(
    "demand_unmet",
    "response",
    cost="text",
    place=17,
    languages=["en"],
    reads=["instruction"],
    needs="a response of at most 20,000 characters",
    sentence="The response does not do what the instruction demands of its form.",
    advice="Make several responses (samples) and choose, or take a larger model for them.",
)
def demand_unmet(case: Case) -> Finding | None:
    """Found where a demand that a program can check is not met: of length, lists, words, case...

    Those that the row carries from its evolution, and those that its instruction is read to make.
    """
    unmet = [
        {"demand": demand.kind, "why": miss.why, "place": miss.place and list(miss.place)}
        for demand, miss in checked_demands(case.row)
        if miss is not None
    ]
    return Finding("demand_unmet", {"unmet": unmet}) if unmet else None
