"""A sentence is the one that was looked for if no other has the words, or the time, asked for."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, sentences_with, stands_in
from evolsynth.evaluation.text.stated.dates import dated
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.rows import Row

__all__ = ["find_sentence", "time_question"]


def time_question(sentence: str, text: str) -> tuple[str, str] | None:
    """The question that asks when what a sentence says was, and its answer; None if there is none
    or the answer stands in another sentence too."""
    clause = clause_of(sentence, text)
    found = dated(clause) if clause else None
    if found is None or len(sentences_with(text, found.answer)) != 1:
        return None
    return found.question, found.answer


@ground("find_sentence")
def find_sentence(
    row: Row, *, wording: str, form: str, answer: str, key: str = "", title: str = ""
) -> str | None:
    """The sentence stands in the row's text, and alone has the key or answers the question."""
    text = row.input or ""
    if not stands_in(text, answer):
        return "The sentence does not stand in the text."
    if key and sentences_with(text, key) != [answer]:
        return f"'{key}' does not stand in this sentence alone."
    asked = None if key else time_question(answer, text)
    if not key and asked is None:
        return "The sentence answers no question that a rule makes of it."
    values = {"key": key, "sentence": answer, "title": title}
    return differs(row, wording, form, answer, {**values, "question": asked[0] if asked else ""})
