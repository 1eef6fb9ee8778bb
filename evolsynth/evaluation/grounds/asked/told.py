"""What a text that a model wrote about another says that this does not say, and what it leaves out.

Both are cut into clauses, at commas and "and", and each clause is held against those of the other
text that have most of its words. So a number, a name or a common word in the place of another one
is found that stands in the text as well, only elsewhere. For English; no meaning is read, so what
says the same in quite other words is taken for invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from evolsynth.evaluation.information_loss.alignment import related, siblings
from evolsynth.evaluation.support.reading import SOFT, Sentence, carries, lemma, sentences_of
from evolsynth.evaluation.support.rules import akin, amounts, denials, roles, swapped
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.finders import alternatives
from evolsynth.evaluation.text.numbers import NUMBER_WORDS, UNITS, Number, equal, numbers
from evolsynth.evaluation.text.statements import PREPOSITIONS
from evolsynth.evaluation.text.words import FUNCTION_WORDS, NEGATORS, Word, word_lists, words

__all__ = ["MOST_NEW", "clauses_of", "invented", "left_out"]

#: The share of words of content of a text that its source need not have, none of them side by side.
MOST_NEW = 0.25
#: The share of the words of a clause that another text must have for the clause not to be lost.
LEAST_KEPT = 0.5
#: What a rule of `evaluation.support` must weigh to refuse by itself; of roles only who does it and
#: to whom it is done in each other's place.
_WEIGHS = {"negation": 0.6, "amount": 0.6, "role": 0.9}
#: The same of a clause, in which the rule sees less.
_SURE = 0.8
#: Words beside a number by which it is told what it is said of.
_NEAREST = 3
#: Verbs that deny what stands behind them.
_DENYING = r"(?:stop|cease|refuse|fail|avoid|prevent|forbid|omit)(?:s|ped|d|ed|ping|ing)?"
_ENDED = re.compile(rf"\b{_DENYING} (?:to |from )?(?P<what>[a-z]+)\b", re.I)
_DENIES = re.compile(rf"\b(?:{_DENYING}|no|not|never|nothing|nobody|none|without|\w+n't)\b", re.I)
_YEAR = re.compile(r"1\d{3}|20\d\d")
_CUT = re.compile(r"[,;:]\s+(?:(?:and|but|or|so|while|because|which|who|where|when)\s+)?"
                  r"|(?<!\s)\s+(?:and|but|while|because|since)\s+")  # fmt: skip
_LISTS = word_lists(__file__, "told.txt")
_BOUNDS = {
    kind: re.compile(rf"\b(?:{some})\b", re.I)
    for kind, some in alternatives(_LISTS).items()
    if kind.startswith("at ")
}


#: Words that a sentence is another one without.
_NEARLY = frozenset(_LISTS["nearly"][0].split())


def _opposites() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in _LISTS["opposites"]:
        some, others = ({lemma(word) for word in side.split()} for side in line.split(" | "))
        for one, other in ((some, others), (others, some)):
            for word in one:
                found.setdefault(word, set()).update(other)
    return found


_OPPOSITES = _opposites()


@lru_cache(maxsize=64)
def clauses_of(text: str) -> tuple[Sentence, ...]:
    """The clauses of a text in order, roughly: parts of sentences that have a word of content."""
    found = []
    for one in sentences_of(text):
        start = one.start
        for cut in (*_CUT.finditer(text, one.start, one.end), None):
            end = one.end if cut is None else cut.start()
            if cut is not None and text[start:end].rstrip()[-1:].isdigit() and cut[0] == ", ":
                follows = text[cut.end() : cut.end() + 1]
                if follows.isdigit() and not text[end - 1 : cut.end() + 1].count(" "):
                    continue
            clause = Sentence(text, start, end)
            if clause.heavy:
                found.append(clause)
            start = one.end if cut is None else cut.end()
    return tuple(found)


def invented(made: str, text: str, *, title: str = "") -> str | None:
    """What a text says that its source does not say, as a sentence; None if nothing was found.

    Args:
        made: the text that was written.
        text: its source.
        title: of the source, whose words may be used.
    """
    source = clauses_of(text)
    known = frozenset(lemma(w.text) for w in words(title)).union(*(one.keys for one in source))
    for name in _strange_names(made, f"{title}\n{text}"):
        return f"It names '{name}', which the text does not."
    for kind in ("at most", "at least"):
        said = _BOUNDS[kind].search(made)
        if said and not (_BOUNDS[kind].search(text) or _BOUNDS[f"{kind}: like"].search(text)):
            return f"It says '{said[0]}', which the text does not."
    new = [w.text for one in sentences_of(made) for w in one.heavy if _is_new(w.text, known)]
    heavy = sum(len(one.heavy) for one in sentences_of(made))
    if len(new) > MOST_NEW * max(heavy, 1):
        return f"Too many words are not the text's: {', '.join(new[:5])}."
    for one in sentences_of(made):
        against = _against_pairs(one, text) or _against_sentence(one, sentences_of(text), known)
        if against is not None:
            return against
    for clause in clauses_of(made):
        against = _against_clause(clause, source, known)
        if against is not None:
            return against
    return None


def left_out(text: str, made: str) -> str | None:
    """The first clause of a text that another text says nothing of, as a sentence; None if none."""
    there = frozenset[str]().union(*(one.keys for one in clauses_of(made)))
    kept = [number for one in sentences_of(made) for number in one.numbers]
    for number in numbers(text):
        if not any(equal(number, n) for n in kept):
            return f"'{number.text}' was left out."
    for name in _strange_names(text, made):
        return f"'{name}' was left out."
    for word in words(text):
        if word.lower in _NEARLY and not any(w.lower in _NEARLY for w in words(made)):
            return f"'{word.text}' was left out."
    for clause in clauses_of(text):
        keys = clause.keys - SOFT
        slight = len(keys) < 2 and not any(w.stem in NEGATORS for w in clause.words)
        if not slight and sum(akin(key, there) for key in keys) < LEAST_KEPT * len(keys):
            return f"'{clause.text}' was left out."
    return None


def _strange_names(one: str, other: str) -> Iterator[str]:
    """Names of the one text of which a word is not in the other."""
    there = frozenset(word.stem for word in words(other))
    for name in names(one):
        if not all(akin(word.stem, there) for word in words(name.text) if word.text[0].isupper()):
            yield name.text


def _is_new(word: str, known: frozenset[str]) -> bool:
    key = lemma(word)
    slight = word[:1].isdigit() or word.lower() in PREPOSITIONS or key in SOFT
    return not slight and not akin(key, known)


def _against_sentence(
    one: Sentence, whole: Sequence[Sentence], known: frozenset[str]
) -> str | None:
    """What speaks against a sentence as a whole, beside the sentences that have most of it."""
    for first, second in pairwise(one.heavy):
        between = one.plain[first.end : second.start]
        apart = any(mark in between for mark in ".;:")
        if _is_new(first.text, known) and _is_new(second.text, known) and not apart:
            return f"'{one.text[first.start : second.end]}' is not the text's."
    borne = _nearest(one, whole)[:3]
    for other in borne:
        for match in _ENDED.finditer(other.plain):
            if akin(lemma(match["what"]), one.keys) and not _DENIES.search(one.plain):
                return f"It leaves out '{match.group()}'."
    found = [*denials(one, borne), *amounts(one, borne), *roles(one, borne)]
    for against in found:
        if against.weight < _WEIGHS[against.kind]:
            continue
        if against.kind != "role" or not _is_participle(against.text, one, borne):
            return f"'{against.text}' is not what the text says ({against.kind})."
    return None


_FULL_NAME = re.compile(r"\b((?:[A-Z][\w-]+ )+[A-Z][\w-]+) ([a-z]+)\b")


def _against_pairs(one: Sentence, text: str) -> str | None:
    """A full name before a verb that the text has behind another name only, and a word before a
    noun that the text has behind its opposite only."""
    for name, verb in _FULL_NAME.findall(one.plain):
        if verb in FUNCTION_WORDS or verb in PREPOSITIONS:
            continue
        there = [found for found, other in _FULL_NAME.findall(text) if other == verb]
        if there and not any(found.endswith(name) or name.endswith(found) for found in there):
            return f"'{name} {verb}' is said of {there[0]} in the text."
    for first, second in pairwise(one.heavy):
        opposites = _OPPOSITES.get(lemma(first.text))
        if opposites is None or first.end + 1 != second.start:
            continue
        before = [
            lemma(a.text)
            for other in sentences_of(text)
            for a, b in pairwise(other.heavy)
            if lemma(b.text) == lemma(second.text) and a.end + 1 == b.start
        ]
        if lemma(first.text) not in before and not opposites.isdisjoint(before):
            return f"'{one.text[first.start : second.end]}' is the opposite of what the text says."
    return None


def _is_participle(verb: str, one: Sentence, borne: Sequence[Sentence]) -> bool:
    """Whether a verb without "was" may be the participle that the text has behind one: "a spring
    fitted in 1902 broke"."""
    said, passive = re.escape(verb.split()[0]), r"\b(?:is|are|was|were|been|being|be) (?:\w+ly )?"
    if re.search(passive + said, one.plain, re.I):
        return False
    return any(re.search(passive + said, other.plain, re.I) for other in borne)


def _nearest(one: Sentence, others: Sequence[Sentence]) -> list[Sentence]:
    """Those that have a word of another first, by how many words and numbers they share."""
    own = [word.lower for word in one.words]
    scored = [
        (round(_shared(one, other), 3), -_changes(own, other), -place)
        for place, other in enumerate(others)
    ]
    best = sorted((score for score in scored if score[0] > 0), reverse=True)
    return [others[-place] for _, _, place in best]


def _changes(own: Sequence[str], other: Sentence) -> int:
    """How many words are not the same in the same order."""
    from rapidfuzz.distance import Indel

    return Indel.distance(own, [word.lower for word in other.words])


def _shared(one: Sentence, other: Sentence) -> float:
    same = len(one.keys & other.keys)
    near = sum(akin(key, other.keys) for key in one.keys - other.keys)
    return same + 0.7 * near + sum(any(equal(n, m) for m in other.numbers) for n in one.numbers)


def _against_clause(
    clause: Sentence, source: Sequence[Sentence], known: frozenset[str]
) -> str | None:
    """A number, a name or a word of a clause in the place of another one."""
    for number in numbers(clause.text):
        against = _against_number(number, clause, source, known)
        if against is not None:
            return against
    order = _nearest(clause, source)
    for denial in denials(clause, order):
        if denial.weight >= _SURE:
            return f"'{denial.text}' is not what the text says (negation)."
    if not order or any(clause.keys <= one.keys for one in order):
        return None
    one = order[0]
    for word in clause.heavy:
        key = lemma(word.text)
        excluded = [w.text for w in one.heavy if _excludes(key, lemma(w.text))]
        if excluded and key not in one.keys:
            return f"It says '{word.text}' where the text has '{excluded[0]}'."
    for swap in swapped(clause, one):
        if swap.kind == "swap":
            return f"'{swap.text}' stands where the text has something else."
    put = _put_for(clause, one)
    if put is not None and akin(lemma(put.text), known):
        return f"'{put.text}' stands where the text has another word."
    return None


def _against_number(
    number: Number, clause: Sentence, source: Sequence[Sentence], known: frozenset[str]
) -> str | None:
    """A number that the text has not, or says of something that it has another number for."""
    holders = [one for one in source if any(_same(number, n) for n in one.numbers)]
    if not holders:
        return f"The text has no '{number.text}'."
    beside = sorted(
        (abs(w.start - number.start), lemma(w.text))
        for w in clause.heavy
        if not number.start <= w.start < number.end
        and lemma(w.text) in known
        and w.lower not in UNITS
    )
    near = frozenset(key for _, key in beside[:_NEAREST])
    have = max(_of(near, one) for one in holders)
    for one in source:
        others = [n for n in one.numbers if _of_one_kind(number, n)]
        if others and _of(near, one) > have and not any(_same(number, n) for n in one.numbers):
            return f"'{number.text}' is said where the text has '{others[0].text}'."
    return None


def _of_one_kind(one: Number, other: Number) -> bool:
    """Whether a number may stand in the place of another: both measure the same, or nothing."""
    if _YEAR.fullmatch(one.text) or _YEAR.fullmatch(other.text):
        return bool(_YEAR.fullmatch(one.text) and _YEAR.fullmatch(other.text))
    if one.unit or other.unit:
        return one.unit == other.unit
    return not (one.counted and other.counted) or related(one.counted, other.counted)


def _put_for(clause: Sentence, one: Sentence) -> Word | None:
    """The word of content that alone is another one in two clauses, and ends them or has the same
    word on either side."""
    own, there = [w.lower for w in clause.words], [w.lower for w in one.words]
    changes = SequenceMatcher(None, there, own, autojunk=False).get_opcodes()
    for tag, i, j, k, n in changes:
        if tag != "replace" or j - i != 1 or n - k != 1:
            continue
        old, new = one.words[i], clause.words[k]
        beside = (k > 0 and i > 0, n < len(own) and j < len(there))
        if all(beside) or (beside[0] and n == len(own) and j == len(there)) or (
            beside[1] and k == i == 0
        ):  # fmt: skip
            counted = old.lower in NUMBER_WORDS or old.lower[0].isdigit()
            if carries(old) and carries(new) and old.lower not in own and not counted:
                return new
    return None


def _excludes(one: str, other: str) -> bool:
    """Whether two lemmas cannot both be true of the same thing."""
    return siblings(one, other) or other in _OPPOSITES.get(one, ())


def _of(keys: frozenset[str], one: Sentence) -> int:
    return sum(akin(key, one.keys) for key in keys)


def _same(one: Number, other: Number) -> bool:
    """Whether two numbers are equal and measure the same, as far as is known."""
    return equal(one, other) and (not (one.unit and other.unit) or one.unit == other.unit)
