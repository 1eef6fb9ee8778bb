"""How a run asks its models: when it may, and how often."""

from __future__ import annotations

from typing import Protocol

import msgspec

from evolsynth.errors import InputError

__all__ = ["Control", "Retry"]


class Retry(msgspec.Struct, frozen=True):
    """How often a request is tried whose error says that asking again can help.

    ``attempts`` in all, with ``wait`` seconds before the second, twice as long before each further
    one, at most ``longest``.
    """

    attempts: int = 3
    wait: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InputError(f"retry: attempts is {self.attempts}, and must be at least 1.")
        if self.wait < 0 or self.longest < 0:
            raise InputError("retry: wait and longest are seconds, and cannot be below 0.")

    def pause(self, attempt: int) -> float:
        """Seconds to wait after so many attempts."""
        return min(self.longest, self.wait * 2.0 ** min(attempt - 1, 60))


class Control(Protocol):
    """The run, as far as a model's requests go."""

    async def may_ask(self) -> None:
        """Return when a request may be sent; never, once the run is stopping."""

    def began(self) -> None:
        """A request is under way."""

    def ended(self) -> None:
        """It is not any more, and its answer is stored."""
