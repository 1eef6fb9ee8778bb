"""What a model's own requests lack: one task, what it is to be done on, and somebody who asks.

For instructions that a model wrote. A person's may come with their text in another field.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.gate.checks.degenerate import refusal
from evolsynth.evaluation.text.verbs import asks
from evolsynth.evaluation.text.words import content, plain
from evolsynth.findings import Finding

__all__ = ["answers_itself", "declines", "missing_input", "several_requests"]

_THING = (
    r"(?:text|article|passage|paragraph|sentence|statement|code|snippet|data ?set|data|table|list|"
    r"essay|document|image|picture|photo|graph|chart|diagram|equation|expression|error|email|word|"
    r"options?|items?|information|tool|product|dialogue|conversation|example)s?"
)
_POINTS = re.compile(
    rf"\bthe (?:following|above|below|attached|provided) (?:\w+ ){{0,2}}{_THING}\b"
    rf"|\bthe {_THING} (?:below|above|provided|attached)\b"
    r"|\b(?:the|these) following[.?!]*\Z",
    re.I,
)
#: "this text" in a first sentence: nothing was said yet that it could mean.
_THIS = re.compile(rf"\b(?:this|these) (?:\w+ )?{_THING}\b(?! (?:of|is about|about)\b)", re.I)
_GIVEN = re.compile(r"```|`[^`]+`|\n|[\"'][^\"']*\s[^\"']*\s[^\"']*[\"']|:\s*\S|\d.*,.*\d")
_PROGRAM = re.compile(r"\b(?:function|program|script|method|class|query|app)\b", re.I)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")


def missing_input(text: str) -> Finding | None:
    """Found where a request points at a text, code or data that is not there.

    "Summarize the following article." Not where something quoted, listed, behind a colon or in a
    sentence that asks for nothing could be it, nor where a program is asked for, whose input is
    spoken of in the same words.
    """
    flat = plain(text).strip()
    if _GIVEN.search(flat) or _PROGRAM.search(flat):
        return None
    first = _SENTENCE.match(flat)
    found = _POINTS.search(flat) or (_THIS.search(first.group()) if first else None)
    if found is None:
        return None
    rest = re.split(r"[.?!]\s", flat[found.start() :], maxsplit=1)[1:]
    there = bool(rest) and not asks(rest[0])
    return None if there else Finding("missing_input", {"said": found.group()})


_LABEL = re.compile(
    r"(?:\A|\n|[.?!] )\W*(?:question|instruction|task|exercise|prompt|request)\s*#?\d*\s*:", re.I
)
_ITEM = re.compile(r"(?:\A|\n|\s)(?:\d{1,2}[.)]|[-*•])\s+[^?\n]{8,120}\?")
_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|there|i|my|me|we|our|"
    r"also|one|ones|each|both)\b",
    re.I,
)
_UNRELATED = 3


def several_requests(text: str) -> Finding | None:
    """Found for a list of questions, for two with a heading each, and for three in a row that
    have not one word of content in common and no pronoun that joins them."""
    flat = plain(text).strip()
    if len(_LABEL.findall(flat)) > 1:
        return Finding("several_requests", {"why": "each has a heading"})
    items = _ITEM.findall(flat)
    if len(items) > 1:
        return Finding("several_requests", {"why": "a list of questions", "count": len(items)})
    sentences = [s.strip() for s in _SENTENCE.findall(flat) if s.strip()]
    if len(sentences) < _UNRELATED or not all(s.endswith("?") for s in sentences):
        return None
    if any(_REFERS.search(s) for s in sentences[1:]):
        return None
    stems = [{w.stem for w in content(s)} for s in sentences]
    apart = all(one and not one & other for i, one in enumerate(stems) for other in stems[i + 1 :])
    if not apart:
        return None
    return Finding("several_requests", {"why": "questions apart", "count": len(sentences)})


_REPLY = re.compile(r"\A\W*(?:yes|no|the (?:correct |right )?answer is|answer)\b\s*[,:.]?", re.I)
_SETS = re.compile(
    r"\b(?:if|suppose|assume|given|let|imagine|consider|please)\b|\A(?:i|my|we)\b", re.I
)
_COPULA = re.compile(r"\b(?:is|are|was|were|means?|refers to)\b", re.I)
_RESTATED = 0.6


def answers_itself(text: str) -> Finding | None:
    """Found where a question is followed by its answer: the model went on past the user's turn.

    That is a sentence which begins as a reply ("Yes, ...") or says most of the question's words
    again as a statement ("What is jam? Jam is ...").
    """
    sentences = [s.strip() for s in _SENTENCE.findall(plain(text).strip()) if s.strip()]
    if len(sentences) < 2 or not sentences[0].endswith("?"):
        return None
    after = sentences[1:]
    if any(s.endswith("?") or asks(s) or _SETS.search(s) for s in after):
        return None
    known, said = ({w.stem for w in content(s)} for s in sentences[:2])
    again = len(known & said) >= max(_RESTATED * len(known), 1) and len(said) > len(known & said)
    stated = bool(_COPULA.search(after[0])) and again and len(known) > 0
    if not (_REPLY.search(after[0]) or stated):
        return None
    return Finding("answers_itself", {"said": after[0]})


def declines(text: str) -> Finding | None:
    """Found where an instruction declines, as a model does, and asks for nothing."""
    flat = plain(text).strip()
    return None if asks(flat) else refusal(flat)
