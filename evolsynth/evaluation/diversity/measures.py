"""The figures of one set: whole, and of draws of some size from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from evolsynth.evaluation.diversity.clusters import (
    Centres,
    Labels,
    Weights,
    coverage,
    evenness,
    nearest,
)
from evolsynth.evaluation.diversity.corpus import Texts
from evolsynth.evaluation.diversity.distances import Vectors, mean_distance, vendi_score
from evolsynth.evaluation.diversity.gaps import Set
from evolsynth.evaluation.diversity.intervals import Figure, Figures, at_size
from evolsynth.evaluation.diversity.nearest import Distances, distribution, nearest_distances
from evolsynth.evaluation.diversity.ngrams import Places, Wording, compression_ratio
from evolsynth.evaluation.diversity.novelsum import densities, novelsum
from evolsynth.evaluation.text.verbs import Root, RootVerb, root, verb_table

__all__ = [
    "BLEU",
    "NEAREST",
    "NOVEL",
    "TITLES",
    "Measure",
    "Side",
    "Whole",
    "figures_at",
    "some",
    "whole",
]

NEAREST, NOVEL, BLEU = 10_000, 1_000, 1_000  # texts that these figures of a whole set are taken of
_SHARES = ("distinct_1", "distinct_2", "self_bleu", "coverage", "evenness", "verb_objects")

#: What each figure is called, in the order shown, and what more of it means.
TITLES = {
    "vendi": ("Vendi score", "more varied"),
    "novelsum": ("NovelSum", "more varied"),
    "mean_distance": ("mean distance", "more varied"),
    "nearest_median": ("nearest other, median distance", "more varied"),
    "coverage": ("cluster coverage", "more varied"),
    "evenness": ("cluster evenness", "more even"),
    "distinct_1": ("distinct words", "more varied"),
    "distinct_2": ("distinct word pairs", "more varied"),
    "self_bleu": ("self-BLEU", "more alike"),
    "compression_ratio": ("compression ratio", "more alike"),
    "verb_objects": ("distinct verbs with objects", "more varied"),
    "mean_words": ("mean words", ""),
}


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a whole set. Most depend on ``rows``: do not compare sets of another size.

    ``verbs`` is the table of root verbs and objects, ``questions`` counts the texts that ask
    without one by their first word, ``verb_share`` is the share of texts that have a root verb.
    ``self_bleu`` and ``novelsum`` are of samples where the report's notes say so.
    """

    rows: int
    mean_words: float | None
    vendi: float
    mean_distance: float | None
    novelsum: float
    nearest: Distances
    distinct_1: float | None
    distinct_2: float | None
    self_bleu: float | None
    compression_ratio: float | None
    coverage: float
    evenness: float | None
    verb_share: float
    verbs: tuple[RootVerb, ...]
    questions: dict[str, int]


class Side(NamedTuple):
    """A set with all that is worked out once: the rows measured, or the reference."""

    texts: list[str]
    groups: list[str]
    vectors: Vectors
    labels: Labels
    roots: list[Root]

    @classmethod
    def of(cls, texts: Texts, vectors: Vectors, centres: Centres) -> Side:
        """Find each text's cluster and root."""
        labels = nearest(vectors, centres) if texts.texts else np.empty(0, np.intp)
        roots = [root(text) for text in texts.texts]
        return cls(texts.texts, texts.groups, vectors, labels, roots)

    @property
    def as_set(self) -> Set:
        """What `thin_clusters` takes."""
        return Set(self.texts, self.vectors, self.labels, self.roots)


def some(count: int, most: int, seed: int) -> Places:
    """The places of at most ``most`` of ``count`` texts, ascending; a draw with a fixed seed."""
    if count <= most:
        return np.arange(count)
    chance = np.random.default_rng([seed, count, most])
    return np.sort(chance.choice(count, most, replace=False)).astype(np.intp)


def whole(side: Side, around: Vectors, weights: Weights, seed: int) -> Whole:
    """The figures of all texts of a set.

    Args:
        side: the set.
        around: the dense reference for NovelSum, shape (m, d).
        weights: the share of the reference in each cluster.
        seed: of the samples.
    """
    count = len(side.texts)
    wording = Wording(side.texts)
    asked = Counter(r.question for r in side.roots if r.question)
    near = nearest_distances(side.vectors, sample=NEAREST, seed=seed)
    return Whole(
        rows=count,
        mean_words=wording.mean_words(),
        vendi=vendi_score(side.vectors),
        mean_distance=mean_distance(side.vectors),
        novelsum=novelsum(side.vectors, reference=around, sample=NOVEL, seed=seed),
        nearest=distribution(near, count),
        distinct_1=wording.distinct(1),
        distinct_2=wording.distinct(2),
        self_bleu=wording.self_bleu(some(count, BLEU, seed)),
        compression_ratio=compression_ratio(side.texts),
        coverage=coverage(side.labels, weights),
        evenness=evenness(side.labels, len(weights)),
        verb_share=sum(r.verb is not None for r in side.roots) / max(1, count),
        verbs=verb_table(side.roots),
        questions=dict(sorted(asked.items(), key=lambda item: (-item[1], item[0]))),
    )


class Measure:
    """The figures of any choice of texts from a pool, by their places in it (ascending).

    Args:
        side: the set.
        pool: places of the texts in it.
        around: the dense reference for NovelSum, shape (m, d).
        weights: the share of the reference in each cluster.
    """

    def __init__(self, side: Side, pool: Places, around: Vectors, weights: Weights) -> None:
        self._texts = [side.texts[i] for i in pool.tolist()]
        self._roots = [side.roots[i] for i in pool.tolist()]
        self._vectors, self._labels = side.vectors[pool], side.labels[pool]
        self._weights = weights
        self._wording = Wording(self._texts)
        self._density = densities(self._vectors, around)

    def __call__(self, here: Places) -> dict[str, float | None]:
        """The figures of the texts at these places."""
        vectors, labels, wording = self._vectors[here], self._labels[here], self._wording
        near = nearest_distances(vectors)
        return {
            "vendi": vendi_score(vectors),
            "mean_distance": mean_distance(vectors),
            "novelsum": novelsum(vectors, density=self._density[here]),
            "nearest_median": float(np.median(near)) if len(near) else None,
            "distinct_1": wording.distinct(1, here),
            "distinct_2": wording.distinct(2, here),
            "self_bleu": wording.self_bleu(here),
            "compression_ratio": compression_ratio([self._texts[i] for i in here.tolist()]),
            "coverage": coverage(labels, self._weights),
            "evenness": evenness(labels, len(self._weights)),
            "verb_objects": _different([self._roots[i] for i in here.tolist()]),
            "mean_words": wording.mean_words(here),
        }


def figures_at(
    measure: Callable[[Places], Figures], rows: int, size: int, seed: int
) -> dict[str, Figure | None]:
    """The figures of draws of ``size`` of a measure's ``rows`` texts, with intervals.

    On one thread: the matrices are small, and threads that wait for each other take longer.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    with threadpool_limits(limits=1):
        return at_size(measure, rows, size, seed=seed, shares=_SHARES)


def _different(roots: Sequence[Root]) -> float | None:
    """The share of different roots: verb and object, or a question's first word, or neither."""
    return len(set(roots)) / len(roots) if roots else None
