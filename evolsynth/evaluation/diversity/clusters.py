"""Clusters of texts: how many of them a set reaches, how evenly, and in which it is thin.

Clusters are fixed first, by k-means on a reference (or on all sets together), and then every set
is counted in the same ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from evolsynth.errors import SetupError
from evolsynth.evaluation.diversity.distances import Vectors
from evolsynth.evaluation.text.words import COMMON, Word, content

__all__ = [
    "Centres",
    "Labels",
    "Weights",
    "coverage",
    "evenness",
    "find_clusters",
    "label_words",
    "nearest",
]

Centres = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]
Weights = npt.NDArray[np.float64]

_MOST = 100
_FITTED = 10_000  # rows that k-means looks at
_STEP = 8192


def find_clusters(vectors: Vectors, *, k: int | None = None, seed: int = 0) -> Centres:
    """k-means (Lloyd, started by k-means++) on one thread, so the same rows give the same centres.

    Args:
        vectors: shape (n, d). Of more than 10,000 rows, that many are drawn.
        k: how many; by default the square root of n, from 2 to 100. Never more than there are
            different rows.
        seed: of the draw and the start.

    Returns:
        Centres, shape (k, d), not of length 1.

    Raises:
        SetupError: scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise SetupError(
            "Clusters need scikit-learn, which is not installed. Run: "
            "pip install 'evolsynth[report]'"
        ) from None
    count = len(vectors)
    wanted = k if k is not None else min(_MOST, max(2, round(math.sqrt(count))))
    if count > _FITTED:
        chance = np.random.default_rng([seed, count])
        vectors = vectors[np.sort(chance.choice(count, _FITTED, replace=False))]
    wanted = min(wanted, len(np.unique(vectors, axis=0)))
    with threadpool_limits(limits=1):
        fitted = KMeans(wanted, n_init=1, random_state=seed, algorithm="lloyd").fit(vectors)
    return np.asarray(fitted.cluster_centers_, dtype=np.float32)


def nearest(vectors: Vectors, centres: Centres) -> Labels:
    """The number of each row's nearest centre, shape (n,)."""
    half = np.square(centres).sum(axis=1) / 2
    found = [
        np.argmax(vectors[start : start + _STEP] @ centres.T - half, axis=1)
        for start in range(0, len(vectors), _STEP)
    ]
    return np.concatenate(found) if found else np.empty(0, np.intp)


def coverage(labels: Labels, weights: Weights) -> float:
    """The share of the reference that lies in clusters with at least one of the rows, in [0, 1].

    Args:
        labels: cluster of each row.
        weights: the reference's share of each of the k clusters, adding up to 1.
    """
    reached = np.bincount(labels, minlength=len(weights)) > 0
    return float(min(1.0, weights[reached].sum()))


def evenness(labels: Labels, k: int) -> float | None:
    """Pielou's evenness, entropy / log k: 1 where all k clusters hold equally many, 0 where one
    holds all. ``None`` for a single cluster or no rows."""
    counts = np.bincount(labels, minlength=k)
    shares = counts[counts > 0] / max(1, counts.sum())
    if k < 2 or not len(shares):
        return None
    return float(max(0.0, -np.sum(shares * np.log(shares)) / math.log(k)))


def label_words(texts: Sequence[str], labels: Labels, k: int, *, most: int = 6) -> list[list[str]]:
    """For each cluster the words that tell it from the others, best first.

    A word's weight is the share p of the cluster's texts that have it, times log(p / q), where q
    is the share of all texts that do (both with one text added). Words are joined by their stem
    and shown in their most frequent form; function words, and words that any request may hold
    ("explain", "list"), do not count.
    """
    everywhere: Counter[str] = Counter()
    within: list[Counter[str]] = [Counter() for _ in range(k)]
    forms: dict[str, Counter[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        found = {word.stem: word.text.casefold() for word in _telling(text)}
        everywhere.update(found.keys())
        within[label].update(found.keys())
        for stem, form in found.items():
            forms.setdefault(stem, Counter())[form] += 1
    sizes = np.bincount(labels, minlength=k)
    return [
        [
            min(forms[stem].items(), key=lambda item: (-item[1], item[0]))[0]
            for stem in _best(within[label], everywhere, int(sizes[label]), len(texts), most)
        ]
        for label in range(k)
    ]


def _telling(text: str) -> Iterable[Word]:
    return (
        word
        for word in content(text)
        if len(word.text) > 2 and word.text.isalpha() and word.text.casefold() not in COMMON
    )


def _best(
    here: Counter[str], everywhere: Counter[str], size: int, total: int, most: int
) -> list[str]:
    def weight(stem: str) -> float:
        p = here[stem] / (size + 1)
        return p * math.log(p / (everywhere[stem] / (total + 1)))

    ranked = sorted(here, key=lambda stem: (-weight(stem), stem))
    return [stem for stem in ranked[:most] if weight(stem) > 0]
