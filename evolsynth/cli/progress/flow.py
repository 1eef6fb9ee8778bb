"""How many rows come to each step of a run, by what became of those so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.state import RunState

__all__ = ["COUNTED_BY_ACCEPTED", "Flow"]

#: Sources whose n is of rows that are accepted.
COUNTED_BY_ACCEPTED = ("bootstrap_tasks",)
#: Rows that a branch has ready when it waits for others (some of those that are kept for it).
_ENOUGH = 20.0


class _Branch(NamedTuple):
    """A branch of those that take turns, for each row that it gives, whether it is good or not."""

    came: dict[int, float]  # to each step, from the first
    good: float  # rows that go on
    most: float  # rows that it can give in all
    gave: float  # so far


class Flow:
    """Rows on their way through the steps of a run.

    Args:
        state: the run.
        growth: for each step, what a row becomes there in rows, while nothing is known.
    """

    def __init__(self, state: RunState, growth: Sequence[float]) -> None:
        self._state = state
        self._growth = growth
        self._taken = {before for node in state.nodes for before in node.inputs}
        #: Whether there are branches that take turns.
        self.in_turn = any(_joins(node) for node in state.nodes)

    def grown(self, start: float) -> tuple[float, list[float]]:
        """Rows that come out at the end, and that come to each step, of so many that sources
        make."""
        state = self._state
        made = [
            0 if node.inputs else step.made
            for step, node in zip(state.counts, state.nodes, strict=True)
        ]
        total = sum(made)
        sources = [start * (rows / total if total else 1.0) for rows in made]
        ended, came, _ = self._through(sources, range(len(made)))
        return ended, came

    def coming(self, rows: float, accepted: float | None) -> list[float] | None:
        """Rows that will have come to each step once so many have come out at the end, or so many
        of them good; None where none will ever come out.

        Where branches take turns, a slow one must bring as many as the others before these go on,
        and not the few that it had brought so far; and while they wait they work ahead.
        """
        each = self.grown(1.0)[0]
        if each <= 0:
            return None
        came = self.grown(rows / each)[1]
        for place, node in enumerate(self._state.nodes):
            if _joins(node):
                if accepted is not None:
                    for step, some in self._after(place, accepted).items():
                        came[step] = some
                branches = [self._branch(last) for last in node.inputs]
                before = _turns(branches, float(self._state.counts[place].left))
                turns = _turns(branches, came[place])
                for branch in branches:
                    self._ahead(branch, turns, before, came)
        return came

    def _after(self, merge: int, accepted: float) -> dict[int, float]:
        """The rows that come to a step and to all behind it until so many good ones are out."""
        came, gone, nodes = {merge: 1.0}, dict[int, float](), self._state.nodes
        for place in range(merge, len(nodes)):
            if any(before in gone for before in nodes[place].inputs):
                came[place] = sum(gone.get(before, 0.0) for before in nodes[place].inputs)
            if place in came:
                growth, goes_on = self._becomes(place)
                gone[place] = came[place] * growth * goes_on
        out = sum(rows for place, rows in gone.items() if place not in self._taken)
        return {place: rows * accepted / out for place, rows in came.items()}

    def _ahead(self, branch: _Branch, turns: float, before: float, came: list[float]) -> None:
        """What comes to the steps of a branch until it has had so many turns: the rows that it
        gives there, and those that it has in its steps then.

        It works ahead until all its steps have as many as they hold. That is now, if it has enough
        ready.
        """
        full = branch.gave - min(before, branch.most) >= _ENOUGH
        held = 0.0  # of the slowest none are ready when the others have all that they wait for
        for step in reversed(branch.came):
            counts, share = self._state.counts[step], branch.came[step]
            inside = bool(self._state.nodes[step].inputs)
            gone = float(counts.came - counts.running if inside else counts.made)
            now = max(0.0, gone - share * min(before, branch.most))
            some = now if full else max(now, held * share)
            came[step] = min(share * min(turns, branch.most) + some, share * branch.most)
            if inside:
                width = self._state.nodes[step].step.concurrency or self._state.width
                held += (width or self._state.at_once / 2) / max(share, 0.1)

    def _branch(self, last: int) -> _Branch:
        counts, nodes = self._state.counts, self._state.nodes
        steps = sorted(self._above(last))
        firsts = [step for step in steps if not nodes[step].inputs]
        sources = [1.0 if step in firsts else 0.0 for step in range(len(nodes))]
        rejected, came, gone = self._through(sources, steps)
        gives = rejected + gone[last]
        limits = [self.limit(step) for step in firsts]
        gave = float(counts[last].left + sum(counts[k].rejected + counts[k].failed for k in steps))
        ended = all(counts[k].made >= most for k, most in zip(firsts, limits, strict=True))
        idle = ended and not any(counts[k].running for k in steps)
        return _Branch(
            {step: came[step] / gives for step in steps},
            gone[last] / gives,
            gave if idle else gives * min(limits),
            gave,
        )

    def _through(
        self, sources: Sequence[float], places: Iterable[int]
    ) -> tuple[float, list[float], list[float]]:
        """Rows that come out, at the end or rejected before; that come to each of these steps; and
        that go on from there; of so many that each source makes."""
        ended, came, gone = 0.0, [0.0] * len(sources), [0.0] * len(sources)
        nodes = self._state.nodes
        for place in places:
            inputs = nodes[place].inputs
            growth, goes_on = self._becomes(place)
            came[place] = sum(gone[before] for before in inputs) if inputs else sources[place]
            gone[place] = came[place] * growth * goes_on
            ended += came[place] * growth * (1 - goes_on)
        ended += sum(rows for place, rows in enumerate(gone) if place not in self._taken)
        return ended, came, gone

    def _becomes(self, place: int) -> tuple[float, float]:
        """What becomes of a row in a step: so many, and of these such a share goes on."""
        step, node = self._state.counts[place], self._state.nodes[place]
        done = step.left + step.rejected + step.failed
        had = max(0, step.came - step.running)
        growth = (done + 2 * self._growth[place]) / (had + 2) if node.inputs else 1.0
        if node.step.shape == "join" and step.used == 0 and not step.rejected:
            growth = self._growth[place]  # rows that wait in it for others are not gone
        return growth, (step.left + 2.0) / (done + 2.0) if done else 1.0

    def limit(self, source: int) -> float:
        """Rows that a source makes at most."""
        step, node = self._state.counts[source], self._state.nodes[source]
        limit = node.step.parameters.get("limit")
        if node.step.kind in COUNTED_BY_ACCEPTED:
            limit = float(node.step.parameters.get("n", 0))
            return max(step.made, limit * (step.made + 4.0) / (step.left + 3.0))
        return float(limit) if isinstance(limit, int) else math.inf

    def _above(self, last: int) -> list[int]:
        """The steps of a branch, from its last to its source."""
        found, waiting = list[int](), [last]
        while waiting:
            found.append(waiting.pop())
            waiting += [k for k in self._state.nodes[found[-1]].inputs if k not in found]
        return found


def _turns(branches: Sequence[_Branch], rows: float) -> float:
    """Turns that branches take until so many good rows have come of all. In a turn each gives one,
    also one that was rejected in it."""
    turns = 0.0
    for branch in sorted(branches, key=lambda branch: branch.most):
        good = sum(one.good for one in branches if one.most > turns)
        more = min(branch.most - turns, rows / good) if good > 0 else 0.0
        turns, rows = turns + more, rows - more * good
    return turns


def _joins(node: Node) -> bool:
    return node.step.kind == "merge" and len(node.inputs) > 1
