"""Reading a timetable."""

from __future__ import annotations

from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.clocks import told
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.tables.tabular import Table, written
from evolsynth.evaluation.problems.values import clock, inside, lists, pick, text, whole, wholes

__all__ = ["Timetable"]

_CASES = ("next", "last", "ride", "arrival")
_VEHICLES = ("bus", "train", "tram", "ferry")


@problem("timetable")
class Timetable(Problem):
    """Timetables: the next departure, the last one in time, how long a ride takes."""

    def draw(self, chance: Random, level: Level) -> Values:
        """Departures in order, each later than the one before also where it arrives."""
        n = 4 if level == "small" else 7
        step = 5 if level == "small" else 1
        at, leaves, rides = chance.randrange(6 * 60, 9 * 60, step), [], []
        for _ in range(n):
            leaves.append(at)
            rides.append(chance.randrange(25, 60, step))
            at += chance.randrange(45, 100, step)
        place = chance.randint(1, n - 1)
        case = chance.choice(_CASES)
        base = leaves[place - 1] if case == "next" else leaves[place] + rides[place]
        here, there = pick(chance, "towns", 2)
        return {
            "case": case,
            "vehicle": chance.choice(_VEHICLES),
            "here": here,
            "there": there,
            "leaves": leaves,
            "rides": rides,
            "time": base + chance.randrange(5, 35, 5),
            "place": place,
            "form": chance.choice(("CSV", "Markdown")),
        }

    def solve(self, values: Values) -> Solution:
        """By its lines."""
        case = inside(text(values, "case"), _CASES)
        leaves, rides = wholes(values, "leaves"), wholes(values, "rides")
        here, there = (inside(text(values, name), lists("towns")) for name in ("here", "there"))
        if len(leaves) != len(rides) or leaves != sorted(leaves):
            raise InputError("'leaves' and 'rides' are no timetable.")
        arrives = [a + b for a, b in zip(leaves, rides, strict=True)]
        time, place = whole(values, "time", 0, 1439), whole(values, "place", 0, len(leaves) - 1)
        shown = {
            "vehicle": inside(text(values, "vehicle"), _VEHICLES),
            "here": here,
            "there": there,
            "time": clock(time),
            "leaves": clock(leaves[place]),
        }
        rows = tuple((clock(a), clock(b)) for a, b in zip(leaves, arrives, strict=True))
        table = written(
            Table((here, there), rows), inside(text(values, "form"), ("CSV", "Markdown"))
        )
        if case == "ride":
            answer = told(rides[place])
            steps = [f"Departure {clock(leaves[place])}, arrival {clock(arrives[place])}"]
            return Solution(case, shown, answer, steps, table)
        if case == "arrival":
            return Solution(case, shown, clock(arrives[place]), [], table)
        if case == "next":
            place = next((i for i, at in enumerate(leaves) if at >= time), -1)
            if place < 1:
                raise InputError("'time' is before the first departure, or after the last.")
            steps = [
                f"The departure at {clock(leaves[place - 1])} is over by {shown['time']}.",
                f"The next departure is at {clock(leaves[place])}.",
            ]
            return Solution(case, shown, clock(leaves[place]), steps, table)
        fitting = [i for i, at in enumerate(arrives) if at <= time]
        if not fitting or arrives != sorted(arrives):
            raise InputError("'time' is before the first arrival.")
        place = fitting[-1]
        steps = [f"The departure at {clock(leaves[place])} arrives at {clock(arrives[place])}."]
        if place + 1 < len(leaves):
            late = clock(arrives[place + 1])
            steps.append(f"The next one arrives at {late}, which is after {shown['time']}.")
        return Solution(case, shown, clock(leaves[place]), steps, table)
