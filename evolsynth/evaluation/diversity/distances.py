"""How far apart texts are: distances, the Vendi score, nearest neighbours, NovelSum.

Nearly every figure here moves with the number of rows: a larger set has a larger Vendi score,
closer nearest neighbours and fewer distinct n-grams, even when it is drawn from the same source.
Figures of sets of different size must therefore not be compared. `measures.rarefied` gives the
figures at a size of your choice, so that two sets can be compared at the size of the smaller one.

**NovelSum** counts distances more where neighbours are near and the field is dense: Yang et al.
2025, "Measuring Data Diversity for Instruction Tuning", arXiv 2502.17184, section 3, as the
authors' code defines it (github.com/UmeanNever/NovelSum, novelsum.py):

    v(i) = σ(i)^β · Σ_j w(r_ij) · d(i, j) / Σ_j w(r_ij),    w(r) = r^-α,    NovelSum = mean of v(i)

d is the cosine distance, and r_ij the place of j among all texts by their distance to i. **The
text itself is among them**, at distance 0 and place 1, so the nearest other one has the weight
2^-α. σ(i) is 1 / (the mean *squared Euclidean* distance from i to its K nearest texts of a dense
reference, copies counted once, the nearest of all left out as it is taken to be i itself); for
vectors of length 1 the squared distance is twice the cosine distance.

**The nearest pairs** of a set are found without looking closely at all of them: of n texts there
are n²/2 pairs, five thousand million of 100,000. Most are told by a part of their vectors. With the
first few principal axes, x is a head on them and a rest, and

    x · y = head(x) · head(y) + rest(x) · rest(y) ≤ head(x) · head(y) + |rest(x)| |rest(y)|

so a pair whose bound lies below the pairs that are known already is none of the nearest. The bound
is itself a product, of vectors that are some eight times shorter.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.ngrams import Places

__all__ = ["QUANTILES", "Distances", "Vectors", "densities", "distribution", "mean_distance"]
__all__ += [
    "nearest_distances",
    "nearest_pairs",
    "nearest_similarities",
    "novelsum",
    "one_thread",
    "vendi_score",
]

Vectors: TypeAlias = npt.NDArray[np.float32]

_PART = 8192  # rows whose part of the Gram matrix is added at once


@contextmanager
def one_thread() -> Iterator[None]:
    """Products of matrices are made on one thread in here, where scikit-learn is installed.

    The matrices come in blocks. Threads that share a block wait for each other at each of them, and
    spin meanwhile: where other programs work too, two took four to fifteen times as long as one.
    """
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]
    except ImportError:  # it comes with scikit-learn
        yield
        return
    with threadpool_limits(limits=1):
        yield


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
    vectors: Vectors,
    *,
    apart_from: Iterable[tuple[int, int]] = (),
    sample: int | None = None,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """The cosine similarity of texts to the nearest other one. It grows with n.

    Args:
        vectors: shape (n, d), rows of length 1.
        apart_from: pairs that do not count as neighbours of each other, such as a text and what
            was made from it.
        sample: at most so many texts are asked for their neighbour, drawn without replacement;
            each is still compared with all n, so the distribution is that of the whole set.
        seed: of the draw.

    Returns:
        Shape (n,) or (sample,), each in [-1, 1]; ``nan`` for a row that has no other left to
        compare with. Shape (0,) where there are fewer than two rows.
    """
    count = len(vectors)
    if count < 2:
        return np.empty(0, np.float32)
    table = np.array(list(apart_from), dtype=np.intp).reshape(-1, 2)
    first, second = np.concatenate([table, table[:, ::-1]]).T
    places = some(count, sample, seed)
    best = np.empty(len(places), np.float32)
    step = max(1, _CELLS // count)
    for start in range(0, len(places), step):
        here = places[start : start + step]
        near = vectors[here] @ vectors.T
        near[np.arange(len(here)), here] = -np.inf
        inside = np.isin(first, here)
        near[np.searchsorted(here, first[inside]), second[inside]] = -np.inf
        best[start : start + step] = near.max(axis=1)
    lonely = np.isneginf(best)
    best = np.clip(best, -1.0, 1.0)
    best[lonely] = np.nan
    return best


def some(count: int, most: int | None, seed: int) -> Places:
    """The places of at most ``most`` of ``count`` texts, ascending; a draw with a fixed seed."""
    if most is None or count <= most:
        return np.arange(count)
    chance = np.random.default_rng([seed, count, most])
    return np.sort(chance.choice(count, most, replace=False)).astype(np.intp)


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


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20


class Distances(msgspec.Struct, frozen=True, kw_only=True):
    """Distances of ``measured`` texts to their nearest other one among ``count``.

    ``quantiles`` go by their share ("0.5": the median). ``counts`` are those of the histogram,
    ``edges`` its borders, one more than there are counts.
    """

    count: int
    measured: int
    quantiles: dict[str, float]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


def nearest_distances(
    vectors: Vectors, *, sample: int | None = None, seed: int = 0
) -> npt.NDArray[np.float32]:
    """The cosine distance of texts to the nearest other one, each in [0, 2]: 1 less
    `nearest_similarities`."""
    return 1 - nearest_similarities(vectors, sample=sample, seed=seed)


def distribution(distances: npt.NDArray[np.float32], count: int) -> Distances:
    """Quantiles and a histogram of distances among ``count`` texts."""
    top = max(1.0, float(distances.max())) if len(distances) else 1.0
    edges = np.linspace(0, top, _BINS + 1)
    values = np.quantile(distances, QUANTILES).tolist() if len(distances) else []
    return Distances(
        count=count,
        measured=len(distances),
        quantiles={f"{q:g}": float(v) for q, v in zip(QUANTILES, values, strict=False)},
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(n) for n in np.histogram(distances, edges)[0]),
    )


_CELLS = 1 << 24  # numbers of the similarity matrix held at once: 64 MiB
_LEAST = 1e-9  # keeps the density finite, as in the authors' code


def novelsum(
    vectors: Vectors,
    *,
    reference: Vectors | None = None,
    density: npt.NDArray[np.float64] | None = None,
    alpha: float = 1.0,
    beta: float = 0.5,
    neighbours: int = 10,
    sample: int | None = None,
    seed: int = 0,
) -> float:
    """NovelSum of n texts. It grows with n: compare sets of equal size only.

    Args:
        vectors: shape (n, d), rows of length 1.
        reference: shape (m, d), the dense reference, the same for all sets that are compared. By
            default the set is its own.
        density: shape (n,), from `densities`, where it is known already.
        alpha: how much more near neighbours count. 0 makes it the mean distance, self included.
        beta: how much dense fields count. 0 leaves the density out.
        neighbours: K of the density.
        sample: at most so many of the v(i) are worked out, of rows drawn without replacement, each
            still against all n. The full sum takes n² log n steps; memory is bounded either way.
        seed: of the draw.

    Returns:
        From 0 (all the same) up; 0 for no texts.

    Raises:
        InputError: ``density`` has another length than ``vectors``.
    """
    count = len(vectors)
    if count == 0:
        return 0.0
    if density is not None and len(density) != count:
        raise InputError(f"density has {len(density)} values for {count} vectors: give one each.")
    places = some(count, sample, seed)
    if density is None:
        around = vectors if reference is None else reference
        here_density = densities(vectors[places], around, neighbours=neighbours)
    else:
        here_density = density[places]
    weights = np.arange(1, count + 1, dtype=np.float64) ** -alpha
    weights /= weights.sum()
    total = 0.0
    step = max(1, _CELLS // count)
    for start in range(0, len(places), step):
        here = places[start : start + step]
        distance = 1 - vectors[here] @ vectors.T
        distance[np.arange(len(here)), here] = 0
        distance.sort(axis=1)
        means = np.maximum(distance, 0) @ weights
        total += float(means @ here_density[start : start + step] ** beta)
    return total / len(places)


def densities(
    vectors: Vectors, reference: Vectors, *, neighbours: int = 10
) -> npt.NDArray[np.float64]:
    """σ of each text: how densely the reference is filled around it.

    Args:
        vectors: shape (n, d), rows of length 1.
        reference: shape (m, d), rows of length 1. Rows that are equal bit for bit count once.
        neighbours: K; fewer where the reference has no more than K different rows.

    Returns:
        Shape (n,); ones where the reference has fewer than two different rows.
    """
    different = np.unique(reference, axis=0)
    k = min(neighbours, len(different) - 1)
    found = np.ones(len(vectors))
    if k < 1:
        return found
    step = max(1, _CELLS // len(different))
    for start in range(0, len(vectors), step):
        near = 1 - vectors[start : start + step] @ different.T
        near = np.sort(np.partition(near, k, axis=1)[:, : k + 1], axis=1)[:, 1:]
        squared = 2 * np.maximum(near.astype(np.float64), 0).mean(axis=1)
        found[start : start + step] = 1 / (squared + _LEAST)
    return found


# The nearest pairs --------------------------------------------------------------------------------

_BLOCK = 1024
_AXES = 32
_FITTED = 4096  # vectors that the axes are found from
_BOUNDED_FROM = 4 * _AXES  # numbers of a vector from which on a bound is cheaper than the product
_FEW = 64  # one of so many pairs of a block at most is looked at by itself, else all are
_ROUNDED = 1e-6  # by which rounding to six digits may raise a cosine
_SLACK = 1e-5  # by which a bound may be off

_Keys = npt.NDArray[np.int64]
_Values = npt.NDArray[np.float64]


def nearest_pairs(
    vectors: npt.NDArray[np.float32], count: int, *, apart_from: Iterable[tuple[int, int]] = ()
) -> list[tuple[int, int, float]]:
    """The ``count`` most similar pairs (i, j, cosine), i < j, most similar first.

    Works in blocks: memory is O(block² + count), time O(n² d), some eight times less where most
    pairs are far from the nearest. Equal cosines (to 6 digits) are ordered by i, then j.

    Args:
        vectors: shape (n, d), rows of length 1.
        count: how many; fewer where there are no more.
        apart_from: pairs that do not count, in either order.

    Raises:
        InputError: ``vectors`` has another shape.
    """
    if vectors.ndim != 2:
        raise InputError(f"nearest_pairs() takes an (n, d) array; this one is {vectors.shape}.")
    size = len(vectors)
    table = np.sort(np.array(list(apart_from), np.int64).reshape(-1, 2), axis=1)
    apart = np.unique(table[:, 0] * size + table[:, 1])
    bounds = _bounds(vectors)
    best: list[tuple[float, int, int]] = []
    least = -np.inf  # below which no pair counts any more: nearly all of a large set lie there
    if count <= 0:
        return []
    for top in range(0, size, _BLOCK):
        for left in range(top, size, _BLOCK):
            keys, values = _likely(vectors, bounds, top, left, least)
            if not len(keys):
                continue
            if len(apart):
                other = apart[np.minimum(np.searchsorted(apart, keys), len(apart) - 1)] != keys
                keys, values = keys[other], values[other]
            order = np.lexsort((keys, -values))[:count]
            told = zip(values[order].tolist(), keys[order].tolist(), strict=True)
            best = heapq.nsmallest(count, [*best, *((-c, *divmod(key, size)) for c, key in told)])
            least = -best[-1][0] - _ROUNDED if len(best) == count else -np.inf
    return [(i, j, -cosine) for cosine, i, j in best]


def _bounds(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    """Head and length of the rest of each vector, shape (n, axes + 1); None where the products of
    the vectors themselves are as quick."""
    size, width = vectors.shape
    if width < _BOUNDED_FROM or size <= 2 * _BLOCK:
        return None
    some = vectors[:: -(-size // _FITTED)].astype(np.float64)
    axes = np.linalg.eigh(some.T @ some)[1][:, -_AXES:]
    heads = vectors @ axes.astype(np.float32)
    whole = np.einsum("nd,nd->n", vectors, vectors)
    rest = np.sqrt(np.maximum(whole - np.einsum("nd,nd->n", heads, heads), 0))
    return np.column_stack([heads, rest]).astype(np.float32)


def _likely(
    vectors: npt.NDArray[np.float32],
    bounds: npt.NDArray[np.float32] | None,
    top: int,
    left: int,
    least: float,
) -> tuple[_Keys, _Values]:
    """(key, cosine to six digits) of the pairs of a block that reach ``least``; of a pair i < j
    the key is i n + j."""
    above, below = vectors[top : top + _BLOCK], vectors[left : left + _BLOCK]
    if bounds is not None and least > -np.inf:
        bound = bounds[top : top + _BLOCK] @ bounds[left : left + _BLOCK].T
        places = np.flatnonzero(bound >= least - _SLACK)
        if len(places) * _FEW <= bound.size:
            rows, columns = np.divmod(places, len(below))
            one, other = (part.astype(np.float64) for part in (above[rows], below[columns]))
            return _upper(
                rows + top, columns + left, np.einsum("nd,nd->n", one, other), least, len(vectors)
            )
    block = above @ below.T
    if block.max() < least:
        return _NONE
    places = np.flatnonzero(block >= least)
    rows, columns = np.divmod(places, len(below))
    values = block.ravel()[places].astype(np.float64)
    return _upper(rows + top, columns + left, values, least, len(vectors))


_NONE: tuple[_Keys, _Values] = (np.empty(0, np.int64), np.empty(0, np.float64))


def _upper(
    rows: _Keys, columns: _Keys, values: _Values, least: float, size: int
) -> tuple[_Keys, _Values]:
    chosen = (rows < columns) & (values >= least)
    return (rows * size + columns)[chosen], np.round(values[chosen], 6)
