"""Events of the text, or its steps, to be put back in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from evolsynth.evaluation.grounds.made.order import ordered
from evolsynth.evaluation.text.stated.sequences import events, steps
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["order"]


@kind("order", task="ordering", weight=1.5)
@english
def order(passage: Passage, random: Random) -> Iterator[Draft]:
    """Three to five events that the text dates, and the steps that it lists."""
    listed = steps(passage.text)
    if listed:
        yield _draft(passage, random, listed, "steps", listed)
    happened = events(passage.text)
    if len(happened) >= 3:
        some = sorted(random.sample(happened, min(len(happened), 5)), key=lambda e: e.year)
        told = [event.told for event in some]
        yield _draft(passage, random, told, "time", [event.sentence for event in some])


def _draft(
    passage: Passage, random: Random, right: Sequence[str], by: str, shown: Sequence[str]
) -> Draft:
    mixed = list(right)
    while mixed == list(right):
        random.shuffle(mixed)
    values = ordered(mixed, right)
    form = random.choice((f"{by} letters", f"{by} lines"))
    return draft(
        "order",
        drawn("order", random, {**values, "title": passage.title}, form),
        passage,
        answer=values["letters" if form.endswith("letters") else "sorted"],
        values=values,
        whole=True,
        ground={"lines": mixed, "by": by},
        evidence=tuple(spot for line in shown for spot in place(passage.text, line)),
    )
