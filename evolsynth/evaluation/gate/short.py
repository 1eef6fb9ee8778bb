"""Which short answers are whole ones: to a choice, a gap, a definite question about a text.

Rules against a model that says next to nothing ask here first. For English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.demands.found import without_demands
from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.text.words import content, plain, vocabulary, words

__all__ = ["asked_for", "decides", "is_definite", "offered"]

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


#: A label: one word, or two behind an article or in a list of several.
_LABEL = r"(?:as )?(?:an? |the )?[a-z][a-z'-]{1,20}(?: [a-z][a-z'-]{1,20})?"
_ALONE = r"(?:as )?(?:an? (?:[a-z]{2,12} )?|the )?[a-z][a-z'-]{1,20}"
_LABELS = rf"(?:{_LABEL}(?:, {_LABEL}){{1,7}},? (?:or|and) {_LABEL}|{_ALONE} or {_ALONE})"
_IS_LABELS = rf"{_ALONE}(?:, {_ALONE}){{0,7}},? or {_ALONE}"
_SORTS = (
    r"(?:classify|categori[sz]e|label|mark|tag|sort|assign|judge|rate|decide|determine|say|state|"
    r"tell(?: me)?|identify|pick|choose|select)"
)
#: A request to give what is told one of some labels: "Is the animal a mammal, a bird or a fish?",
#: "Classify the e-mail as work, family or advertising", "Pick the feeling: joy, anger or fear".
_BEFORE = r"(?: [\w'-]+)"
_OFFERED = re.compile(
    r"(?:\A|[.!?]\s+|\n)(?:"
    rf"{_SORTS}\b{_BEFORE}{{0,8}}?"
    rf"(?: as| from| between|:| (?:whether|if){_BEFORE}{{1,5}}? (?:is|are|was|were))"
    rf" (?P<labels>{_LABELS})"
    rf"|(?:is|was) (?:the|this|that|an?)\b{_BEFORE}{{1,4}}? (?P<which>{_IS_LABELS})"
    r")(?=\s*(?:[.?!\n]|\Z))",
    re.I,
)
#: What is weighed and not labelled, and what may be none of what is named.
_WEIGHS = re.compile(
    r"\b(?:better|best|worse|worth|should|prefer|rather|more|less|why|how|both|if any|or not|not|"
    r"other|else|something|anything|so|each|every|all|these|those)\b",
    re.I,
)


#: What wants more than a label.
_MORE = re.compile(r"\b(?:explain|why|justify|reasons?|example)\b", re.I)


def offered(instruction: str) -> tuple[str, ...]:
    """The labels of which an instruction wants one, in its own words without articles; none where
    it is not certain that it wants one of just these, and nothing else but a form."""
    request = plain(without_demands(instruction)).strip()
    found = _OFFERED.search(request)
    if found is None or _WEIGHS.search(request[: found.end()]) or _MORE.search(request):
        return ()
    several = re.split(r",? (?:or|and) |, ", found["labels"] or found["which"])
    labels = [re.sub(r"\A(?:as )?(?:an? |the )?", "", one, flags=re.I) for one in several]
    return tuple(labels) if all(labels) and len(set(labels)) == len(labels) else ()


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
