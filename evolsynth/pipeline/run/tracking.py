"""Which rows are inside a step, so that none of them can get lost."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

from evolsynth.findings import reason
from evolsynth.rows import Row
from evolsynth.store.store import StepCounts

__all__ = ["DROPPED", "Tracker"]

#: The reason of a row that a step took in and never gave back.
DROPPED = reason(
    "dropped",
    "A step of a pipeline took the row in and never gave it back.",
    "Let your own step yield every row that it takes in, with row.reject(...) for those that it "
    "does not want.",
)
#: A step that goes on with rows so much later than one it holds has dropped that one.
_WINDOW = 10_000


class _Inside(NamedTuple):
    number: int
    row: Row
    as_it_was: Row  # before its columns were changed about for the step


class Tracker:
    """Counts what enters and leaves a step, and keeps the order of what passes around it.

    A row is known by its id. One that leaves and did not enter was made; the rows that it names
    as parents, if they are inside, were used up for it. With ``around``, settled rows do not
    enter: they are held and go on before the first row that follows from a later one.
    """

    def __init__(self, counts: StepCounts, *, around: bool) -> None:
        self.counts = counts
        self.streak = 0
        self.ended = False
        self._around = around
        self._inside: OrderedDict[str, _Inside] = OrderedDict()
        self._twins: dict[str, deque[_Inside]] = {}
        self._held: deque[_Inside] = deque()
        self._number = self._passed = 0

    def enter(self, row: Row, as_it_was: Row | None = None) -> bool:
        """Whether the step gets the row."""
        self._number += 1
        entry = _Inside(self._number, row, row if as_it_was is None else as_it_was)
        if row.settled:
            if self._around:
                self._held.append(entry)
                return False
        else:
            self.counts.came += 1
            self.counts.running += 1
        if row.id in self._inside:
            self._twins.setdefault(row.id, deque()).append(entry)
        else:
            self._inside[row.id] = entry
        return True

    def passes(self, row: Row) -> bool:
        """Whether the row only passes through: it was settled when it came."""
        entry = self._inside.get(row.id)
        return entry is not None and entry.row.settled

    def leave(self, row: Row) -> Iterator[Row]:
        """What goes on now that the step gave this row: it, and before it what is due."""
        entry = self._take(row.id)
        if entry is None:
            self.counts.made += 1
            for parent in row.parents:
                used = self._inside.get(parent)
                if used is not None and not used.row.settled:
                    self._take(parent)
                    self.counts.used += 1
                    self.counts.running -= 1
                    self._passed = max(self._passed, used.number)
            self._count(row)
        else:
            self._passed = max(self._passed, entry.number)
            if not entry.row.settled:
                self.counts.running -= 1
                self._count(row)
        if self._around:
            yield from self._due()
        yield row

    def rest(self) -> Iterator[Row]:
        """What is left when the step has ended: settled rows, and those that it dropped."""
        left = [*self._inside.values(), *(e for twins in self._twins.values() for e in twins)]
        self._inside.clear()
        self._twins.clear()
        for entry in sorted([*left, *self._held]):
            yield entry.row if entry.row.settled else self._dropped(entry.as_it_was)
        self._held.clear()

    def inside(self) -> list[Row]:
        """The live rows that the step has, in the order in which they came."""
        held = [*self._inside.values(), *(e for twins in self._twins.values() for e in twins)]
        return [entry.row for entry in sorted(held) if not entry.row.settled]

    def _take(self, name: str) -> _Inside | None:
        entry = self._inside.pop(name, None)
        if self._twins and name in self._twins:
            twins = self._twins[name]
            self._inside[name] = twins.popleft()
            if not twins:
                del self._twins[name]
        return entry

    def _count(self, row: Row) -> None:
        if row.failure is not None:
            self.counts.failed += 1
            self.streak += 1
            return
        self.streak = 0
        if row.settled:
            self.counts.rejected += 1
        else:
            self.counts.left += 1

    def _due(self) -> Iterator[Row]:
        while self._held and self._held[0].number < self._passed:
            yield self._held.popleft().row
        if self.ended or len(self._inside) <= _WINDOW:
            return
        while self._inside:
            name, entry = next(iter(self._inside.items()))
            if entry.number >= self._passed - _WINDOW:
                return
            self._take(name)
            yield entry.row if entry.row.settled else self._dropped(entry.as_it_was)

    def _dropped(self, row: Row) -> Row:
        self.counts.running -= 1
        self.counts.rejected += 1
        return row.reject(DROPPED, **{DROPPED: {"step": self.counts.name}})
