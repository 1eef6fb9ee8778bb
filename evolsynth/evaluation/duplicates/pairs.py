"""The most similar pairs of a set, without looking closely at all of them.

Of n texts there are n²/2 pairs: five thousand million of 100,000. Most are told by a part of their
vectors. With the first few principal axes, x is a head on them and a rest, and

    x · y = head(x) · head(y) + rest(x) · rest(y) ≤ head(x) · head(y) + |rest(x)| |rest(y)|

so a pair whose bound lies below the pairs that are known already is none of the nearest. The bound
is itself a product, of vectors that are some eight times shorter.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import InputError

__all__ = ["nearest_pairs"]

_BLOCK = 1024
_AXES = 32
_FITTED = 4096  # vectors that the axes are found from
_BOUNDED_FROM = 4 * _AXES  # numbers of a vector from which on a bound is cheaper than the product
_FEW = 64  # one of so many pairs of a block at most is looked at by itself, else all are
_ROUNDED = 1e-6  # by which rounding to six digits may raise a cosine
_SLACK = 1e-5  # by which a bound may be off

_Keys = NDArray[np.int64]
_Values = NDArray[np.float64]


def nearest_pairs(
    vectors: NDArray[np.float32], count: int, *, apart_from: Iterable[tuple[int, int]] = ()
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


def _bounds(vectors: NDArray[np.float32]) -> NDArray[np.float32] | None:
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
    vectors: NDArray[np.float32],
    bounds: NDArray[np.float32] | None,
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
