"""Neighbours by cosine: for each text the likeliest texts before it, in nearly linear time.

Vectors are rounded to whole numbers from -127 to 127, so that every sum of products is exact in
float32, and the result is the same, bit for bit, whatever computes it in whatever order.

A group of up to `_EXHAUSTIVE` texts is compared in full. A larger one is cut into overlapping
lists: some of its vectors are pivots, each text goes to the lists of its `_LISTS` nearest pivots,
and only texts of a list are compared (an inverted file, Sivic and Zisserman 2003, as in Johnson,
Douze and Jégou 2017, arXiv:1702.08734, with the pivots drawn instead of trained).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Item = TypeVar("Item")
Result = TypeVar("Result")

__all__ = ["Neighbours", "Vectors", "neighbours"]

_SCALE = 127
_EXHAUSTIVE = 24_576
_LISTS = 8
_LIST_SIZE = 768
_BLOCK = 512
_AHEAD = 8
#: Candidates to keep for a text: the most alike of those before it.
_BEST = 8
#: Candidates gathered before they are cut down to the best.
_MOST = 1 << 22


class Vectors:
    """n vectors of d whole numbers each, by rank; d + 4 bytes a text."""

    def __init__(self, n: int, d: int) -> None:
        self._codes = np.zeros((n, d), dtype=np.int8)
        self._inverse = np.zeros(n, dtype=np.float32)

    def put(self, ranks: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Round some vectors, shape (m, d), and remember them."""
        most = np.abs(vectors).max(axis=1, keepdims=True)
        codes = np.rint(vectors * (_SCALE / np.where(most > 0, most, 1)))
        lengths = np.sqrt((codes * codes).sum(axis=1))
        self._codes[ranks] = codes.astype(np.int8)
        self._inverse[ranks] = np.where(lengths > 0, 1 / np.where(lengths > 0, lengths, 1), 0)

    def cosines(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float32]:
        """All cosines between two lots of ranks, shape (len(some), len(others))."""
        a, b = (self._codes[ranks].astype(np.float32) for ranks in (some, others))
        products: NDArray[np.float32] = a @ b.T
        products *= self._inverse[some][:, None]
        products *= self._inverse[others][None, :]
        return products


class Neighbours(NamedTuple):
    """Pairs (i, j) of ranks, i < j, shape (m, 2), and their cosines; ordered by j, then i."""

    pairs: NDArray[np.int64]
    cosines: NDArray[np.float32]


def neighbours(
    vectors: Vectors,
    ranks: NDArray[np.int64],
    keys: NDArray[np.uint64],
    least: float,
    workers: int,
) -> Neighbours:
    """For each text the most alike of those before it that have its key and cosine ``least``.

    Args:
        ranks: the texts to compare, in increasing order.
        keys: of all texts, by rank; only texts of one key are compared.
    """
    found = _Best(len(keys))
    order = np.argsort(keys[ranks], kind="stable")
    sorted_keys = keys[ranks][order]
    borders = np.flatnonzero(sorted_keys[1:] != sorted_keys[:-1]) + 1
    with ThreadPoolExecutor(workers) as pool, _one_thread_each():
        for group in np.split(ranks[order], borders):
            if len(group) < 2:
                continue
            small = len(group) <= _EXHAUSTIVE
            blocks = _squares(group) if small else _lists(vectors, group, pool)
            for part in _in_order(pool, partial(_above, vectors, least), blocks):
                found.add(*part)
    return found.all()


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Results in the order of the items, a few of which are worked on at once."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """No threads inside a product of matrices: several products are under way at once."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # comes with scikit-learn; without it, only time is lost
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield


Block = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


def _squares(group: NDArray[np.int64]) -> Iterator[Block]:
    """All pairs of a group, as blocks (earlier texts, later texts)."""
    for start in range(0, len(group), _BLOCK):
        for later in range(start, len(group), _BLOCK):
            yield group[start : start + _BLOCK], group[later : later + _BLOCK]


def _lists(vectors: Vectors, group: NDArray[np.int64], pool: ThreadPoolExecutor) -> Iterator[Block]:
    """The pairs of all lists of a large group."""
    count = len(group) * _LISTS // _LIST_SIZE
    drawn = np.random.default_rng(len(group)).permutation(len(group))[:count]
    pivots = group[np.sort(drawn)]
    starts = range(0, len(group), _BLOCK)

    def nearest(start: int) -> NDArray[np.int64]:
        cosines = vectors.cosines(group[start : start + _BLOCK], pivots)
        return np.argpartition(-cosines, _LISTS - 1, axis=1)[:, :_LISTS].astype(np.int64)

    lists = np.concatenate(list(_in_order(pool, nearest, starts)))
    members = np.argsort(lists.ravel(), kind="stable") // _LISTS
    borders = np.cumsum(np.bincount(lists.ravel(), minlength=count))[:-1]
    for part in np.split(members, borders):
        yield from _squares(group[part])


def _above(
    vectors: Vectors, least: float, block: Block
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    some, others = block
    cosines = vectors.cosines(some, others)
    places = np.flatnonzero(cosines >= least)
    rows, columns = np.divmod(places, len(others))
    i, j = some[rows], others[columns]
    earlier = i < j
    return i[earlier], j[earlier], cosines.ravel()[places[earlier]]


class _Best:
    """The best few pairs of each later text, whatever the number of all."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._keys: list[NDArray[np.int64]] = []
        self._cosines: list[NDArray[np.float32]] = []
        self._count = 0

    def add(self, i: NDArray[np.int64], j: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        self._keys.append(j * self._n + i)
        self._cosines.append(cosines)
        self._count += len(cosines)
        if self._count >= _MOST:
            self._cut()

    def _cut(self) -> None:
        keys = np.concatenate([*self._keys, np.empty(0, dtype=np.int64)])
        cosines = np.concatenate([*self._cosines, np.empty(0, dtype=np.float32)])
        keys, first = np.unique(keys, return_index=True)
        cosines = cosines[first]
        later = keys // self._n
        order = np.lexsort((-cosines, later))  # stable: equal cosines by i
        begins = np.flatnonzero(np.diff(later[order], prepend=-1))
        sizes = np.diff(np.append(begins, len(order)))
        place = np.arange(len(order)) - np.repeat(begins, sizes)
        kept = np.sort(order[place < _BEST])
        self._keys, self._cosines = [keys[kept]], [cosines[kept]]
        self._count = len(kept)

    def all(self) -> Neighbours:
        self._cut()
        keys = self._keys[0]
        pairs = np.stack([keys % self._n, keys // self._n], axis=1)
        return Neighbours(pairs, self._cosines[0])
