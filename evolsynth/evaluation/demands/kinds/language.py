"""Demands on the language of an answer.

`language` is IFEval's response_language, which asks langdetect. Ours goes by the commonest words,
and does not pass what it cannot tell: a few words in Latin letters.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, Literal

from evolsynth.evaluation.demands.demand import GIVEN, LISTS, SHAPES, Asked, Miss, kind
from evolsynth.evaluation.text.language import language as language_of
from evolsynth.evaluation.text.task import Task

__all__ = ["CODES", "also_in_language", "language"]

Language = Literal[
    "German", "French", "Spanish", "Italian", "Portuguese", "Dutch", "Russian", "Greek", "Arabic",
    "Hebrew", "Hindi", "Thai", "Korean", "Japanese", "Chinese", "English",
]  # fmt: skip
#: The code of ISO 639-1 of each.
CODES: Mapping[Language, str] = {
    "German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Portuguese": "pt",
    "Dutch": "nl", "Russian": "ru", "Greek": "el", "Arabic": "ar", "Hebrew": "he", "Hindi": "hi",
    "Thai": "th", "Korean": "ko", "Japanese": "ja", "Chinese": "zh", "English": "en",
}  # fmt: skip
#: Those that are asked for, the first most: a small model has seen something of them.
_ASKED: tuple[Language, ...] = ("Spanish", "French", "German", "Italian")
_TASKS: tuple[Task, ...] = ("explanation", "advice", "howto", "creative", "letter", "opinion")
_TASKS += ("ideas", "conversation", "fact")
#: A line that parts two versions.
_LINE = re.compile(r"^[^\S\n]*(?:-{3,}|\*{3,}|_{3,})[^\S\n]*$", re.M)
#: What is about words of English, or in words that are given.
_ENGLISH = (
    *("keywords", "forbidden", "frequency", "case", "letters", "contractions", "person", "adverbs"),
    *("example", "readability", "conjunctions", "word length", "variety", "choice", "numbers"),
    *("plan", "opening", "first_word_of_paragraph", "title", "table", *GIVEN),
)


@kind("language", about="language", tasks=_TASKS, clashes=_ENGLISH)
def language(response: str, *, language: Language) -> Miss | None:
    """In one language, as far as its words tell.

    Args:
        language: Its English name.
    """
    found = language_of(response)
    if found == CODES[language]:
        return None
    if found is None:
        return Miss(f"It cannot be told that it is in {language}.")
    return Miss(f"It is not in {language} but in another language ({found}).")


@language.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    # a word or two cannot be told, and who asks about words of a language wants these
    if asked.words < 20 or _ABOUT_LANGUAGE.search(asked.instruction):
        return None
    return {"language": chance.choices(_ASKED, (4, 3, 2, 1))[0]}


_ABOUT_LANGUAGE = re.compile(
    r"\b(?:translat\w*|languages?|grammar\w*|spell\w*|rhym\w*|synonym\w*|haiku|limerick|acrostic|"
    r"pronounc\w*|vocabulary|idioms?|english|french|german|spanish|italian|latin)\b",
    re.I,
)


@kind(
    "also_in_language",
    about="language",
    tasks=("letter", "fact", "ideas"),
    clashes=(*_ENGLISH, *SHAPES, *LISTS, "sentences", "words", "characters", "questions"),
)
def also_in_language(response: str, *, language: Language) -> Miss | None:
    """Twice: in English, then, below a line of three hyphens, in another language.

    Args:
        language: The second language's English name.
    """
    parts = _LINE.split(response.strip())
    if len(parts) != 2:
        return Miss(f"A line of hyphens parts it into {len(parts)}, not 2.")
    for part, wanted in zip(parts, ("English", language), strict=True):
        if language_of(part) != CODES[wanted]:
            start = response.find(part)
            why = f"The part that should be in {wanted} is not, or it cannot be told."
            return Miss(why, (start, start + len(part)))
    return None


@also_in_language.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if not 15 <= asked.words <= 100 or _ABOUT_LANGUAGE.search(asked.instruction):
        return None
    return {"language": chance.choices(_ASKED, (4, 3, 2, 1))[0]}
