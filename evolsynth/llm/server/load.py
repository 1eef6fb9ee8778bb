"""How many requests a server should have under way at once: found by watching it."""

from __future__ import annotations

from evolsynth.llm.server.limits import Limits

__all__ = ["Load"]

_FIRST = 4


class Load:
    """The number of requests that one server gets at once.

    It holds no clock and asks nothing: it is told what happened, and says `limit`.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.concurrency or limits.most
        self._fixed = limits.concurrency is not None
        self.limit = self._most if self._fixed else min(_FIRST, self._most)

    @property
    def wanted(self) -> int:
        """How many requests should be there to choose from, so that more can be tried."""
        return self.limit if self._fixed else min(self._most, 2 * self.limit)

    def answered(self, now: float, *, entered: float, busy: bool) -> None:
        """An answer came. ``busy``: others waited, so the server had all it was allowed."""
        if not self._fixed and busy:
            self.limit = min(self._most, self.limit + 1)

    def refused(self, now: float, *, entered: float, left: int) -> None:
        """The server said that it has too much to do; ``left`` others are under way."""
        if not self._fixed:
            self.limit = max(1, self.limit * 3 // 4)

    def slowed(self, now: float, *, entered: float) -> None:
        """An answer did not come in time."""
        if not self._fixed:
            self.limit = max(1, self.limit // 2)
