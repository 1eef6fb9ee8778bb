"""Words that a demand may name: what an instruction is about, what suits an answer to it, and what
people overuse in such answers. The lists are in ``keywords.txt``, by kind of task; English.
"""

from __future__ import annotations

import re
from functools import lru_cache

from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.numbers import NUMBER_WORDS
from evolsynth.evaluation.text.verbs import COMMANDS, VERBS
from evolsynth.evaluation.text.words import (
    COMMON,
    FORM_WORDS,
    content,
    stem,
    stems_of,
    vocabularies,
    word_lists,
)

__all__ = ["fitting_words", "overused_words", "subject_words"]

_LISTS = word_lists(__file__, "keywords.txt")
#: Words that carry no subject of their own ("best", "ways", "different").
_GENERIC = vocabularies(__file__, "keywords.txt")["no subject"]
#: Behind them, what could be a verb is a noun ("by train").
_BEFORE_NOUNS = vocabularies(__file__, "keywords.txt")["before nouns"]
_ENDINGS = ("ly", "ing", "ed", "est", "ieth")

#: Asks for words rather than for sentences.
_SHORT = re.compile(r"\b(?:names?|titles?|slogans?|words?|topics?|questions?|captions?)\b", re.I)


@lru_cache(maxsize=1024)
def subject_words(instruction: str) -> tuple[str, ...]:
    """Words of an instruction that name what it is about, names with their capitals: none of
    another language, and no verb that it asks with."""
    if not is_english(instruction):
        return ()
    found: dict[str, None] = {}
    for word in content(instruction):
        lower = word.text.lower()
        if len(lower) < 4 or not lower.isalpha() or not lower.isascii():
            continue
        before = instruction[: word.start].rstrip(" \"'(*“‘")
        last = before[-12:].lower().split(" ")[-1]
        is_verb = (lower in VERBS or lower in COMMANDS) and last not in _BEFORE_NOUNS
        if is_verb or last == "to":
            continue
        if lower in _GENERIC or lower in COMMON or lower in NUMBER_WORDS:
            continue
        if lower.endswith(_ENDINGS) or word.stem in FORM_WORDS:
            continue
        is_name = word.text[0].isupper() and before and before[-1] not in ".!?:\n"
        found.setdefault(word.text if is_name else lower)
    return tuple(found)


def fitting_words(asked: Asked) -> list[str]:
    """Words that any good answer to such a task could use, and that the instruction does not."""
    if asked.task == "ideas" and _SHORT.search(asked.instruction):
        return []
    return _new(_LISTS.get(f"fit {asked.task}", []), asked.instruction)


def overused_words(asked: Asked) -> list[str]:
    """Words that people overuse in answers to such a task and that no answer needs."""
    some = _LISTS.get(f"overused {asked.task}", _LISTS["overused other"])
    return _new(some, asked.instruction)


def _new(lines: list[str], instruction: str) -> list[str]:
    """The words of a list that are not in an instruction, for which English is a must."""
    if not is_english(instruction):
        return []
    there = stems_of(instruction)
    some = [word.strip() for line in lines for word in line.split(",") if word.strip()]
    return [word for word in some if not any(stem(part) in there for part in word.split())]
