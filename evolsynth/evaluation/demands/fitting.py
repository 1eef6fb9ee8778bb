"""Values that fit what was asked: numbers by length and round, words by subject and task."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import COMMON, FORM_WORDS, content, vocabulary, words

__all__ = ["LONG", "PROSE", "TOLD", "Drawn", "amount", "chosen", "in_verse", "number"]
__all__ += ["points_wanted", "stepped", "topic"]

#: What a kind draws: its values by name; None: it does not fit.
Drawn = Mapping[str, Any] | None
#: Kinds of tasks whose answers are texts of some length.
TOLD: tuple[Task, ...] = (
    "explanation",
    "advice",
    "howto",
    "ideas",
    "creative",
    "letter",
    "opinion",
    "other",
)
#: Those that are written in sentences and paragraphs.
PROSE: tuple[Task, ...] = ("explanation", "advice", "creative", "opinion", "other")
#: Those whose answers fall into parts: points, sections, steps.
LONG: tuple[Task, ...] = ("explanation", "advice", "howto", "ideas", "opinion", "other")


def amount(chance: random.Random, asked: Asked, *, first: float, change: float) -> float:
    """About so many words: a share of those expected, changed with each round after the first."""
    share = first + change * min(asked.round - 1, 3)
    return asked.words * share * chance.uniform(0.9, 1.1)


def stepped(value: float, *, least: int = 5) -> int:
    """A number as people say it: in fives, from 100 in tens, from 300 in fifties."""
    step = 5 if value < 100 else 10 if value < 300 else 50
    return max(step * round(value / step), least)


def number(
    chance: random.Random, asked: Asked, *, size: float, least: int, most: int
) -> int | None:
    """How many parts of about so many words each: as many as are expected, or one fewer or more,
    and more with the round; None where even the fewest are too many."""
    expected = asked.words / size
    if expected < 0.75 * least:
        return None
    count = round(expected) + chance.randint(-1, 1) + min(asked.round - 1, 2)
    return max(count, least) if count <= most else chance.randint((least + most) // 2, most)


def points_wanted(
    chance: random.Random, asked: Asked, *, size: float, least: int, most: int
) -> int | None:
    """How many points: those that the instruction asks for ("five ideas"), or else `number`."""
    said = [word.lower for word in words(asked.instruction)]
    for word, *behind in zip(said, said[1:], [*said[2:], ""], strict=False):
        count = COUNTS.get(word) or (int(word) if word.isdecimal() and len(word) < 3 else 0)
        if count > 1 and any(one.endswith("s") for one in behind):
            return count if least <= count <= 12 else None
    return number(chance, asked, size=size, least=least, most=most)


_VERSE = vocabulary(
    """poem poems poetry verse verses rhyme rhymes rhyming haiku haikus limerick limericks sonnet
    song songs lyrics rap ode ballad riddle couplet stanza stanzas lullaby"""
)


def in_verse(asked: Asked) -> bool:
    """Whether lines are wanted, not sentences: a poem, a song."""
    return any(word.lower in _VERSE for word in words(asked.instruction))


def topic(instruction: str) -> list[str]:
    """The words that say what an instruction is about, in lower case, in their order."""
    said = [
        word.lower
        for word in content(instruction)
        if word.lower.isalpha()
        and len(word.lower) >= 4
        and word.lower not in COMMON
        and word.stem not in FORM_WORDS
    ]
    return list(dict.fromkeys(said))


def chosen(lists: Mapping[str, Sequence[str]], name: str, task: str) -> list[list[str]]:
    """The lines of a data file under ``[name:task]`` (or ``[name]``), cut at semicolons."""
    some: Iterable[str] = lists.get(f"{name}:{task}") or lists.get(name) or ()
    return [[part.strip() for part in line.split(";")] for line in some]
