"""When things happened, as statements say it, and the questions that ask for it. For English."""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.stated.inversion import Clause

__all__ = ["Dated", "dated"]

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_WHEN = re.compile(
    rf"(?:(?<=^)|(?<= ))(?:[Ii]n (?:(?P<month>{_MONTHS}) )?(?P<year>1\d{{3}}|20[0-2]\d)"
    rf"|[Oo]n (?P<day>\d{{1,2}} (?:{_MONTHS})(?: (?P<dated>\d{{4}}))?))"
    r"(?=$|,| (?!(?:and|or|until|crowns|metres)\b|to (?:\d|[A-Z]))[a-z])"
)
_OTHER_TIMES = re.compile(
    r"\b(?:1\d{3}|20[0-2]\d|century|centuries|before|after|until|since|when|while|ago)\b"
)


class Dated(NamedTuple):
    """A statement with its time: what asks for it, and what tells it.

    Args:
        question: "In what year was the tower rebuilt?"
        answer: "1871", "3 May 1871".
        year: of it, None where it does not say.
        clause: the statement without its time.
    """

    question: str
    answer: str
    year: int | None
    clause: Clause


def dated(clause: Clause) -> Dated | None:
    """The time of a statement, if it tells just one, and the question for it."""
    whole = f"{clause.rest} {clause.opening}"
    found = [m for part in (clause.opening, clause.rest) for m in _WHEN.finditer(part)]
    if len(found) != 1:
        return None
    piece = found[0].group()
    without = clause.without(piece)
    if without is None or _OTHER_TIMES.search(whole.replace(piece, "", 1)):
        return None
    if not without.rest:
        return None
    year = found[0]["year"] or found[0]["dated"]
    if found[0]["day"]:
        asks, answer = "On what date", found[0]["day"]
    elif found[0]["month"]:
        asks, answer = "In which month and year", f"{found[0]['month']} {found[0]['year']}"
    else:
        asks, answer = "In what year", found[0]["year"]
    return Dated(f"{asks} {without.inverted}?", answer, int(year) if year else None, without)
