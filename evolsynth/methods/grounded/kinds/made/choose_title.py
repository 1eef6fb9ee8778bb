"""Which of four titles is that of the text; the others are on other subjects."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.choose_title import choice, fits, foreign
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english
from evolsynth.prompts import prompt_lists

__all__ = ["choose_title"]


@kind("choose_title", task="classification", weight=0.5)
@english
def choose_title(passage: Passage, random: Random) -> Iterator[Draft]:
    """One task, if the text tells its title and does not have it in it."""
    text, right = passage.text, passage.title.strip()
    if not right or right in text or not 1 < len(right.split()) < 11 or not fits(right, text):
        return
    others = [t for t in prompt_lists("grounded/titles")["titles"] if foreign(t, text)]
    if len(others) < 3:
        return
    titles = [right, *random.sample(others, 3)]
    random.shuffle(titles)
    values = choice(titles, right)
    wording = drawn("choose_title", random, values)
    yield draft(
        "choose_title",
        wording,
        passage,
        answer=values["letter"] if wording.form == "letter" else right,
        values=values,
        ground={"titles": titles, "right": right},
    )
