"""Information loss: what an instruction asked for that its evolution no longer does.

Facts come first, because they can be checked exactly: numbers, names, quotations, code, options,
negations, bounds. Then each segment of the original must be covered, by its words or, with an
embedder, by its meaning. Evol-Instruct (Xu et al. 2023, arXiv:2304.12244) eliminates failed
evolutions, but none of its rules looks for loss. All losses of a pair are added up to one score.

What is added is not judged here: a tail that contradicts the original loses nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from evolsynth.errors import InputError
from evolsynth.evaluation.information_loss.alignment import Alignment, align, copying
from evolsynth.evaluation.information_loss.clauses import clauses_lost, replaced
from evolsynth.evaluation.information_loss.exact import data_changed, exact
from evolsynth.evaluation.information_loss.quantities import quantities
from evolsynth.evaluation.information_loss.reading import (
    InformationLoss,
    Loss,
    LostSpan,
    Reading,
    Token,
)
from evolsynth.evaluation.information_loss.senses import senses
from evolsynth.evaluation.information_loss.synonyms import WordVectors
from evolsynth.evaluation.text.added import begins_with, demand_added
from evolsynth.evaluation.text.language import language
from evolsynth.evaluation.text.words import NEGATORS, content, vocabulary, words
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult

    from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM

__all__ = [
    "THRESHOLD",
    "WEIGHTS",
    "Evidence",
    "InformationLoss",
    "evidence",
    "information_loss",
    "information_losses",
    "no_new_demand",
    "word_vectors",
]


#: Calibrated so that about one rewrite in thirty that keeps all is at or above it.
THRESHOLD = 0.5


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
    old, new = _reading(original), Reading(evolved)
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


# All losses of a pair, added up -------------------------------------------------------------------

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


# Many pairs ---------------------------------------------------------------------------------------

#: Pairs that a process takes at once, and batches of them that wait for each process.
_BATCH, _WAITING = 64, 3

_Pair = tuple[str, str]
_Task = tuple[list[_Pair], float]


def information_losses(
    pairs: Iterable[_Pair],
    *,
    embedder: Embedder | None = None,
    threshold: float = THRESHOLD,
    workers: int = 1,
) -> Iterator[InformationLoss]:
    """`information_loss` of each (original, evolved), in order, in bounded memory.

    The results do not depend on ``workers``. Each process loads an embedder of its own, which
    takes some seconds and 0.4 GB, so several pay from some thousand pairs on.

    Raises:
        InputError: ``workers`` is below 1, or several were asked to work with an embedder other
            than `MiniLM`.
    """
    if workers < 1:
        raise InputError(f"workers is {workers}: give the number of processes, from 1.")
    if workers == 1:
        return (information_loss(a, b, embedder=embedder, threshold=threshold) for a, b in pairs)
    from evolsynth.evaluation.embed.minilm import MiniLM

    if embedder is not None and not isinstance(embedder, MiniLM):
        raise InputError(
            "Several processes can only work with MiniLM or without an embedder: use workers=1."
        )
    return _by_several(pairs, embedder, threshold, workers)


def _by_several(
    pairs: Iterable[_Pair], embedder: MiniLM | None, threshold: float, workers: int
) -> Iterator[InformationLoss]:
    import multiprocessing  # here, because most runs do without: a start is to be fast

    if embedder is not None:
        embedder.load()  # what is missing is told here; and the static vectors are made once
    place = None if embedder is None else embedder.path
    source = iter(pairs)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _begin, (embedder is not None, place)) as pool:
        waiting: deque[AsyncResult[list[InformationLoss]]] = deque()
        while True:
            while len(waiting) < _WAITING * workers:
                batch = list(islice(source, _BATCH))
                if not batch:
                    break
                waiting.append(pool.apply_async(_work, ((batch, threshold),)))
            if not waiting:
                return
            yield from waiting.popleft().get()


_EMBEDDER: list[Embedder | None] = [None]


def _begin(embed: bool, place: str | None) -> None:
    """Runs first in each process."""
    from evolsynth.evaluation.embed.minilm import MiniLM

    _EMBEDDER[0] = MiniLM(place) if embed else None


def _work(task: _Task) -> list[InformationLoss]:
    pairs, threshold = task
    return [information_loss(a, b, embedder=_EMBEDDER[0], threshold=threshold) for a, b in pairs]
