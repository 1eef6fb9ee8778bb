"""Would one keep it? A score for an evolution as a richer version of its original.

Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) eliminates evolutions that add
nothing or that a model cannot answer, by asking a large model. Here labelled examples tell, by how
near they are (`model`) in signals that two texts give by themselves, with the room of the answer
(`features`), and in what MiniLM makes of the demand and the original. A logistic regression on the
same says which signals matter, and why a score is low. It is about demands that are *added*:
whether anything was lost is `information_loss`'s question.

The weights are in ``evolution_model.npz.xz``; ``python -m evals good-evolution --train`` fits them.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from evolsynth.evaluation.good_evolution.features import (
    EXPLAINED,
    Room,
    addition,
    kinship_texts,
    room_texts,
    signals,
)
from evolsynth.evaluation.good_evolution.model import EvolutionModel, packaged_model, standardised
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Contextual

__all__ = ["THRESHOLD", "EvolutionScore", "Seen", "evolution_finding", "features"]
__all__ += ["good_evolution", "texts_read"]

#: Set for precision: most of what reaches it is good, and most of what is good does not reach it.
THRESHOLD = 0.55
#: By how much, in log-odds below the average evolution, a group of signals counts as a reason.
_REASON = 0.3
_VECTORS = 4.0  # scale of the vectors beside standardised signals: how far they are trusted
#: MiniLM's layer in which the demand is read in its context: later ones know less of it.
_LAYER = 4
_BORDER = re.compile(r"\s*\n\s*")


class EvolutionScore(msgspec.Struct, frozen=True):
    """``score`` in [0, 1]: about the share of such evolutions that a reader would keep.

    ``signals`` is what each group of them added to the log-odds, beside the average evolution
    that the weights were fitted on; ``reasons`` are, in words, those that pulled it down, worst
    first.
    """

    score: float
    good: bool
    demand: str
    signals: dict[str, float]
    reasons: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What is known of one evolution: ``signals`` by name; ``vectors`` of the demand by itself and
    of the original, scaled, one after the other, of shape (2 d,); the demand in ``context``, of
    shape (d,)."""

    signals: dict[str, float]
    vectors: NDArray[np.float64]
    context: NDArray[np.float64]

    @property
    def request(self) -> NDArray[np.float64]:
        """The original's vector, of shape (d,) and length 1."""
        return self.vectors[len(self.context) :] / _VECTORS


def good_evolution(
    original: str,
    evolved: str,
    embedder: Contextual,
    *,
    threshold: float = THRESHOLD,
    model: EvolutionModel | None = None,
) -> EvolutionScore:
    """Say how likely ``evolved`` is worth keeping as a richer version of ``original``.

    Deterministic; 3 runs of MiniLM, one of them over all of ``evolved``, and some for the original,
    which it remembers. English.

    Args:
        embedder: MiniLM: the weights are for its vectors.
        threshold: from which score on ``good`` is set.
        model: weights of your own; the packaged ones otherwise.
    """
    weights = packaged_model() if model is None else model
    room = weights.room.room(original, embedder)
    seen = features(original, evolved, embedder, room)
    parts = _contributions(weights, seen)
    score = round(float(1 / (1 + np.exp(-(weights.intercept + sum(parts.values()))))), 4)
    low = sorted((value, name) for name, value in parts.items() if value <= -_REASON)
    good = score >= threshold
    reasons = () if good else tuple(EXPLAINED[name] for _, name in low)
    added = {name: round(value, 3) for name, value in parts.items()}
    return EvolutionScore(score, good, addition(original, evolved).text, added, reasons)


def evolution_finding(score: EvolutionScore) -> Finding | None:
    """The finding for an evolution that is not good enough, with what speaks against it."""
    if score.good:
        return None
    detail = {"score": score.score, "demand": score.demand, "why": list(score.reasons)}
    return Finding("weak_evolution", detail | {"signals": dict(score.signals)})


def features(original: str, evolved: str, embedder: Contextual, room: Room) -> Seen:
    """What the score is told from. Data that stand behind the demand are not looked at: they say
    much, and little of whether the demand fits."""
    original, evolved = _without_data(original, evolved)
    body = addition(original, evolved).body
    start = evolved.rfind(body) if body else len(original)
    if start < 0:  # the demand is not one piece of the text
        same = (a == b for a, b in zip(original, evolved, strict=False))
        start = sum(takewhile(bool, same))
    context = embedder.in_context(evolved, start, _LAYER)  # first: it embeds the evolution as well
    vectors = embedder.embed([body or " ", original]).astype(np.float64)
    return Seen(signals(original, evolved, embedder, room), _VECTORS * vectors.ravel(), context)


def texts_read(original: str, evolved: str) -> list[str]:
    """The texts that `good_evolution` has embedded, to have many pairs' read together before; not
    the evolution itself, which is read in any case."""
    short, longer = _without_data(original, evolved)
    texts = kinship_texts(short, longer, addition(short, longer))
    return [*(text for text in texts if text != longer), *room_texts(original)]


def _without_data(original: str, evolved: str) -> tuple[str, str]:
    """Both without the lines that they end with in common, if a demand stands before those."""
    for border in _BORDER.finditer(original):
        tail = original[border.start() :]
        if evolved.endswith(tail) and len(evolved) > len(original):
            return original[: border.start()], evolved[: -len(tail)]
    short = original.strip()
    behind = _BORDER.search(evolved)
    if behind is not None and _BORDER.search(short) is None:  # the two were one line before
        tail = evolved[behind.end() :].strip()
        if tail and short.endswith(tail) and short != tail:
            return short[: -len(tail)].rstrip(), evolved[: behind.start()]
    return original, evolved


def _contributions(model: EvolutionModel, seen: Seen) -> dict[str, float]:
    values = np.array([seen.signals[name] for name in model.names])
    added = model.weights * standardised(values, model.mean, model.spread)
    parts = dict.fromkeys(EXPLAINED, 0.0)
    for name, value in zip(model.names, added.tolist(), strict=True):
        parts[name.partition(".")[0]] += value
    parts["wording"] += float(model.vectors @ seen.vectors)
    odds = model.log_odds(values[None], seen.context[None], seen.request[None])
    parts["examples"] = float(odds[0]) - model.intercept - sum(parts.values())
    return parts
