"""What is found in a text, and what was lost of it."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

from evolsynth.evaluation.information_loss.segments import segments
from evolsynth.evaluation.information_loss.tokens import Token, tokens
from evolsynth.evaluation.text.numbers import Number, numbers
from evolsynth.evaluation.text.words import plain, stems_of

__all__ = ["InformationLoss", "Kind", "Loss", "LostSpan", "Reading"]

Kind = Literal[
    "number",
    "quantity",
    "name",
    "quotation",
    "code",
    "option",
    "negation",
    "constraint",
    "sub-question",
    "topic",
]


class LostSpan(msgspec.Struct, frozen=True):
    """What was lost: ``original[start:end] == text``; ``became`` is what stands for it now."""

    text: str
    start: int
    end: int
    kind: Kind
    became: str | None = None


class InformationLoss(msgspec.Struct, frozen=True, omit_defaults=True):
    """``score`` in [0, 1], 0 for nothing lost; ``lost`` in order of place.

    ``note`` says what could not be looked for, such as in a language other than English.
    """

    score: float
    flagged: bool
    lost: tuple[LostSpan, ...] = ()
    note: str | None = None


class Loss(NamedTuple):
    """A span and what it says by itself: from 0 for nothing to 1 for a sure loss."""

    span: LostSpan
    weight: float


class Reading:
    """A text and what is found in it, each part when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def plain(self) -> str:
        """The text with straight quotes, plain hyphens and spaces; places stay."""
        return plain(self.text)

    @cached_property
    def numbers(self) -> list[Number]:
        """Its numbers."""
        return numbers(self.text)

    @cached_property
    def tokens(self) -> list[Token]:
        """Its words, numbers and bounds."""
        return tokens(self.text, self.numbers)

    @cached_property
    def segments(self) -> list[tuple[int, int]]:
        """The pieces that can be lost by themselves."""
        return segments(self.text, self.tokens)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its words and their beginnings: see `occurs`."""
        return stems_of(self.text)

    @cached_property
    def flat(self) -> str:
        """One line, lower case."""
        return " ".join(self.plain.split()).casefold()

    def inside(self, start: int, end: int) -> list[int]:
        """The tokens of a piece."""
        return [i for i, t in enumerate(self.tokens) if start <= t.start < end]

    def lose(
        self, start: int, end: int, kind: Kind, weight: float, became: str | None = None
    ) -> Loss:
        """A loss of a piece of this text."""
        return Loss(LostSpan(self.text[start:end], start, end, kind, became), weight)
