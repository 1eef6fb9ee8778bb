"""Parts of a data set for training and for tests, in which no row has a relative in another part.

Relatives are rows of one root (an evolution and what it was made of, two evolutions of one row),
rows about the same text, and near-duplicates: the Jaccard index of their words and pairs of words,
numbers and names put aside, is at least 0.7 (`evolsynth.evaluation.duplicates`). A relative's
relative is one, too.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.minhash import Signatures
from evolsynth.evaluation.duplicates.tokens import Lexicon, shingles, template
from evolsynth.rows import Row

__all__ = ["Relatives", "assigned", "shares_of"]

_LIKE = 0.7
_CHUNK = 4096
_ROUGH = 1e-6


def shares_of(told: str | Mapping[str, float]) -> dict[str, float]:
    """Names and shares, as ``train=0.9,validation=0.05,test=0.05`` says them.

    Raises:
        InputError: it says something else, or the shares do not make up 1.
    """
    pairs: Iterable[tuple[str, object]]
    if isinstance(told, str):
        pairs = [(name.strip(), share) for name, _, share in
                 (part.partition("=") for part in told.split(","))]  # fmt: skip
    else:
        pairs = told.items()
    shares: dict[str, float] = {}
    for name, share in pairs:
        try:
            value = float(share)  # type: ignore[arg-type] # what else it is raises
        except (TypeError, ValueError):
            value = -1.0
        if not name.isidentifier() or name in shares or not 0 < value <= 1:
            raise InputError(
                f"The split '{name}={share}' is none. Write train=0.9,validation=0.05,test=0.05: "
                "names, each once, and shares above 0."
            )
        shares[name] = value
    if abs(sum(shares.values()) - 1) > _ROUGH * 1000:
        raise InputError(
            f"The shares of the split make {sum(shares.values()):g}, not 1. Change one of them."
        )
    return shares


class Relatives:
    """Rows by the families that they belong to; each is added once, in the order of the file."""

    def __init__(self) -> None:
        self._heads: list[int] = []
        self._known: dict[tuple[str, ...], int] = {}
        self._texts: list[str] = []

    def add(self, row: Row) -> None:
        """Take a row in."""
        place = len(self._heads)
        self._heads.append(place)
        self._texts.append(row.asked or "")
        for key in _keys(row):
            self._join(place, self._known.setdefault(key, place))

    def _head(self, place: int) -> int:
        while self._heads[place] != place:
            self._heads[place] = self._heads[self._heads[place]]
            place = self._heads[place]
        return place

    def _join(self, one: int, other: int) -> None:
        a, b = sorted((self._head(one), self._head(other)))
        self._heads[b] = a  # the first of a family is its head

    def families(self) -> list[int]:
        """For each row the number of its family, which is the place of the first of them."""
        self._join_alike()
        return [self._head(place) for place in range(len(self._heads))]

    def _join_alike(self) -> None:
        n = len(self._texts)
        plain = [template(text) for text in self._texts]
        signatures, lexicon = Signatures(n, _LIKE), Lexicon()
        for start in range(0, n, _CHUNK):
            chunk = lexicon.read(plain[start : start + _CHUNK], numbers=False)
            chunk = chunk._replace(keys=np.zeros_like(chunk.keys))
            signatures.add(np.arange(start, min(start + _CHUNK, n), dtype=np.int64), chunk)
        pairs, _ = signatures.pairs(np.ones(n, dtype=np.bool_), os.cpu_count() or 1)
        known = lru_cache(maxsize=1 << 14)(shingles)
        for i, j in pairs.tolist():
            if self._head(i) != self._head(j):
                a, b = known(plain[i]), known(plain[j])
                common = len(a & b)
                if common >= _LIKE * (len(a) + len(b) - common):
                    self._join(i, j)


def _keys(row: Row) -> Iterable[tuple[str, ...]]:
    """What relatives have in common."""
    yield ("row", row.id)
    for parent in row.parents:
        yield ("row", parent)
    made = row.provenance.get("instruction")
    root = made.get("root") if isinstance(made, Mapping) else None
    for text in (root, row.instruction):
        if isinstance(text, str) and text.strip():
            yield ("text", _digest(f"{text}\n{row.input or ''}"))
    if row.input is not None and len(row.input.split()) > _FEW:
        yield ("input", _digest(row.input))
    source = row.extra.get("source")
    if isinstance(source, str) and source and "place" in row.extra:
        yield ("source", source, str(row.extra.get("part", "")))


_FEW = 3  # words that many rows may be about, which says nothing of them


def _digest(text: str) -> str:
    flat = " ".join(text.split()).casefold()
    return hashlib.blake2b(flat.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def assigned(families: Sequence[int], shares: Mapping[str, float], seed: int) -> list[str]:
    """The part of each row: families in an order drawn by the seed, each to the part that lacks
    most of its share and has room for it.

    Raises:
        InputError: so few families that a part has none.
    """
    sizes = Counter(families)
    order = sorted(sizes)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible
    left = {name: share * len(families) for name, share in shares.items()}
    part: dict[int, str] = {}
    for family in order:
        size = sizes[family]
        room = [name for name in left if left[name] >= size / 2] or list(left)
        name = max(room, key=lambda name: left[name] / shares[name])
        part[family] = name
        left[name] -= size
    empty = [name for name in shares if name not in part.values()]
    if empty and families:
        told = f"{len(families):,} rows are {len(sizes):,} families of relatives"
        raise InputError(
            f"There is no row for '{empty[0]}': {told}. Give it a larger share, or more rows."
        )
    return [part[family] for family in families]
