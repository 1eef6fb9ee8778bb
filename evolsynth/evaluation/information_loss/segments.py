"""Segments: the pieces of a request that can be lost by themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.information_loss.tokens import Token
from evolsynth.evaluation.text.words import clauses, plain

__all__ = ["segments"]

_CUT = re.compile(
    r",\s+|:\s+|\s-\s|\s+(?=(?:and then|and (?:also|finally|explain|describe|include|give|"
    r"provide|list|write|ensure|make|keep|use|identify|say|tell|what|how|why|who|where|when|which)|"
    r"as well as|while|"
    r"but|so that|because|if|unless|ensuring|without|using|including)\b)",
    re.I,
)
#: Words of content that a piece has at least on either side of a cut.
_LEAST = 2


def _is_list(clause: str) -> bool:
    """Whether a clause is nothing but a list of short items: "hammer, saw, spoon, screwdriver"."""
    items = clause.split(",")
    return (
        len(items) >= 3
        and all(len(item.split()) <= 2 for item in items[:-1])
        and (len(items[-1].split()) <= 3)
    )


def segments(text: str, tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The places (start, end) of sentences, lines and parts of them that say something, in order.

    A sentence is cut at commas and joining words where both sides have some words of content.
    """
    found: list[tuple[int, int]] = []
    flat = plain(text)
    heavy = [t.start for t in tokens if t.weight > 0 or t.number >= 0]
    for start, end in clauses(text):
        begin = start
        if _is_list(flat[start:end]):
            found.append((start, end))
            continue
        for cut in _CUT.finditer(flat, start, end):
            before = sum(begin <= s < cut.start() for s in heavy)
            after = sum(cut.end() <= s < end for s in heavy)
            colon = flat[cut.start()] == ":" and before >= 1 and after >= 1
            if colon or (before >= _LEAST and after >= _LEAST):
                found.append((begin, cut.start()))
                begin = cut.end()
        found.append((begin, end))
    return found
