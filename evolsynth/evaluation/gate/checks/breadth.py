"""Evolutions in breadth: a new task of the same field. Nothing is to be kept, so nothing is lost.

Xu et al. 2023, arXiv:2304.12244, section 3.2: the new instruction belongs to the same domain, but
is rarer. Here it must be another task than the one it was made from, and on the same field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evolsynth.evaluation.text.words import content
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["FARTHEST", "NEAREST", "other_field", "same_task"]

#: Cosines of MiniLM: above the first it is the same task said anew, below the second another field.
NEAREST, FARTHEST = 0.8, 0.15
_SHARED = 0.8  # of the words of content of either, where there is no embedder to ask


def same_task(
    inspiration: str | None, instruction: str, embedder: Embedder | None
) -> Finding | None:
    """Found where the new task says what the one before it says."""
    if inspiration is None:
        return None
    old, new = ({w.stem for w in content(text)} for text in (inspiration, instruction))
    shared = len(old & new) / max(1, min(len(old), len(new)))
    cosine = _cosine(inspiration, instruction, embedder)
    if shared < _SHARED and (cosine is None or cosine < NEAREST):
        return None
    told = {} if cosine is None else {"cosine": cosine, "most": NEAREST}
    return Finding("same_task", {"shared_words": round(shared, 3), **told})


def other_field(
    inspiration: str | None, instruction: str, embedder: Embedder | None
) -> Finding | None:
    """Found where the new task has nothing to do with the one before it; needs an embedder."""
    cosine = None if inspiration is None else _cosine(inspiration, instruction, embedder)
    if cosine is None or cosine >= FARTHEST:
        return None
    return Finding("other_field", {"cosine": cosine, "least": FARTHEST})


def _cosine(one: str, other: str, embedder: Embedder | None) -> float | None:
    if embedder is None:
        return None
    a, b = embedder.embed([one, other])
    return round(float(a @ b), 4)
