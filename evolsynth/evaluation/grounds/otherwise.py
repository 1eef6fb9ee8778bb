"""Whether an answer is another than the one that stands on a ground."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import content, plain
from evolsynth.rows import Row

__all__ = ["says_otherwise"]

#: Words of content that the answer of a ground has at most, to be looked for in others.
_SHORT = 8
_DECIDES = re.compile(r"\b(?:yes|no|true|false)\b", re.I)


def says_otherwise(row: Row, response: str) -> bool:
    """Whether a response certainly gives another answer than the row's own, which is right.

    It does where it lacks a number of the right answer, or, of one in a few words, every word that
    the request has not, or decides the other way. What gives the right answer in other words, or
    with a wrong one beside it, is not told.
    """
    right = plain(_answer(row)).strip()
    said = plain(response)
    decided, other = _DECIDES.match(right), _DECIDES.search(said)
    if decided is not None:
        return other is not None and other.group().casefold() != decided.group().casefold()
    if wanted := _values(right):
        return bool(wanted - _values(said))
    asked = {word.stem for word in content(f"{row.instruction} {row.input or ''}")}
    own = [word.stem for word in content(right)]
    if not own or len(own) > _SHORT:
        return False
    new = [stem for stem in own if stem not in asked] or own
    return not {word.stem for word in content(said)} & set(new)


def _answer(row: Row) -> str:
    """The bare answer, if the ground knows it; else all of the response."""
    made = row.provenance.get("response")
    ground = made.get("ground") if isinstance(made, Mapping) else None
    answer = ground.get("answer") if isinstance(ground, Mapping) else None
    return answer if isinstance(answer, str) and answer.strip() else row.response or ""


def _values(text: str) -> Counter[Fraction]:
    """The numbers of a text; one that stands there twice counts once."""
    return Counter({one.values[0]: 1 for one in numbers(text)})
