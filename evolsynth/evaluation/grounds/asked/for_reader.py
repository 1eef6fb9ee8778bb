"""A text written anew for a reader: it says the same, both ways, and reads as that reader needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evolsynth.evaluation.demands.kinds.style import flesch
from evolsynth.evaluation.demands.reading import word_places
from evolsynth.evaluation.grounds.asked.told import invented, left_out
from evolsynth.evaluation.grounds.faithful import changed
from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.words import NEGATORS, words
from evolsynth.rows import Row

__all__ = ["READERS", "Reader", "for_reader", "rewriting_against"]

#: The share of words that must not be the same, in the same order.
_LEAST_CHANGED = 0.08


class Reader(NamedTuple):
    """What a reader needs: by how much the reading ease (Flesch) must rise at least, and the share
    of the text's words that may be left."""

    easier: float
    longest: float


#: Readers by the names of the forms of ``prompts/grounded/for_reader.txt``.
READERS: Mapping[str, Reader] = {
    "child": Reader(4.0, 1.6),
    "newcomer": Reader(2.0, 1.8),
    "learner": Reader(4.0, 1.6),
    "manager": Reader(-15.0, 0.9),
}


def rewriting_against(reader: str, text: str, made: str) -> str | None:
    """What speaks against a text written anew for a reader, as a sentence; None if nothing.

    Raises:
        KeyError: there is no such reader.
    """
    wants = READERS[reader]
    if not made or made.rstrip()[-1:] not in '.!?"”)':
        return "It has no end."
    if changed(text, made) < _LEAST_CHANGED:
        return "It is the same text."
    longest = wants.longest * len(word_places(text))
    if len(word_places(made)) > longest:
        return f"It has more than {longest:.0f} words."
    before, after = flesch(text), flesch(made)
    if before is None or after is None or after < before + wants.easier:
        return "It is no easier to read."
    if _negations(text) and not _negations(made):
        return "A negation was left out."
    return invented(made, text) or left_out(text, made)


def _negations(text: str) -> int:
    return sum(word.stem in NEGATORS for word in words(text))


@ground("for_reader")
def for_reader(row: Row, *, wording: str, form: str, answer: str, reader: str) -> str | None:
    """The text was written anew for the reader: see `rewriting_against`."""
    against = rewriting_against(reader, row.input or "", answer)
    return against or differs(row, wording, form, answer, {"output": answer})
