"""What a text calls things: "X is called Y", "small openings called stomata", "Full Name (FN)".

For English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.evaluation.text.stated.verb_forms import is_verb, verb_forms
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
#: "An oval ring called a cartouche": the name is one word, or begins with a capital, or ends at a
#: comma as it began with one; the thing has a determiner, or is several and opens the sentence.
_NAMED = re.compile(
    r"(?:\b[Tt]he |\b[Aa]n? |\b[Ss]ome |^(?=[A-Z][\w-]* [\w-]*s,? (?:called|known)))"
    r"(?P<thing>[A-Za-z][a-z-]*(?: [a-z-]+){1,2})"
    r"(?:,? (?:called|known as) "
    r"(?P<name>(?:(?:the|an?) )?(?:[A-Z][\w'-]*(?: [A-Z][\w'-]*)*|[a-z'-]+))"
    r"(?P<after>[,.]| [\w'-]+)"
    r"|, (?:called|known as) (?P<apart>(?:the |an? )?[\w'-]+(?: [\w'-]+){0,3}), )"
)
_GOES_ON = vocabulary(
    "that which who and in on at to for with is are was were has have can by from"
)
_THE = re.compile(r"^(?:the|an?) ", re.I)
_SHORT = re.compile(
    r"(?<![\w'-])(?P<full>(?:[A-Za-z][\w']{0,30}[ -]){1,6}[A-Za-z][\w']{0,30})"
    r" \((?P<short>[A-Z]{2,6})s?\)"
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
            asks = f"What {clause._replace(rest=rest).inverted}?"
            yield Term("asked", asks, _THE.sub("", said["term"]))
    for found in _NAMED.finditer(sentence):
        thing, name = found["thing"], found["apart"] or found["name"]
        if _ends(found) and not _NO_THING.search(thing) and not any(map(is_verb, thing.split())):
            yield Term("called", thing.lower(), _THE.sub("", name))
    for found in _SHORT.finditer(sentence):
        full = _whole(found["full"], found["short"])
        if full:
            yield Term("short", found["short"], full)


def _ends(found: re.Match[str]) -> bool:
    """Whether the name is whole: a comma or a stop follows, or a word that no name goes on with."""
    after = (found["after"] or ",").strip()
    if found["apart"] or after in ",.":
        return True
    if found.group().startswith(f"{found['thing']},"):
        return False  # what begins with a comma ends with one
    verb = after in verb_forms().bases and found["thing"].endswith("s")
    return after in _GOES_ON or is_verb(after) or verb


def _whole(before: str, short: str) -> str | None:
    """The last words of what stands before an abbreviation that give its letters."""
    parts = before.split()
    for first in range(len(parts)):
        some = parts[first:]
        initials = "".join(word[0].upper() for word in some if word.lower() not in _SMALL)
        if initials == short and some[0].lower() not in _SMALL:
            return " ".join(some)
    return None
