"""The table of a run's steps, at any width of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from evolsynth.cli.progress.lines import planned
from evolsynth.cli.progress.phrases import counted, one_line
from evolsynth.pipeline.run.watch import StepSeen

__all__ = ["step_table"]

_LONGEST = 28  # of a step's name that is shown
_LEAST = 8


class _Column(NamedTuple):
    head: str
    of: Callable[[StepSeen], int]
    dropped: int  # the highest goes first where there is no room; 0 never goes
    name: int = 18  # characters of the steps' names that it does not take the room of
    style: str = ""


_COLUMNS = (
    _Column("planned", planned, 0),
    _Column("running", lambda step: step.running, 1, name=10, style="cyan"),
    _Column("went on", lambda step: step.left, 0, style="green"),
    _Column("rejected", lambda step: step.rejected, 0, style="yellow"),
    _Column("failed", lambda step: step.failed, 0, style="red"),
    _Column("asked", lambda step: step.asked, 2),
    _Column("stored", lambda step: step.found, 4),
    _Column("tokens", lambda step: step.tokens, 3),
)


def step_table(steps: Sequence[StepSeen], *, width: int, height: int | None = None) -> Table:
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
    columns = list(_COLUMNS)
    while True:
        cells = [[counted(column.of(step)) for column in columns] for step in shown]
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


def _fitting(steps: Sequence[StepSeen], height: int | None) -> tuple[list[StepSeen], int]:
    room = len(steps) if height is None else max(1, height - 1)
    if height is None or len(steps) <= height:
        return list(steps), 0
    busy = [place for place, step in enumerate(steps) if step.running][:room]
    idle = [place for place, step in enumerate(steps) if not step.running]
    kept = sorted([*busy, *idle[: room - len(busy)]])
    return [steps[place] for place in kept], len(steps) - len(kept)
