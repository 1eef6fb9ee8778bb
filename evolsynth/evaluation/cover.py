"""Soft cover: how much of a clause a text still says, by its words or, better, by its meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from evolsynth.evaluation.words import COMMON, clauses, content, stem, words

if TYPE_CHECKING:
    from evolsynth.evaluation.embed import Embedder

__all__ = ["cover", "occurs", "stems_of"]

#: Cosines (MiniLM) at which a clause counts as not covered at all, and as fully covered.
_FAR, _NEAR = 0.5, 0.9
#: A clause of one or two words of content ("Italy") is close to anything on its subject: for such
#: a clause only the words themselves count.
_ENOUGH_WORDS = 3
_JOIN = re.compile(r",\s+(?:and|but|or|then)\s+")


def cover(
    texts: Sequence[str], evolved: str, embedder: Embedder | None, *, enough: float
) -> list[float]:
    """For each clause, the share in [0, 1] of it that ``evolved`` still says.

    Only the clauses whose words cover them by less than ``enough`` are embedded.
    """
    windows = _windows(evolved)
    covers = [_by_words(text, evolved, windows) for text in texts]
    if embedder is None:
        return covers
    return _by_meaning(texts, windows, covers, embedder, enough)


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """The stems of a text's words, and, marked by a hyphen, their beginnings."""
    stems = {w.stem for w in words(text)}
    return frozenset(stems | {f"{s[:k]}-" for s in stems for k in range(4, len(s) + 1)})


def occurs(key: str, stems: frozenset[str]) -> bool:
    """Whether a stem occurs, or one that shares its first letters (Italy, Italian)."""
    return key in stems or (len(key) >= 5 and f"{key[: max(4, len(key) - 3)]}-" in stems)


def _windows(evolved: str) -> list[str]:
    """Each clause of the evolution, each pair of neighbours, and each part joined by ", and".

    A paraphrase moves the borders of sentences.
    """
    spans = clauses(evolved)
    singles = [evolved[s:e] for s, e in spans]
    pairs = [evolved[a:d] for (a, _), (_, d) in pairwise(spans)]
    parts = [part for text in singles for part in _JOIN.split(text)]
    return list(dict.fromkeys(singles + pairs + parts))


def _by_words(clause: str, evolved: str, windows: Sequence[str]) -> float:
    """The share of the clause's words of content that the evolution has, in [0, 1].

    Most of it counts in the best window, not anywhere: the words of a dropped sentence often
    occur here and there in the others.
    """
    wanted = {w.stem for w in content(clause)}
    if not wanted:
        return 1.0
    anywhere = _share(wanted, stems_of(evolved))
    near = max((_share(wanted, stems_of(t)) for t in windows), default=0.0)
    return 0.3 * anywhere + 0.7 * near


def _share(wanted: set[str], stems: frozenset[str]) -> float:
    weights = {w: 0.3 if w in _COMMON else 1.0 for w in wanted}
    kept = sum(v for w, v in weights.items() if occurs(w, stems))
    return kept / sum(weights.values())


_COMMON = frozenset(stem(w) for w in COMMON)


def _by_meaning(
    texts: Sequence[str],
    windows: Sequence[str],
    covers: list[float],
    embedder: Embedder,
    enough: float,
) -> list[float]:
    """Raise the cover of the clauses that a window of the evolution says in other words."""
    weak = [
        i
        for i, share in enumerate(covers)
        if share < enough and len(content(texts[i])) >= _ENOUGH_WORDS
    ]
    if not weak or not windows:
        return covers
    vectors = embedder.embed([*(texts[i] for i in weak), *windows])
    cosines = vectors[: len(weak)] @ vectors[len(weak) :].T
    raised = list(covers)
    for row, i in enumerate(weak):
        meant = (float(cosines[row].max()) - _FAR) / (_NEAR - _FAR)
        raised[i] = max(covers[i], min(max(round(meant, 4), 0.0), 1.0))
    return raised
