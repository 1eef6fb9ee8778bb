"""Questions made of plain clauses by rules, for a span that answers them."""

import evolsynth.methods.grounded.asking.amounts
import evolsynth.methods.grounded.asking.circumstances
import evolsynth.methods.grounded.asking.things
import evolsynth.methods.grounded.asking.times  # noqa: F401 - they register their kinds
from evolsynth.methods.grounded.asking.question import QUESTION_KINDS, Question, questions_of

__all__ = ["QUESTION_KINDS", "Question", "questions_of"]
