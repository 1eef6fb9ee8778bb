"""Statements in plain clauses: subject, finite verb, and what follows, found by rules.

A question can be asked for sure where a sentence says one thing of one subject in the usual order.
Such clauses are found without a parser: the first finite verb parts the subject from the rest, and
a list of verb forms (``statements.txt``) tells it. What is not plain (two verbs where
one is expected, a subject with a clause in it, a hedge) is left alone: a clause that is not found
costs a question, one that is found wrongly makes a bad one. For English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.conjugation import (
    BASES,
    FORMS,
    OWN,
    PARTICIPLES,
    PASTS,
    THIRD,
    Verb,
    is_plural,
)
from evolsynth.evaluation.text.numbers import NUMBER_WORDS
from evolsynth.evaluation.text.words import vocabularies

__all__ = ["ADVERBS", "DETERMINERS", "JOINS", "PREPOSITIONS", "REFERRING", "VAGUE", "Clause"]
__all__ += ["Span", "Token", "clauses_of", "tokens_of"]

_LISTS = vocabularies(__file__, "statements.txt")
PREPOSITIONS, REFERRING, ADVERBS = (
    _LISTS[name] for name in ("prepositions", "referring", "adverbs")
)
DETERMINERS, JOINS, VAGUE = (_LISTS[name] for name in ("determiners", "joins", "vague heads"))
_AUXILIARIES, _HEDGED, _SELDOM = (
    _LISTS[name] for name in ("auxiliaries", "hedged", "seldom verbs")
)
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:[-'\u2019.](?=\w)[^\W_]+)*|[^\w\s]")
#: The longest subject, and phrase before it, in tokens.
_SUBJECT, _LEAD = 9, 9
#: The longest sentence that is looked at, in tokens: a longer one is not plain.
_LONGEST = 80


class Span(NamedTuple):
    """A piece of a sentence: from the character ``start`` to before ``end``."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """What stands there."""
        return text[self.start : self.end]


class Token(NamedTuple):
    """A word or mark of a sentence: as it stands, in lower case, and where."""

    text: str
    lower: str
    start: int
    end: int


class Clause(NamedTuple):
    """A clause in the places of its sentence.

    Args:
        lead: a phrase before the subject that tells when or where; empty if there is none.
        subject: who or what it is said of.
        verb: the finite verb.
        finite: where that stands.
        rest: what follows in the same clause.
        cut: the mark or word that ends it and the one behind that (", which"); empty where it goes
            on to the end of the sentence.
        reason: of "because ..." behind it, from "because" to the end of the sentence; or empty.
        adverb: words between subject and verb ("still").
    """

    lead: Span
    subject: Span
    verb: Verb
    finite: Span
    rest: Span
    cut: str = ""
    reason: Span = Span(0, 0)
    adverb: Span = Span(0, 0)


@lru_cache(maxsize=2048)
def tokens_of(sentence: str) -> tuple[Token, ...]:
    """The words and marks of a sentence."""
    flat = sentence.replace("\u2019", "'")
    return tuple(
        Token(m.group(), m.group().lower(), m.start(), m.end()) for m in _TOKEN.finditer(flat)
    )


def clauses_of(sentence: str) -> list[Clause]:
    """The plain clauses of a sentence that is a statement; none of anything else.

    A verb behind "and" has the subject of the one before it ("was built in 1881 and burned in
    1905"); a clause behind ", and", ", but" or ";" has its own.
    """
    tokens = tokens_of(sentence)
    if not tokens or len(tokens) > _LONGEST or tokens[-1].text != ".":
        return []
    if any(token.text in _UNUSUAL for token in tokens):
        return []
    found: list[Clause] = []
    start: int | None = 0
    while start is not None:
        opening = _opening(tokens, start)
        if opening is None:
            break
        lead, subject, at = opening
        following: int | None = at
        while following is not None:
            clause, end = _predicate(tokens, lead, subject, following)
            if clause is not None:
                found.append(clause)
            lead = (0, 0)
            following = _same_subject(tokens, end)
        start = _own_subject(tokens, end)
    return found


_UNUSUAL = frozenset('"\u201c\u201d?!*_[]{}<>|=/')
_MARKS = frozenset(",;:\u2014\u2013()-")
_ENDS = frozenset(("and", "but", "or"))
_SOMETIMES = frozenset(("after", "before", "since", "as", "once", "until", "than"))
_TIME = re.compile(
    r"[12]\d{3}|spring|summer|autumn|winter|January|February|March|April|May|June|July|August"
    r"|September|October|November|December"
)
_CONNECTIVES = frozenset(
    [
        "however",
        "today",
        "nowadays",
        "therefore",
        "moreover",
        "besides",
        "thus",
        "overall",
        "later",
        "then",
        "finally",
        "afterwards",
        "indeed",
        "instead",
        "meanwhile",
    ]
)
Range = tuple[int, int]


def _place(tokens: tuple[Token, ...], span: Range) -> Span:
    first, end = span
    return Span(tokens[first].start, tokens[end - 1].end) if first < end else Span(0, 0)


def _opening(tokens: tuple[Token, ...], start: int) -> tuple[Range, Range, int] | None:
    """The phrase before the subject, the subject, and where the finite verb stands."""
    lead, first = _lead(tokens, start)
    if first is None:
        return None
    for at in range(first + 1, min(first + _SUBJECT + 2, len(tokens))):
        token = tokens[at]
        if _finite(tokens, at, first) is not None:
            end = at
            while end > first and tokens[end - 1].lower in ADVERBS:
                end -= 1
            before = tokens[end - 1].lower if end > first + 1 else ""
            joined = any(word.lower == "and" for word in tokens[first:end])
            if joined and token.lower not in _AUXILIARIES and before in BASES - _SELDOM:
                return None  # "mother and father take turns"
            return (lead, (first, end), at) if end > first else None
        if token.text == ",":
            behind = _behind_apposition(tokens, at)
            return None if behind is None else (lead, (first, at), behind)
        if token.text in _MARKS or token.lower in JOINS - _SOMETIMES:
            return None
    return None


def _behind_apposition(tokens: tuple[Token, ...], comma: int) -> int | None:
    """Where the verb stands behind "X, a town in Norway, ..."; None if that is no apposition."""
    for at in range(comma + 1, min(comma + 14, len(tokens) - 1)):
        if tokens[at].text == ",":
            return at + 1 if _finite(tokens, at + 1, at + 1, after_comma=True) else None
        opens = tokens[comma + 1].lower in ("which", "who", "whose")
        if not opens and tokens[at].lower in _AUXILIARIES | JOINS:
            return None
    return None


def _lead(tokens: tuple[Token, ...], start: int) -> tuple[Range, int | None]:
    """The phrase before the subject and where that begins; None where it cannot be told."""
    first = tokens[start].lower
    if start + 1 < len(tokens) and tokens[start + 1].text == "," and first in _CONNECTIVES:
        return (0, 0), start + 2
    if first in ("at", "in", "on", "by") and tokens[start + 1].lower == "first":
        return (0, 0), None
    if first not in PREPOSITIONS:
        return (0, 0), None if first in JOINS or first == "to" else start
    for at in range(start + 1, min(start + _LEAD, len(tokens) - 1)):
        if tokens[at].text == "," and not _in_a_date(tokens, at):
            return (start, at), at + 1
        if tokens[at].lower in _AUXILIARIES or tokens[at].lower in JOINS:
            break
    if first in ("in", "by", "since") and _TIME.fullmatch(tokens[start + 1].text):
        behind = start + 2
        behind += tokens[behind].text.isdigit()  # "In May 1881 the mill burned down"
        goes_on = tokens[behind].lower in ("or", "and", "to", "until", "of")
        return ((0, 0), None) if goes_on else ((start, behind), behind)
    return (0, 0), None


def _finite(
    tokens: tuple[Token, ...], at: int, first: int, *, after_comma: bool = False
) -> Verb | None:
    """The finite verb at a place, if there is one for a subject that begins at ``first``."""
    token = tokens[at]
    before = tokens[at - 1] if at > first else None
    if not token.text[0].islower() or (before is None and not after_comma):
        return None
    low = token.lower
    near = at - 1
    while near > first and (tokens[near].lower in ADVERBS or tokens[near].lower.endswith("ly")):
        near -= 1  # "the newly founded club"
    last = tokens[near].lower if before else ""
    if last in DETERMINERS or last in ("to", "of"):
        return None
    if low in _AUXILIARIES:
        return OWN.get(low) or Verb(low, False, True)
    if last in PREPOSITIONS or last.isdigit() or last in NUMBER_WORDS:
        return None
    if at + 1 < len(tokens) and tokens[at + 1].lower in _AUXILIARIES - {"can", "must"}:
        return None
    if low in PASTS:
        return None if low in BASES and is_plural(last) else Verb(PASTS[low], True, False)
    if low in THIRD and THIRD[low] not in _SELDOM and not is_plural(last):
        return Verb(THIRD[low], False, False)
    if low in BASES and low not in _SELDOM and is_plural(last):
        return Verb(low, False, False)
    return None


def _predicate(
    tokens: tuple[Token, ...], lead: Range, subject: Range, at: int
) -> tuple[Clause | None, int]:
    """The clause whose verb stands at a place, None if it is not plain; and where it ends."""
    verb = _finite(tokens, at, subject[0], after_comma=True) or _second_verb(tokens, at, subject)
    stop = len(tokens) - 1
    end = next((k for k in range(at + 1, stop) if _ends(tokens, k)), stop)
    if verb is None or tokens[at].lower in _HEDGED or not _plain(tokens, at, end, verb):
        return None, end
    cut = " ".join(token.lower for token in tokens[end : end + 2]) if end < stop else ""
    why = end + 1 if cut == ", because" else end
    because = why < stop and tokens[why].lower == "because" and tokens[why + 1].lower != "of"
    reason = _place(tokens, (why, stop)) if because else Span(0, 0)
    adverbs = at
    while adverbs > subject[1] and tokens[adverbs - 1].lower in ADVERBS:
        adverbs -= 1
    clause = Clause(
        _place(tokens, lead),
        _place(tokens, subject),
        verb,
        _place(tokens, (at, at + 1)),
        _place(tokens, (at + 1, end)),
        cut,
        reason,
        _place(tokens, (adverbs, at)),
    )
    return clause, end


def _second_verb(tokens: tuple[Token, ...], at: int, subject: Range) -> Verb | None:
    """A verb of the same subject behind "and"."""
    low = tokens[at].lower
    if low in PASTS:
        return Verb(PASTS[low], True, False)
    plural = is_plural(tokens[subject[1] - 1].lower)
    if low in THIRD and not plural:
        return Verb(THIRD[low], False, False)
    return Verb(low, False, False) if low in BASES and plural else None


def _ends(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a clause ends before this token."""
    low = tokens[at].lower
    if tokens[at].text == "," and _in_a_date(tokens, at):
        return False
    if tokens[at].text == "," and (_in_a_name(tokens, at) or _in_a_list(tokens, at)):
        return False
    if low == "so" and tokens[at + 1].lower != "that":
        return False  # "differ so much"
    if tokens[at].text in _MARKS:
        return True
    if low in _SOMETIMES:
        return _verb_before_mark(tokens, at + 1)
    if low in JOINS:
        return True
    return low in _ENDS and (
        _second_at(tokens, at) is not None or _verb_before_mark(tokens, at + 2)
    )


def _in_a_name(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a comma stands in or behind a place's name: "in Springfield, Massachusetts, in"."""
    if at < 2 or at + 2 >= len(tokens):
        return False
    opens = tokens[at - 2].lower in ("in", "at", "near", "of") and tokens[at - 1].text[0].isupper()
    if opens and tokens[at + 1].text[0].isupper():
        return tokens[at + 2].text == "," or at + 2 == len(tokens) - 1
    closes = tokens[at - 2].text == "," and _in_a_name(tokens, at - 2)
    return closes and tokens[at + 1].lower in PREPOSITIONS


def _in_a_date(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a comma stands within a date: "May 31, 1911", "31 May, 1911"."""
    if at < 2 or at + 1 >= len(tokens) or not re.fullmatch(r"[12]\d{3}", tokens[at + 1].text):
        return False
    day, month = sorted((tokens[at - 1].text, tokens[at - 2].text))
    return day.isdigit() and _TIME.fullmatch(month) is not None


def _in_a_list(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a comma parts the items of a list that goes on to the end: "rye, oats and wheat"."""
    behind = tokens[at + 1 : len(tokens) - 1]
    if behind and behind[0].lower in ("and", "or"):  # "mountains, lakes, and woods"
        earlier = max((k for k in range(at) if tokens[k].text == ","), default=0)
        return earlier > 0 and _in_a_list(tokens, earlier)
    last = max((k for k, token in enumerate(behind) if token.lower in ("and", "or")), default=0)
    if not last or len(behind) > 14 or len(behind) - last > 7 or behind[0].lower.endswith("ing"):
        return False
    if behind[0].lower in _ENDS | PREPOSITIONS | JOINS | ADVERBS or behind[0].lower in FORMS:
        return False
    return not any(
        token.lower in JOINS | _AUXILIARIES
        or (token.text in _MARKS and token.text != ",")
        or (k and _finite(tokens, at + 1 + k, at + 1) is not None)
        for k, token in enumerate(behind)
    )


def _verb_before_mark(tokens: tuple[Token, ...], start: int) -> bool:
    """Whether a finite verb stands between a place and the next mark."""
    for at in range(start, len(tokens) - 1):
        if tokens[at].text in _MARKS or tokens[at].lower in JOINS | _ENDS:
            return False
        if _finite(tokens, at, start - 1) is not None and at > start:
            return True
    return False


def _second_at(tokens: tuple[Token, ...], at: int) -> int | None:
    """Where a verb of the same subject stands behind "and"; None where none does."""
    place = at + 1
    while place < len(tokens) - 1 and tokens[place].lower in ADVERBS:
        place += 1
    token = tokens[place]
    low = token.lower
    if low in _AUXILIARIES or (
        low in PASTS and not (low in BASES or tokens[at - 1].lower in PARTICIPLES)
    ):
        return place
    behind = tokens[place + 1].lower if place + 1 < len(tokens) else ""
    opens = behind in DETERMINERS | PREPOSITIONS | ADVERBS or behind[:1].isdigit()
    if low in BASES and low not in _SELDOM and opens:
        return place  # "live in Antarctica and grow up to"
    third = low in THIRD and THIRD[low] not in _SELDOM
    return place if third and (opens or not is_plural(tokens[at - 1].lower)) else None


def _same_subject(tokens: tuple[Token, ...], end: int) -> int | None:
    """Where the next verb of the same subject stands behind the end of a clause."""
    if end < len(tokens) - 1 and tokens[end].text == ",":
        behind = tokens[end + 1].lower
        if behind in THIRD and THIRD[behind] not in _SELDOM:
            return end + 1  # "holds 2 litres, weighs 900 grams and costs 20 euros"
        end += behind in _ENDS
    return _second_at(tokens, end) if tokens[end].lower in ("and", "but") else None


def _own_subject(tokens: tuple[Token, ...], end: int) -> int | None:
    """Where a clause with a subject of its own begins behind the end of one."""
    if end >= len(tokens) - 2:
        return None
    if tokens[end].text == "," and tokens[end + 1].lower in ("and", "but", "so"):
        return end + 2
    if tokens[end].text == ";":
        return end + 1
    if tokens[end].lower in ("and", "but"):
        opening = _opening(tokens, end + 1)
        whole = opening is not None and not any(
            token.lower in PREPOSITIONS for token in tokens[opening[1][0] : opening[1][1]]
        )
        return end + 1 if whole else None
    return None


def _plain(tokens: tuple[Token, ...], at: int, end: int, verb: Verb) -> bool:
    """Whether no second finite verb stands in what follows a verb."""
    place = at + 1
    while place < end and (
        tokens[place].lower in ADVERBS or tokens[place].lower in ("be", "been", "being")
    ):
        place += 1
    if verb.past and not verb.aux and tokens[at + 1].lower in ("by", "with"):
        return False  # "buns coloured with saffron belong", "led by Tomas"
    reduced = verb.past and not verb.aux and tokens[at + 1].lower in PREPOSITIONS
    for k in range(place, end):
        low = tokens[k].lower
        if reduced and THIRD.get(low, "") in BASES - _SELDOM and low.endswith("s"):
            return False  # "the distance covered per turn depends"
        if low in ("not", "never", "no", "neither", "nor") or tokens[k].text in _HEDGED:
            return False
        if low in OWN or low in ("can", "will"):
            return False
        if k == place and verb.aux:
            continue
        past = low in PASTS and tokens[k].text[0].islower()
        if past and low not in PARTICIPLES and low not in BASES:
            return False
        if past and low not in BASES and tokens[k - 1].lower not in DETERMINERS | PREPOSITIONS:
            after = tokens[k + 1].lower if k + 1 < end else ""
            if after not in PREPOSITIONS and after != "to":
                return False
    return True
