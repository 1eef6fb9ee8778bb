"""A statement is true because it stands in the text, or false by one word that it changes."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, says, stands_in
from evolsynth.evaluation.text.stated.swaps import swap_between
from evolsynth.rows import Row

__all__ = ["true_false", "verdict_on"]


def verdict_on(statement: str, sentence: str, text: str) -> bool | None:
    """Whether a statement is true of a text that has the sentence in it; None if neither is sure.

    It is true as the sentence itself, and false as the sentence with one word swapped for another
    of its kind, if the text does not say that as well.
    """
    if not stands_in(text, sentence):
        return None
    if statement == sentence:
        return True
    false = swap_between(sentence, statement, text) is not None and statement not in text
    return False if false else None


@ground("true_false")
def true_false(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    statement: str,
    sentence: str,
    title: str = "",
) -> str | None:
    """The verdict on the statement, made again from the row's text."""
    verdict = verdict_on(statement, sentence, row.input or "")
    if verdict is None:
        return "The text does not settle whether the statement is true."
    if answer != str(verdict):
        return f"By the text the statement is {str(verdict).lower()}."
    if row.round and says(row.response or "", str(not verdict)):
        return "The response gives both verdicts."
    values = {"statement": statement, "sentence": sentence, "verdict": answer, "title": title}
    return differs(row, wording, form, answer, values)
