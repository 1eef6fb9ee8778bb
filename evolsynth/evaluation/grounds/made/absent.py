"""A question has its answer in one sentence: the text has it, or does not say.

That it does not is told from the sentence that is gone: no other may share much of what it says,
nor have its numbers and names.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, says, stands_in
from evolsynth.evaluation.grounds.made.true_false import verdict_on
from evolsynth.evaluation.grounds.made.yes_no import question_on
from evolsynth.evaluation.text.stated.dates import dated
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.evaluation.text.words import content, stems_of
from evolsynth.rows import Row

__all__ = ["absent", "asked", "silent"]

#: The share of a missing sentence's words of content that any other line may have.
_SHARED = 0.5


def asked(sentence: str, statement: str, text: str) -> tuple[str, str] | None:
    """The question that a sentence answers, and the answer; None if the rules make none.

    Args:
        sentence: that the answer is in.
        statement: the sentence itself, or with a word swapped, to be asked by yes or no; if it is
            empty, the question is when it was.
        text: what the first words of the question are written like.
    """
    if statement:
        question = question_on(statement, sentence, text)
        return (question, "Yes" if statement == sentence else "No") if question else None
    clause = clause_of(sentence, text)
    found = dated(clause) if clause else None
    return (found.question, found.answer) if found else None


_FIGURE = re.compile(r"\d[\d.,:]*\d|\d")


def silent(text: str, sentence: str, question: str) -> bool:
    """Whether a text without a sentence says nothing that would answer the question."""
    if sentence in text or any(says(text, figure) for figure in _FIGURE.findall(sentence)):
        return False
    wanted = {word.stem for word in content(question)}
    for line in re.split(r"(?<=[.!?;:])\s|\n", text):
        if wanted and len(wanted & stems_of(line)) > _SHARED * len(wanted):
            return False
    return True


@ground("absent")
def absent(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    refusal: str,
    sentence: str,
    statement: str = "",
    title: str = "",
) -> str | None:
    """The row's text has the sentence that answers, or nothing does and the answer says so."""
    text = row.input or ""
    found = asked(sentence, statement, text)
    if not text or found is None:
        return "The sentence answers no question that a rule makes of it."
    question, said = found
    if answer == refusal:
        if not silent(text, sentence, question):
            return "The text may answer the question."
    elif answer != said or not stands_in(text, sentence):
        return "The text does not give this answer."
    elif statement and verdict_on(statement, sentence, text) is None:
        return "The text does not settle the question."
    values = {"question": question, "refusal": refusal, "said": answer, "title": title}
    return differs(row, wording, form, answer, values)
