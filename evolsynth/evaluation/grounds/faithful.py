"""Whether a text says what another says: nothing lost, nothing invented."""

from __future__ import annotations

from collections import Counter

from evolsynth.evaluation.information_loss.score import information_loss
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import NEGATORS, words

__all__ = ["LEAST_CHANGED", "changed", "unfaithful"]

#: Share of words that must not be the same, in the same order, for a text to be another one.
LEAST_CHANGED = 0.2


def unfaithful(original: str, rewritten: str) -> str | None:
    """What a rewritten text lost or invented, as a sentence; None if nothing was found.

    Numbers and names must be the same in both, negations as many; information loss is asked both
    ways.
    """
    for one, other, what in ((original, rewritten, "lost"), (rewritten, original, "invented")):
        missing = _amounts(one) - _amounts(other)
        if missing:
            return f"A number was {what}: {next(iter(missing))}."
        named = {place.text.casefold() for place in names(one)}
        gone = sorted(name for name in named if name not in other.casefold())
        if gone:
            return f"A name was {what}: {gone[0]}."
    if _negations(original) != _negations(rewritten):
        return "A negation was lost or invented."
    for one, other, what in ((original, rewritten, "lost"), (rewritten, original, "invented")):
        if information_loss(one, other).flagged:
            return f"Something was {what}."
    return None


def changed(original: str, rewritten: str) -> float:
    """The share of words of the longer of two texts that do not stand in the other one in the
    same order: 0 for the same words, 1 where none is common."""
    from rapidfuzz.distance import LCSseq

    one, other = ([w.lower for w in words(text)] for text in (original, rewritten))
    longest = max(len(one), len(other), 1)
    return 1 - LCSseq.similarity(one, other) / longest


def _negations(text: str) -> int:
    return sum(w.stem in NEGATORS for w in words(text))


def _amounts(text: str) -> Counter[str]:
    return Counter(str(found.values[0]) for found in numbers(text))
