"""What a text calls things: "X is called Y", "small openings called stomata", "Full Name (FN)".

For English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from evolsynth.evaluation.text.inversion import clause_of
from evolsynth.evaluation.text.standing import stands_alone
from evolsynth.evaluation.text.words import vocabulary

__all__ = ["Term", "terms"]


class Term(NamedTuple):
    """A term: how it is asked for (``asked``, ``called``, ``short``), by what, and itself."""

    form: str
    by: str
    term: str


_CALLED = re.compile(
    r"^(?P<before>(?:[a-z]+ly |now |then |often |also )?)(?:called|known as|named) "
    r"(?P<term>[^,]{3,40}?)"
    r"(?P<after>(?: (?:in|by|among|because|since|when|if|at|after|on) .*)?)$"
)
_NAMED = re.compile(
    r"(?<![\w-])(?P<thing>(?:(?:[Tt]he|[Aa]n?) )?(?:[A-Za-z][a-z-]* ){0,3}[a-z-]{3,}),?"
    r" (?:called|known as) (?P<term>(?:(?:the|an?) )?[\w'-]+(?: [A-Z][\w'-]+)*)(?=[ ,.])"
)
_THE = re.compile(r"^(?:the|an?) ", re.I)
_SHORT = re.compile(
    r"(?P<full>(?:[A-Za-z][\w'-]*[ -]){1,6}[A-Za-z][\w'-]*) \((?P<short>[A-Z]{2,6})s?\)"
)
_NO_THING = re.compile(
    r"\b(?:is|are|was|were|be|been|also|now|often|it|he|she|they|and|or|so|that|which"
    r"|who|not|of|in|to)\b",
    re.I,
)
_SMALL = vocabulary("of the and for in on de la a an to")


def terms(sentence: str, text: str) -> Iterator[Term]:
    """The terms that a sentence introduces."""
    clause = clause_of(sentence, text) if stands_alone(sentence) else None
    if clause and clause.auxiliary in ("is", "are", "was", "were") and not clause.opening:
        said = _CALLED.match(clause.rest)
        if said and not re.search(r"\b(?:after|for|and|or)\b", said["term"]):
            rest = f"{said['before']}called{said['after']}"
            yield Term("asked", f"What {clause._replace(rest=rest).inverted}?", said["term"])
    for found in _NAMED.finditer(sentence):
        if not _NO_THING.search(found["thing"]) and " " in _THE.sub("", found["thing"]):
            yield Term("called", _THE.sub("", found["thing"]).lower(), _THE.sub("", found["term"]))
    for found in _SHORT.finditer(sentence):
        full = _whole(found["full"], found["short"])
        if full:
            yield Term("short", found["short"], full)


def _whole(before: str, short: str) -> str | None:
    """The last words of what stands before an abbreviation that give its letters."""
    parts = before.split()
    for first in range(len(parts)):
        some = parts[first:]
        initials = "".join(word[0].upper() for word in some if word.lower() not in _SMALL)
        if initials == short and some[0].lower() not in _SMALL:
            return " ".join(some)
    return None
