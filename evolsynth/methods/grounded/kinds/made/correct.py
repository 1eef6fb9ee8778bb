"""Statements with one word swapped, to be put right."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.text.stated.swaps import swap_between
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.kinds.made.true_false import shuffled, statements
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["correct"]


@kind("correct", task="rewriting")
@english
def correct(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each sentence of a passage that one swapped word makes false."""
    for sentence, statement in shuffled(statements(passage, random), random):
        swap = swap_between(sentence, statement, passage.text)
        if swap is None or sentence.count(swap.old) != 1:
            continue
        values = {"statement": statement, "sentence": sentence}
        values |= {"wrong": swap.new, "right": swap.old}
        wording = drawn("correct", random, {**values, "title": passage.title})
        yield draft(
            "correct",
            wording,
            passage,
            answer=sentence if wording.form == "sentence" else swap.old,
            values=values,
            ground={"statement": statement, "sentence": sentence},
            evidence=place(passage.text, sentence),
        )
