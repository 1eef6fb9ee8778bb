"""A list holds what the text enumerates, all of it and in its order."""

from __future__ import annotations

import json
from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, stands_in
from evolsynth.evaluation.text.stated.enumerations import Enumeration, enumeration, measures, years
from evolsynth.rows import Row

__all__ = ["figures", "list_extract", "listed"]


def listed(items: Sequence[str], form: str) -> str:
    """Items as a list of a form: ``bullets``, ``numbers`` (from 1), ``commas`` or ``json``.

    Raises:
        ValueError: there is no such form.
    """
    if form == "bullets":
        return "\n".join(f"- {item}" for item in items)
    if form == "numbers":
        return "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    if form == "commas":
        return ", ".join(items)
    if form == "json":
        return json.dumps(list(items), ensure_ascii=False)
    raise ValueError(f"no list is a '{form}'")


def figures(text: str, of: str) -> Enumeration | None:
    """All years, or all lengths or the like, of a text, and the question for them."""
    if of == "years":
        found = years(text)
        return Enumeration("Which years does the text mention?", found) if len(found) > 2 else None
    found = measures(text, of)
    asked = f"Which {of} does the text give, with their units?"
    return Enumeration(asked, found) if len(found) > 2 else None


@ground("list_extract")
def list_extract(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    style: str,
    sentence: str = "",
    of: str = "",
    title: str = "",
) -> str | None:
    """The items are found in the row's text again, and the question with them."""
    text = row.input or ""
    if sentence and not stands_in(text, sentence):
        return "The text does not have the sentence that enumerates."
    found = enumeration(sentence, text) if sentence else figures(text, of)
    if found is None:
        return "The text enumerates nothing of the kind."
    items = listed(found.items, style)
    if answer != items:
        return "The text enumerates other things."
    values = {"question": found.question, "items": items, "title": title}
    return differs(row, wording, form, answer, values)
