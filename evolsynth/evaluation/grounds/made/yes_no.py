"""A question is answered by yes if it asks a sentence of the text, by no if a word is swapped."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, says
from evolsynth.evaluation.grounds.made.true_false import verdict_on
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.evaluation.text.stated.swaps import swap_between
from evolsynth.rows import Row

__all__ = ["question_on", "yes_no"]


def question_on(statement: str, sentence: str, text: str) -> str | None:
    """The question that asks whether a statement is true; None if the rules make none of it, or
    one that leaves out what makes the statement false."""
    clause = clause_of(statement, text)
    if clause is None:
        return None
    if statement == sentence:
        return clause.question
    swap, true = swap_between(sentence, statement, text), clause_of(sentence, text)
    if swap is None or true is None or true.question == clause.question:
        return None
    return clause.question


@ground("yes_no")
def yes_no(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    statement: str,
    sentence: str,
    title: str = "",
) -> str | None:
    """The question is made again from the statement, and the answer from the row's text."""
    text = row.input or ""
    verdict = verdict_on(statement, sentence, text)
    question = question_on(statement, sentence, text)
    if verdict is None or question is None:
        return "The text does not settle the question."
    if answer != ("Yes" if verdict else "No"):
        return "The text gives the other answer."
    if row.round and says(row.response or "", "No" if verdict else "Yes"):
        return "The response gives both answers."
    values = {"question": question, "sentence": sentence, "verdict": answer, "title": title}
    return differs(row, wording, form, answer, values)
