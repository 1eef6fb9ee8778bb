"""The years of two to five events of the text at once."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.event_years import years_of
from evolsynth.evaluation.text.stated.sequences import events
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["event_years"]


@kind("event_years", task="extraction")
@english
def event_years(passage: Passage, random: Random) -> Iterator[Draft]:
    """One task, if the text dates two events or more."""
    known = events(passage.text)
    if len(known) < 2:
        return
    some = random.sample(known, min(len(known), 5))
    values = years_of(some)
    wording = drawn("event_years", random, {**values, "title": passage.title})
    yield draft(
        "event_years",
        wording,
        passage,
        answer=values[wording.form],
        values=values,
        whole=True,
        ground={"told": [event.told for event in some]},
        evidence=tuple(s for event in some for s in place(passage.text, event.sentence)),
    )
