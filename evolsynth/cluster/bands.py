"""The second stage: which rows may be duplicates, found by shards of digests and of bands' keys.

A row's number is its place among all rows. A pair (i, j), i < j, is one number, j << 32 | i, so
that ordered pairs are ordered by the later row.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.cluster.files import array_of, save
from evolsynth.cluster.signing import Signing
from evolsynth.evaluation.duplicates.minhash import agree, in_buckets

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LATER", "Rows", "Shard", "band_pairs", "borders", "equal_rows", "merged"]
__all__ += ["shards_of"]

#: By how many bits the later row of a pair stands higher than the earlier.
LATER = np.uint64(32)
_ROW = np.uint64((1 << 32) - 1)
_AT_ONCE = 1 << 15


class Shard(NamedTuple):
    """The hashes from ``low`` to before ``high``, of 64 bits."""

    low: int
    high: int


class Rows(NamedTuple):
    """Where each part's rows begin, and behind the last of them; and which rows are left, as bits;
    None for all."""

    begins: NDArray[np.int64]
    left: NDArray[np.uint8] | None

    def of(self, part: int, places: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The numbers of a part's rows."""
        numbers: NDArray[np.int64] = places.astype(np.int64) + self.begins[part]
        return numbers

    def stay(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some rows are left."""
        if self.left is None:
            return np.ones(len(rows), dtype=bool)
        bits = self.left[rows >> 3] >> (7 - (rows & 7)).astype(np.uint8)
        found: NDArray[np.bool_] = bits & 1 > 0
        return found


def _slice(ordered: NDArray[np.uint64], shard: Shard) -> slice:
    """Where a shard's hashes stand among ordered ones."""
    low = int(np.searchsorted(ordered, np.uint64(shard.low)))
    if shard.high >> 64:
        return slice(low, len(ordered))
    return slice(low, int(np.searchsorted(ordered, np.uint64(shard.high))))


def equal_rows(how: Signing, rows: Rows, shard: Shard) -> NDArray[np.int64]:
    """Rows that equal an earlier one, and the first of those, of shape (m, 2)."""
    found, numbers = [], []
    for part in range(len(rows.begins) - 1):
        if rows.begins[part + 1] == rows.begins[part]:
            continue
        digests = array_of(how.place("digests", part))
        some = _slice(digests[:, 0], shard)
        found.append(np.array(digests[some]))
        numbers.append(rows.of(part, array_of(how.place("digests-of", part))[some]))
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    digests, of = np.concatenate(found), np.concatenate(numbers)
    there = digests.any(axis=1)  # a digest of zeros stands for nothing
    digests, of = digests[there], of[there]
    order = np.lexsort((of, digests[:, 1], digests[:, 0]))
    digests, of = digests[order], of[order]
    begins = np.concatenate([[True], (digests[1:] != digests[:-1]).any(axis=1)])[: len(of)]
    first = of[np.flatnonzero(begins)][np.cumsum(begins) - 1]
    pairs: NDArray[np.int64] = np.stack([of[~begins], first[~begins]], axis=1)
    return pairs


def band_pairs(
    number: int, how: Signing, rows: Rows, kind: str, band: int, shard: Shard
) -> tuple[int, bool]:
    """Write the pairs that one shard of a band proposes; how many, and whether some were left out.

    They are those that `Signatures.pairs` finds in it: the buckets are the same, and so is their
    order.

    Args:
        kind: of the files of keys.
    """
    keys, of = _keys(how, rows, kind, band, shard)
    if not len(of):
        save(how.place("band", number), np.empty(0, dtype=np.uint64))
        return 0, False
    partners, left = in_buckets(keys)
    found: list[NDArray[np.uint64]] = []
    signs, at = _signs(how, rows, of, keys)
    for first, second in partners:
        for start in range(0, len(first), _AT_ONCE):
            i, j = first[start : start + _AT_ONCE], second[start : start + _AT_ONCE]
            near = agree(signs[at[i]], signs[at[j]], how.jaccard or 0.0)
            earlier, later = of[i[near]].astype(np.uint64), of[j[near]].astype(np.uint64)
            found.append(later << LATER | earlier)
    pairs = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)
    save(how.place("band", number), pairs)
    return len(pairs), left


def _keys(
    how: Signing, rows: Rows, kind: str, band: int, shard: Shard
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A shard's keys in order, of rows that are left, and whose they are; equal ones by rows."""
    found, numbers = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int64)]
    for part in range(len(rows.begins) - 1):
        if rows.begins[part + 1] == rows.begins[part]:
            continue
        keys = array_of(how.place(kind, part))[band]
        some = _slice(keys, shard)
        of = rows.of(part, array_of(how.place(f"{kind}-of", part))[band][some])
        stay = rows.stay(of)
        found.append(keys[some][stay])
        numbers.append(of[stay])
    keys, of = np.concatenate(found), np.concatenate(numbers)
    order = np.argsort(keys, kind="stable")
    return keys[order], of[order]


def _signs(
    how: Signing, rows: Rows, of: NDArray[np.int64], keys: NDArray[np.uint64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The signatures of the rows that share a bucket with another, and for each place of the keys
    where its signature stands among them."""
    same = keys[1:] == keys[:-1]
    wanted = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    at = np.cumsum(wanted) - 1
    some = of[wanted]
    order = np.argsort(some, kind="stable")
    borders_of = np.searchsorted(some[order], rows.begins)
    signs: NDArray[np.uint8] | None = None
    for part in range(len(rows.begins) - 1):
        mine = order[borders_of[part] : borders_of[part + 1]]
        if not len(mine):
            continue
        stored = array_of(how.place("bytes", part))
        if signs is None:
            signs = np.empty((len(some), stored.shape[1]), dtype=np.uint8)
        signs[mine] = stored[some[mine] - rows.begins[part]]
    return (np.empty((0, 1), dtype=np.uint8) if signs is None else signs), at


# Pairs of all bands -------------------------------------------------------------------------------


def borders(how: Signing, files: int, shards: int) -> list[int]:
    """The rows at which the pairs of all bands are parted, so that shards have about as many each:
    the first of each shard, and behind the last."""
    drawn, weights = [], []
    for number in range(files):
        pairs = array_of(how.place("band", number))
        step = max(1, len(pairs) // 64)
        some = np.array(pairs[::step])
        drawn.append(some >> LATER)
        weights.append(np.full(len(some), float(step)))
    rows, weight = np.concatenate(drawn), np.concatenate(weights)
    order = np.argsort(rows, kind="stable")
    share = np.cumsum(weight[order]) / max(weight.sum(), 1.0)
    cuts = rows[order][np.searchsorted(share, np.arange(1, shards) / shards)].tolist()
    return sorted({0, *cuts, 1 << 32})


def merged(
    number: int, how: Signing, files: int, low: int, high: int
) -> tuple[int, NDArray[np.int64]]:
    """Write the different pairs whose later row lies from ``low`` to before ``high``, and the rows
    in them; how many pairs, and which rows may lose."""
    begin, end = np.uint64(low) << LATER, (high << 32) - 1
    found = [np.empty(0, dtype=np.uint64)]
    for one in range(files):
        pairs = array_of(how.place("band", one))
        start, stop = np.searchsorted(pairs, begin), np.searchsorted(pairs, np.uint64(end), "right")
        found.append(np.array(pairs[start:stop]))
    pairs = np.unique(np.concatenate(found))
    later, earlier = (pairs >> LATER).astype(np.int64), (pairs & _ROW).astype(np.int64)
    save(how.place("pairs", number), np.stack([earlier, later], axis=1))
    save(how.place("needed", number), np.unique(np.concatenate([earlier, later])))
    return len(pairs), np.unique(later)


def shards_of(count: int) -> list[Shard]:
    """All hashes of 64 bits in so many shards."""
    cuts = [(k << 64) // count for k in range(count + 1)]
    return [Shard(low, high) for low, high in pairwise(cuts)]
