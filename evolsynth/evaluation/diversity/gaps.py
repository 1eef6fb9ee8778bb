"""What to ask for next: the clusters in which a set has fewer rows than it should."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from evolsynth.evaluation.diversity.clusters import Centres, Labels
from evolsynth.evaluation.diversity.distances import Vectors
from evolsynth.evaluation.text.verbs import Root, verb_table

__all__ = ["Set", "ThinCluster", "thin_clusters"]

_LEVEL = 0.05
_EXAMPLES = 3
_SHOWN = 300  # characters of an example


class Set(msgspec.Struct, frozen=True):
    """Texts, their vectors of shape (n, d), their clusters of shape (n,), and their roots."""

    texts: Sequence[str]
    vectors: Vectors
    labels: Labels
    roots: Sequence[Root]


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
    own: Set,
    reference: Set | None,
    centres: Centres,
    words: Sequence[Sequence[str]],
    groups: Sequence[str],
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
        groups: the set's method and round, one a row.
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
            groups=_groups(groups, own.labels == c),
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
    marked, everything = a + b, n + m
    logs = [
        _choose(marked, x) + _choose(everything - marked, n - x) - _choose(everything, n)
        for x in range(max(0, n - (everything - marked)), a + 1)
    ]
    return min(1.0, math.fsum(math.exp(one) for one in logs))


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _verbs(texts: Set, cluster: int) -> tuple[str, ...]:
    here = np.flatnonzero(texts.labels == cluster).tolist()
    table = verb_table((texts.roots[i] for i in here), verbs=3, objects=1)
    return tuple(" ".join([one.verb, *(noun for noun, _ in one.objects)]) for one in table)


def _groups(groups: Sequence[str], here: npt.NDArray[np.bool_]) -> dict[str, int]:
    found = dict.fromkeys(groups, 0)
    for place in np.flatnonzero(here).tolist():
        found[groups[place]] += 1
    return found


def _central(texts: Set, cluster: int, centres: Centres) -> tuple[str, ...]:
    """Different texts of the cluster, those nearest to its centre first."""
    here = np.flatnonzero(texts.labels == cluster)
    ranked = np.argsort(-(texts.vectors[here] @ centres[cluster]), kind="stable")
    order = [int(here[place]) for place in ranked[:50]]
    shown = dict.fromkeys(" ".join(texts.texts[i].split())[:_SHOWN] for i in order)
    return tuple(shown)[:_EXAMPLES]
