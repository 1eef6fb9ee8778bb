"""Clusters of texts: how many of them a set reaches, how evenly, and what to ask for next.

Clusters are fixed first, by k-means on a reference (or on all sets together), and then every set
is counted in the same ones. Those in which a set has fewer texts than it should are thin.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from evolsynth.errors import SetupError
from evolsynth.evaluation.diversity.distances import Vectors
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.verbs import Root, root, verb_table
from evolsynth.evaluation.text.words import COMMON, Word, content

__all__ = ["Centres", "Labels", "TextSet", "ThinCluster", "Weights", "coverage", "evenness"]
__all__ += ["find_clusters", "label_words", "nearest", "thin_clusters"]

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
        fitted = KMeans(wanted, n_init=1, random_state=seed % 2**32, algorithm="lloyd").fit(vectors)
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


_LEVEL = 0.05
_EXAMPLES = 3
_SHOWN = 300  # characters of an example


class TextSet(NamedTuple):
    """n texts with all that is worked out once: the group, the vector (shape (n, d)), the cluster
    (shape (n,)) and the root of each."""

    texts: Sequence[str]
    groups: Sequence[str]
    vectors: Vectors
    labels: Labels
    roots: Sequence[Root]

    @classmethod
    def of(
        cls, texts: Sequence[str], groups: Sequence[str], vectors: Vectors, centres: Centres
    ) -> TextSet:
        """Find each text's cluster and root, which rules for English tell."""
        labels = nearest(vectors, centres) if texts else np.empty(0, np.intp)
        roots = [root(text) if is_english(text) else Root() for text in texts]
        return cls(texts, groups, vectors, labels, roots)


class ThinCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster to ask more for, as a next run can be steered by it.

    ``words`` say what it is about, ``verbs`` what its texts ask to do (of the reference's texts
    where there is one). ``rows`` of the set lie in it, a share of ``share``; ``expected`` is the
    share that was to be expected, ``missing`` the rows that would fill it up to that.
    ``examples`` are the set's own rows nearest to its centre, ``reference_examples`` the
    reference's; ``groups`` counts the set's rows by method and round.
    """

    cluster: int
    words: tuple[str, ...]
    verbs: tuple[str, ...]
    rows: int
    share: float
    expected: float
    missing: int
    groups: dict[str, int]
    examples: tuple[str, ...]
    reference_examples: tuple[str, ...]


def thin_clusters(
    own: TextSet,
    reference: TextSet | None,
    centres: Centres,
    words: Sequence[Sequence[str]],
    *,
    most: int = 10,
) -> tuple[ThinCluster, ...]:
    """The clusters that are thin, the one with the most rows missing first.

    With a reference, a cluster is thin where the set's share is below half of the reference's and
    chance hardly explains it (Fisher's exact test; of the clusters that pass, one in 20 may do so
    by chance: Benjamini and Hochberg 1995). Without one, where the set's share is below half of
    1/k, that of an even spread; no test is made, as clusters of a set are never equally large.

    Args:
        own: the set.
        reference: what it is compared with.
        centres: shape (k, d).
        words: those that tell each cluster from the others.
        most: how many are listed.
    """
    k = len(centres)
    counts = np.bincount(own.labels, minlength=k)
    total = len(own.texts)
    if reference is None:
        expected = np.full(k, 1 / k)
        telling = np.ones(k, bool)
    else:
        theirs = np.bincount(reference.labels, minlength=k)
        expected = theirs / len(reference.texts)
        chances = [
            _fewer(a, total, b, len(reference.texts))
            for a, b in zip(counts.tolist(), theirs.tolist(), strict=True)
        ]
        telling = _discoveries(np.array(chances))
    missing = np.ceil(expected * total - counts).astype(int)
    thin = [c for c in range(k) if telling[c] and counts[c] < expected[c] * total / 2]
    thin.sort(key=lambda c: (-missing[c], c))
    return tuple(
        ThinCluster(
            cluster=c,
            words=tuple(words[c]),
            verbs=_verbs(reference or own, c),
            rows=int(counts[c]),
            share=float(counts[c] / total),
            expected=float(expected[c]),
            missing=int(missing[c]),
            groups=_groups(own, c),
            examples=_central(own, c, centres),
            reference_examples=_central(reference, c, centres) if reference else (),
        )
        for c in thin[:most]
    )


def _discoveries(chances: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Benjamini and Hochberg: the largest i of k whose i-th smallest chance is below 0.05 i / k."""
    ordered = np.sort(chances)
    good = np.flatnonzero(ordered <= _LEVEL * np.arange(1, len(chances) + 1) / len(chances))
    return chances <= (ordered[good[-1]] if len(good) else -1)


def _fewer(a: int, n: int, b: int, m: int) -> float:
    """The chance of at most ``a`` of ``n`` where a + b of n + m are marked: hypergeometric."""
    if a * m >= b * n:  # not fewer than the reference has: no need to tell how likely
        return 1.0
    from scipy.stats import hypergeom  # comes with scikit-learn

    return float(hypergeom.cdf(a, n + m, a + b, n))


def _verbs(texts: TextSet, cluster: int) -> tuple[str, ...]:
    here = np.flatnonzero(texts.labels == cluster).tolist()
    table = verb_table((texts.roots[i] for i in here), verbs=3, objects=1)
    return tuple(" ".join([one.verb, *(noun for noun, _ in one.objects)]) for one in table)


def _groups(own: TextSet, cluster: int) -> dict[str, int]:
    found = dict.fromkeys(own.groups, 0)
    for place in np.flatnonzero(own.labels == cluster).tolist():
        found[own.groups[place]] += 1
    return found


def _central(texts: TextSet, cluster: int, centres: Centres) -> tuple[str, ...]:
    """Different texts of the cluster, those nearest to its centre first."""
    here = np.flatnonzero(texts.labels == cluster)
    ranked = np.argsort(-(texts.vectors[here] @ centres[cluster]), kind="stable")
    order = [int(here[place]) for place in ranked[:50]]
    shown = dict.fromkeys(" ".join(texts.texts[i].split())[:_SHOWN] for i in order)
    return tuple(shown)[:_EXAMPLES]
