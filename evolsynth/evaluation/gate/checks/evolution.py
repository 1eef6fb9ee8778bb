"""What an evolution adds: whether it was copied, and whether a response keeps to it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.text.added import demand_added
from evolsynth.evaluation.text.words import content, plain, stem, vocabulary, words
from evolsynth.findings import Finding

__all__ = ["breaks_limit", "copied_demand", "unfit_demand"]

#: Words that fit any request, so that saying them again is no copy.
_FORM = frozenset(
    stem(word)
    for word in vocabulary(
        """answer word sentence paragraph line item list number numbered step short long one two
        three four five six seven eight nine ten under each most important first poem story table
        bullet point example give explain write describe compare limit use using also begin end
        reason way part question simple conversation dialogue verse letter title summary
        friend old oldest column useful best main mention include different"""
    )
)
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
}
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})"
_UNIT = r"(?P<unit>word|sentence|paragraph|item|step|line|point)s?\b"
_LIMIT = re.compile(
    r"\blimit your answer to (?:the |only |exactly |about |at most )*"
    rf"{_COUNT} (?:\w+ ){{0,2}}{_UNIT}",
    re.I,
)
_TIGHT = re.compile(
    rf"\b(?:exactly|only|of|in|to|with|as) (?:the )?{_COUNT} (?:\w+ )?(?:word|letter)s?\b", re.I
)
_ELSEWHERE = re.compile(r"\b(?:above|following|previous|as follows|below)\b", re.I)
_LEAST_WORDS = 8  # an answer shorter than this answers next to nothing
LIMIT_SLACK = 1.25


def copied_demand(original: str, evolved: str, demands: Sequence[str]) -> Finding | None:
    """Found where what the evolution adds is about a few-shot example's subject, not its own.

    Compared are content words that neither fit any request nor stand in the original.
    """
    known = {w.stem for w in content(original)} | _FORM
    added = {w.stem for w in content(demand_added(original, evolved))} - known
    for demand in demands:
        copied = added & {w.stem for w in content(demand)}
        if copied and 2 * len(copied) >= len(added):
            return Finding("example_leak", {"copied": demand})
    return None


def unfit_demand(original: str, evolved: str) -> Finding | None:
    """Found where the added demand leaves no room for an answer ("in two words").

    Also where it points to something that is not there ("the above").
    """
    demand = plain(demand_added(original, evolved))
    tight = _TIGHT.search(demand)
    if tight and _value(tight["count"]) < _LEAST_WORDS:
        return Finding("unfit_demand", {"demand": tight.group()})
    elsewhere = _ELSEWHERE.search(demand)
    return Finding("unfit_demand", {"demand": elsewhere.group()}) if elsewhere else None


def breaks_limit(instruction: str, response: str, *, slack: float = LIMIT_SLACK) -> Finding | None:
    """Found where a stated limit of words, sentences, lines or items is clearly exceeded."""
    match = _LIMIT.search(plain(instruction))
    if match is None:
        return None
    limit, unit = _value(match["count"]), match["unit"].lower()
    count = _COUNTERS[unit](plain(response).strip())
    if count <= max(limit + 1, limit * slack):
        return None
    return Finding(
        "breaks_limit", {"demand": match.group(), "counted": count, "limit": limit, "slack": slack}
    )


def _value(text: str) -> int:
    return int(text) if text.isdecimal() else _NUMBERS[text.lower()]


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _sentences(text: str) -> int:
    return len(re.findall(r"[.!?]+(?=\s|$)", re.sub(r"(?m)^\s*\d+\.", "", text)))


def _listed(text: str) -> int:
    return len(re.findall(r"(?m)^\s*(?:\d+[.)]|[-*•])\s", text))


_COUNTERS = {
    "word": lambda text: len(words(text)),
    "sentence": _sentences,
    "paragraph": lambda text: len([p for p in re.split(r"\n\s*\n", text) if p.strip()]),
    "line": _lines,
    "item": _listed,
    "step": _listed,
    "point": _listed,
}
