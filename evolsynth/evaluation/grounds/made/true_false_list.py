"""Several statements, each true as a sentence of the text, or false by one word that it changes."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.grounds.made.true_false import verdict_on
from evolsynth.rows import Row

__all__ = ["numbered", "true_false_list"]


def numbered(lines: Sequence[str]) -> str:
    """Lines with their numbers, from 1."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


@ground("true_false_list")
def true_false_list(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    statements: Sequence[str],
    sentences: Sequence[str],
    title: str = "",
) -> str | None:
    """The verdict on each statement, made again from the row's text."""
    verdicts = [
        verdict_on(statement, sentence, row.input or "")
        for statement, sentence in zip(statements, sentences, strict=True)
    ]
    if None in verdicts:
        return "The text does not settle whether all statements are true."
    if answer != numbered([str(verdict) for verdict in verdicts]):
        return "By the text other statements are true."
    values = {"statements": numbered(statements), "verdicts": answer, "title": title}
    return differs(row, wording, form, answer, values)
