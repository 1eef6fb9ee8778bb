"""Statements to be judged true or false: sentences of the text, or with a word swapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.evaluation.text.stated.swaps import swaps
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["shuffled", "statements", "true_false"]


def statements(passage: Passage, random: Random) -> Iterator[tuple[str, str]]:
    """Sentences of a passage that have a swap, each with what the swap makes of it."""
    for span in passage.sentences:
        sentence = span.of(passage.text)
        if stands_alone(sentence) and (found := swaps(sentence, passage.text, random)):
            yield sentence, found[0].of(sentence)


def shuffled(some: Iterable[tuple[str, str]], random: Random) -> list[tuple[str, str]]:
    """All of them in any order, so that not every kind of task begins with the first sentence."""
    every = list(some)
    random.shuffle(every)
    return every


@kind("true_false", task="classification")
@english
def true_false(passage: Passage, random: Random) -> Iterator[Draft]:
    """Each sentence that could be made false: false or as it is, as often one as the other."""
    false_next = random.random() < 0.5
    for sentence, swapped in shuffled(statements(passage, random), random):
        statement = swapped if false_next else sentence
        verdict = "False" if false_next else "True"
        false_next = not false_next
        values = {"statement": statement, "sentence": sentence, "verdict": verdict}
        yield draft(
            "true_false",
            drawn("true_false", random, {**values, "title": passage.title}),
            passage,
            answer=verdict,
            values=values,
            ground={"statement": statement, "sentence": sentence},
            evidence=place(passage.text, sentence),
        )
