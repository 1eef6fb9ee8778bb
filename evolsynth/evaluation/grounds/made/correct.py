"""A false statement is corrected by the sentence of the text that it was made of."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.grounds.made.true_false import verdict_on
from evolsynth.evaluation.text.stated.swaps import swap_between
from evolsynth.rows import Row

__all__ = ["correct"]


@ground("correct")
def correct(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    statement: str,
    sentence: str,
    title: str = "",
) -> str | None:
    """The text has the sentence, and the statement differs from it by one word of the same kind."""
    swap = swap_between(sentence, statement, row.input or "")
    if swap is None or verdict_on(statement, sentence, row.input or "") is not False:
        return "The statement is not a sentence of the text with one word swapped."
    if answer not in (sentence, swap.old):
        return "The answer is not what the text has."
    values = {"statement": statement, "sentence": sentence, "title": title}
    return differs(row, wording, form, answer, {**values, "wrong": swap.new, "right": swap.old})
