"""Which of the headings of a text stands over one of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.choose_heading import decided
from evolsynth.evaluation.grounds.made.choose_title import choice
from evolsynth.evaluation.text.stated.sections import sections
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english

__all__ = ["choose_heading"]


@kind("choose_heading", task="classification", weight=0.7)
@english
def choose_heading(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each part of 25 words or more whose heading its words tell, if there are up to four parts."""
    parts = sections(passage.text)
    headings = [part.heading for part in parts]
    if not 2 <= len(parts) <= 4 or len(set(headings)) < len(headings):
        return
    for part in random.sample(parts, len(parts)):
        if len(part.text.split()) < 25 or not decided(headings, part.heading, part.text):
            continue
        mixed = random.sample(headings, len(headings))
        values = choice(mixed, part.heading)
        wording = drawn("choose_heading", random, {**values, "title": passage.title})
        yield draft(
            "choose_heading",
            wording,
            passage,
            answer=values["letter"] if wording.form == "letter" else part.heading,
            values=values,
            ground={"headings": mixed, "right": part.heading},
            text=part.text,
            whole=True,
        )
