"""Which short answers are whole ones: to a choice, a gap, a definite question about a text.

Rules against a model that says next to nothing ask here first. For English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.text.words import content, vocabulary, words

__all__ = ["asked_for", "decides", "is_definite"]

#: "before or after", "<, > or =": the last of what may be chosen.
_OR_ELSE = re.compile(r"\bor (?:the |an? )?([^\s.?!]{1,40})", re.I)
_GAP = re.compile(
    r"_{2,}|\b(?:fill|complete|missing|which|what|right|correct)\b[^.?!]{0,40}"
    r"\b(?:gap|blank|word|preposition|conjunction|article|pronoun)s?\b",
    re.I,
)
#: Stop words that tell how often, where or in which state something is.
_SAY = vocabulary("once again on off up down in out over here there then same before after")
_FILLING = 3  # words that fill a gap at most


def asked_for(case: Case, said: Sequence[str]) -> bool:
    """Whether stop words or signs may be all of the answer: they are among those to choose from,
    fill a gap, or say how or where something is in a text that says so too ("Once.", "off").

    Args:
        said: the response's words, in small letters.
    """
    if (case.signs and not said) or (said and _SAY.issuperset(said) and case.quotes(case.answer)):
        return True
    if _GAP.search(case.asked):
        return 0 < len(said) <= _FILLING
    offered = _OR_ELSE.search(case.asked)
    if offered is None:
        return False
    if not said:  # a sign
        return case.answer in re.split(r"[\s,;:?]+", case.asked)
    first = case.asked[: offered.start()].split()[-2:]
    named = {w.text.casefold() for w in words(" ".join([*first, offered[1]]))}
    return set(said) <= named


_DECIDED = re.compile(r"\A\W*(?:yes|no|true|false|right|wrong|correct|incorrect)\b", re.I)
_OR = re.compile(r"\bor\b", re.I)


def decides(case: Case) -> bool:
    """Whether a response in a question's own words answers it: yes or no, where there is a text to
    tell by, or one of two things that the question names."""
    if case.input and _DECIDED.search(case.answer):
        return True
    if _OR.search(case.asked) is None or _OR.search(case.answer) is not None:
        return False
    return {w.stem for w in content(case.response)} < {w.stem for w in content(case.instruction)}


_OF_TEXT = re.compile(
    r"\A\W*(?:how (?:do|does|can|to)|why|tell me (?!about\b|all\b|more\b|how\b|why\b))\b", re.I
)
_SHORT = re.compile(
    r"\b(?:heading|headline|keyword|label|tag|words?|question|subject line)\b", re.I
)


def is_definite(case: Case, asked: str) -> bool:
    """Whether what is asked of a text may be said in a few words: a reason or a way that stands in
    it, a heading for it.

    Args:
        asked: the instruction in straight quotes.
    """
    return bool(case.input) and bool(_OF_TEXT.search(asked) or _SHORT.search(asked))
