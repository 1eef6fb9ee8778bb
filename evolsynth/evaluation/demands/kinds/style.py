"""Demands on style: how long sentences and words are, how they begin, how easily they are read."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.demands.demand import GIVEN, LISTS, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import sentence_places, word_places
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.verbs import COMMANDS, SPELLINGS, VERBS
from evolsynth.evaluation.text.words import vocabularies
from evolsynth.options import Count

__all__ = ["no_ly_words", "reading_ease", "sentence_openings", "sentence_words_at_least"]
__all__ += ["sentence_words_at_most", "starts_with_verb", "word_letters_at_most"]

_PROSE: tuple[Task, ...] = ("explanation", "advice", "howto", "creative", "letter", "opinion")
_CLASHES = ("data", "table", "choice")
_LISTS = vocabularies(__file__, "style.txt")
_COMMANDS = VERBS | COMMANDS | SPELLINGS.keys() | _LISTS["more commands"]
_LETTERS = re.compile(r"[^\W\d_]+")
_FIRST = re.compile(r"[^\W\d_]+(?:['’]t\b)?")


# Sentences ----------------------------------------------------------------------------------------


@kind(
    "sentence_words_at_most",
    about="sentence length",
    tasks=(*_PROSE, "conversation", "fact"),
    clashes=(*_CLASHES, "request"),
)
def sentence_words_at_most(response: str, *, n: Count) -> Miss | None:
    """No sentence longer than so many words; the end of a line ends one.

    Args:
        n: The most words of a sentence, as white space tells them.
    """
    for start, end in sentence_places(response):
        found = _words_in(response[start:end])
        if found > n:
            return Miss(f"A sentence has {found} words; at most {n} were asked for.", (start, end))
    return None


@sentence_words_at_most.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": max(8, 20 - 3 * asked.round + chance.randint(0, 4))}


@kind(
    "sentence_words_at_least",
    about="sentence length",
    tasks=("explanation", "opinion", "creative"),
    clashes=(*_CLASHES, *GIVEN, *LISTS, "title", "plan", "emphasis", "quotes"),
)
def sentence_words_at_least(response: str, *, n: Count) -> Miss | None:
    """No sentence shorter than so many words; the end of a line ends one.

    Args:
        n: The fewest words of a sentence, as white space tells them.
    """
    for start, end in sentence_places(response):
        found = _words_in(response[start:end])
        if found < n:
            return Miss(f"A sentence has {found} words; {n} were asked for.", (start, end))
    return None


@sentence_words_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(4, 5 + asked.round)} if asked.words >= 30 else None


def _words_in(sentence: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


@kind(
    "sentence_openings",
    about="openings",
    tasks=_PROSE,
    clashes=(*_CLASHES, "request", "versions", "labels", "questions_and_answers"),
)
def sentence_openings(response: str) -> Miss | None:
    """No two sentences, nor two points of a list, with the same first word."""
    seen: set[str] = set()
    for start, end in sentence_places(response):
        first = next(iter(_LETTERS.findall(response[start:end])), "").lower()
        if first and first in seen:
            return Miss(f'Two sentences begin with "{first}".', (start, end))
        seen.add(first)
    return None


@sentence_openings.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {} if 30 <= asked.words <= 200 else None


@kind(
    "starts_with_verb",
    about="beginning",
    tasks=("advice", "howto"),
    clashes=(
        *_CLASHES,
        *LISTS,
        "title",
        "headings",
        "labels",
        "quotes",
        "request",
        "thesis",
        "plan",
        "language",
    ),
)
def starts_with_verb(response: str) -> Miss | None:
    """The first word is a verb that tells somebody what to do ("Try", "Choose"), in English."""
    word = _FIRST.search(response)
    if word is None:
        return Miss("It has no word.")
    if word.group().lower().replace("’", "'") in _COMMANDS:
        return None
    return Miss(f'It begins with "{word.group()}", which is no command.', word.span())


@starts_with_verb.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


# Words --------------------------------------------------------------------------------------------


@kind(
    "word_letters_at_most",
    about="word length",
    tasks=("explanation", "advice", "creative", "letter", "howto"),
    clashes=(*_CLASHES, *GIVEN, "keywords", "frequency", "language"),
)
def word_letters_at_most(response: str, *, n: Annotated[int, msgspec.Meta(ge=4)]) -> Miss | None:
    """No word of more letters; parts of a hyphenated one count apart.

    Args:
        n: The most letters of a word, from 4.
    """
    for match in _LETTERS.finditer(response):
        if len(match.group()) > n:
            return Miss(f'"{match.group()}" has {len(match.group())} letters.', match.span())
    return None


@word_letters_at_most.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    longest = max(map(len, _LETTERS.findall(asked.instruction)), default=0)
    n = max(9, 13 - asked.round - chance.randint(0, 1))
    return {"n": n} if longest <= n else None


@kind(
    "no_ly_words",
    about="adverbs",
    tasks=("creative", "letter", "opinion", "advice", "explanation"),
    clashes=(*GIVEN, "choice", "language", "keywords", "frequency", "first_word_of_paragraph"),
)
def no_ly_words(response: str) -> Miss | None:
    """No word that ends in "ly", whatever it is."""
    for start, end in word_places(response):
        if response[start:end].lower().endswith("ly"):
            return Miss(f'"{response[start:end]}" ends in "ly".', (start, end))
    return None


@no_ly_words.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return None if re.search(r"ly\b", asked.instruction, re.I) else {}


# Readability --------------------------------------------------------------------------------------


def flesch(text: str) -> float | None:
    """Flesch's reading ease (Flesch 1948): 100 is very easy, 0 very hard; None without a word."""
    words = _LETTERS.findall(re.sub(r"['’]", "", text))
    if not words:
        return None
    sentences = max(1, len(sentence_places(text)))
    from evolsynth.evaluation.demands.syllables import syllables

    beats = sum(map(syllables, words))
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * beats / len(words)


@kind(
    "reading_ease",
    about="readability",
    tasks=("explanation", "advice", "howto", "letter", "opinion", "creative"),
    clashes=(*_CLASHES, "language", "word_letters_at_most"),
)
def reading_ease(response: str, *, n: Annotated[int, msgspec.Meta(ge=0, le=100)]) -> Miss | None:
    """English whose reading ease by Flesch is so high; syllables are counted by rule.

    Args:
        n: The lowest, from 0 to 100; 60 and more is plain English.
    """
    found = flesch(response)
    if found is None or not is_english(response):
        return Miss("It is no English text whose reading ease could be told.")
    if found >= n:
        return None
    return Miss(f"Its reading ease is {found:.0f}; {n} was asked for.")


@reading_ease.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return (
        {"n": min(80, 55 + 5 * (asked.round + chance.randint(0, 1)))} if asked.words >= 30 else None
    )
