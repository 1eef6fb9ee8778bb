"""Demands on words: to use, to do without, how often, in which order.

`includes`, `avoids`, `word_at_least` and `word_at_most` are IFEval's existence, forbidden_words and
frequency; `word_exactly`, `different_words_at_least`, `no_word_more_than` and `conjunctions` are
IFBench's keywords_multiple, unique_word_count, repeats and conjunctions; `word_in_sentence` is its
sentence:keyword. Words count whatever their case. What has to be there is whole, its plural or
possessive counts ("garden's"); what may not be there, not in these forms either. IFEval finds a
word within others ("art" in "start"): so do the upper bounds here, and nothing else. What passes
here passes there, save that "don’t" is "don't" here.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.demands.demand import GIVEN, LISTS, Asked, Miss, kind
from evolsynth.evaluation.demands.keywords import (
    fitting_words,
    overused_words,
    subject_words,
)
from evolsynth.evaluation.demands.reading import pick, places_of, sentence_places
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import plain, word_lists
from evolsynth.options import Count, Natural

__all__ = ["avoids", "conjunctions", "different_words_at_least", "includes", "no_word_more_than"]
__all__ += ["word_at_least", "word_at_most", "word_exactly", "word_in_sentence", "words_in_order"]

#: A word or a phrase, and some of them.
Phrase = Annotated[str, msgspec.Meta(min_length=1, pattern=r"\w")]
Phrases = Annotated[list[Phrase], msgspec.Meta(min_length=1, max_length=12)]

_PROSE: tuple[Task, ...] = ("explanation", "advice", "howto", "creative", "letter", "opinion")
_PROSE += ("ideas",)
_CLASHES = ("language", "data", "choice", "avoids_letter")
_CONJUNCTIONS = frozenset({"and", "but", "for", "nor", "or", "so", "yet"})
_NO_MARKS = str.maketrans("", "", string.punctuation)
#: A list's marker, or a line that ends without a mark.
_UNCLEAR = re.compile(
    r"^[^\S\n]*(?:\d{1,3}[.)]|[-*+•])(?=\s)|[^\s.!?…\"'”’)*_][\"'”’)*_]*[^\S\n]*\n", re.M
)
_ORDERS = [tuple(line.split(", ")) for line in word_lists(__file__, "words.txt")["words of order"]]


# Words to use, and to do without ------------------------------------------------------------------


@kind("includes", about="keywords", tasks=_PROSE, clashes=_CLASHES)
def includes(response: str, *, words: Phrases) -> Miss | None:
    """Each of some words or phrases, or its plural, anywhere.

    Args:
        words: The words or phrases.
    """
    lacking = [word for word in words if not places_of(word, response, forms=True)]
    return Miss(f"It lacks {_listed(lacking)}.") if lacking else None


@includes.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    fits = fitting_words(asked)
    number = chance.randint(1, min(1 + asked.round, 4))
    words = pick(chance, fits, number)
    own = subject_words(asked.instruction)
    if own and len(words) > 1 and chance.random() < 0.4:
        words = [*words[1:], chance.choice(own)]
    return {"words": words} if words else None


@kind(
    "avoids",
    about="forbidden",
    tasks=(*_PROSE, "conversation", "other"),
    clashes=(*GIVEN, "language", "choice", "keywords", "first_word_of_paragraph"),
)
def avoids(response: str, *, words: Phrases) -> Miss | None:
    """None of some words or phrases, nor their plurals.

    Args:
        words: The words or phrases.
    """
    for word in words:
        for place in places_of(word, response, forms=True):
            return Miss(f'It uses "{response[slice(*place)]}".', place)
    return None


@avoids.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    words = pick(chance, overused_words(asked), chance.randint(1, min(1 + asked.round, 5)))
    return {"words": words} if words else None


# How often ----------------------------------------------------------------------------------------


@kind("word_at_least", about="frequency", tasks=_PROSE, clashes=_CLASHES)
def word_at_least(response: str, *, word: Phrase, n: Count) -> Miss | None:
    """A word so often, or its plural.

    Args:
        word: The word or phrase.
        n: The fewest times.
    """
    found = len(places_of(word, response, forms=True))
    return None if found >= n else Miss(f'It has "{word}" {found} times; {n} were asked for.')


@word_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    own = subject_words(asked.instruction)
    if not own or asked.words < 40:
        return None
    most = min(2 + asked.round, max(2, asked.words // 25))
    return {"word": chance.choice(own), "n": chance.randint(2, most)}


@kind(
    "word_at_most",
    about="frequency",
    tasks=_PROSE,
    clashes=("language", "data", "choice", "request"),
)
def word_at_most(response: str, *, word: Phrase, n: Natural) -> Miss | None:
    """A word no more often, also as a part of longer ones.

    Args:
        word: The word or phrase.
        n: The most times.
    """
    found = _within(word, response)
    if len(found) <= n:
        return None
    return Miss(f'It has "{word}" {len(found)} times; at most {n} were asked for.', found[n])


@word_at_most.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    own = [word for word in subject_words(asked.instruction) if len(word) > 4]
    if not own or asked.words < 50:
        return None
    return {"word": chance.choice(own), "n": chance.randint(2, 3)}


@kind("word_exactly", about="frequency", tasks=_PROSE, clashes=(*_CLASHES, "request"))
def word_exactly(response: str, *, word: Phrase, n: Count) -> Miss | None:
    """A word exactly so often, and no longer word that holds it.

    Args:
        word: The word or phrase.
        n: How many times.
    """
    found, within = len(places_of(word, response)), _within(word, response)
    if found == len(within) == n:
        return None
    if found == n:
        return Miss(f'"{word}" stands in other words, too.', within[-1])
    place = within[n] if len(within) > n else None
    return Miss(f'It has "{word}" {found} times; {n} were asked for.', place)


@word_exactly.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    own = [word for word in subject_words(asked.instruction) if len(word) > 4]
    if not own or asked.words < 40:
        return None
    return {"word": chance.choice(own), "n": chance.randint(2, min(2 + asked.round, 4))}


def _within(word: str, response: str) -> list[tuple[int, int]]:
    """Where a word stands, also within longer ones."""
    return [m.span() for m in re.finditer(re.escape(plain(word)), plain(response), re.I)]


# Order and place ----------------------------------------------------------------------------------


@kind(
    "words_in_order",
    about="keywords",
    tasks=("howto", "creative", "advice", "letter"),
    clashes=_CLASHES,
)
def words_in_order(response: str, *, words: Phrases) -> Miss | None:
    """Each of some words, the first time after the one before it.

    Args:
        words: The words or phrases, in their order.
    """
    since = 0
    for word in words:
        place = next((p for p in places_of(word, response) if p[0] >= since), None)
        if place is None:
            behind = "" if not since else " behind the words that come before it"
            return Miss(f'It lacks "{word}"{behind}.')
        since = place[1]
    return None


@words_in_order.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.task in ("howto", "advice"):
        return {"words": list(chance.choice(_ORDERS))} if asked.words >= 40 else None
    words = pick(chance, fitting_words(asked), 2 + (asked.round > 1))
    chance.shuffle(words)
    return {"words": words} if len(words) > 1 else None


@kind(
    "word_in_sentence",
    about="keywords",
    tasks=("explanation", "creative", "opinion", "letter", "advice"),
    clashes=(
        *_CLASHES,
        *LISTS,
        "table",
        "headings",
        "labels",
        "title",
        "request",
        "versions",
        "plan",
    ),
)
def word_in_sentence(response: str, *, word: Phrase, n: Count) -> Miss | None:
    """A word in one of the sentences, counted from the first, with no list up to it.

    Args:
        word: The word or phrase.
        n: The number of the sentence.
    """
    found = sentence_places(response)
    if len(found) < n:
        return Miss(f"It has {len(found)} sentences; the word was asked for in number {n}.")
    start, end = found[n - 1]
    if unclear := _UNCLEAR.search(response, 0, end):
        why = "The sentences of lists and of lines without a mark can be counted in two ways."
        return Miss(why, unclear.span())
    if places_of(word, response[start:end], forms=True):
        return None
    return Miss(f'Sentence {n} lacks "{word}".', (start, end))


@word_in_sentence.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.words < 30:
        return None
    words = [*fitting_words(asked), *subject_words(asked.instruction)]
    last = min(1 + asked.round, max(1, asked.words // 25), 4)
    return {"word": chance.choice(words), "n": chance.randint(1, last)} if words else None


# Variety ------------------------------------------------------------------------------------------


@kind(
    "different_words_at_least",
    about="variety",
    tasks=("creative", "explanation", "opinion", "letter"),
    clashes=("data", "choice", "no_word_more_than", "language"),
)
def different_words_at_least(response: str, *, n: Count) -> Miss | None:
    """So many different words, as white space tells them; forms of one are different.

    Args:
        n: The fewest.
    """
    found = {word.strip(string.punctuation) for word in response.lower().split()}
    count = sum(any(map(str.isalnum, word)) for word in found)
    return None if count >= n else Miss(f"It has {count} different words; {n} were asked for.")


@different_words_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    usual = asked.words * 3 // 5
    return (
        {"n": 5 * round((usual + chance.randint(0, 10 * asked.round)) / 5)} if usual > 20 else None
    )


@kind(
    "no_word_more_than",
    about="variety",
    tasks=("creative", "opinion", "letter", "explanation"),
    clashes=(*GIVEN, *LISTS, "table", "versions", "frequency", "keywords", "choice", "plan"),
)
def no_word_more_than(response: str, *, n: Count) -> Miss | None:
    """No word, however small, more often than that.

    Args:
        n: The most times of any word.
    """
    words: Sequence[str] = response.lower().translate(_NO_MARKS).split()
    for word, count in Counter(words).most_common(1):
        if count > n:
            return Miss(f'It has "{word}" {count} times; at most {n} were asked for.')
    return None


@no_word_more_than.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.words > 120:
        return None
    return {"n": max(2, asked.words // 15 + 1 - asked.round + chance.randint(0, 2))}


@kind(
    "conjunctions",
    about="conjunctions",
    tasks=("creative", "explanation", "opinion", "letter"),
    clashes=("data", "choice", "language", "table"),
)
def conjunctions(response: str, *, n: Annotated[int, msgspec.Meta(ge=1, le=7)]) -> Miss | None:
    """So many different ones of "and", "but", "for", "nor", "or", "so" and "yet".

    Args:
        n: The fewest, from 1 to 7.
    """
    words = {word.strip(string.punctuation) for word in response.lower().split()}
    found = len(words & _CONJUNCTIONS)
    return None if found >= n else Miss(f"It has {found} of the seven; {n} were asked for.")


@conjunctions.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": min(2 + asked.round, 5)} if asked.words >= 50 else None


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
