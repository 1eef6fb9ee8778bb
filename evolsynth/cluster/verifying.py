"""The third stage: the texts of pairs are compared, and of two duplicates the earlier stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.atomic import written
from evolsynth.cluster.bands import Rows
from evolsynth.cluster.files import array_of, save
from evolsynth.cluster.parts import Part
from evolsynth.cluster.signing import Signing, compared_in
from evolsynth.evaluation.duplicates.same_request import about_another, same_request
from evolsynth.evaluation.duplicates.tokens import shingles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOST", "decided", "fetched", "verified"]

#: A row that loses: its number, that of the row that it matches, and how alike they are.
LOST = np.dtype([("row", "<i8"), ("of", "<i8"), ("similarity", "<f4")])
#: How many texts that are alike enough one is held against, as in `deduplicate`.
_TRIES = 16


def _texts_file(how: Signing, part: int) -> Path:
    return how.place("fetched", part).with_suffix(".arrow")


def fetched(
    part_number: int, part: Part, how: Signing, rows: Rows, places: Any, shards: int
) -> bool:
    """Write the texts of a part that shards of pairs need, those of each together; whether there
    are any.

    Args:
        places: of the part's rows among its records; None if they are the same.
    """
    import pyarrow as pa

    begin, end = rows.begins[part_number], rows.begins[part_number + 1]
    wanted = []
    for shard in range(shards):
        needed = array_of(how.place("needed", shard))
        low, high = np.searchsorted(needed, begin), np.searchsorted(needed, end)
        wanted.append(np.array(needed[low:high]) - begin)
    some = np.unique(np.concatenate(wanted))
    if not len(some):
        return False
    at = some if places is None else places[some]
    found = (one.text for one in compared_in(part, how, frozenset(at.tolist())))
    texts = dict(zip(some.tolist(), found, strict=True))
    schema = pa.schema([("row", pa.int64()), ("text", pa.binary())])
    with (
        written(_texts_file(how, part_number)) as place,
        pa.OSFile(str(place), "wb") as file,
        pa.ipc.new_file(file, schema) as out,
    ):
        for one in wanted:
            bytes_ = [texts[k].encode("utf-8", "surrogatepass") for k in one.tolist()]
            out.write_batch(pa.record_batch([pa.array(one + begin), bytes_], schema=schema))
    return True


def _read(how: Signing, parts: Iterable[int], shard: int) -> dict[int, str]:
    """The texts that a shard needs, by their rows."""
    import pyarrow as pa

    texts: dict[int, str] = {}
    for part in parts:
        with pa.memory_map(str(_texts_file(how, part))) as file:
            batch = pa.ipc.open_file(file).get_batch(shard)
            rows, bytes_ = batch.column(0).to_pylist(), batch.column(1).to_pylist()
        texts |= {row: text.decode("utf-8", "surrogatepass") for row, text in
                  zip(rows, bytes_, strict=True)}  # fmt: skip
    return texts


def verified(shard: int, how: Signing, parts: list[int], losing: NDArray[np.uint8]) -> int:
    """Write which pairs of a shard are duplicates, by the later row, then the likelier first; how
    many.

    Args:
        parts: those that have texts for it.
        losing: bits of the rows that are the later of some pair. A row is held against others
            until it matches one that is none of these, and so stays for certain.
    """
    texts = _read(how, parts, shard)
    pairs = array_of(how.place("pairs", shard)).tolist()
    of = lru_cache(maxsize=4096)(lambda row: shingles(texts[row]))
    may_lose = Rows(np.empty(0, np.int64), losing)
    found: list[tuple[int, int, float]] = []
    for later, some in groupby(pairs, key=lambda pair: pair[1]):
        near: list[tuple[float, int]] = []
        for earlier, _ in some:
            similarity = _jaccard(of(earlier), of(later))
            if similarity >= (how.jaccard or 0.0):
                near.append((-similarity, earlier))
        near = sorted(near)[:_TRIES]
        unsure = may_lose.stay(np.array([row for _, row in near], dtype=np.int64)).tolist()
        for (negative, earlier), loses in zip(near, unsure, strict=True):
            one, other = texts[earlier], texts[later]
            if same_request(one, other) and not about_another(one, other):
                found.append((later, earlier, -negative))
                if not loses:
                    break
    save(how.place("verified", shard), np.array(found, dtype=LOST))
    return len(found)


def _jaccard(one: set[Any], other: set[Any]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def decided(how: Signing, shards: int, stays: NDArray[np.bool_]) -> Iterator[NDArray[Any]]:
    """The rows that lose, by shards; ``stays`` is kept up to date.

    A row loses to the first of its pairs that is still there.
    """
    for shard in range(shards):
        pairs = array_of(how.place("verified", shard))
        chosen: list[int] = []
        for k, (later, earlier) in enumerate(zip(pairs["row"].tolist(), pairs["of"].tolist(),
                                                 strict=True)):  # fmt: skip
            if stays[later] and stays[earlier]:
                stays[later] = False
                chosen.append(k)
        yield np.array(pairs[chosen])
