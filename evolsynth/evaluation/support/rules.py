"""What speaks against an answer, sentence by sentence: words, numbers, names, denials, amounts,
roles. Each rule compares a sentence of the answer with the sentences of the text that bear it.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.evaluation.information_loss.alignment import related, siblings
from evolsynth.evaluation.information_loss.reading import Token
from evolsynth.evaluation.support.evidence import BARE
from evolsynth.evaluation.support.reading import (
    LISTS,
    SOFT,
    Sentence,
    averse,
    carries,
    lemma,
    refuses,
)
from evolsynth.evaluation.text.numbers import COUNTS, NUMBER_WORDS, UNITS, equal
from evolsynth.evaluation.text.words import NEGATORS, Word, stem

if TYPE_CHECKING:
    from evolsynth.evaluation.information_loss.alignment import WordVectors
    from evolsynth.evaluation.support.frames import Frame
    from evolsynth.evaluation.text.numbers import Number

__all__ = ["Against", "akin", "amounts", "denials", "misplaced", "new_words", "offside", "roles"]
__all__ += ["swapped", "wrong_numbers"]


class Against(NamedTuple):
    """What speaks against a sentence: ``text[start:end]`` of it, why, and how much, from 0 to 1.

    ``kind`` is "word", "name", "number", "negation", "amount", "role", "swap", "exchange" (of a
    common word) or "elsewhere":
    the last for words that stand in another part of the text.
    """

    text: str
    start: int
    end: int
    kind: str
    weight: float


_NAME, _WORD, _ELSEWHERE, _ELSEWHERE_NAME = 0.9, 0.5, 0.12, 0.45


def new_words(
    claim: Sentence,
    near: frozenset[str],
    far: frozenset[str],
    known: frozenset[str],
    vectors: WordVectors | None = None,
) -> list[Against]:
    """Words of content that do not stand in the evidence.

    Args:
        near: lemmas of the evidence.
        far: lemmas of all of the text and of its title.
        known: lemmas of the question; they are not new, though they prove nothing.
    """
    found = []
    for place, word in enumerate(claim.heavy):
        key = lemma(word.text)
        if word.lower in NUMBER_WORDS or word.lower[:1].isdigit() or word.lower in UNITS:
            continue
        if key in near or (key in SOFT and key not in far):
            continue
        if akin(key, near):
            continue
        name = word.text[:1].isupper() and (word.start > 0 or _named(claim.heavy, place))
        if key in far or akin(key, far):
            if key not in known:
                weight = _ELSEWHERE_NAME if name else _ELSEWHERE
                found.append(Against(word.text, word.start, word.end, "elsewhere", weight))
            continue
        if key in known:
            continue
        kind, weight = ("name", _NAME) if name else ("word", _WORD)
        found.append(Against(word.text, word.start, word.end, kind, weight))
    return found if vectors is None else [_softened(one, near, vectors) for one in found]


def _named(heavy: Sequence[Word], place: int) -> bool:
    """Whether the first word of a sentence is part of a name: one follows at once."""
    following = heavy[place + 1] if place + 1 < len(heavy) else None
    return (
        following is not None
        and following.text[:1].isupper()
        and following.start <= heavy[place].end + 1
    )


def akin(key: str, some: frozenset[str]) -> bool:
    """Whether a word, one of its family or a synonym is among some."""
    return key in some or any(related(key, other) for other in some)


def _softened(one: Against, near: frozenset[str], vectors: WordVectors) -> Against:
    """The same, lighter where the evidence has a word of like meaning that does not exclude it."""
    if one.kind != "word":
        return one
    key = stem(one.text)
    some = sorted(word for word in near if word.isalpha() and not siblings(key, word))
    if not some:
        return one
    like = float(vectors.likeness([_token(one.text)], [_token(word) for word in some]).max())
    return one._replace(weight=one.weight * (1.0 - like))


def _token(text: str) -> Token:
    return Token(text, 0, len(text), text, 1.0)


def wrong_numbers(claim: Sentence, text: Sequence[Sentence], question: Sentence) -> list[Against]:
    """Numbers that the text has not, or only where it speaks of something else."""
    found = []
    for number in claim.numbers:
        if any(equal(number, n) for n in question.numbers):
            continue
        holders = [
            s for s in text if any(equal(number, n) and _one_unit(number, n) for n in s.numbers)
        ]
        if not holders:
            small = number.text.casefold() in ("first", "second", "half", "third", "two")
            weight = 0.5 if small else 0.95
        else:
            near = _nearest(claim, number)
            best = max(len(near & s.keys) for s in text)
            if not best or 2 * max(len(near & s.keys) for s in holders) > best:
                continue
            weight = 0.95
        found.append(Against(number.text, number.start, number.end, "number", weight))
    return found


_NEAREST = 4


def _nearest(claim: Sentence, number: Number) -> frozenset[str]:
    """The lemmas of the words of content that stand nearest to a number."""
    away = sorted(
        (abs(word.start - number.start), lemma(word.text))
        for word in claim.heavy
        if not number.start <= word.start < number.end and not word.lower[:1].isdigit()
    )
    return frozenset(key for _, key in away[:_NEAREST])


def _one_unit(one: Number, other: Number) -> bool:
    """Whether two equal numbers measure or count the same, as far as is known."""
    if one.unit and other.unit:
        return one.unit == other.unit
    if (one.unit or other.unit) and one.counted and other.counted:
        return one.counted == other.counted  # "12 hours" and "12 degrees"
    return True


def denials(claim: Sentence, evidence: Sequence[Sentence]) -> list[Against]:
    """What the answer denies and the evidence says, or the other way round."""
    found: list[Against] = []
    for one, others, here in ((claim, evidence, True), *((s, [claim], False) for s in evidence)):
        for place, word in enumerate(one.words):
            if word.stem not in NEGATORS and word.lower not in LISTS["none"]:
                continue
            denied = _next_heavy(one, place)
            if denied is None:
                continue
            key = lemma(denied.text)
            places = [
                (s, w)
                for s in others
                for w in s.heavy
                if lemma(w.text) == key or related(lemma(w.text), key)
            ]
            if not places or any(
                s.denied(w.start, back=7) or _denies_behind(s, w) for s, w in places
            ):
                continue
            if here:
                found.append(Against(word.text, word.start, denied.end, "negation", 0.85))
            else:
                said = places[0][1]
                found.append(Against(said.text, said.start, said.end, "negation", 0.7))
    own = _negators(claim)
    if (
        own
        and not found
        and len(own)
        > sum(len(_negators(s)) for s in evidence) + sum(refuses(s.plain) for s in evidence)
    ):
        found.append(Against(own[-1].text, own[-1].start, own[-1].end, "negation", 0.7))
    return found


def _negators(one: Sentence) -> list[Word]:
    said = (w for w in one.words if w.stem in NEGATORS or w.lower in LISTS["none"])
    return [word for word in said if word.lower not in ("free", "instead", "without")]


def _denies_behind(one: Sentence, word: Word) -> bool:
    return averse(one.plain, word.start, min(len(one.plain), word.end + 25))


def _next_heavy(one: Sentence, place: int) -> Word | None:
    """The word that a negator denies."""
    end = one.words[place].end
    for word in one.heavy:
        if word.start >= end:
            between = one.plain[end : word.start]
            near = len(between.split()) <= 3 and not any(mark in between for mark in ",;:.")
            return word if near else None
    return None


_GROUPS = {word: name for name in ("all", "most", "some", "none", "only") for word in LISTS[name]}


def amounts(claim: Sentence, evidence: Sequence[Sentence]) -> list[Against]:
    """ "All" where the text says "most", "only" where it does not."""
    found = []
    there = [pair for s in evidence for pair in _amounts(s)]
    heads = frozenset(key for s in evidence for key in s.keys)
    for word, key in _amounts(claim):
        group = _GROUPS[word.lower]
        same = [_GROUPS[w.lower] for w, k in there if k == key]
        if group in same or key not in heads:
            continue
        anywhere = any(_GROUPS[w.lower] == group for w, _ in there)
        weight = 0.9 if same else 0.15 if anywhere else 0.4 if group != "some" else 0.1
        if group != "none":  # of which `denials` speaks
            found.append(Against(word.text, word.start, word.end, "amount", weight))
    claimed = {k: _GROUPS[w.lower] for w, k in _amounts(claim)}
    said = {lemma(w.text): w for w in claim.heavy}
    for word, key in there:
        if _GROUPS[word.lower] in ("most", "some", "only") and key in said and key not in claimed:
            w = said[key]
            found.append(Against(w.text, w.start, w.end, "amount", 0.2))
    return found


def _amounts(one: Sentence) -> list[tuple[Word, str]]:
    """Words for amounts, each with the lemma of the word that it stands before."""
    found = []
    for place, word in enumerate(one.words):
        if word.lower in _GROUPS:
            head = _next_heavy(one, place)
            if head is not None:
                found.append((word, lemma(head.text)))
    return found


def roles(claim: Sentence, evidence: Sequence[Sentence]) -> list[Against]:
    """Who does what to whom, told the other way round, or of somebody else."""
    found = []
    there = [frame for s in evidence for frame in s.frames]
    for frame in claim.frames:
        same = [other for other in there if other.verb == frame.verb]
        if not same:
            continue
        weight = min(_against(frame, other) for other in same)
        if weight:
            found.append(
                Against(claim.text[frame.start : frame.end], frame.start, frame.end, "role", weight)
            )
    return found


def _against(one: Frame, other: Frame) -> float:
    """How much two frames of one verb contradict each other."""
    doers, others = _common(one.doer, other.doer), _common(one.other, other.other)
    crossed = _common(one.doer, other.other) + _common(one.other, other.doer)
    if crossed > doers + others:
        return 0.6 if doers + others else 0.9
    told = one.doer and other.doer and not (one.vague or other.vague)
    if told and not doers:
        return 0.65
    if not doers and one.doer and _common(one.doer, other.rest):
        return 0.65
    if doers and one.other and other.other and not others and not _common(one.other, other.rest):
        return 0.25
    return 0.0


def _common(some: frozenset[str], others: frozenset[str]) -> int:
    return len(some & others) or sum(
        any(related(a, b) for b in others) for a in some if a not in others
    )


def swapped(
    claim: Sentence, evidence: Sentence, offered: frozenset[str] = frozenset()
) -> list[Against]:
    """A name or number in the place of another: "in 1902 Vera" where the text has "in 1884 Ines".

    Told where the words around it are the same, and neither has turned into the passive.

    Args:
        offered: lemmas of the words that the question lets the answer choose between.
    """
    own, there = [w.lower for w in claim.words], [w.lower for w in evidence.words]
    if ("by" in own) != ("by" in there):
        return []
    found = []
    changes = SequenceMatcher(None, there, own, autojunk=False).get_opcodes()
    for tag, i, j, k, n in changes:
        if tag != "replace" or n - k > _MOST:
            continue
        j = min(j, i + _MOST)
        for kind in (_is_name, _is_figure):
            gone = [w for w in evidence.words[i:j] if kind(w) and w.lower not in own]
            came = [w for w in claim.words[k:n] if kind(w)]
            came = [w for w in came if w.lower not in there or w.lower in own[:k]]
            if any(_same_number(claim, w, evidence) for w in came):
                continue
            if gone and came and not any(related(a.stem, b.stem) for a in gone for b in came):
                start, end = came[0].start, came[-1].end
                found.append(Against(claim.text[start:end], start, end, "swap", 0.85))
        lost = [w for w in evidence.words[i:j] if carries(w) and w.lower not in own]
        new = [w for w in claim.words[k:n] if carries(w) and not (_is_name(w) or _is_figure(w))]
        plainly = len(new) == 1 and new[0].lower not in UNITS
        plainly = plainly and lemma(new[0].text) not in offered
        if lost and plainly and not akin(lemma(new[0].text), evidence.keys):
            found.append(Against(new[0].text, new[0].start, new[0].end, "exchange", 0.5))
    return found


def _same_number(claim: Sentence, word: Word, evidence: Sentence) -> bool:
    """Whether a word is of a number that the evidence has too, in words or in figures."""
    said = [n for n in claim.numbers if n.start <= word.start < n.end]
    return any(equal(n, m) for n in said for m in evidence.numbers)


_MOST = 5  # words on either side that one may stand for the other


def _is_name(word: Word) -> bool:
    return word.text[:1].isupper() and word.start > 0


def _is_figure(word: Word) -> bool:
    return word.lower[:1].isdigit() or (word.lower in COUNTS and word.lower != "one")


def offside(
    claim: Sentence, borne: Sentence, text: Sequence[Sentence], question: Sentence
) -> float:
    """Of a bare answer ("In 1904."): how much less its sentence has of the question than the one
    that has most of it."""
    asked = frozenset(key for key in question.keys if key not in SOFT)
    if len(claim.keys - asked) > BARE or asked & claim.keys:
        return 0.0
    best = max((_shared(asked, s) for s in text), default=0.0)
    return 0.0 if not best else max(0.0, 1.0 - _shared(asked, borne) / best)


def _shared(keys: frozenset[str], one: Sentence) -> float:
    return sum(key in one.keys or akin(key, one.keys) for key in keys)


def misplaced(claim: Sentence, evidence: Sequence[Sentence]) -> float:
    """The share of neighbours in the answer that stand in the evidence in another order."""
    best = 1.0
    for one in evidence:
        place = {key: i for i, key in reversed(list(enumerate(one.order)))}
        came = [place[key] for key in claim.order if key in place]
        pairs = list(pairwise(came))
        if len(pairs) >= 1:
            best = min(best, sum(a > b for a, b in pairs) / len(pairs))
    return 0.0 if best == 1.0 and len(claim.order) < 2 else best
