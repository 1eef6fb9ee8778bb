"""Duplicates among texts that come one after another: the same text again, or the same request.

An instruction with an input is compared with those that are about nearly the same input (`nearly`).
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.products import Products
from evolsynth.evaluation.duplicates.same_request import (
    Worded,
    asked_of,
    digest,
    in_words_only,
    same_facts,
    same_words,
    sums_of,
)
from evolsynth.evaluation.embed.base import estimates, knows
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.duplicates.inputs import Inputs
    from evolsynth.evaluation.embed.base import Embedder, Estimates

__all__ = [
    "MOST_DECIDED",
    "Asked",
    "Before",
    "DuplicateIndex",
    "Search",
    "decided",
    "nearest",
    "read",
]

#: How far below the embedder's cosine a static one may lie for a text to be a candidate. Of 202
#: pairs with a cosine of 0.9 by MiniLM 99% lay no more than 0.07 below it; of pairs of unrelated
#: requests 0.1% lie above 0.8.
_ROUGHLY = 0.1
#: How many candidates the embedder is asked about: those nearest by their rough vectors.
MOST_DECIDED = 16
_ROOM = 4096  # vectors in one array
_SLACK = 1e-3  # by which a product of vectors in float16 may be off
#: The number of no input, as `Inputs` has it.
_NO_INPUT = -1


class Asked:
    """A text, and its words where it has no other fact (`in_words_only`), found out when asked.

    ``meant`` is its vector by the embedder, once that was asked, and ``about`` an estimate of it.
    """

    __slots__ = ("_words", "about", "meant", "text")

    def __init__(self, text: str, about: NDArray[np.float16] | None = None) -> None:
        self.text = text
        self.meant: NDArray[np.float16] | None = None
        self.about = about
        self._words: Worded | None = _NOT_YET

    @property
    def words(self) -> Worded | None:
        """None where there are other facts."""
        if self._words is _NOT_YET:
            self._words = in_words_only(self.text)
        return self._words


_NOT_YET = Worded(("",), ())


def _same_facts(embedder: Embedder | None, one: Asked, other: Asked) -> bool:
    """Whether two texts that the embedder finds alike agree in facts, and, where it knows nothing
    of their letters, in words."""
    if one.words is not None and other.words is not None:
        same = same_words(one.words, other.words)
    else:
        same = same_facts(one.text, other.text)
    if not same or embedder is None or knows(embedder, one.text, other.text):
        return same
    from evolsynth.evaluation.duplicates.tokens import alike_in_words

    return alike_in_words(one.text, other.text)


_NO_TEXT = Asked("")


def _same_input(one: str, other: str) -> bool:
    if one == other:
        return True
    from evolsynth.evaluation.duplicates.inputs import nearly

    return nearly(one, other)


class DuplicateIndex:
    """The texts seen so far. `find` before `add`: a text would find itself.

    The answer depends only on what was added and in which order, not on how many are looked for
    at once. Memory for a text: the text, its id, its input once, and 4 d bytes, or 2 d where an
    embedder decides (512 bytes for static vectors, and 768 more for one that MiniLM was asked
    about). Time for a text: O(n d), as a product of matrices where many are looked for with
    `search`.

    Args:
        threshold: cosine from which on a text with the same facts is a near-duplicate. Deita's
            greedy selection (Liu et al. 2024, arXiv:2312.15685) skips above 0.9.
        embedder: decides, where the vectors that `add` and `find` are given are rough ones
            (`StaticVectors`) that only name candidates. It is asked about the 16 nearest.

    Raises:
        InputError: a threshold outside (0, 1].
    """

    def __init__(self, threshold: float = 0.9, *, embedder: Embedder | None = None) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"threshold is {threshold}: give a cosine above 0 and up to 1.")
        self.threshold = threshold
        self.embedder = embedder
        self.least = threshold if embedder is None else threshold - _ROUGHLY
        self._ids: list[str] = []
        self._texts: list[Asked] = []
        self._abouts = array("i")
        self._exact: dict[bytes, int | list[int]] = {}
        self.kind: type[np.float32 | np.float16] = np.float32 if embedder is None else np.float16
        self._vectors = _Blocks(self.kind)

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def _sooner(self) -> Estimates | None:
        """The embedder as one that estimates; asked when there is something to decide."""
        return None if self.embedder is None else estimates(self.embedder)

    @cached_property
    def _inputs(self) -> Inputs:
        """The inputs seen so far; what compares them is loaded for rows that have some."""
        from evolsynth.evaluation.duplicates.inputs import Inputs

        return Inputs()

    def find(
        self,
        text: str,
        vector: NDArray[np.float32],
        *,
        about: str = "",
        ignore: Collection[str] = (),
    ) -> Finding | None:
        """The duplicate of ``text``, if there is one: exact before near, then the most similar,
        then the earliest added.

        Args:
            vector: shape (d,), length 1.
            about: the input of an instruction.
            ignore: ids not to compare with (an evolution's own ancestors).

        Raises:
            InputError: the vector has another length than those added.
        """
        self._check(vector)
        return self.search([text], vector[None], [about]).find(0, ignore=ignore)

    def add(self, row_id: str, text: str, vector: NDArray[np.float32], about: str = "") -> None:
        """Remember a text, with its input if it has one, under its row's id.

        Raises:
            InputError: the vector is not one-dimensional, or of another length than the others.
        """
        self._check(vector)
        self.keep(row_id, Asked(text), vector, about)

    def keep(self, row_id: str, asked: Asked, vector: NDArray[np.float32], about: str) -> None:
        """What `add` does, of a text of which something is known."""
        self._ids.append(row_id)
        # nothing is near a text without a direction
        self._texts.append(asked if vector.any() else _NO_TEXT)
        self._abouts.append(self._inputs.add(about) if about else _NO_INPUT)
        self._vectors.add(vector, _key(asked.text, vector, about))
        key, place = digest(asked_of(asked.text, about), 12), len(self) - 1
        others = self._exact.setdefault(key, place)
        if others != place:  # the same text may be there again, under a parent's id
            self._exact[key] = [*([others] if isinstance(others, int) else others), place]

    def search(
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        abouts: Sequence[str] | None = None,
        estimates: Sequence[NDArray[np.float16] | None] = (),
    ) -> Search:
        """Look for several texts at once; what `find` and `add` do to them one by one.

        Args:
            vectors: shape (n, d), rows of length 1.
            abouts: the inputs of the n texts, empty where there is none; None for none at all.
            estimates: what the embedder estimates of each (`Estimates`), where it was asked before.

        Raises:
            InputError: the vectors have another length than those added.
        """
        if len(vectors):
            self._check(vectors[0])
        beside = [""] * len(texts) if abouts is None else abouts
        return Search(self, texts, vectors, beside, estimates or [None] * len(texts))

    @property
    def texts(self) -> Sequence[Asked]:
        """The texts, by their places."""
        return self._texts

    def before(
        self, texts: Sequence[Asked], vectors: NDArray[np.float32], abouts: Sequence[str]
    ) -> Before:
        """What a `Search` for these asks about those that are here."""
        return _Here(self, texts, vectors, abouts)

    def _twins(self, text: str, about: str) -> Sequence[int]:
        """The places of equal texts, in order."""
        found = self._exact.get(digest(asked_of(text, about), 12), ())
        return (found,) if isinstance(found, int) else found

    def _check(self, vector: NDArray[np.float32]) -> None:
        wanted = self._vectors.width if self._ids else vector.shape[-1] if vector.ndim else 0
        if vector.ndim != 1 or len(vector) != wanted:
            raise InputError(
                f"A vector of shape {vector.shape} was given where ({wanted},) is needed: "
                "embed all texts with the same embedder."
            )


class Search:
    """Several texts on their way into a `DuplicateIndex`: each is found among those that were
    there before, and those of its fellows that were added meanwhile."""

    def __init__(
        self,
        index: DuplicateIndex,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        abouts: Sequence[str],
        estimates: Sequence[NDArray[np.float16] | None],
    ) -> None:
        self._index, self._vectors, self._abouts = index, vectors, abouts
        self._texts = [Asked(*both) for both in zip(texts, estimates, strict=True)]
        keys = [_key(t, v, a) for t, v, a in zip(texts, vectors, abouts, strict=True)]
        self._before = index.before(self._texts, vectors, abouts)
        fellows = _Blocks(index.kind)  # as they will be compared once they are seen
        for vector, key in zip(vectors, keys, strict=True):
            fellows.add(vector, key)
        self._fellows = fellows.near(vectors, keys, index.least)
        self._added: dict[int, int] = {}
        if index.embedder is not None and len(texts) > 1:
            likely = [self._like_fellows(i, lambda _: True) for i in range(len(texts))]
            self._before.read([[self._texts[j] for _, j in some] for some in likely])

    def find(self, i: int, *, ignore: Collection[str] = ()) -> Finding | None:
        """The duplicate of the text at ``i``; see `DuplicateIndex.find`."""
        before, added = self._before, self._added
        for place in before.twins(i):
            if before.name(place) not in ignore:
                return Finding("exact_duplicate", {"of": before.name(place), "similarity": 1.0})
        fellows = self._like_fellows(
            i, lambda j: j in added and before.name(added[j]) not in ignore
        )
        seen = before.near(i, ignore)
        near = nearest([*seen, *((cosine, added[j]) for cosine, j in fellows)])
        if near and self._index.embedder is not None:
            near = before.decided(i, [place for _, place in near])
        if not near:
            return None
        cosine, place = min(near, key=_by_cosine)
        similarity = min(round(cosine, 4), 1.0)
        return Finding("near_duplicate", {"of": before.name(place), "similarity": similarity})

    def add(self, i: int, row_id: str) -> None:
        """Remember the text at ``i`` under its row's id."""
        self._added[i] = self._before.add(i, row_id)

    def _like_fellows(self, i: int, counts: Callable[[int], bool]) -> list[tuple[float, int]]:
        """The cosine and number of the nearest that are looked for with it, come before it, and
        count."""
        index, text = self._index, self._texts[i]
        return _closest(
            self._fellows[i],
            lambda j: j < i and counts(j) and _same_input(self._abouts[i], self._abouts[j]),
            lambda j: _same_facts(index.embedder, text, self._texts[j]),
        )


class Before(Protocol):
    """What a `Search` asks about the texts that were there before its own, and about those that it
    has added since. A place is a text's number in the order in which texts came."""

    def twins(self, i: int) -> Sequence[int]:
        """The places of texts equal to its i-th, with an equal input, in order."""
        ...

    def name(self, place: int) -> str:
        """The id under which a text was added that one of these methods told of."""
        ...

    def near(self, i: int, ignore: Collection[str]) -> list[tuple[float, int]]:
        """The cosine and place of the 16 nearest of those before that may be near and agree in
        facts and input."""
        ...

    def read(self, fellows: Sequence[Sequence[Asked]]) -> None:
        """Have the embedder read what it may have to decide on: a good deal quicker at once.

        Args:
            fellows: for each text, those that are looked for with it and may be near.
        """
        ...

    def decided(self, i: int, places: Sequence[int]) -> list[tuple[float, int]]:
        """Those of some places that are near by the embedder too, with its cosines; of those that
        are not the nearest, some may be left out."""
        ...

    def add(self, i: int, row_id: str) -> int:
        """Remember the i-th text under an id, at the place that is returned."""
        ...


class _Here:
    """Those before in an index of this process; see `Before`."""

    def __init__(
        self,
        index: DuplicateIndex,
        texts: Sequence[Asked],
        vectors: NDArray[np.float32],
        abouts: Sequence[str],
    ) -> None:
        self._index, self._texts, self._vectors, self._abouts = index, texts, vectors, abouts
        keys = [_key(t.text, v, a) for t, v, a in zip(texts, vectors, abouts, strict=True)]
        self._candidates = index._vectors.near(vectors, keys, index.least)
        self._seen: dict[int, list[tuple[float, int]]] = {}

    def twins(self, i: int) -> Sequence[int]:
        return self._index._twins(self._texts[i].text, self._abouts[i])

    def name(self, place: int) -> str:
        return self._index._ids[place]

    def near(self, i: int, ignore: Collection[str] = ()) -> list[tuple[float, int]]:
        if not ignore and i in self._seen:
            return self._seen[i]
        index, text = self._index, self._texts[i]
        about: Collection[int] = {_NO_INPUT}
        if self._abouts[i] and len(self._candidates[i].places):
            about = index._inputs.near(self._abouts[i])
        found = _closest(
            self._candidates[i],
            lambda place: index._abouts[place] in about and index._ids[place] not in ignore,
            lambda place: _same_facts(index.embedder, text, index._texts[place]),
        )
        if not ignore:
            self._seen[i] = found
        return found

    def read(self, fellows: Sequence[Sequence[Asked]]) -> None:
        index = self._index
        groups: list[tuple[Asked, list[Asked]]] = []
        for i, (text, others) in enumerate(zip(self._texts, fellows, strict=True)):
            both = [*(index._texts[place] for _, place in self.near(i)), *others]
            if both:
                groups.append((text, both))
        read(index, groups)

    def decided(self, i: int, places: Sequence[int]) -> list[tuple[float, int]]:
        others = {place: self._index._texts[place] for place in places}
        return decided(self._index, self._texts[i], others)

    def add(self, i: int, row_id: str) -> int:
        self._index.keep(row_id, self._texts[i], self._vectors[i], self._abouts[i])
        return len(self._index) - 1


def decided(
    index: DuplicateIndex, text: Asked, others: Mapping[int, Asked]
) -> list[tuple[float, int]]:
    """The cosine and place of those, of some places, that are near a text by the embedder."""
    (likely,) = read(index, [(text, list(others.values()))])
    found: list[tuple[float, int]] = []
    for place, other in others.items():
        if other in likely and text.meant is not None and other.meant is not None:
            cosine = _cosine(text.meant, other.meant)
            if cosine >= index.threshold:
                found.append((cosine, place))
    return found


def read(
    index: DuplicateIndex, groups: Sequence[tuple[Asked, Sequence[Asked]]]
) -> list[list[Asked]]:
    """Have the embedder read texts and, of those that each is compared with, all that may be the
    nearest, and as near as the threshold. Those are returned; of the others an estimate is enough,
    where there is one.
    """
    embedder, threshold, sooner = index.embedder, index.threshold, index._sooner
    if embedder is None or not groups:
        return []
    if sooner is None:
        likely = [list(others) for _, others in groups]
    else:
        all_of_them = dict.fromkeys(one for text, others in groups for one in (text, *others))
        new = [one for one in all_of_them if one.meant is None and one.about is None]
        for one, vector in zip(new, _vectors(sooner.estimate, new), strict=True):
            one.about = vector
        likely = [_likely(text, others, threshold, sooner.off) for text, others in groups]
    near = dict.fromkeys(
        one
        for (text, _), others in zip(groups, likely, strict=True)
        if others
        for one in (text, *others)
    )
    new = [one for one in near if one.meant is None]
    for one, vector in zip(new, _vectors(embedder.embed, new), strict=True):
        one.meant, one.about = vector, None
    return likely


def _likely(text: Asked, others: Sequence[Asked], threshold: float, off: float) -> list[Asked]:
    """Those whose cosine with a text may reach the threshold, and may be the highest."""
    of = [one.about if one.meant is None else one.meant for one in (text, *others)]
    vectors = np.stack([vector for vector in of if vector is not None]).astype(np.float32)
    cosines = vectors[1:] @ vectors[0]
    least = max(threshold - off, float(cosines.max()) - 2 * off) - _SLACK
    pairs = zip(others, cosines.tolist(), strict=True)
    return [one for one, cosine in pairs if cosine >= least]


def _vectors(
    embed: Callable[[Sequence[str]], NDArray[np.float32]], texts: Sequence[Asked]
) -> list[NDArray[np.float16]]:
    """Copies in half the room: a view would keep the whole array."""
    vectors = embed([one.text for one in texts]) if texts else ()
    return [vector.astype(np.float16) for vector in vectors]


def _by_cosine(found: tuple[float, int]) -> tuple[float, int]:
    return -found[0], found[1]


def nearest(found: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Of cosines and places those that the embedder is asked about, the nearest first."""
    return heapq.nsmallest(MOST_DECIDED, found, key=_by_cosine)


class _Near(NamedTuple):
    """Texts whose vectors are near another's, the nearest first: their cosines, and places."""

    cosines: NDArray[np.float64]
    places: NDArray[np.int64]


def _closest(
    near: _Near, counts: Callable[[int], bool], same: Callable[[int], bool]
) -> list[tuple[float, int]]:
    """The cosine and place of the nearest, as many as the embedder is asked about: facts are
    compared of a few of hundreds.

    Args:
        counts: whether that at a place is to be looked at.
        same: whether the facts are the same.
    """
    pairs = zip(near.cosines.tolist(), near.places.tolist(), strict=True)
    found = (pair for pair in pairs if counts(pair[1]) and same(pair[1]))
    return list(islice(found, MOST_DECIDED))


class _Blocks:
    """Vectors in arrays of equal size, so that none is copied as more come; and a key for each."""

    def __init__(self, kind: type[np.float32 | np.float16]) -> None:
        self.width = 0
        self.kind, self._count = kind, 0
        self._vectors: list[NDArray[np.floating]] = []
        self._keys: list[NDArray[np.int64]] = []
        self._products = Products()

    def add(self, vector: NDArray[np.float32], key: int) -> None:
        """Add a vector of shape (d,)."""
        self.width = len(vector)
        block, place = divmod(self._count, _ROOM)
        if block == len(self._vectors):
            self._vectors.append(np.zeros((_ROOM, self.width), dtype=self.kind))
            self._keys.append(np.zeros(_ROOM, dtype=np.int64))
        self._vectors[block][place] = vector
        self._keys[block][place] = key
        self._count += 1

    def near(self, vectors: NDArray[np.float32], keys: Sequence[int], least: float) -> list[_Near]:
        """For each of n vectors those with its key and at least some cosine, to six digits. Vectors
        have shape (n, d)."""
        none = _Near(np.empty(0), np.empty(0, np.int64))
        if not self._count or not vectors.any():  # none at all, or none with a direction
            return [none for _ in keys]
        wanted = np.asarray(keys, dtype=np.int64)
        found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        for number, block in enumerate(self._vectors):
            start = number * _ROOM
            some = block[: self._count - start]
            rows, places = self._products.reaching(vectors, some, least)
            same = (self._keys[number][places] == wanted[rows]) & (wanted[rows] >= 0)
            rows, places = rows[same], places[same]
            cosines = np.round(self._products.of(vectors, some, rows, places), _DIGITS)
            near = cosines >= least
            found.append((rows[near], start + places[near], cosines[near]))
        rows, places, cosines = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((places, -cosines, rows))
        borders = np.searchsorted(rows[order], np.arange(1, len(keys)))
        parts = (np.split(one[order], borders) for one in (cosines, places))
        return [_Near(*pair) for pair in zip(*parts, strict=True)]


_DIGITS = 6  # of a cosine: the last bits of a sum vary with its order


def _cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Of two vectors of length 1."""
    return round(float(np.dot(one.astype(np.float64), other.astype(np.float64))), _DIGITS)


def _key(text: str, vector: NDArray[np.float32], about: str) -> int:
    """What texts that may be near share; -1 for one without a direction, which nothing is near."""
    if not vector.any():
        return -1
    sums = (sums_of(text), sums_of(about)) if about else sums_of(text)
    return hash(sums) & 0x7FFFFFFF
