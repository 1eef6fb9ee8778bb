"""How varied a set of texts is: distances, the Vendi score, nearest neighbours, distinct n-grams.

Nearly every figure here moves with the number of rows: a larger set has a larger Vendi score,
closer nearest neighbours and fewer distinct n-grams, even when it is drawn from the same source.
Figures of sets of different size must therefore not be compared. `rarefied` gives the figures at
a size of your choice, so that two sets can be compared at the size of the smaller one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from evolsynth.errors import InputError

__all__ = [
    "Diversity",
    "Vectors",
    "diversity",
    "mean_distance",
    "nearest_similarities",
    "rarefied",
    "vendi_score",
]

Vectors: TypeAlias = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+")
_BLOCK = 1024  # rows of the similarity matrix held at once: 40 MB at 10,000 texts
_PART = 8192  # rows whose part of the Gram matrix is added at once
_UNIT_TOLERANCE = 0.01


class Diversity(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one set of texts. ``None`` where a figure is not defined (fewer than 2 rows).

    ``mean_distance`` is the mean cosine distance over all pairs (0: all the same).
    ``vendi`` is the effective number of different texts, from 1 to ``count``.
    ``nearest_median`` is the median over texts of the cosine similarity to the nearest other one.
    ``distinct_1`` and ``distinct_2`` are the share of different words and word pairs among all
    of them (Li et al., arXiv 1510.03055). ``mean_words`` is the mean number of words a text has.
    """

    count: int
    mean_distance: float | None
    vendi: float
    nearest_median: float | None
    distinct_1: float | None
    distinct_2: float | None
    mean_words: float | None


def diversity(texts: Sequence[str], vectors: Vectors) -> Diversity:
    """Measure how varied a set of texts is.

    Args:
        texts: n texts.
        vectors: their embeddings, shape (n, d), rows of length 1.

    Returns:
        The figures. Do not compare them with those of a set of another size: see `rarefied`.

    Raises:
        InputError: the shapes do not match, or a row's length is not 1.
    """
    _check(texts, vectors)
    words = [_WORD.findall(text.casefold()) for text in texts]
    nearest = nearest_similarities(vectors)
    return Diversity(
        count=len(texts),
        mean_distance=mean_distance(vectors),
        vendi=vendi_score(vectors),
        nearest_median=float(np.median(nearest)) if len(nearest) else None,
        distinct_1=_distinct(words, 1),
        distinct_2=_distinct(words, 2),
        mean_words=sum(map(len, words)) / len(words) if words else None,
    )


def rarefied(
    texts: Sequence[str], vectors: Vectors, size: int, seed: int = 0, *, draws: int = 5
) -> Diversity:
    """The figures at ``size`` texts: the mean over a few draws without replacement.

    The draws depend on (n, size, seed) alone, so the same set always gives the same figures.

    Args:
        texts: n texts.
        vectors: shape (n, d), rows of length 1.
        size: texts a draw, from 1 to n.
        seed: of the draws.
        draws: how many; one suffices where ``size`` is n, as all are the same.

    Raises:
        InputError: ``size`` or ``draws`` is out of range, or the input fails `diversity`'s checks.
    """
    _check(texts, vectors)
    if not 1 <= size <= len(texts):
        raise InputError(f"size is {size}: choose one between 1 and the {len(texts)} texts given.")
    if draws < 1:
        raise InputError(f"draws is {draws}: at least one draw is needed.")
    if size == len(texts):
        return diversity(texts, vectors)
    chance = np.random.default_rng([seed, size])
    figures = []
    for _ in range(draws):
        places = np.sort(chance.choice(len(texts), size, replace=False))
        figures.append(diversity([texts[i] for i in places], vectors[places]))
    return Diversity(
        count=size,
        mean_distance=_mean(f.mean_distance for f in figures),
        vendi=_mean(f.vendi for f in figures) or 0.0,
        nearest_median=_mean(f.nearest_median for f in figures),
        distinct_1=_mean(f.distinct_1 for f in figures),
        distinct_2=_mean(f.distinct_2 for f in figures),
        mean_words=_mean(f.mean_words for f in figures),
    )


def vendi_score(vectors: Vectors) -> float:
    """The Vendi score (Friedman and Dieng, arXiv 2210.02410) with the cosine kernel, order 1.

    exp of the entropy of the eigenvalues of X Xᵀ / n. Those above zero are also the eigenvalues
    of Xᵀ X / n, so the smaller of the two matrices is decomposed: O(n d min(n, d)).

    Args:
        vectors: shape (n, d), rows of length 1.

    Returns:
        From 1 (all the same) to min(n, d) (all orthogonal); 0 for no rows.
    """
    count, width = vectors.shape
    if count == 0:
        return 0.0
    if count < width:
        x = vectors.astype(np.float64)
        gram = x @ x.T
    else:  # in parts, so that no second copy of all vectors is held
        gram = np.zeros((width, width))
        for start in range(0, count, _PART):
            x = vectors[start : start + _PART].astype(np.float64)
            gram += x.T @ x
    values = np.linalg.eigvalsh(gram)
    values = values[values > 1e-12 * values.max()]
    shares = values / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def nearest_similarities(
    vectors: Vectors, *, apart_from: Iterable[tuple[int, int]] = ()
) -> npt.NDArray[np.float32]:
    """Each row's cosine similarity to its nearest other row.

    Args:
        vectors: shape (n, d), rows of length 1.
        apart_from: pairs that do not count as neighbours of each other, such as a text and what
            was made from it.

    Returns:
        Shape (n,), each in [-1, 1]; ``nan`` for a row that has no other left to compare with.
        Shape (0,) where there are fewer than two rows.
    """
    count = len(vectors)
    if count < 2:
        return np.empty(0, np.float32)
    first, second = _both_ways(apart_from)
    best = np.empty(count, np.float32)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        block = vectors[start:stop] @ vectors.T
        block[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        here = (start <= first) & (first < stop)
        block[first[here] - start, second[here]] = -np.inf
        best[start:stop] = block.max(axis=1)
    lonely = np.isneginf(best)
    best = np.clip(best, -1.0, 1.0)
    best[lonely] = np.nan
    return best


def _both_ways(
    pairs: Iterable[tuple[int, int]],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    table = np.array(list(pairs), dtype=np.intp).reshape(-1, 2)
    return np.concatenate([table[:, 0], table[:, 1]]), np.concatenate([table[:, 1], table[:, 0]])


def _check(texts: Sequence[str], vectors: Vectors) -> None:
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


def mean_distance(vectors: Vectors) -> float | None:
    """The mean cosine distance over all pairs; ``None`` for fewer than two rows.

    From the sum s of all rows, in O(n d): the pairwise products add up to |s|² - Σ|x|².
    """
    count = len(vectors)
    if count < 2:
        return None
    total = vectors.sum(axis=0, dtype=np.float64)
    own = float(np.sum(np.linalg.norm(vectors, axis=1).astype(np.float64) ** 2))
    similarity = (total @ total - own) / (count * (count - 1))
    return float(np.clip(1 - similarity, 0, 2))


def _distinct(words: Sequence[Sequence[str]], n: int) -> float | None:
    grams = [tuple(text[i : i + n]) for text in words for i in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
