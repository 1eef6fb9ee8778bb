"""What a model's answers cost, by prices that the user tells. Nothing is looked up anywhere.

A price is in units of any currency for a million tokens, as servers tell it. The sums are
floating-point numbers and are rounded only where they are shown.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.base import Completion, Score

__all__ = ["FREE", "Price", "Prices", "Spending", "Spent", "Tokens", "prices_of", "tokens_of"]

_MILLION = 1e6

#: A price of a million tokens.
Price = Annotated[float, msgspec.Meta(ge=0)]


class Tokens(msgspec.Struct, frozen=True):
    """What is billed: tokens ``read`` (a prompt's), those of them that the server had read before
    (``cached``), and tokens ``written``.

    An error of a back end may carry them as its attribute ``billed``, where the server told what
    the question cost that it did not answer.
    """

    read: int = 0
    written: int = 0
    cached: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.read + other.read, self.written + other.written, self.cached + other.cached
        )


def tokens_of(answer: Completion | Score) -> Tokens:
    """What an answer is billed as; the tokens of a text that was scored were read."""
    if isinstance(answer, Score):
        return Tokens(answer.prompt_tokens + len(answer.logprobs))
    read, written = answer.discarded
    return Tokens(answer.prompt_tokens + read, answer.tokens + written, answer.cached_tokens)


class Prices(msgspec.Struct, frozen=True):
    """Prices of a million tokens: those read (``input``), those written (``output``), and those
    read that the server had read before (``cached``; None: as ``input``).

    Raises:
        InputError: one is no number from 0 on.
    """

    input: float = 0.0
    output: float = 0.0
    cached: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"The price of {name} tokens is {value}: give a number from 0 on.")

    @property
    def free(self) -> bool:
        """Whether nothing costs anything."""
        return not (self.input or self.output or self.cached)

    def cost(self, tokens: Tokens) -> float:
        """What so many tokens cost."""
        cached = min(tokens.cached, tokens.read)
        at_cached = self.input if self.cached is None else self.cached
        read = (tokens.read - cached) * self.input + cached * at_cached
        return (read + tokens.written * self.output) / _MILLION


#: Of a model that works in this process.
FREE = Prices()


def prices_of(
    *,
    price_in: Price | None = None,
    price_out: Price | None = None,
    price_cached: Price | None = None,
) -> Prices | None:
    """Prices as the options of a model, or of a run, tell them; None where none is told.

    Args:
        price_in: the price of a million tokens that a model on a server reads, in any currency.
        price_out: the price of a million tokens that it writes.
        price_cached: the price of a million tokens read that its server had read before; by
            default as of all others.
    """
    if price_in is None and price_out is None and price_cached is None:
        return None
    return Prices(price_in or 0.0, price_out or 0.0, price_cached)


class Spent(msgspec.Struct):
    """What one step's questions to one model took: ``answers`` of them, their tokens, and the
    prices, None where they are not known."""

    step: str
    model: str
    answers: int = 0
    tokens: Tokens = Tokens()
    prices: Prices | None = None

    @property
    def cost(self) -> float:
        """What they cost, as far as that is known."""
        return 0.0 if self.prices is None else self.prices.cost(self.tokens)


class Spending:
    """What a run's models were paid for, in all its attempts, by step and model.

    An answer counts when it is stored, once: what is found in the store costs nothing again.

    Args:
        kept: what `kept` gave in an earlier attempt; what cannot be read is left out.
    """

    def __init__(self, kept: Any = None) -> None:
        try:
            known = msgspec.convert(kept or [], list[Spent])
        except (msgspec.ValidationError, InputError):  # damaged: it decides nothing but a budget
            known = []
        self._spent = {(one.step, one.model): one for one in known}

    def price(self, model: str, prices: Prices | None) -> None:
        """From now on a model has these prices, also what it was asked before; None: as before."""
        if prices is not None:
            for one in self._spent.values():
                if one.model == model:
                    one.prices = prices

    def add(self, step: str, model: str, tokens: Tokens, prices: Prices | None) -> None:
        """Count an answer."""
        one = self._spent.setdefault((step, model), Spent(step, model))
        one.answers += 1
        one.tokens += tokens
        one.prices = prices or one.prices

    def cost(self, step: str | None = None) -> float:
        """What a step cost, or all of it."""
        return math.fsum(one.cost for one in self._spent.values() if step in (None, one.step))

    def tokens(self) -> Tokens:
        """All that is counted."""
        return sum((one.tokens for one in self._spent.values()), Tokens())

    @property
    def priced(self) -> bool:
        """Whether any of it has a price."""
        return any(one.prices and not one.prices.free for one in self._spent.values())

    def kept(self) -> list[Any]:
        """It as JSON has it."""
        found: list[Any] = msgspec.to_builtins(list(self._spent.values()))
        return found
