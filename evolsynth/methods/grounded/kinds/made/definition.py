"""What the text calls something, and what its abbreviations stand for."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.definition import slots
from evolsynth.evaluation.text.stated.terms import terms
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english

__all__ = ["definition"]


@kind("definition", task="extraction")
@english
def definition(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each term that a sentence introduces."""
    for span in passage.sentences:
        sentence = span.of(passage.text)
        for term in terms(sentence, passage.text):
            values = slots(term)
            yield draft(
                "definition",
                drawn("definition", random, {**values, "title": passage.title}, term.form),
                passage,
                answer=term.term,
                values=values,
                ground={"sentence": sentence, "by": term.by},
                evidence=(span,),
            )
