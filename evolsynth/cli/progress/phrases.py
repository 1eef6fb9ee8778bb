"""Numbers, durations, foreign text and a run's steps as people read them on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from evolsynth.report.text import shorten, visible
from evolsynth.rows import TIERS, Tier
from evolsynth.store.status import StepCounts

__all__ = ["counted", "duration", "money", "one_line", "planned", "roughly", "rounded",
           "step_table", "sum_text", "tiers_text"]  # fmt: skip

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


def money(amount: float) -> str:
    """In the user's currency: to a hundredth, or to two figures of what is less than one."""
    if amount >= 1 or amount <= 0:
        return f"{amount:,.2f}" if amount else "0"
    return f"{amount:.{min(12, 1 - math.floor(math.log10(amount)))}f}"


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


def sum_text(accepted: int, rejected: int, failed: int) -> str:
    """``51 rows = 38 accepted + 12 rejected + 1 failed``."""
    told = f"{counted(accepted)} accepted + {counted(rejected)} rejected + {counted(failed)} failed"
    return f"{counted(accepted + rejected + failed)} rows = {told}"


def planned(step: StepCounts) -> int:
    """Rows of a step, wherever they are now."""
    return step.came + step.made - step.used


def tiers_text(tiers: Mapping[Tier, int]) -> str:
    """``12 verified, 30 unverified``: accepted rows by what their responses stand on."""
    return ", ".join(f"{counted(tiers[tier])} {tier}" for tier in TIERS if tiers.get(tier))


_LONGEST = 28  # of a step's name that is shown
_LEAST = 8


class _Column(NamedTuple):
    head: str
    of: Callable[[StepCounts], float]
    dropped: int  # the highest goes first where there is no room; 0 never goes
    name: int = 18  # characters of the steps' names that it does not take the room of
    style: str = ""
    told: Callable[[Any], str] = counted
    always: bool = True  # also where there is nothing in it


_COLUMNS = (
    _Column("planned", planned, 0),
    _Column("running", lambda step: step.running, 1, name=10, style="cyan"),
    _Column("went on", lambda step: step.left, 0, style="green"),
    _Column("rejected", lambda step: step.rejected, 0, style="yellow"),
    _Column("failed", lambda step: step.failed, 0, style="red"),
    _Column("asked", lambda step: step.asked, 3),
    _Column("stored", lambda step: step.found, 5),
    _Column("tokens", lambda step: step.tokens, 4),
    _Column("cost", lambda step: step.cost, 2, told=money, always=False),
)


def step_table(steps: Sequence[StepCounts], *, width: int, height: int | None = None) -> Table:
    """One line for each step; columns that do not fit are left out, the least needed first.

    Args:
        steps: in the order in which rows pass them.
        width: of the terminal, in characters.
        height: lines that there is room for; steps beyond it are counted in the last line, those
            at which nothing is under way first.
    """
    shown, hidden = _fitting(steps, height)
    names = [Text(one_line(step.name, _LONGEST)) for step in shown]
    longest = max([_LEAST, *(name.cell_len for name in names)])
    columns = [one for one in _COLUMNS if one.always or any(one.of(step) for step in steps)]
    while True:
        cells = [[column.told(column.of(step)) for column in columns] for step in shown]
        widths = [
            max(cell_len(column.head), *(len(row[place]) for row in cells), 0)
            for place, column in enumerate(columns)
        ]
        room = width - sum(widths) - 2 * len(columns)
        unneeded = max(columns, key=lambda column: column.dropped)
        if room >= min(longest, unneeded.name) or not unneeded.dropped:
            break
        columns.remove(unneeded)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("step", no_wrap=True, overflow="ellipsis", max_width=max(_LEAST, room))
    for column, wide in zip(columns, widths, strict=True):
        table.add_column(column.head, justify="right", no_wrap=True, min_width=wide)
    for name, row in zip(names, cells, strict=True):
        texts = (
            Text(value, style="dim" if value == "0" else column.style)
            for value, column in zip(row, columns, strict=True)
        )
        table.add_row(name, *texts)
    if hidden:
        table.add_row(Text(f"and {hidden} more", style="dim"))
    return table


def _fitting(steps: Sequence[StepCounts], height: int | None) -> tuple[list[StepCounts], int]:
    room = len(steps) if height is None else max(1, height - 1)
    if height is None or len(steps) <= height:
        return list(steps), 0
    busy = [place for place, step in enumerate(steps) if step.running][:room]
    idle = [place for place, step in enumerate(steps) if not step.running]
    kept = sorted([*busy, *idle[: room - len(busy)]])
    return [steps[place] for place in kept], len(steps) - len(kept)
