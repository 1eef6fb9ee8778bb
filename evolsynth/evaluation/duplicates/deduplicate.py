"""Removing duplicates from many texts: exact, then near, then by meaning.

Of two duplicates one stays, and each text that goes matches, itself, a text that stays: duplicates
do not chain. If A is like B and B like C, but A is not like C, then B loses to A, and C stays: it
would have lost only to a text that is no longer there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count, groupby
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args, overload

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.inputs import NEARLY
from evolsynth.evaluation.duplicates.minhash import Signatures
from evolsynth.evaluation.duplicates.neighbours import Neighbours, Vectors, neighbours
from evolsynth.evaluation.duplicates.same_request import (
    about_another,
    asked_of,
    digest,
    only_difference,
    same_request,
)
from evolsynth.evaluation.duplicates.tokens import (
    Lexicon,
    alike_in_words,
    fact_key,
    shingles,
    template,
)
from evolsynth.evaluation.embed.base import knows
from evolsynth.evaluation.embed.base import rough as rough_of
from evolsynth.evaluation.text import MOST, in_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["KINDS", "THRESHOLDS", "Deduplicated", "Duplicate", "Method", "Stars"]
__all__ += ["deduplicate", "processors"]

Method = Literal["exact", "minhash", "static", "semantic"]
#: From which similarity on two texts are duplicates, by method: measured on
#: evals/data/duplicates.jsonl (docs/duplicates.md).
THRESHOLDS: dict[str, float] = {"minhash": 0.7, "static": 0.85, "semantic": 0.8}


#: Ways to be a duplicate, in the order in which they are looked for.
KINDS = ("exact", "near", "template", "static", "semantic")
#: How far below the embedder's threshold the static cosine of a candidate may lie.
_ROUGHLY = 0.15
#: Two words are different things below this cosine of their static vectors.
_SAME_THING = 0.5
_CHUNK = 4096
#: Pairs looked at for each text that the embedder may be asked about.
_LOOKED_AT = 10
#: Rounds of near texts, where large buckets are compared in part, and the part of the texts that
#: must go in one for the next to be worth its time.
_ROUNDS, _WORTHWHILE = 8, 0.002
_BLOCK = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)  # spreads small numbers over all bits
#: How many texts that are alike enough one is held against. Among thousands of a template, with
#: other names in each, all are alike and none is a duplicate.
_TRIES = 16


class Duplicate(NamedTuple):
    """A text that goes.

    ``of`` is the text that it matches itself, ``winner`` the one that stays: another one only
    where ``of`` lost in turn to a text that is alike in a weaker way. All are places in the input.
    """

    place: int
    of: int
    winner: int
    similarity: float
    kind: str


class Deduplicated(NamedTuple):
    """What stays, and what went: ``kept`` holds places in the input, in order."""

    kept: NDArray[np.int64]
    duplicates: list[Duplicate]
    decided_by_embedder: int = 0

    def clusters(self) -> dict[int, list[Duplicate]]:
        """The texts that went, by the place of the one that stayed; both in order."""
        found: dict[int, list[Duplicate]] = {}
        for one in self.duplicates:
            found.setdefault(one.winner, []).append(one)
        return dict(sorted(found.items()))

    def counts(self) -> dict[str, int]:
        """How many went, by kind."""
        counted = Counter(one.kind for one in self.duplicates)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}


class Stars:
    """For each rank the rank that it lost to (-1: it stays), how alike they are, and why."""

    def __init__(self, n: int) -> None:
        self.of = np.full(n, -1, dtype=np.int64)
        self.similarity = np.zeros(n, dtype=np.float32)
        self.kind = np.zeros(n, dtype=np.uint8)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Those that stay so far."""
        return self.of < 0

    def lose(self, rank: int, to: int, similarity: float, kind: str) -> None:
        """Note that a text lost."""
        self.of[rank], self.similarity[rank] = to, similarity
        self.kind[rank] = KINDS.index(kind)

    def decide(
        self,
        pairs: NDArray[np.int64],
        similar: Callable[[int, int, int], float | None],
        same: Callable[[int, int], bool],
        kind: Callable[[int, int], str],
    ) -> int:
        """Let texts lose to texts of a lower rank; how many did.

        Args:
            pairs: candidates (i, j), i < j, shape (m, 2), ordered by j.
            similar: how alike the texts of pair k, i and j are, or None where that is not enough.
            same: whether nothing else keeps them apart; asked only for similar ones.
            kind: one of `KINDS`.
        """
        lost = 0
        for j, earlier in groupby(_one_by_one(pairs), key=lambda pair: pair[2]):
            near: list[tuple[float, int]] = []
            for k, i, _ in earlier:
                if self.of[i] < 0 and (similarity := similar(k, i, j)) is not None:
                    near.append((-similarity, i))
            for negative, i in sorted(near)[:_TRIES]:  # the most alike, then the first
                if same(i, j):
                    self.lose(j, i, -negative, kind(i, j))
                    lost += 1
                    break
        return lost


def _one_by_one(pairs: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Each pair with its place, without a list of them all."""
    for start in range(0, len(pairs), _BLOCK):
        for k, (i, j) in enumerate(pairs[start : start + _BLOCK].tolist(), start):
            yield k, i, j


def deduplicate(
    texts: Sequence[str],
    *,
    abouts: Sequence[str] | None = None,
    method: Method = "semantic",
    threshold: float | None = None,
    jaccard: float = THRESHOLDS["minhash"],
    scores: Sequence[float] | None = None,
    same_template: bool = False,
    embedder: Embedder | None = None,
    decide: int = 2000,
    workers: int | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> Deduplicated:
    """Find the duplicates among ``texts``; of two, the better stays, or the earlier.

    Each method includes those before it:

    - ``exact``: equal but for case, spaces, typography and punctuation at the edges (`normalise`);
    - ``minhash``: near: the Jaccard index of words and pairs of neighbouring words is at least
      ``jaccard``. MinHash finds candidates, the texts themselves decide;
    - ``static``: the cosine of their static vectors (`StaticVectors`) is at least ``threshold``;
    - ``semantic``: the cosine by the embedder is. It is asked about the likeliest candidates, up
      to ``decide`` texts of them; about what is left, the static vectors decide, as in ``static``.

    Two texts that differ in a fact, an opposite or the roles of two words are no duplicates,
    whatever their similarity, except exact ones. Nor are, by meaning, two that differ in one
    word of content with another meaning. Nor are two that are about different inputs: those must be
    equal, or alike (a Jaccard index of `NEARLY`) with the same facts.

    Time grows nearly linearly; memory is some 700 bytes a text beside what ``texts`` takes, which
    is read twice from its beginning to its end, and here and there.

    Args:
        texts: any sequence; it may read its items from a file.
        abouts: the inputs of the texts, where these are instructions: as many, empty where one has
            none. They are read as often.
        threshold: of the method itself; `THRESHOLDS` if None. For ``minhash`` the same as jaccard.
        scores: the best of several duplicates stays; equal ones by order.
        same_template: texts that differ only in numbers, what is counted, and names are
            duplicates too ("5 apples cost 2", "7 pears cost 3").
        embedder: for ``static`` and ``semantic``. Its ``rough()`` gives static vectors; one
            without that finds candidates by itself.
        workers: threads; one for each processor if None. The result does not depend on it.
        tell: is told what is being done.

    Raises:
        InputError: a method that does not exist, a threshold outside (0, 1], no embedder where
            one is needed, or another number of scores or inputs than of texts.
    """
    if method == "minhash" and threshold is not None:
        jaccard = threshold
    cosine = THRESHOLDS.get(method, 1.0) if threshold is None else threshold
    workers = processors() if workers is None else workers
    if isinstance(texts, str):
        raise InputError("deduplicate() takes a list of texts, not one string: put it in a list.")
    if method not in get_args(Method):
        raise InputError(
            f"There is no method '{method}'. Choose one of {', '.join(get_args(Method))}."
        )
    for value in (jaccard, cosine):
        if not 0 < value <= 1:
            raise InputError(f"The threshold is {value}: give one above 0 and up to 1.")
    if scores is not None and len(scores) != len(texts):
        raise InputError(f"There are {len(texts)} texts and {len(scores)} scores: give each one.")
    if abouts is not None and len(abouts) != len(texts):
        raise InputError(f"There are {len(texts)} texts and {len(abouts)} inputs: give each one.")
    if method in ("static", "semantic") and embedder is None:
        raise InputError(f"The method '{method}' needs an embedder: give embedder=MiniLM().")
    if workers < 1 or decide < 0:
        raise InputError("Give at least one worker, and a number of texts to decide from 0.")
    run = _Run(texts, scores, workers, tell, same_template)
    if abouts is not None and any(abouts):
        run.about(abouts, near=method != "exact")
    run.read(None if method == "exact" else Signatures(len(texts), jaccard))
    run.exact()
    if method != "exact":
        run.near(jaccard)
    asked = 0
    if method in ("static", "semantic") and embedder is not None:
        asked = run.by_meaning(embedder, cosine, decide if method == "semantic" else 0)
    return run.result(asked)


class _Some(Sequence[str]):
    """Some of a sequence's texts, by their places, read when they are asked for."""

    def __init__(self, texts: Sequence[str], places: Sequence[int]) -> None:
        self._texts, self._places = texts, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._texts[k] for k in self._places[place]]
        return self._texts[self._places[place]]


class _Run:
    """One run. Inside, texts go by rank: rank 0 is kept before all others."""

    def __init__(
        self,
        texts: Sequence[str],
        scores: Sequence[float] | None,
        workers: int,
        tell: Callable[[str], object],
        same_template: bool,
    ) -> None:
        self._texts, self._workers = texts, workers
        self._tell, self._same_template = tell, same_template
        n = len(texts)
        if scores is None:
            self._places = np.arange(n)
        else:
            self._places = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
        self._ranks = np.empty(n, dtype=np.int64)
        self._ranks[self._places] = np.arange(n)
        self._keys = np.zeros(n, dtype=np.uint64)
        self._digests = np.zeros((2, n), dtype=np.uint64)
        self._abouts: Sequence[str] | None = None
        self._groups = np.zeros(n, dtype=np.uint64)
        self._signatures: Signatures | None = None
        self._stars = Stars(n)
        self._long = 0
        self._text = lru_cache(maxsize=16384)(self._compared)
        self._shingles = lru_cache(maxsize=4096)(lambda rank: shingles(self._text(rank)))

    def about(self, abouts: Sequence[str], *, near: bool) -> None:
        """Take the texts' inputs into account: only texts with nearly the same one are compared."""
        self._abouts = abouts
        if not near:
            return
        places = [place for place, text in enumerate(abouts) if text]
        found = deduplicate(
            _Some(abouts, places),
            method="minhash",
            jaccard=NEARLY,
            same_template=self._same_template,
            workers=self._workers,
            tell=lambda what: self._tell(f"{what} (inputs)"),
        )
        winner = np.arange(len(places), dtype=np.int64)
        for one in found.duplicates:
            winner[one.place] = one.winner
        self._groups[self._ranks[places]] = (winner.astype(np.uint64) + np.uint64(1)) * _MIX

    def _compared(self, rank: int) -> str:
        text = self._texts[int(self._places[rank])]
        return template(text) if self._same_template else text

    def _chunks(self) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
        for start in range(0, len(self._texts), _CHUNK):
            yield self._ranks[start : start + _CHUNK], list(self._texts[start : start + _CHUNK])

    def read(self, signatures: Signatures | None) -> None:
        """Go through all texts once: digests for exact duplicates, signatures for near ones."""
        self._tell(f"reading {len(self._texts):,} texts")
        self._signatures = signatures
        lexicon = Lexicon()
        with ThreadPoolExecutor(self._workers) as pool:
            waiting = []
            for start, (ranks, texts) in zip(count(0, _CHUNK), self._chunks(), strict=False):
                self._long += sum(len(text) > MOST for text in texts)
                asked = texts
                if self._abouts is not None:
                    some = self._abouts[start : start + _CHUNK]
                    asked = [asked_of(*pair) for pair in zip(texts, some, strict=True)]
                digests = b"".join(digest(text, 16) for text in asked)
                self._digests[:, ranks] = np.frombuffer(digests, "<u8").reshape(-1, 2).T
                if signatures is None:
                    continue
                if self._same_template:
                    texts = [template(text) for text in texts]
                chunk = lexicon.read(texts, numbers=not self._same_template)
                chunk = chunk._replace(keys=chunk.keys ^ self._groups[ranks])
                self._keys[ranks] = chunk.keys
                waiting.append(pool.submit(signatures.add, ranks, chunk))
                if len(waiting) > 2 * self._workers:
                    waiting.pop(0).result()
            for one in waiting:
                one.result()

    def exact(self) -> None:
        """Of equal texts the first stays."""
        order = np.lexsort(self._digests)  # stable: equal ones by rank
        apart = (self._digests[:, order[1:]] != self._digests[:, order[:-1]]).any(axis=0)
        begins = np.concatenate([[True], apart])[: len(order)]
        first = order[np.flatnonzero(begins)][np.cumsum(begins) - 1]
        for rank, of in zip(order[~begins].tolist(), first[~begins].tolist(), strict=True):
            self._stars.lose(rank, of, 1.0, "exact")
        self._digests = np.empty((2, 0), dtype=np.uint64)

    def near(self, jaccard: float) -> None:
        """Of near-duplicates the first stays."""

        def similar(_: int, i: int, j: int) -> float | None:
            a, b = self._shingles(i), self._shingles(j)
            common = len(a & b)
            value = common / (len(a) + len(b) - common)
            return value if value >= jaccard else None

        def kind(i: int, j: int) -> str:
            if not self._same_template:
                return "near"
            a, b = (self._texts[int(self._places[rank])] for rank in (i, j))
            return "near" if fact_key(a) == fact_key(b) else "template"

        assert self._signatures is not None  # noqa: S101 - the order of the steps
        for _ in range(_ROUNDS):
            pairs, left = self._signatures.pairs(self._stars.active, self._workers)
            self._tell(f"comparing {len(pairs):,} pairs of near texts")
            lost = self._stars.decide(pairs, similar, self._same, kind)
            if not left or lost < _WORTHWHILE * self._stars.active.sum():
                break
        self._signatures = None

    def _same(self, i: int, j: int) -> bool:
        one, other = self._text(i), self._text(j)
        return same_request(one, other) and not about_another(one, other)

    def by_meaning(self, embedder: Embedder, threshold: float, decide: int) -> int:
        """Of texts with one meaning the first stays; how many texts the embedder was asked for."""
        rough = rough_of(embedder)
        active = np.flatnonzero(self._stars.active)
        least = THRESHOLDS["static"] if decide else threshold
        floor = min(least, threshold - _ROUGHLY) if decide else least
        self._tell(f"embedding {len(active):,} texts roughly")
        for line in in_part(self._long, "text"):
            self._tell(line)
        found = self._search(rough, active, floor)
        self._tell(f"comparing {len(found.pairs):,} pairs by meaning")

        @lru_cache(maxsize=1 << 16)
        def same(i: int, j: int) -> bool:
            one, other = self._text(i), self._text(j)
            alike = knows(embedder, one, other) or alike_in_words(one, other)
            return alike and same_request(one, other) and not _another_thing(one, other, rough)

        asked = self._asked(found, decide, same)
        exact = self._decided(found.pairs[asked], embedder)
        # of the rest, only those that the static vectors can decide
        wanted = found.cosines >= least
        wanted[asked] = True
        pairs, cosines = found.pairs[wanted], found.cosines[wanted]

        def similar(k: int, i: int, j: int) -> float | None:
            value = exact.get((i, j))
            if value is not None:
                return value if value >= threshold else None
            return round(float(cosines[k]), 4)

        def kind(i: int, j: int) -> str:
            return "semantic" if (i, j) in exact else "static"

        self._stars.decide(pairs, similar, same, kind)
        return len({rank for pair in exact for rank in pair})

    def _search(self, rough: Embedder, active: NDArray[np.int64], floor: float) -> Neighbours:
        vectors: Vectors | None = None
        stays = self._stars.active
        for ranks, texts in self._chunks():
            chosen = [
                template(text) if self._same_template else text
                for rank, text in zip(ranks.tolist(), texts, strict=True)
                if stays[rank]
            ]
            if not chosen:
                continue
            part = rough.embed(chosen)
            if vectors is None:
                vectors = Vectors(len(self._texts), part.shape[1])
            vectors.put(ranks[stays[ranks]], part)
        if vectors is None:
            return Neighbours(np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32))
        return neighbours(vectors, active, self._keys, floor, self._workers)

    def _asked(self, found: Neighbours, decide: int, same: Callable[[int, int], bool]) -> list[int]:
        """The pairs for the embedder: the most alike first, until they hold ``decide`` texts."""
        asked: list[int] = []
        texts: set[int] = set()
        order = np.argsort(-found.cosines, kind="stable")[: _LOOKED_AT * decide]
        for k in order.tolist():
            i, j = map(int, found.pairs[k])
            if len(texts | {i, j}) > decide:
                break
            if same(i, j):
                asked.append(k)
                texts |= {i, j}
        return asked

    def _decided(
        self, pairs: NDArray[np.int64], embedder: Embedder
    ) -> dict[tuple[int, int], float]:
        ranks = np.unique(pairs).tolist()
        if not ranks:
            return {}
        self._tell(f"asking {embedder.name} about {len(ranks):,} texts")
        vectors = embedder.embed([self._text(rank) for rank in ranks])
        at = {rank: k for k, rank in enumerate(ranks)}
        return {(i, j): round(float(vectors[at[i]] @ vectors[at[j]]), 4) for i, j in pairs.tolist()}

    def result(self, asked: int) -> Deduplicated:
        """Back to places in the input."""
        winner = self._stars.of.copy()
        while True:
            on = np.where(winner >= 0, self._stars.of[winner], -1)
            if (on < 0).all():
                break
            winner = np.where(on >= 0, on, winner)
        lost = self._ranks[self._stars.of[self._ranks] >= 0].tolist()
        duplicates = [
            Duplicate(
                int(self._places[rank]),
                int(self._places[self._stars.of[rank]]),
                int(self._places[winner[rank]]),
                round(float(self._stars.similarity[rank]), 4),
                KINDS[self._stars.kind[rank]],
            )
            for rank in lost
        ]
        kept = np.sort(self._places[self._stars.of < 0])
        return Deduplicated(kept, duplicates, asked)


def processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _another_thing(one: str, other: str, rough: Embedder) -> bool:
    """Whether the texts differ in one word only, and the two words mean different things."""
    apart = only_difference(one, other)
    if apart is None:
        return False
    a, b = rough.embed(list(apart))
    return bool(a @ b < _SAME_THING)
