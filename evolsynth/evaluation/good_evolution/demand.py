"""What kind of demand an evolution adds, and what can be read off its words alone.

Evol-Instruct's ways of adding (Xu et al. 2023, arXiv:2304.12244, section 3) show in the first
words: a limit, a ban, a second question, an audience. Most of what makes a demand useless depends
on its kind: a limit must leave room, a ban must bite, a comparison needs something alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.added import demand_added
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import (
    FORM_WORDS,
    Word,
    content,
    plain,
    stems,
    vocabulary,
    words,
)

__all__ = ["KINDS", "Addition", "Limit", "addition"]

_AND = r"^\W*(?:(?:and|then|also|but) )*"
_PATTERNS = {
    "limit": _AND + r"limit (?:your|the) (?:answer|response)\b(?: to)?",
    "avoid": _AND + r"(?:do not|don't|without|avoid(?:ing)?|never|not)\b"
    r"(?: (?:use|using|mention(?:ing)?|suggest|include|write))?",
    "compare": _AND + r"compar(?:e|ing)\b(?: (?:it|them|this|that))?(?: (?:with|to))?",
    "audience": _AND + r"(?:(?:explain|write|describe) (?:it|them|this) )?for (?!each|every)",
    "include": _AND + r"includ(?:e|ing)\b",
    "format": _AND + r"write (?:the|your) answer as",
    "example": _AND + r"give an example(?: of)?",
    "first": r"^\W*before you answer,?",
    "also": r"^\W*(?:also (?:explain|describe|say|tell|name|give)|(?:and|then)(?: (?:then|also))? "
    r"(?:explain(?:ing)?|describe|say|tell|suggest|show|give|discuss|name)\b"
    r"|(?:and )?(?:for each|why|how|what)\b)",
    "using": _AND + r"us(?:e|ing)\b",
    "in": _AND + r"(?:in|as|at|on|by) ",
}
#: All kinds, ``other`` for what begins in none of the known ways.
KINDS = (*_PATTERNS, "other")
_BEGINS = {kind: re.compile(pattern, re.I) for kind, pattern in _PATTERNS.items()}

_NUMBERS = {**COUNTS, "a": 1, "an": 1, "single": 1, "hundred": 100}
#: How many words an answer of one such unit has, roughly.
_UNITS = {
    "letter": 0.2, "word": 1, "phrase": 4, "thing": 6, "item": 6, "line": 10, "verse": 10,
    "sentence": 15, "point": 15, "bullet": 15, "example": 15, "tip": 20, "step": 20,
    "paragraph": 70, "page": 300,
}  # fmt: skip
_LIMIT = re.compile(
    rf"\b(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)}) (?:[\w-]+ ){{0,2}}?"
    rf"(?P<unit>{'|'.join(_UNITS)})s?\b",
    re.I,
)
#: Words that fit any request: that they are new says nothing about the subject.
FORM = FORM_WORDS | stems(
    vocabulary(
        """page beginner child person somebody someone people language term follow following same
        only tip detail anything something thing two three four five six seven eight nine ten
        twelve"""
    )
)


class Limit(NamedTuple):
    """A stated length: ``words`` is about how many words an answer of it has, ``rest`` how many
    words follow it in the demand."""

    number: int
    unit: str
    words: float
    rest: int


class Addition(NamedTuple):
    """The demand that an evolution adds.

    ``text`` is all of it, ``body`` without the words that tell its ``kind`` (one of `KINDS`).
    ``new`` are its words of content that the original lacks and that do not fit any request.
    """

    text: str
    kind: str
    body: str
    new: tuple[Word, ...]
    limit: Limit | None


def addition(original: str, evolved: str) -> Addition:
    """The demand that ``evolved`` adds to ``original``; its text is empty where there is none."""
    text = demand_added(original, evolved)
    kind, body = _kind(text)
    known = {word.stem for word in content(original)}
    new = tuple(
        word
        for word in content(body)
        if word.stem not in known and word.stem not in FORM and not word.text.isdigit()
    )
    return Addition(text, kind, body, new, _limit(plain(text)))


def _kind(text: str) -> tuple[str, str]:
    flat = plain(text)
    for kind, begins in _BEGINS.items():
        match = begins.search(flat)
        if match is not None:
            return kind, text[match.end() :].strip() or text
    return "other", text


def _limit(text: str) -> Limit | None:
    match = _LIMIT.search(text)
    if match is None:
        return None
    said, unit = match["count"].lower(), match["unit"].lower()
    count = int(said) if said.isdecimal() else _NUMBERS[said]
    return Limit(count, unit, max(count * _UNITS[unit], 0.2), len(words(text[match.end() :])))
