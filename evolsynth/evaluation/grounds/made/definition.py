"""A term is what a sentence of the text calls something."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, stands_in
from evolsynth.evaluation.text.stated.terms import Term, terms
from evolsynth.rows import Row

__all__ = ["definition", "slots"]


def slots(term: Term) -> dict[str, str]:
    """The slots of a wording and its answer."""
    name = {"asked": "question", "called": "thing", "short": "short"}[term.form]
    return {name: term.by, "answer": term.term}


@ground("definition")
def definition(
    row: Row, *, wording: str, form: str, answer: str, sentence: str, by: str, title: str = ""
) -> str | None:
    """The sentence of the row's text introduces the term by these words."""
    text = row.input or ""
    if not stands_in(text, sentence):
        return "The sentence does not stand in the text."
    for term in terms(sentence, text):
        if (term.by, term.term) == (by, answer):
            return differs(row, wording, form, answer, {**slots(term), "title": title})
    return "The sentence calls it something else."
