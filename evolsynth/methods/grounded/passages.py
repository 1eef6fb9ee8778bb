"""A row that holds a text, as the passage that is asked about."""

from __future__ import annotations

from evolsynth.errors import InputError
from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.rows import Row

__all__ = ["passage_of"]


def passage_of(row: Row) -> Passage:
    """The text of a row, with its title, its heading and the places of its sentences.

    Raises:
        InputError: the row has no text in ``input`` or ``context``.
    """
    text = row.input
    if text is None:
        raise InputError(f"Row {row.id} has no text in its field 'input'. Give it one.")
    told = (row.extra.get(name) for name in ("title", "heading"))
    title, heading = (one.strip() if isinstance(one, str) else "" for one in told)
    places = tuple(Place(*place) for place in sentence_places(text))
    return Passage(text, title, heading, places)
