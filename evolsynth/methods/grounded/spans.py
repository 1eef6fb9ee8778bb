"""The spans of a sentence that may be the answer to a question somebody else asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.evaluation.grounds.span import fits_question
from evolsynth.evaluation.text.conjugation import base_of
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.statements import PREPOSITIONS, tokens_of
from evolsynth.evaluation.text.words import content, stem, words
from evolsynth.methods.grounded.asking import QUESTION_KINDS, questions_of
from evolsynth.methods.grounded.asking.patterns import (
    AMOUNT,
    DAY,
    LENGTH,
    MASS,
    MONTH,
    TIME,
    YEAR,
)
from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.methods.grounded.said import said_in

__all__ = ["spans_for"]

_DATES = re.compile(
    rf"(?:{DAY},? )?(?:\d{{1,2}} (?:{MONTH})|(?:{MONTH}) \d{{1,2}})(?:,? {YEAR})?"
    rf"|(?:{MONTH}) {YEAR}|\b{YEAR}\b|\b\d{{1,2}}[:.]\d\d\b|\bnoon\b|\bmidnight\b"
    r"|\bthe (?:\d{1,2}(?:st|nd|rd|th)|[a-z]+th) century\b|\b(?:spring|summer|autumn|winter)\b"
)
_AMOUNTS = re.compile(rf"\b{AMOUNT}(?: ?(?:%|\u00b0 ?[CF]))?(?P<behind>(?: [a-z]+){{0,2}})")
_REASONS = re.compile(r"\bbecause (?!of\b)[^.;]+")
_NAMES = re.compile(
    r"\b[A-Z][\w'-]*(?: (?:of|the|de|von|van|der|la|le) (?=[A-Z])|(?: [A-Z][\w'-]*))*"
)


def spans_for(question: str, passage: Passage, sentence: Place) -> list[Place]:
    """The spans of a sentence that can answer a question by their type, each once.

    None that says only what the question says already. In the order of their places.
    """
    text = passage.text
    made = _as_made(question, passage, sentence)
    if made is not None:
        return [made]
    told = {one for w in content(question) for one in (w.stem, stem(base_of(w.lower)))}
    values = [number.values for number in numbers(question)]
    found: list[Place] = []
    for place in sorted({*_by_pattern(text, sentence), *_by_clause(passage, sentence)}):
        answer = place.of(text)
        said = [word for word in content(answer) if word.stem not in told]
        said = [word for word in said if not word.text[0].isdigit()]
        fresh = any(number.values not in values for number in numbers(answer))
        if (said or fresh) and len(answer.split()) <= 16 and fits_question(question, answer):
            found.append(place)
    return _of_its_kind(question, text, sentence, found)


def _as_made(question: str, passage: Passage, sentence: Place) -> Place | None:
    """The answer where rules would have asked the same of the sentence."""
    asked, first = _asks(question), question.split()[:1]
    for kind in QUESTION_KINDS:
        for made in questions_of(kind, passage):
            same = any(w.split()[:1] == first and _asks(w) == asked for w in made.wordings)
            if same and made.said.sentence == sentence:
                return made.answer
    return None


def _asks(question: str) -> frozenset[str]:
    return frozenset(stem(base_of(word.lower)) for word in content(question))


_HOW_MANY = re.compile(r"how many (?P<what>[a-z]+)\b", re.I)
_MEASURED = re.compile(r"how (?:long|far|tall|wide|high|deep|thick|old|heavy|fast)\b", re.I)
_MEASURE = re.compile(rf"{AMOUNT} ?(?:{TIME}|{LENGTH}|{MASS})(?: per [a-z]+)?", re.I)


def _of_its_kind(question: str, text: str, sentence: Place, spans: list[Place]) -> list[Place]:
    """Those that count or measure what is asked for, and phrases of place before bare names; all
    of them if none does."""
    better = spans
    if match := _HOW_MANY.match(question):
        noun = stem(match["what"])
        better = [s for s in spans if _counts(text[s.start : sentence.end], s.of(text), noun)]
    elif _MEASURED.match(question):
        return [s for s in spans if _MEASURE.fullmatch(s.of(text))]
    elif question.rstrip("?").endswith(" for"):
        better = [s for s in spans if s.of(text).startswith("to ")]
    elif question.lower().startswith("where"):
        better = [s for s in spans if s.of(text).split()[0].lower() in PREPOSITIONS]
    return better or spans


def _counts(behind: str, answer: str, noun: str) -> bool:
    """Whether a number is one of the things asked for: they stand in the answer, or behind it."""
    near = words(" ".join(behind.split()[: len(answer.split()) + 3]))
    return any(word.stem == noun for word in near) and bool(numbers(answer))


def _by_pattern(text: str, sentence: Place) -> Iterator[Place]:
    """Dates, amounts with the words behind them, and names."""
    dates = [Place(*match.span()) for match in _DATES.finditer(text, *sentence)]
    yield from dates
    for match in _AMOUNTS.finditer(text, *sentence):
        if any(match.start() < date.end and date.start < match.end() for date in dates):
            continue
        end = match.start("behind")
        yield Place(match.start(), end)
        for word in re.finditer(r" [a-z]+", match["behind"]):
            if word.group().strip() in PREPOSITIONS | {"and", "or", "of", "is", "was", "to"}:
                break
            yield Place(match.start(), end + word.end())
    for match in _REASONS.finditer(text, *sentence):
        yield Place(*match.span())
    known = {place.text for place in names(sentence.of(text))}
    for match in _NAMES.finditer(text, *sentence):
        if match.start() > sentence.start or match.group() in known or " " in match.group():
            yield Place(*match.span())


#: Prepositions that belong to the number behind them.
_HEDGES = frozenset(("about", "around", "over", "under", "up"))


def _by_clause(passage: Passage, sentence: Place) -> Iterator[Place]:
    """Subjects, objects, phrases behind the verb with and without their preposition, reasons."""
    for said in said_in(passage):
        if said.sentence != sentence:
            continue
        clause = said.clause
        yield said.within(clause.subject)
        if clause.lead.end:
            yield said.within(clause.lead)
        if clause.reason.end:
            yield said.within(clause.reason)
        for index, part in enumerate(said.parts):
            if part.start == part.end:
                continue
            place = said.within(part)
            yield place
            yield Place(place.start, said.within(said.parts[-1]).end)
            first = tokens_of(said.part(index))[0]
            if first.lower in (PREPOSITIONS | {"of"}) - _HEDGES:
                bare = place.start + first.end + 1
                yield Place(bare, place.end)
