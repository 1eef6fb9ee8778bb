"""Demands in instructions that anybody wrote, so that the answers of any data set can be checked.

What we say ourselves is read back exactly: each wording of a kind is its own pattern. How others
say it is in ``found.txt``, in the notation of `evolsynth.evaluation.demands.notation`. Where the
instruction asks at all is told by `evolsynth.evaluation.demands.asking`. English only: a text in
another language has none. A false demand refuses a good row, so what is vague ("about 50 words"),
conditional, of a part only ("each paragraph"), quoted or given as data is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, NamedTuple

from evolsynth.errors import InputError
from evolsynth.evaluation.demands.asking import Sentence, asked_sentences, is_asked
from evolsynth.evaluation.demands.demand import KINDS, Demand, fill
from evolsynth.evaluation.demands.notation import Pieces
from evolsynth.evaluation.demands.phrases import Phrase
from evolsynth.evaluation.text.words import plain, word_lists
from evolsynth.rows import Row

__all__ = ["FoundDemand", "carried", "demands_in", "demands_of", "without_carried"]
__all__ += ["without_demands"]


class FoundDemand(NamedTuple):
    """A demand, and the characters of the text, from and up to, that make it."""

    demand: Demand
    start: int
    end: int


def demands_of(row: Row) -> tuple[Demand, ...]:
    """The demands that a row carries, those of earlier rounds first, and what its instruction asks
    besides; none twice.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    told = [Demand.read(one) for one in carried(row)]
    found = [one.demand for one in demands_in(row.instruction or "")]
    return tuple(_once([*told, *found]))


def carried(row: Row) -> Sequence[Mapping[str, Any]]:
    """The demands that an evolution was given, as its row carries them.

    Raises:
        InputError: what stands there is no list of them.
    """
    made = row.provenance.get("instruction")
    held = made.get("demands", ()) if isinstance(made, Mapping) else ()
    if not isinstance(held, list | tuple) or not all(isinstance(one, Mapping) for one in held):
        raise InputError(f"Row {row.id}: provenance.instruction.demands is no list of demands.")
    return held


def without_demands(text: str) -> str:
    """An instruction without what its checkable demands say, however a sentence is left by that."""
    pieces, at = [], 0
    for found in sorted(demands_in(text), key=lambda one: one.start):
        pieces.append(text[at : found.start])
        at = max(at, found.end)
    return "".join([*pieces, text[at:]])


def without_carried(row: Row, text: str) -> str:
    """An instruction of a row, or a part of it, without the demands that the row carries, in the
    words that we say them in, and without those that the text is read to make.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    for demand in map(Demand.read, carried(row)):
        some = (fill(wording, demand.values) for wording in KINDS[demand.kind].wordings)
        said = max((one for one in some if one in text), key=len, default="")
        text = text.replace(said, " ", 1) if said else text
    return without_demands(text)


def _once(demands: Sequence[Demand]) -> Iterator[Demand]:
    seen: list[Demand] = []  # values hold lists, which cannot be hashed
    for one in demands:
        if one not in seen:
            seen.append(one)
            yield one


def demands_in(text: str) -> tuple[FoundDemand, ...]:
    """The checkable demands of an instruction, in their order; one that is said twice, once."""
    return _demands_in(text)


@lru_cache(maxsize=1024)
def _demands_in(text: str) -> tuple[FoundDemand, ...]:
    found: list[_Match] = []
    sentences = list(asked_sentences(plain(text)))
    for place, sentence in enumerate(sentences):
        found += _in_sentence(sentence, sentences[place + 1 : place + _SENTENCES], text)
    told: list[FoundDemand] = []
    for one in _longest(found):
        if all(one.demand != other.demand for other in told):
            told.append(one)
    return tuple(told)


class _Match(NamedTuple):
    """A place that a pattern matches, and what it demands there; None: nothing."""

    start: int
    end: int
    demand: Demand | None


#: What kinds are about that can be asked of something that is added to the answer.
_LENGTHS = ("words", "sentences", "paragraphs", "characters", "lines", "data")
_SENTENCES = 3  # that a wording takes at most
_WORD = re.compile(r"[^\W_]+")


def _in_sentence(sentence: Sentence, behind: Sequence[Sentence], text: str) -> Iterator[_Match]:
    single, several = _indexes()
    cut = sentence.cut()
    for phrase in _likely(sentence.text, single):
        # a wording of ours may hold a colon ("Be brief: 50 words is the limit"), behind which
        # nothing is given
        where = sentence if phrase.own else cut
        yield from _matches(phrase, where, sentence.stop, text)
    joined = sentence
    for one in behind:
        if one.start == joined.end:
            joined = joined.joined(one)
    for phrase in _likely(joined.text, several):
        yield from _matches(phrase, joined, sentence.stop, text)


def _likely(text: str, index: Mapping[str, Sequence[Phrase]]) -> Iterator[Phrase]:
    """The patterns all of whose keys stand in a text, each once."""
    said = dict.fromkeys(_WORD.findall(text))  # in their order, so that all goes the same way
    words = set(said)
    seen: set[Phrase] = set()
    for word in said:
        for phrase in index.get(word, ()):
            if not any(map(words.isdisjoint, phrase.keys)) and phrase not in seen:
                seen.add(phrase)
                yield phrase


def _matches(phrase: Phrase, sentence: Sentence, stop: int, text: str) -> Iterator[_Match]:
    """What a pattern finds, beginning before a place in one sentence or several."""
    for match in phrase.pattern.finditer(sentence.text):
        start, end = match.span()
        if start >= max(stop, phrase.own):
            break
        demand = None
        counts = phrase.kind.about in _LENGTHS
        if is_asked(sentence, start, end, opens=phrase.opens, counts=counts):
            with suppress(InputError):
                demand = phrase.kind(**phrase.read(match, text[sentence.start :]))
        if demand is not None or not phrase.opens:
            yield _Match(sentence.start + start, sentence.start + end, demand)


def _longest(found: Sequence[_Match]) -> Iterator[FoundDemand]:
    """Of those that share a place, the longest; the earliest of equals. In their order.

    One that is not asked for hides what is in it: "no more than 50 words in the title" asks for no
    "more than 50 words".
    """
    kept: list[_Match] = []
    for one in sorted(found, key=lambda m: (m.start - m.end, m.demand is None, m.start)):
        place = bisect_left(kept, one.start, key=lambda m: m.start)
        free = place == 0 or kept[place - 1].end <= one.start
        if free and (place == len(kept) or one.end <= kept[place].start):
            kept.insert(place, one)
    for one in kept:
        if one.demand is not None:
            yield FoundDemand(one.demand, one.start, one.end)


@cache
def _indexes() -> tuple[Mapping[str, Sequence[Phrase]], Mapping[str, Sequence[Phrase]]]:
    """All patterns by a word that stands in what they match: those of one sentence, those of more.

    They are the kinds' own wordings, and those of ``found.txt``.
    """
    lists = word_lists(__file__, "found.txt")
    pieces = Pieces(lists)
    indexes: tuple[dict[str, list[Phrase]], ...] = (defaultdict(list), defaultdict(list))
    for name, kind in KINDS.items():
        own = [Phrase(one, kind) for one in kind.wordings]
        for phrase in (*own, *(Phrase(one, kind, pieces) for one in lists.get(name, ()))):
            for key in phrase.keys[0]:
                indexes[phrase.several][key].append(phrase)
    return indexes[0], indexes[1]
