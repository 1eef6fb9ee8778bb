"""What every kind of task about a text is made from and makes: a `Passage`, and `Draft`s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

__all__ = ["Draft", "Maker", "Passage", "Place"]


class Place(NamedTuple):
    """Where something stands in a text: from the character ``start`` to before ``end``."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """What stands there."""
        return text[self.start : self.end]


class Passage(NamedTuple):
    """A text to ask about.

    Args:
        text: as its reader gets it.
        title: of the whole document; empty if it has none.
        heading: of the part that it is, those above it in front, as "Care > Watering"; or empty.
        sentences: where each of them stands in the text.
    """

    text: str
    title: str
    heading: str
    sentences: tuple[Place, ...]


class Draft(NamedTuple):
    """A task about a text with its answer, before anybody judged it.

    Args:
        kind: of task ("year", "true_false", "fill_in").
        instruction: what is asked, without the text.
        response: the answer.
        input: the text that goes with it: the passage, or what a program made of it.
        evidence: the places of ``input`` that the answer stands on.
        ground: why the answer is right, for `evolsynth.evaluation.grounds`: its ``kind``, and what
            that needs to go through it again. All of it must be JSON.
        told: what else the row should say of how it was made (``wording``, ``swapped``).
    """

    kind: str
    instruction: str
    response: str
    input: str
    evidence: tuple[Place, ...]
    ground: Mapping[str, Any]
    told: Mapping[str, Any] = {}


#: Makes drafts of one kind of a passage without a model, the likeliest to be good first. All
#: chance comes from the generator that it is given.
Maker = Callable[[Passage, Random], Iterable[Draft]]
