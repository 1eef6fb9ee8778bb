"""Demands on letters: their case, and how often one of them is used.

`lower_case`, `upper_case`, `title_case`, `capital_words_at_least`, `capital_words_at_most`,
`letter_at_least`, `letter_at_most` and `avoids_letter` are what IFEval calls english_lowercase,
english_capital, IFBench's title_case, capital_word_frequency and letter_frequency. As there, code
and links count as the rest does. What passes here passes there, save that IFEval guesses the
language of a text and ours says nothing of short ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from evolsynth.evaluation.demands.demand import GIVEN, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import has_code, word_places
from evolsynth.evaluation.text.language import language
from evolsynth.evaluation.text.task import Task
from evolsynth.options import Count, Natural

__all__ = ["avoids_letter", "capital_words_at_least", "capital_words_at_most", "letter_at_least"]
__all__ += ["letter_at_most", "lower_case", "title_case", "upper_case"]

#: One letter of English, small.
Letter = Annotated[str, msgspec.Meta(pattern="^[a-z]$")]

_PROSE: tuple[Task, ...] = ("explanation", "advice", "ideas", "creative", "letter", "opinion")
_PROSE += ("conversation", "other")
#: What is given letter by letter.
_FIXED = (*GIVEN, "choice", "placeholders", "thesis")
#: The same, of which some letter may be a part.
_SPELLED = (*_FIXED, "keywords", "frequency", "first_word_of_paragraph", "language")
#: Which nltk, that IFBench asks, parts in two.
_NOT = re.compile(r"(?:n['’]t|\b(?:cannot|gonna|gotta|wanna|gimme|lemme))\b", re.I)
#: Words of an answer that can still be read in capitals, and that others can tell the language of:
#: of 300 answers in capitals, langdetect takes 5% of those from 20 words on for another language,
#: and 40% of those below 10.
_LEAST_CASED, _MOST_CASED = 20, 160
_MOST_TITLED = 60
#: How many of a thousand letters of English prose are this one, of those that are asked for.
_SHARES = {
    "b": 15, "c": 28, "d": 43, "f": 22, "g": 20, "h": 61, "j": 2, "k": 8, "l": 40, "m": 24, "p": 19,
    "q": 1, "u": 28, "v": 10, "w": 24, "x": 2, "y": 20, "z": 1,
}  # fmt: skip
_LETTERS_A_WORD = 4.7


# Case ---------------------------------------------------------------------------------------------


@kind(
    "lower_case",
    about="case",
    tasks=_PROSE,
    clashes=(*_FIXED, "language", "capital_words_at_least", "plan"),
)
def lower_case(response: str) -> Miss | None:
    """In English, without a single capital letter."""
    return _cased(response, str.isupper, "a capital letter", "in small letters")


@lower_case.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@lower_case.applies
def _(response: str) -> str:
    return "" if has_code(response) else response.lower()


@kind("upper_case", about="case", tasks=_PROSE, clashes=(*_FIXED, "language"))
def upper_case(response: str) -> Miss | None:
    """In English, without a single small letter."""
    return _cased(response, str.islower, "a small letter", "in capitals")


@upper_case.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {} if _LEAST_CASED <= asked.words <= _MOST_CASED else None


@upper_case.applies
def _(response: str) -> str:
    return "" if has_code(response) else response.upper()


def _cased(response: str, wrong: Callable[[str], bool], what: str, how: str) -> Miss | None:
    place = next((i for i, letter in enumerate(response) if wrong(letter)), None)
    if place is not None:
        return Miss(f'It has {what}, "{response[place]}".', (place, place + 1))
    if not (response.islower() or response.isupper()):
        return Miss(f"It has no letters that could stand {how}.")
    told = language(response.lower())
    return None if told in (None, "en") else Miss(f"It is not in English ({told}).")


@kind(
    "title_case", about="case", tasks=("ideas", "creative", "other"), clashes=(*_FIXED, "language")
)
def title_case(response: str) -> Miss | None:
    """Each word, however small, with a capital letter first and small ones behind; a word all in
    capitals passes. IFBench lets a lone small "a" pass; it takes the "n't" of "Don't" and the
    "not" of "Cannot" for words, which have no capital, so these miss here."""
    for start, end in word_places(response):
        word = response[start:end]
        if word[0].islower():
            return Miss(f'"{word}" begins with a small letter.', (start, end))
        if not word.isupper() and _NOT.search(word):
            return Miss(f'"{word}" is two words; write both out.', (start, end))
    return None if any(map(str.isupper, response)) else Miss("It has no capital letter.")


@title_case.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {} if asked.words <= _MOST_TITLED else None


@title_case.applies
def _(response: str) -> str:
    if has_code(response) or _NOT.search(response):
        return ""
    letters = list(response)
    for start, _end in word_places(response):
        letters[start] = letters[start].title()
    return "".join(letters)


@kind(
    "capital_words_at_least",
    about="case",
    tasks=("advice", "ideas", "howto", "opinion", "letter", "creative", "explanation"),
    clashes=("language", "data", "choice"),
)
def capital_words_at_least(response: str, *, n: Count) -> Miss | None:
    """So many words all in capitals, of two letters or more: IFEval counts "I" and "A", too.

    Args:
        n: The fewest such words.
    """
    found = sum(
        end - start > 1 and response[start:end].isupper() and not _NOT.search(response[start:end])
        for start, end in word_places(response)
    )
    return None if found >= n else Miss(f"It has {found} words in capitals; {n} were asked for.")


@capital_words_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(2, 2 + asked.round)}


@kind(
    "capital_words_at_most",
    about="case",
    tasks=("letter", "opinion"),
    clashes=(*GIVEN, "choice"),
)
def capital_words_at_most(response: str, *, n: Natural) -> Miss | None:
    """No more than so many words all in capitals, "I", "A" and "U.S." among them.

    Args:
        n: The most such words.
    """
    tokens = re.finditer(r"\w+(?:[./-]\w+)*", response)
    found = [m.span() for m in tokens if m.group().isupper()]
    if len(found) <= n:
        return None
    why = f"It has {len(found)} words in capitals; at most {n} were asked for."
    return Miss(why, found[n])


@capital_words_at_most.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": max(1, 4 - asked.round)}


# Single letters -----------------------------------------------------------------------------------


@kind(
    "letter_at_least",
    about="letters",
    tasks=("creative", "explanation", "opinion", "letter", "ideas", "advice"),
    clashes=("language", "data", "choice"),
)
def letter_at_least(response: str, *, letter: Letter, n: Count) -> Miss | None:
    """A letter so often, small or capital; one with an accent is another.

    Args:
        letter: A small letter of English.
        n: The fewest times.
    """
    found = response.lower().count(letter)
    if found >= n:
        return None
    return Miss(f'The letter "{letter}" stands in it {found} times; {n} were asked for.')


@letter_at_least.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    letter = chance.choice("bcdfghlmpuwy")
    n = round(_usual(letter, asked) * chance.uniform(0.8, 1 + 0.1 * asked.round))
    return {"letter": letter, "n": n} if n > 2 else None


@kind(
    "letter_at_most",
    about="letters",
    tasks=("creative", "opinion", "letter", "ideas", "advice", "conversation"),
    clashes=_SPELLED,
)
def letter_at_most(response: str, *, letter: Letter, n: Count) -> Miss | None:
    """A letter no more often, small or capital.

    Args:
        letter: A small letter of English.
        n: The most times.
    """
    return _rare(response, letter, n)


@letter_at_most.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    letter = chance.choice("bfgkpvwy")
    n = round(_usual(letter, asked) * max(0.3, chance.uniform(0.6, 0.9) - 0.1 * asked.round))
    return {"letter": letter, "n": n} if n >= 2 else None


@kind(
    "avoids_letter",
    about="letters",
    tasks=("creative", "opinion", "letter", "ideas", "conversation"),
    clashes=(*_SPELLED, "plan"),
)
def avoids_letter(response: str, *, letter: Letter) -> Miss | None:
    """A letter nowhere, small or capital.

    Args:
        letter: A small letter of English.
    """
    return _rare(response, letter, 0)


@avoids_letter.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    there = asked.instruction.lower()
    some = [c for c in _SHARES if c not in there and 0.5 <= _usual(c, asked) <= 1 + asked.round]
    return {"letter": chance.choice(some)} if some else None


def _usual(letter: str, asked: Asked) -> float:
    """About how often a letter is in an answer so long."""
    return _SHARES[letter] * asked.words * _LETTERS_A_WORD / 1000


def _rare(response: str, letter: str, most: int) -> Miss | None:
    """Too often a letter, with the place of the first that is too many."""
    found = response.lower().count(letter)
    if found <= most:
        return None
    places = [i for i, one in enumerate(response) if one.lower() == letter]
    many = f"stands in it {found} times; at most {most} were asked for"
    place = (places[most], places[most] + 1) if most < len(places) else None
    return Miss(f'The letter "{letter}" {many if most else "stands in it"}.', place)
