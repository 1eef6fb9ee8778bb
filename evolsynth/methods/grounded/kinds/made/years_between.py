"""How many years lie between two events that the text dates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from random import Random

from evolsynth.evaluation.grounds.made.years_between import apart
from evolsynth.evaluation.text.stated.sequences import events
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["years_between"]


@kind("years_between", task="calculation")
@english
def years_between(passage: Passage, random: Random) -> Iterator[Draft]:
    """Pairs of dated events, in any order of pairs."""
    pairs = list(combinations(events(passage.text), 2))
    for first, second in random.sample(pairs, len(pairs)):
        if second.year - first.year < 2:
            continue
        values = apart(first, second)
        yield draft(
            "years_between",
            drawn("years_between", random, {**values, "title": passage.title}),
            passage,
            answer=values["years"],
            values=values,
            whole=True,
            ground={"first": first.told, "second": second.told},
            evidence=tuple(
                spot for event in (first, second) for spot in place(passage.text, event.sentence)
            ),
        )
