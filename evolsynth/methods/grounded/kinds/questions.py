"""Questions that a span of the passage answers, one kind for each type of span."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from evolsynth.methods.grounded.asked import worded_question
from evolsynth.methods.grounded.asking import QUESTION_KINDS, Question, questions_of
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind

__all__ = ["WEIGHTS"]

#: How often each kind is wanted. A text has few sentences for each, and for those that a sentence
#: of nearly any text will do for (a gap, a statement) nearly always one: so they weigh more.
WEIGHTS = {
    "year": 2.0,
    "date": 2.0,
    "which": 1.0,
    "how_long": 2.0,
    "how_much": 2.0,
    "how_many": 2.0,
    "who": 2.0,
    "where": 2.0,
    "why": 3.0,
    "what": 2.0,
    "subject": 0.7,
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
