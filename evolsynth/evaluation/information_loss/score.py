"""Information loss: what an instruction asked for that its evolution no longer does.

Facts come first, because they can be checked exactly: numbers, names, quotations, code, options,
negations, bounds. Then each segment of the original must be covered, by its words or, with an
embedder, by its meaning. Evol-Instruct (Xu et al. 2023, arXiv:2304.12244) eliminates failed
evolutions, but none of its rules looks for loss.

What is added is not judged here: a tail that contradicts the original loses nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from evolsynth.evaluation.information_loss.judging import THRESHOLD, judge
from evolsynth.evaluation.information_loss.reading import InformationLoss, LostSpan, Reading
from evolsynth.evaluation.text.added import begins_with, demand_added
from evolsynth.evaluation.text.words import NEGATORS, content, words
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = [
    "InformationLoss",
    "LostSpan",
    "demand_added",
    "information_loss",
    "no_new_demand",
]


def information_loss(
    original: str,
    evolved: str,
    *,
    embedder: Embedder | None = None,
    threshold: float = THRESHOLD,
    facts_only: bool = False,
) -> InformationLoss:
    """Say how much of ``original`` is missing in ``evolved``, and which parts.

    Typography, case and white space never count. An evolution that begins with the original
    loses nothing. Without an embedder a paraphrase is judged by its words alone.

    Args:
        threshold: from which score on ``flagged`` is set.
        facts_only: look for lost numbers, names, quotations, code, options, negations and bounds
            alone, and not at what each clause says: several times faster.
    """
    if begins_with(evolved, original):
        return InformationLoss(0.0, flagged=False)
    return judge(
        _reading(original),
        Reading(evolved),
        embedder=embedder,
        threshold=threshold,
        facts_only=facts_only,
    )


@lru_cache(maxsize=256)
def _reading(original: str) -> Reading:
    """What is found in an original, remembered: it often has several evolutions."""
    return Reading(original)


def no_new_demand(original: str, evolved: str) -> Finding | None:
    """The first elimination rule of Evol-Instruct, no information gain, by words.

    Found where what is added (`demand_added`) has fewer than two words of content (or
    negators) that the original lacks: an echo of the request, or only a new phrase around it.
    """
    added = demand_added(original, evolved)
    known = {w.stem for w in content(original)}
    new = {w.stem for w in content(added)} - known
    new |= {w.stem for w in words(added) if w.stem in NEGATORS}
    if len(new) >= 2:
        return None
    return Finding("no_new_demand", {"added": added, "new_words": sorted(new)})
