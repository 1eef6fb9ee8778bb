"""What a spoiler is: a function that damages a text in a way that a reader can undo.

A spoiler is one function in one file of this package::

    @spoiler("shouted", unit="sentence")
    def shouted(text: str, chance: Random) -> Spoiled | None:
        return Spoiled(text.upper()) if text.islower() else None

It gives None where the spoiled text would not decide what the original was, or, where something is
to be written anew, whether the original does what is asked. The same generator
always gives the same, so that the original, spoiled again, shows that the answer is right. Requests
to mend it stand in ``prompts/inverse/NAME.txt`` under ``[mend]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, NamedTuple

from evolsynth.evaluation.text.task import Task
from evolsynth.registry import Registry

__all__ = ["SPOILERS", "Spoiled", "Spoiler", "Unit", "spoiler"]

#: What of a text is taken: one sentence or one to three of them, a paragraph, lines or a table.
Unit = Literal["sentence", "sentences", "paragraph", "lines", "table", "json"]


class Spoiled(NamedTuple):
    """A spoiled text, and what a wording may say of it (``{name}``)."""

    text: str
    shown: Mapping[str, str] = {}


Spoil = Callable[[str, Random], Spoiled | None]


class Spoiler(NamedTuple):
    """One way to spoil.

    Args:
        name: of it, and of its wordings.
        unit: what it takes.
        spoil: the function; see the module.
        about: what it does, in a sentence.
        task: what kind of task it is to mend it.
        decides: whether the spoiled text says what the original was; else others would do, too,
            and the original is known by its digest.
    """

    name: str
    unit: Unit
    spoil: Spoil
    about: str
    task: Task = "rewriting"
    decides: bool = True


#: All of them by name.
SPOILERS: Registry[Spoiler] = Registry(
    "way to spoil a text", "evolsynth.evaluation.spoiling", "evolsynth.spoilers"
)


def spoiler(
    name: str, *, unit: Unit, task: Task = "rewriting", decides: bool = True
) -> Callable[[Spoil], Spoil]:
    """Register a function as the spoiler of that name; see `Spoiler`."""

    def made(function: Spoil) -> Spoil:
        about = " ".join((function.__doc__ or "").partition("\n\n")[0].split())
        SPOILERS.register(
            name, Spoiler(name, unit, function, about, task, decides), function.__module__
        )
        return function

    return made
