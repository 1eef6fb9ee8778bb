"""A heading belongs to a part of a text whose words it has, if the other headings have none."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.choose_title import choice, fits, foreign
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.words import content, stems_of
from evolsynth.rows import Row

__all__ = ["choose_heading", "decided"]


def decided(headings: Sequence[str], right: str, text: str) -> bool:
    """Whether one of some headings fits a part of a text, and no other has a word of it."""
    others = [heading for heading in headings if heading != right]
    told = {word.stem for word in content(right)} & stems_of(text)
    return bool(told) and fits(right, text) and all(foreign(other, text) for other in others)


@ground("choose_heading")
def choose_heading(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    headings: Sequence[str],
    right: str,
    title: str = "",
) -> str | None:
    """The right heading has the words of the row's text, the others have none of them."""
    text = row.input or ""
    if right not in headings or not decided(headings, right, text):
        return "The text does not decide between the headings."
    values = choice(headings, right)
    if answer not in (values["letter"], right):
        return "Another heading fits the text."
    return differs(row, wording, form, answer, {**values, "title": title})
