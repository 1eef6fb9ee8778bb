"""Questions that a span of the passage answers, one kind for each type of span."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from evolsynth.methods.grounded.asked import worded_question
from evolsynth.methods.grounded.asking import QUESTION_KINDS, Question, questions_of
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind

__all__ = ["WEIGHTS"]

#: How often each kind is wanted. Reasons are rarest in texts, and ask the most of a reader.
WEIGHTS = {
    "year": 1.0,
    "date": 1.0,
    "which": 0.5,
    "how_long": 1.0,
    "how_much": 1.0,
    "how_many": 1.0,
    "who": 1.0,
    "where": 1.0,
    "why": 1.5,
    "what": 1.0,
    "subject": 0.5,
}


def _maker(name: str) -> Callable[[Passage, Random], Iterator[Draft]]:
    def make(passage: Passage, random: Random) -> Iterator[Draft]:
        found: list[Question] = questions_of(name, passage)
        random.shuffle(found)
        for question in found:
            yield worded_question(question, passage, random)

    make.__doc__ = QUESTION_KINDS[name].__doc__
    return make


for _name, _weight in WEIGHTS.items():
    kind(_name, task="extraction", weight=_weight)(_maker(_name))
