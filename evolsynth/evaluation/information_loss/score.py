"""Information loss: what an instruction asked for that its evolution no longer does.

Facts come first, because they can be checked exactly: numbers, names, quotations, code, options,
negations, bounds. Then each segment of the original must be covered, by its words or, with an
embedder, by its meaning. Evol-Instruct (Xu et al. 2023, arXiv:2304.12244) eliminates failed
evolutions, but none of its rules looks for loss.

What is added is not judged here: a tail that contradicts the original loses nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from evolsynth.evaluation.information_loss.judging import THRESHOLD, judge
from evolsynth.evaluation.information_loss.reading import InformationLoss, LostSpan, Reading
from evolsynth.evaluation.text.words import NEGATORS, content, plain, words
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
    if _begins_with(evolved, original):
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


def demand_added(original: str, evolved: str) -> str:
    """The text that the evolution adds: what follows the original, else all new words.

    Empty where nothing was added. New words that are apart are joined by " ... ".
    """
    if _begins_with(evolved, original):
        end = _end_of(evolved, original)
        return re.sub(r"^[\W_]+", "", evolved[end:]).strip()
    old, new = words(original), words(evolved)
    inside = _put_in([w.stem for w in old], [w.stem for w in new])
    if inside is not None:
        end = new[inside.stop].start if inside.stop < len(new) else len(evolved)
        return evolved[new[inside.start].start : end].strip()
    match = difflib.SequenceMatcher(
        None, [w.stem for w in old], [w.stem for w in new], autojunk=False
    )
    pieces = [
        evolved[new[j].start : new[k - 1].end]
        for tag, _, _, j, k in match.get_opcodes()
        if tag in ("insert", "replace")
    ]
    return " ... ".join(pieces)


def _put_in(old: Sequence[str], new: Sequence[str]) -> range | None:
    """Which of ``new`` were put in as one piece, if all of ``old`` stands around them."""
    more = len(new) - len(old)
    if more <= 0:
        return None
    before = 0
    while before < len(old) and old[before] == new[before]:
        before += 1
    after = 0
    while after < len(old) - before and old[-1 - after] == new[-1 - after]:
        after += 1
    return range(before, before + more) if before and before + after == len(old) else None


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


def _begins_with(evolved: str, original: str) -> bool:
    head = _bare(original)
    whole = _flat(evolved)
    rest = whole[len(head) : len(head) + 1]
    return whole.startswith(head) and not (rest.isalnum() and head[-1:].isalnum())


def _flat(text: str) -> str:
    return " ".join(plain(text).split()).casefold()


def _bare(text: str) -> str:
    return _flat(text).rstrip(" .!?,;:")


def _end_of(evolved: str, original: str) -> int:
    """Where in ``evolved`` the original, with which it begins, ends."""
    wanted = len(re.sub(r"\s", "", _bare(original)))
    seen = 0
    for place, character in enumerate(plain(evolved)):
        if seen >= wanted:
            return place
        seen += 0 if character.isspace() else len(character.casefold())
    return len(evolved)
