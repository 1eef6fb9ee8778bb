"""The figures of one set: whole, and of draws of some size from it, each with an interval.

Draws are made *without* replacement. The usual bootstrap draws n of n rows with replacement, so 37%
of a draw are copies of rows that are in it already. Every figure of diversity sees copies as a lack
of diversity: nearest distances become 0, the Vendi score and the distinct n-grams fall, and the
interval lies beside the true value. So rows are drawn without replacement, fewer than there are
("subsampling", Politis and Romano 1994), and the spread is scaled to the number of rows.

For a figure that is nearly a mean of what each row adds, a draw of b of n rows has the variance
s² (1/b - 1/n) around the figure's mean, which gives s²; the mean over all draws of any size has the
variance s²/n, as a sample of what the source could give. Where the figures are those of all n rows,
the spread comes from draws of four fifths of them (the delete-d jackknife, Shao and Wu 1989): draws
of half gave a Vendi score too narrow an interval, as its spread grows with the size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.clusters import (
    TextSet,
    Weights,
    coverage,
    evenness,
)
from evolsynth.evaluation.diversity.distances import (
    Distances,
    Vectors,
    densities,
    distribution,
    mean_distance,
    nearest_distances,
    nearest_similarities,
    novelsum,
    one_thread,
    some,
    vendi_score,
)
from evolsynth.evaluation.diversity.ngrams import Places, Wording, compression_ratio
from evolsynth.evaluation.text.verbs import Root, RootVerb, verb_table

__all__ = ["BLEU", "DRAWS", "LEVEL", "NEAREST", "NOVEL", "TITLES", "Figure", "Figures", "Measure"]
__all__ += ["Whole", "at_size", "diversity", "figures_at", "rarefied", "whole"]

Figures = Mapping[str, float | None]

DRAWS = 30
_PART = 0.8  # of the rows at most in a draw that tells the spread
LEVEL = 0.95
_T = 2.045  # Student's t at 97.5%, for the spread of 30 draws


class Figure(msgspec.Struct, frozen=True):
    """A figure at some number of rows, and the interval that holds, in 95 of 100 cases, what the
    source of the rows gives on average at that number. ``None``: not to be told from so few."""

    value: float
    low: float | None = None
    high: float | None = None


def at_size(
    measure: Callable[[Places], Figures],
    rows: int,
    size: int,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    shares: Collection[str] = (),
) -> dict[str, Figure | None]:
    """Figures of ``size`` rows, as the mean over draws from ``rows``, with intervals.

    Args:
        measure: the figures of the rows at some places (ascending).
        rows: how many there are.
        size: how many a draw has, from 1 to ``rows``.
        seed: of the draws, which depend on it, ``rows`` and ``size`` alone.
        draws: how many, at least 2.
        shares: names of figures that lie in [0, 1]; so do their intervals.

    Returns:
        ``None`` for a figure that is not defined at this size. Intervals need 3 rows.

    Raises:
        InputError: ``size`` or ``draws`` is out of range.
    """
    if draws < 2:
        raise InputError(f"draws is {draws}: at least two draws are needed.")
    _check_size(size, rows)
    part = min(size, int(_PART * rows))
    small = _drawn(measure, rows, part, seed, draws) if part >= 2 else []
    if size == part:
        centre = small
    elif size == rows:
        centre = [measure(np.arange(rows))]
    else:
        centre = _drawn(measure, rows, size, seed, draws)
    return {
        name: _figure(
            [one[name] for one in centre],
            [one[name] for one in small],
            1 / rows / (1 / part - 1 / rows) if small else 0.0,
            (1 / size - 1 / rows) / (1 / part - 1 / rows) / len(centre) if small else 0.0,
            (0.0, 1.0) if name in shares else (-np.inf, np.inf),
        )
        for name in centre[0]
    }


def _drawn(
    measure: Callable[[Places], Figures], rows: int, size: int, seed: int, draws: int
) -> list[Figures]:
    chance = np.random.default_rng([seed, rows, size])
    return [
        measure(np.sort(chance.choice(rows, size, replace=False)).astype(np.intp))
        for _ in range(draws)
    ]


def _check_size(size: int, rows: int) -> None:
    if not 1 <= size <= rows:
        raise InputError(f"size is {size}: choose one between 1 and the {rows} rows given.")


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _figure(
    centre: list[float | None],
    small: list[float | None],
    sampling: float,
    drawing: float,
    bounds: tuple[float, float],
) -> Figure | None:
    """``sampling`` and ``drawing`` are what the small draws' variance is multiplied by to get that
    of the rows as a sample, and that of having made only some of the draws."""
    value = _mean(centre)
    if value is None:
        return None
    spread = [one for one in small if one is not None]
    if len(spread) < 2:
        return Figure(value)
    reach = _T * float(np.std(spread, ddof=1)) * (sampling + drawing) ** 0.5
    return Figure(value, max(bounds[0], value - reach), min(bounds[1], value + reach))


_UNIT_TOLERANCE = 0.01


def diversity(texts: Sequence[str], vectors: Vectors) -> Figures:
    """How varied a set of texts is: its ``count`` and six figures that need no clusters.

    As in `Measure`, but ``nearest_median`` is the median over texts (at most `NEAREST`, drawn) of
    the cosine *similarity* to the nearest other one. ``None`` where a figure is not defined (fewer
    than 2 rows).

    Args:
        texts: n texts.
        vectors: their embeddings, shape (n, d), rows of length 1.

    Returns:
        The figures. Do not compare them with those of a set of another size: see `rarefied`.

    Raises:
        InputError: the shapes do not match, or a row's length is not 1.
    """
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise InputError(
            f"vectors have the shape {vectors.shape} for {len(texts)} texts: "
            "give one row of numbers per text."
        )
    lengths = np.linalg.norm(vectors, axis=1)
    off = np.flatnonzero(~(np.abs(lengths - 1) <= _UNIT_TOLERANCE))  # true for nan as well
    if len(off):
        raise InputError(
            f"vector {off[0]} has the length {lengths[off[0]]:.3g}: "
            "divide each vector by its length first."
        )
    wording, nearest = Wording(texts), nearest_similarities(vectors, sample=NEAREST)
    return {
        "count": len(texts),
        "mean_distance": mean_distance(vectors),
        "vendi": vendi_score(vectors),
        "nearest_median": float(np.median(nearest)) if len(nearest) else None,
        "distinct_1": wording.distinct(1),
        "distinct_2": wording.distinct(2),
        "mean_words": wording.mean_words(),
    }


def rarefied(texts: Sequence[str], vectors: Vectors, size: int, seed: int = 0) -> Figures:
    """The figures of `diversity` at ``size`` texts, from 1 to n: the mean over five draws, which
    are those of `at_size`.

    Raises:
        InputError: ``size`` is out of range, or the input fails `diversity`'s checks.
    """
    _check_size(size, len(texts))
    if size == len(texts):
        return diversity(texts, vectors)

    def measure(places: Places) -> Figures:
        return diversity([texts[i] for i in places.tolist()], vectors[places])

    drawn = _drawn(measure, len(texts), size, seed, 5)
    means = {name: _mean(one[name] for one in drawn) for name in drawn[0]}
    return {**means, "count": size}


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


@one_thread()
def whole(texts: TextSet, around: Vectors, weights: Weights, seed: int) -> Whole:
    """The figures of all texts of a set.

    Args:
        texts: the set.
        around: the dense reference for NovelSum, shape (m, d).
        weights: the share of the reference in each cluster.
        seed: of the samples.
    """
    count = len(texts.texts)
    wording = Wording(texts.texts)
    asked = Counter(r.question for r in texts.roots if r.question)
    near = nearest_distances(texts.vectors, sample=NEAREST, seed=seed)
    return Whole(
        rows=count,
        mean_words=wording.mean_words(),
        vendi=vendi_score(texts.vectors),
        mean_distance=mean_distance(texts.vectors),
        novelsum=novelsum(texts.vectors, reference=around, sample=NOVEL, seed=seed),
        nearest=distribution(near, count),
        distinct_1=wording.distinct(1),
        distinct_2=wording.distinct(2),
        self_bleu=wording.self_bleu(some(count, BLEU, seed)),
        compression_ratio=compression_ratio(texts.texts),
        coverage=coverage(texts.labels, weights),
        evenness=evenness(texts.labels, len(weights)),
        verb_share=sum(r.verb is not None for r in texts.roots) / max(1, count),
        verbs=verb_table(texts.roots),
        questions=dict(sorted(asked.items(), key=lambda item: (-item[1], item[0]))),
    )


class Measure:
    """The figures of any choice of texts from a pool, by their places in it (ascending).

    Args:
        texts: the set.
        pool: places of the texts in it.
        around: the dense reference for NovelSum, shape (m, d).
        weights: the share of the reference in each cluster.
    """

    def __init__(self, texts: TextSet, pool: Places, around: Vectors, weights: Weights) -> None:
        self._texts = [texts.texts[i] for i in pool.tolist()]
        self._roots = [texts.roots[i] for i in pool.tolist()]
        self._vectors, self._labels = texts.vectors[pool], texts.labels[pool]
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
    """The figures of draws of ``size`` of a measure's ``rows`` texts, with intervals."""
    with one_thread():
        return at_size(measure, rows, size, seed=seed, shares=_SHARES)


def _different(roots: Sequence[Root]) -> float | None:
    """The share of different roots: verb and object, or a question's first word, or neither."""
    return len(set(roots)) / len(roots) if roots else None
