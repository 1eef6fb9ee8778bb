"""Whether a text says what another says: nothing lost, nothing invented."""

from __future__ import annotations

from collections import Counter

from evolsynth.evaluation.information_loss.score import information_loss
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import NEGATORS, content, vocabulary, words

__all__ = ["LEAST_CHANGED", "changed", "unfaithful"]

#: Share of words that must not be the same, in the same order, for a text to be another one.
LEAST_CHANGED = 0.3
#: Share of the words of content of each text that must stand in the other one, too.
LEAST_SHARED = 0.6
#: Small words that change what is true: they must stand in both texts, as often.
_SENSES = vocabulary(
    "should must may might can could would need needs each every only all some any most few many "
    "both never always often sometimes usually least first last before after until since because "
    "if unless although"
)


def unfaithful(original: str, rewritten: str) -> str | None:
    """What a rewritten text lost or invented, as a sentence; None if nothing was found.

    Numbers, names, negations and words such as "should" and "only" must be the same in both, and
    most words of content; information loss is asked both ways. A paraphrase in other words
    altogether is refused, too.
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
    turned = _senses(original) ^ _senses(rewritten)
    if turned:
        return f"A word that changes the sense was lost or invented: {min(turned)}."
    for one, other, what in ((original, rewritten, "lost"), (rewritten, original, "invented")):
        if _shared(one, other) < LEAST_SHARED:
            return f"Too much was {what}."
    for one, other, what in ((original, rewritten, "lost"), (rewritten, original, "invented")):
        if information_loss(one, other).flagged:
            return f"Something was {what}."
    return None


def changed(original: str, rewritten: str) -> float:
    """The share of words of the longer of two texts that do not stand in the other one in the
    same order: 0 for the same words, 1 where none is common. Endings do not count."""
    from rapidfuzz.distance import LCSseq

    one, other = ([w.stem for w in words(text)] for text in (original, rewritten))
    longest = max(len(one), len(other), 1)
    return 1 - LCSseq.similarity(one, other) / longest


def _negations(text: str) -> int:
    return sum(w.stem in NEGATORS for w in words(text))


def _amounts(text: str) -> Counter[str]:
    return Counter(str(found.values[0]) for found in numbers(text))


def _senses(text: str) -> frozenset[str]:
    return frozenset(w.lower for w in words(text)) & _SENSES


def _shared(one: str, other: str) -> float:
    """The share of the words of content of the one text that stand in the other."""
    there = {w.stem for w in words(other)}
    told = [w.stem for w in content(one)]
    return sum(stem in there for stem in told) / max(len(told), 1)
