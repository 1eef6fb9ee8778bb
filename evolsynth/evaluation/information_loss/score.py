"""Information loss: what an instruction asked for that its evolution no longer does.

Facts come first, because they can be checked exactly: numbers, names, quotations, code, options,
negations, bounds. Then each segment of the original must be covered, by its words or, with an
embedder, by its meaning. Evol-Instruct (Xu et al. 2023, arXiv:2304.12244) eliminates failed
evolutions, but none of its rules looks for loss. All losses of a pair are added up to one score.

What is added is not judged here: a tail that contradicts the original loses nothing.
"""

from __future__ import annotations

import math
import pickle
import re
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.base import HasStatic, rough
from evolsynth.evaluation.information_loss.alignment import Alignment, WordVectors, align, copying
from evolsynth.evaluation.information_loss.reading import (
    MEANT,
    InformationLoss,
    Loss,
    LostSpan,
    Reading,
)
from evolsynth.evaluation.text import MOST, looked_at
from evolsynth.evaluation.text.added import begins_with, demand_added, unlike
from evolsynth.evaluation.text.language import is_english, language, wrong_request_language
from evolsynth.evaluation.text.words import NEGATORS, content, vocabulary, words
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["THRESHOLD", "WEIGHTS", "Evidence", "InformationLoss", "evidence", "information_loss"]
__all__ += ["in_english", "information_losses", "no_new_demand", "texts_compared", "word_vectors"]

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
    if begins_with(evolved, original) and not _goes_on_with_or(original, evolved):
        return InformationLoss(0.0, flagged=False)
    if max(len(original), len(evolved)) > MOST:
        parts = unlike(original, evolved)
        return _of_long_texts(original, *parts, embedder, threshold, facts_only)
    old, new = _reading(original), Reading(evolved)
    foreign = language(old.text) not in (None, "en")
    if foreign:
        embedder = None  # it knows English only
    note = _NOTE if foreign else None
    made = align(old.tokens, new.tokens, word_vectors(embedder))
    found = evidence(old, new, made, embedder, foreign=foreign, facts_only=facts_only)
    if found.in_part:
        note = _MEANT
    losses = [loss for kind in found.losses.values() for loss in kind]
    if not losses:
        return InformationLoss(0.0, flagged=False, note=note)
    logit = sum(weight * found.signals[name] for name, weight in WEIGHTS.items())
    score = round(1.0 / (1.0 + math.exp(_CUT - logit)), 4)
    spans = _spans(old, made, [loss for loss in losses if loss.weight > _TOLD][:_LISTED])
    return InformationLoss(score, score >= threshold, spans, note)


_OR = re.compile(r"\W{0,3}\s(?:and/)?or\b", re.I)


def _goes_on_with_or(original: str, evolved: str) -> bool:
    """Whether what follows the original lets one do something else: "as a table or a list"."""
    bare = original.rstrip(" .!?,;:")
    return evolved.startswith(bare) and bool(_OR.match(evolved, len(bare)))


def _of_long_texts(
    original: str,
    old: str,
    new: str,
    embedder: Embedder | None,
    threshold: float,
    facts_only: bool,
) -> InformationLoss:
    """The loss of ``old``, which is taken from ``original`` line by line, in ``new``."""
    found = information_loss(
        old, new, embedder=embedder, threshold=threshold, facts_only=facts_only
    )
    spans = []
    for span in found.lost:
        line = span.text.partition("\n")[0]
        start = original.find(line) if line else -1
        if start >= 0:
            spans.append(LostSpan(line, start, start + len(line), span.kind, span.became))
    note = _LONG if found.note is None else f"{found.note}; {_LONG}"
    return InformationLoss(found.score, found.flagged, tuple(spans), note)


#: What is found in an original, remembered: it often has several evolutions.
_reading = lru_cache(maxsize=256)(Reading)


#: A question word with nothing behind it: "and why?", "Say how.", "who, where and when".
_ASKED = re.compile(
    r"\b(why|how|when|where|who|whom)\b(?=\s*(?:[?.!,;)\n]|\Z)|\s+(?:and|or)\b)", re.I
)


def no_new_demand(original: str, evolved: str) -> Finding | None:
    """The first elimination rule of Evol-Instruct, no information gain, by words.

    Found where what is added (`demand_added`) has fewer than two words of content (or
    negators) that the original lacks: an echo of the request, or only a new phrase around it. A
    question word that stands for a whole question ("..., and why?") asks for something by itself.
    """
    added = demand_added(original, evolved)
    asked = {word.lower() for word in _ASKED.findall(added)}
    if asked - {w.text.lower() for w in words(original)}:
        return None
    known = {w.stem for w in content(looked_at(original))}
    new = {w.stem for w in content(added)} - known
    new |= {w.stem for w in words(added) if w.stem in NEGATORS}
    detail = {"added": added, "new_words": sorted(new)}
    return Finding("no_new_demand", detail) if len(new) < 2 else None


def in_english(original: str, evolved: str) -> Finding | None:
    """Found where an instruction in another language goes on in English, unasked.

    Told of three words on, where the original is in another script, and of two common words of
    English on, where it is in Latin letters.
    """
    known = looked_at(original)
    if is_english(known):
        return None
    added = demand_added(original, evolved)
    spoken = language(known)
    expected = spoken if spoken is not None else "zh"
    found = wrong_request_language(added, expected) if len(words(added)) >= 3 else None
    if found is None or found.detail["language"] not in ("en", "Latin"):
        return None
    if found.detail["language"] == "Latin" and any(c.isascii() and c.isalpha() for c in known):
        return None  # a text with names in Latin letters may get more of them
    return Finding("other_language", {"added": added})


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
    "most of senses": 1.2,
    "most of clauses": 0.28,
    "any of clauses": 0.01,
    "copied": 0.65,
    "taken out": 1.02,
    "gone": 0.8,
    "left out": 1.35,
}
_CUT = 3.6
_LONG = (
    f"texts of more than {MOST:,} characters: of what is not in both, word for word, as many were "
    "looked at, taken evenly from all of it"
)
_MEANT = f"of clauses without their words in the evolution, {MEANT} were looked at by meaning"
#: Spans that are told of one text.
_LISTED = 300
_NOTE = "not English: only figures, names, quotations, code and replaced words were compared"


class Evidence(NamedTuple):
    """The losses of a pair by kind, and the signals (each in [0, 1]) that the score is made of;
    ``in_part`` where there were too many clauses to look at them all by their meaning."""

    losses: dict[str, list[Loss]]
    signals: dict[str, float]
    in_part: bool = False


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
    # a pair whose original stands in its evolution never comes here
    from evolsynth.evaluation.information_loss.clauses import clauses_lost, replaced
    from evolsynth.evaluation.information_loss.exact import data_changed, exact, quantities
    from evolsynth.evaluation.information_loss.focus import Agreed
    from evolsynth.evaluation.information_loss.notation import notation, units
    from evolsynth.evaluation.information_loss.polarity import Side, polarity
    from evolsynth.evaluation.information_loss.roles import roles
    from evolsynth.evaluation.information_loss.scope import alternatives, scopes, widened
    from evolsynth.evaluation.information_loss.senses import senses

    # first what pairs off the same in other words
    measured = units(old, new, made)
    turned: list[Loss] = []
    scope = Agreed.nothing()
    if not foreign:
        sides = Side(old), Side(new)
        scope = scopes(old, new, made, sides)
        turned = polarity(old, new, made, sides, scope)
    losses = {
        "quantities": [*measured, *quantities(old, new, made, foreign=foreign)],
        "facts": [
            *exact(old, new, made),
            *notation(old, new, made),
            *([] if foreign else data_changed(old, new, made)),
        ],
        "senses": []
        if foreign
        else [
            *turned,
            *scope.losses,
            *alternatives(old, new, made),
            *widened(old, new, made),
            *roles(old, new, made),
            *senses(old, new, made, scope.here),
        ],
        "clauses": [],
    }
    in_part = False
    if foreign:
        losses["clauses"] = replaced(old, new, made)
    elif not facts_only:
        losses["clauses"], in_part = clauses_lost(old, new, made, embedder)
    everything = [loss for kind in losses.values() for loss in kind]
    most, copied = _most(everything), copying(made)
    whole = sum(t.weight for t in old.tokens) or 1.0
    gone = sum(t.weight * (1.0 - k) for t, k in zip(old.tokens, made.kept, strict=True)) / whole
    spans = [loss.span for loss in losses["clauses"] if loss.weight > _TOLD]
    lost = {i for span in spans for i in old.inside(span.start, span.end)}
    signals = {"most": most, "any": _any(everything, least=_TOLD), "copied": copied}
    signals |= {"taken out": most * copied, "gone": gone}
    signals["left out"] = sum(old.tokens[i].weight for i in lost) / whole
    for name, kind in losses.items():
        signals |= {f"most of {name}": _most(kind), f"any of {name}": _any(kind)}
    return Evidence(losses, signals, in_part)


def _most(losses: Sequence[Loss]) -> float:
    return max((loss.weight for loss in losses), default=0.0)


def _any(losses: Sequence[Loss], least: float = 0.0) -> float:
    return 1.0 - math.prod(1.0 - loss.weight for loss in losses if loss.weight > least)


def _spans(old: Reading, made: Alignment, losses: Sequence[Loss]) -> tuple[LostSpan, ...]:
    """The spans in order, each with the small words that went with it, those that touch as one."""
    wide = [(*_widened(old, made, loss.span), loss) for loss in losses]
    merged: list[tuple[int, int, Loss]] = []
    for start, end, loss in sorted(wide, key=lambda each: (each[0], -each[1])):
        for k, (first, last, one) in enumerate(merged):
            if start < last and _sort(one) == _sort(loss):
                best = max(one, loss, key=lambda each: each.weight)
                merged[k] = (first, max(last, end), best)
                break
        else:
            merged.append((start, end, loss))
    return tuple(
        LostSpan(old.text[start:end], start, end, loss.span.kind, loss.span.became)
        for start, end, loss in merged
    )


def _sort(loss: Loss) -> str:
    """Spans of losses of one sort that overlap are one."""
    kind = loss.span.kind
    return {"constraint": "topic", "sub-question": "topic", "negation": "topic"}.get(
        kind, "number" if kind == "quantity" else kind
    )


def _widened(old: Reading, made: Alignment, span: LostSpan) -> tuple[int, int]:
    """With the words before and after it that are gone too, and with an article before it."""
    own = old.inside(span.start, span.end)
    if not own:
        return span.start, span.end
    first, last = own[0], own[-1]
    while _goes_on(old, first - 1) and not made.same[first - 1]:
        first -= 1
    for _ in range(2):
        if _goes_on(old, first - 1) and _leads(old, first - 1):
            first -= 1
    counts = span.kind in ("quantity", "number")
    if counts and _goes_on(old, last) and old.tokens[last + 1].weight > 0:
        last += 1
    while _goes_on(old, last) and not made.same[last + 1]:
        last += 1
    return min(span.start, old.tokens[first].start), max(span.end, old.tokens[last].end)


def _leads(old: Reading, i: int) -> bool:
    """Whether a word belongs to the one after it: an article, a preposition, the day of a month."""
    if old.tokens[i].number >= 0:
        return old.tokens[i + 1].text in _MONTHS
    return old.tokens[i].text.casefold() in _LEADING


_LEADING = vocabulary(
    "a an the in on at by for with without to from of per as into under over between before after"
)
_MONTHS = vocabulary(
    "January February March April May June July August September October November December"
)


def _goes_on(old: Reading, i: int) -> bool:
    """Whether there are tokens i and i + 1, and no sentence or part of it ends between them."""
    return 0 <= i < len(old.tokens) - 1 and not old.apart(i, i + 1)


#: The last ones that were made, kept between calls.
_VECTORS: list[WordVectors] = []


def word_vectors(embedder: Embedder | None) -> WordVectors | None:
    """Word vectors of an embedder that has static ones, kept between calls."""
    if not isinstance(embedder, HasStatic):
        return None
    static = embedder.rough()
    if not _VECTORS or _VECTORS[0].static is not static:
        _VECTORS[:] = [WordVectors(static)]
    return _VECTORS[0]


# Many pairs ---------------------------------------------------------------------------------------

#: Pairs that a process takes at once, and batches of them that wait for each process.
_BATCH, _WAITING = 64, 3


def information_losses(
    pairs: Iterable[tuple[str, str]],
    *,
    embedder: Embedder | None = None,
    threshold: float = THRESHOLD,
    workers: int = 1,
) -> Iterator[InformationLoss]:
    """`information_loss` of each (original, evolved), in order, in bounded memory.

    The results do not depend on ``workers``. Each process loads an embedder of its own, which
    takes some seconds and 0.4 GB for MiniLM, so several pay from some thousand pairs on.

    Raises:
        InputError: ``workers`` is below 1, or several were asked to work with an embedder that
            cannot be pickled.
    """
    if workers < 1:
        raise InputError(f"workers is {workers}: give the number of processes, from 1.")
    if workers == 1:
        source = iter(pairs)
        # without an embedder nothing is gained by reading ahead
        batches = iter(lambda: list(islice(source, _BATCH if embedder else 1)), [])
        return (loss for batch in batches for loss in _batch(batch, embedder, threshold))
    try:
        pickle.dumps(embedder)
    except Exception as error:  # each class fails in its own way
        raise InputError(
            f"The embedder cannot be handed to other processes ({error}): use workers=1."
        ) from error
    return _by_several(pairs, embedder, threshold, workers)


def _by_several(
    pairs: Iterable[tuple[str, str]], embedder: Embedder | None, threshold: float, workers: int
) -> Iterator[InformationLoss]:
    import multiprocessing  # here, because most runs do without: a start is to be fast
    from concurrent.futures import ProcessPoolExecutor

    load = getattr(embedder, "load", None)
    if load is not None:
        load()  # what is missing is told here; and MiniLM makes its static vectors once
    source = iter(pairs)
    batches = iter(lambda: list(islice(source, _BATCH)), [])
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin, (embedder,))
    waiting: deque[Future[list[InformationLoss]]] = deque()
    try:
        while True:
            come = list(islice(batches, _WAITING * workers - len(waiting)))
            # Ctrl-C on a terminal is for this process, which ends those that it starts
            heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
            try:
                waiting.extend(pool.submit(_work, batch, threshold) for batch in come)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, heard)
            if not waiting:
                return
            yield from waiting.popleft().result()
    finally:  # also where the caller asks for no more
        pool.shutdown(cancel_futures=True)


_EMBEDDER: list[Embedder | None] = [None]


def _begin(embedder: Embedder | None) -> None:
    """Runs first in each process."""
    _EMBEDDER[0] = embedder


def _work(pairs: list[tuple[str, str]], threshold: float) -> list[InformationLoss]:
    return _batch(pairs, _EMBEDDER[0], threshold)


def _batch(
    pairs: Sequence[tuple[str, str]], embedder: Embedder | None, threshold: float
) -> list[InformationLoss]:
    if embedder is not None:
        embedder = _Known(embedder, texts_compared(pairs, embedder))
    return [information_loss(a, b, embedder=embedder, threshold=threshold) for a, b in pairs]


def texts_compared(pairs: Iterable[tuple[str, str]], embedder: Embedder) -> list[str]:
    """The texts that `information_loss` has embedded, to have those of many pairs read together
    before, which is several times quicker than pair by pair. Some may be missing, or too many."""
    listener = _Known(embedder, None)
    for original, evolved in pairs:
        information_loss(original, evolved, embedder=listener)
    return list(listener.vectors)


class _Known:
    """An embedder that has read some texts already; without any, it only notes what it is asked
    for, and says that nothing is like anything."""

    def __init__(self, embedder: Embedder, texts: Sequence[str] | None) -> None:
        self.name, self._embedder, self._listens = embedder.name, embedder, texts is None
        read = embedder.embed(texts) if texts else ()
        self.vectors = dict(zip(texts or (), read, strict=True))

    def rough(self) -> Embedder:
        """The embedder's own stand-in."""
        return rough(self._embedder)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors, of shape (n, d)."""
        if self._listens:
            self.vectors |= dict.fromkeys(texts, np.zeros(1, dtype=np.float32))
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        more = dict(zip(new, self._embedder.embed(new), strict=True)) if new else {}
        return np.stack([self.vectors[t] if t in self.vectors else more[t] for t in texts])
