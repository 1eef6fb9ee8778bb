"""Questions to be answered by yes or no: sentences of the text, as they are or with a word swapped,
turned into questions by rule."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.yes_no import question_on
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.kinds.made.true_false import shuffled, statements
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["yes_no"]


@kind("yes_no", task="classification")
@english
def yes_no(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each sentence with a swap in what a question keeps of it, asked with yes and no in turn."""
    no_next = random.random() < 0.5
    for sentence, swapped in shuffled(statements(passage, random), random):
        false = question_on(swapped, sentence, passage.text)
        true = question_on(sentence, sentence, passage.text)
        if false is None or true is None:
            continue
        statement, question, verdict = (
            (swapped, false, "No") if no_next else (sentence, true, "Yes")
        )
        no_next = not no_next
        values = {"question": question, "sentence": sentence, "verdict": verdict}
        yield draft(
            "yes_no",
            drawn("yes_no", random, {**values, "title": passage.title}),
            passage,
            answer=verdict,
            values=values,
            ground={"statement": statement, "sentence": sentence},
            evidence=place(passage.text, sentence),
        )
