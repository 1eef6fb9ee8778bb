"""Numbers, durations and foreign text as people read them on a terminal."""

from __future__ import annotations

import math

from evolsynth.report.text import shorten, visible

__all__ = ["counted", "duration", "one_line", "roughly", "rounded"]

#: Up to so many seconds, rounded to so many.
_STEPS = (
    (10, 5),
    (55, 10),
    (10 * 60, 60),
    (60 * 60, 5 * 60),
    (4 * 3600, 15 * 60),
    (36 * 3600, 3600),
)
_DAY = 24 * 3600


def counted(number: int) -> str:
    """With thousands separated; from ten million on in millions."""
    return f"{number / 1e6:,.1f}M" if number >= 10_000_000 else f"{number:,}"


def duration(seconds: float) -> str:
    """A measured time: ``3 min 05 s``."""
    whole = round(seconds)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    hours, rest = divmod(whole // 60, 60)
    return f"{hours} h {rest:02d} min"


def rounded(seconds: float) -> float:
    """An estimated time, rounded to what an estimate is good for; in seconds."""
    for most, step in _STEPS:
        if seconds < most:
            return max(step, math.floor(seconds / step + 0.5) * step)
    return max(1.5 * _DAY, round(seconds / (0.5 * _DAY)) * 0.5 * _DAY)


def roughly(seconds: float) -> str:
    """An estimated time: ``about 3 min``."""
    near = rounded(seconds)
    if near <= 5:
        return "a few seconds"
    if near < 60:
        return f"about {near:.0f} s"
    if near < 3600:
        return f"about {near / 60:.0f} min"
    if near < 1.5 * _DAY:
        hours, minutes = divmod(round(near / 60), 60)
        return f"about {hours} h {minutes:02d} min" if minutes else f"about {hours} h"
    return f"about {near / _DAY:g} days"


def one_line(text: object, limit: int = 200) -> str:
    """Somebody's text in one line: nothing in it moves the cursor or reorders what is shown."""
    return str(visible(shorten(str(text), limit)))
