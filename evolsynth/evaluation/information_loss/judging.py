"""All losses of a pair, added up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment, align, copying
from evolsynth.evaluation.information_loss.clauses import clauses_lost, replaced
from evolsynth.evaluation.information_loss.data import data_changed
from evolsynth.evaluation.information_loss.exact import exact
from evolsynth.evaluation.information_loss.likeness import WordVectors
from evolsynth.evaluation.information_loss.quantities import quantities
from evolsynth.evaluation.information_loss.reading import InformationLoss, Loss, LostSpan, Reading
from evolsynth.evaluation.information_loss.senses import senses
from evolsynth.evaluation.information_loss.tokens import Token
from evolsynth.evaluation.text.language import language
from evolsynth.evaluation.text.words import vocabulary

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = ["THRESHOLD", "WEIGHTS", "Evidence", "evidence", "judge", "word_vectors"]

#: Calibrated so that about one rewrite in thirty that keeps all is at or above it.
THRESHOLD = 0.5
#: A loss that says less than this is not worth a person's look.
_TOLD = 0.2
#: What each piece of evidence adds to the logit: fitted by logistic regression, none below 0, on
#: half of the labelled pairs (`python -m evals information-loss --fit`). ``most`` is the weight of
#: the weightiest loss, ``any`` the chance that any is one, if each says so by itself; ``most of``
#: the same for one kind of loss; ``taken out`` is ``most`` where the rest was copied; ``gone`` the
#: share of the content that has no counterpart.
WEIGHTS = {
    "most": 1.55,
    "any": 1.74,
    "most of quantities": 1.06,
    "any of quantities": 1.34,
    "most of facts": 1.15,
    "most of senses": 0.2,
    "most of clauses": 0.28,
    "any of clauses": 0.01,
    "copied": 0.65,
    "taken out": 1.02,
    "gone": 0.8,
    "left out": 1.35,
}
_CUT = 3.6


_NOTE = "not English: only figures, names, quotations, code and replaced words were compared"


class Evidence(NamedTuple):
    """The losses of a pair by kind, and the signals (each in [0, 1]) that the score is made of."""

    losses: dict[str, list[Loss]]
    signals: dict[str, float]


def judge(
    old: Reading,
    new: Reading,
    *,
    embedder: Embedder | None,
    threshold: float,
    facts_only: bool = False,
) -> InformationLoss:
    """The score, and the spans of the losses that say something by themselves."""
    foreign = language(old.text) not in (None, "en")
    if foreign:
        embedder = None  # it knows English only
    made = align(old.tokens, new.tokens, word_vectors(embedder))
    found = evidence(old, new, made, embedder, foreign=foreign, facts_only=facts_only)
    losses = [loss for kind in found.losses.values() for loss in kind]
    if not losses:
        return InformationLoss(0.0, flagged=False, note=_NOTE if foreign else None)
    logit = sum(weight * found.signals[name] for name, weight in WEIGHTS.items())
    score = round(1.0 / (1.0 + math.exp(_CUT - logit)), 4)
    told = [loss for loss in losses if loss.weight > _TOLD]
    spans = _spans(old, made, told)
    return InformationLoss(score, score >= threshold, spans, _NOTE if foreign else None)


def evidence(
    old: Reading,
    new: Reading,
    made: Alignment,
    embedder: Embedder | None,
    *,
    foreign: bool = False,
    facts_only: bool = False,
) -> Evidence:
    """Everything that speaks for a loss; in a foreign language only what is told without knowing
    it: figures, quotations, code, names, and words taken out of sentences that are else the same.
    """
    losses = {
        "quantities": quantities(old, new, made, foreign=foreign),
        "facts": exact(old, new, made) + ([] if foreign else data_changed(old, new, made)),
        "senses": [] if foreign else senses(old, new, made),
        "clauses": [],
    }
    if foreign:
        losses["clauses"] = replaced(old, new, made)
    elif not facts_only:
        losses["clauses"] = clauses_lost(old, new, made, embedder)
    everything = [loss for kind in losses.values() for loss in kind]
    copied = copying(made)
    whole = sum(t.weight for t in old.tokens) or 1.0
    gone = sum(t.weight * (1.0 - k) for t, k in zip(old.tokens, made.kept, strict=True)) / whole
    signals = {"most": _most(everything), "any": _any(everything, least=_TOLD), "copied": copied}
    signals |= {"taken out": signals["most"] * copied, "gone": gone}
    signals["left out"] = _left_out(old, losses["clauses"])
    for name, kind in losses.items():
        signals |= {f"most of {name}": _most(kind), f"any of {name}": _any(kind)}
    return Evidence(losses, signals)


def _left_out(old: Reading, losses: Sequence[Loss]) -> float:
    """The share of the content that stands in what was lost of clauses."""
    spans = [loss.span for loss in losses if loss.weight > _TOLD]
    own = {i for span in spans for i in old.inside(span.start, span.end)}
    whole = sum(t.weight for t in old.tokens) or 1.0
    return sum(old.tokens[i].weight for i in own) / whole


def _most(losses: Sequence[Loss]) -> float:
    return max((loss.weight for loss in losses), default=0.0)


def _any(losses: Sequence[Loss], least: float = 0.0) -> float:
    return 1.0 - math.prod(1.0 - loss.weight for loss in losses if loss.weight > least)


def _spans(old: Reading, made: Alignment, losses: Sequence[Loss]) -> tuple[LostSpan, ...]:
    """The spans in order, each with the small words that went with it, those that touch as one."""
    wide = [_widened(old, made, loss.span) for loss in losses]
    ranked = sorted(zip(wide, losses, strict=True), key=lambda p: (p[0][0], -p[0][1]))
    merged: list[tuple[int, int, Loss]] = []
    for (start, end), loss in ranked:
        k = next(
            (k for k, (_, last, one) in enumerate(merged) if start < last and _alike(one, loss)),
            None,
        )
        if k is None:
            merged.append((start, end, loss))
        else:
            first, last, best = merged[k]
            best = max(best, loss, key=lambda each: each.weight)
            merged[k] = (first, max(last, end), best)
    return tuple(
        LostSpan(old.text[start:end], start, end, loss.span.kind, loss.span.became)
        for start, end, loss in merged
    )


_WORDS = ("topic", "constraint", "sub-question", "negation")
_FIGURES = ("number", "quantity")


def _alike(one: Loss, other: Loss) -> bool:
    """Whether two losses are of one sort, so that spans of them that overlap are one."""
    kinds = {one.span.kind, other.span.kind}
    return len(kinds) == 1 or kinds <= set(_WORDS) or kinds <= set(_FIGURES)


def _widened(old: Reading, made: Alignment, span: LostSpan) -> tuple[int, int]:
    """With the words before and after it that are gone too, and with an article before it."""
    own = old.inside(span.start, span.end)
    if not own:
        return span.start, span.end
    first, last = own[0], own[-1]
    while first > 0 and not made.same[first - 1] and not _ends(old, first - 1, first):
        first -= 1
    for _ in range(2):
        if (
            first > 0
            and _leads(old.tokens[first - 1], old.tokens[first])
            and not _ends(old, first - 1, first)
        ):
            first -= 1
    counts = span.kind in ("quantity", "number") and last + 1 < len(old.tokens)
    if counts and old.tokens[last + 1].weight > 0 and not _ends(old, last, last + 1):
        last += 1
    while last + 1 < len(old.tokens) and not made.same[last + 1] and not _ends(old, last, last + 1):
        last += 1
    return (
        min(span.start, old.tokens[first].start),
        max(span.end, old.tokens[last].end),
    )


def _leads(before: Token, first: Token) -> bool:
    """Whether a word belongs to the one after it: an article, a preposition, the day of a month."""
    if before.number >= 0:
        return first.text in _MONTHS
    return before.text.casefold() in _LEADING


_LEADING = vocabulary(
    "a an the in on at by for with without to from of per as into under over between before after"
)
_MONTHS = vocabulary(
    "January February March April May June July August September October November December"
)


def _ends(old: Reading, i: int, k: int) -> bool:
    return any(c in ".!?;:\n" for c in old.text[old.tokens[i].end : old.tokens[k].start])


_MEMORY: dict[int, tuple[Any, WordVectors]] = {}


def word_vectors(embedder: Embedder | None) -> WordVectors | None:
    """Word vectors of an embedder that has static ones, kept between calls."""
    rough = getattr(embedder, "rough", None)
    if rough is None:
        return None
    static = rough()
    known = _MEMORY.get(id(static))
    if known is None or known[0] is not static:
        _MEMORY.clear()
        known = _MEMORY[id(static)] = (static, WordVectors(static))
    return known[1]
