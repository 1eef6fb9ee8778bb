"""What a user, or a server's owner, allows: requests and tokens a minute, and how many at once."""

from __future__ import annotations

import msgspec

from evolsynth.errors import InputError

__all__ = ["Bucket", "Limits"]

# An allowance that was not used is kept for so many seconds and no longer. With more, a run that
# begins after a pause would send a burst that a server counting by the second refuses.
_KEPT_SECONDS = 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be asked of a server.

    ``requests_per_minute`` and ``tokens_per_minute`` (of the question and the longest answer asked
    for) are kept to; None: no such limit. ``concurrency`` fixes how many requests are under
    way at once; None: as many as the server was found to work on well, never more than ``most``.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None
    most: int = 256

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"{name} is {value}: it must be more than 0, or left out.")


class Bucket:
    """A token bucket: so much a minute, in the order in which it is asked for.

    It holds no timer: `wait` says for how long nothing may be taken. (The virtual scheduling
    algorithm of the ATM Forum's Traffic Management Specification 4.0.)
    """

    def __init__(self, per_minute: float | None) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._booked_to = float("-inf")

    def wait(self, now: float) -> float:
        """The seconds until something may be taken; 0 where that is now."""
        return max(0.0, self._booked_to - now)

    def take(self, amount: float, now: float) -> None:
        """Take some, however much: all that follows waits for it."""
        if self._rate is not None:
            start = max(self._booked_to, now - _KEPT_SECONDS)
            self._booked_to = start + amount / self._rate
