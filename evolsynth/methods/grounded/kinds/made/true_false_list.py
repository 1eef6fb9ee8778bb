"""Three to five statements at once to be judged true or false."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.true_false_list import numbered
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.kinds.made.true_false import statements
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["true_false_list"]


@kind("true_false_list", task="classification", weight=0.5)
@english
def true_false_list(passage: Passage, random: Random) -> Iterator[Draft]:
    """Statements in the order of the text, each false or not by the toss of a coin."""
    pairs = list(statements(passage, random))
    while len(pairs) >= 3:
        count = min(random.choice((3, 4, 5)), len(pairs))
        some, pairs = pairs[:count], pairs[count:]
        false = [random.random() < 0.5 for _ in some]
        if len(set(false)) == 1:
            false[random.randrange(count)] ^= True
        told = [
            swapped if f else sentence for (sentence, swapped), f in zip(some, false, strict=True)
        ]
        values = {
            "statements": numbered(told),
            "verdicts": numbered([str(not f) for f in false]),
        }
        sentences = [sentence for sentence, _ in some]
        yield draft(
            "true_false_list",
            drawn("true_false_list", random, {**values, "title": passage.title}),
            passage,
            answer=values["verdicts"],
            values=values,
            ground={"statements": told, "sentences": sentences},
            evidence=tuple(spot for s in sentences for spot in place(passage.text, s)),
        )
