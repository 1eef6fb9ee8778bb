"""What is to be repeated of an instruction that says: repeat the request first. English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.demands.shape import sentences

__all__ = ["request_of"]

_REPEAT = re.compile(
    r"\b(?:repeat|restate|copy|quote|reproduce|echo)\b[^.!?\n]{0,60}"
    r"\b(?:request|prompt|question|instruction|task|message|above)\b",
    re.I,
)


def request_of(asked: str, wordings: Sequence[str]) -> str:
    """The instruction without what says to repeat it.

    One of our wordings is left out, and what stands around it stays. Otherwise the request is what
    stands before the first sentence that asks for its repetition, or, if that is the first, what
    stands behind it.
    """
    for wording in wordings:
        before, found, after = asked.partition(wording)
        if found:
            return f"{before.rstrip()} {after.lstrip()}".strip()
    for one in sentences(asked):
        if _REPEAT.search(one.text):
            return asked[: one.start].strip() or asked[one.end :].strip()
    return asked.strip()
