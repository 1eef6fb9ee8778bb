"""Times of the day: how long, until when, what time elsewhere."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import clock, counted, inside, lists, pick, text, whole

__all__ = ["Clocks", "told"]

_CASES = ("length", "until", "since", "zone")
_EVENTS = (
    "rehearsal", "meeting", "exam", "concert", "guided tour", "workshop", "film", "lesson",
    "ferry crossing", "football match", "lecture", "training session",
)  # fmt: skip


def told(minutes: int) -> str:
    """ "1 hour and 5 minutes"."""
    hours, rest = divmod(minutes, 60)
    parts = [counted(hours, "hour")] if hours else []
    return " and ".join([*parts, *([counted(rest, "minute")] if rest or not hours else [])])


@problem("clocks")
class Clocks(Problem):
    """Times of day: how long something lasts, when it ends or began, what time it is elsewhere."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A start, a length, and two places."""
        step = 5 if level == "small" else 1
        start = chance.randrange(7 * 60, 17 * 60, step)
        length = chance.randrange(35, 150 if level == "small" else 290, step)
        here, there = pick(chance, "cities", 2)
        while here.partition("/")[2] == there.partition("/")[2]:
            here, there = pick(chance, "cities", 2)
        case, event = chance.choice(_CASES), chance.choice(_EVENTS)
        return {"case": case, "start": start, "length": length, "event": event} | {
            "here": here,
            "there": there,
        }

    def solve(self, values: Values) -> Solution:
        """By minutes after midnight."""
        case = inside(text(values, "case"), _CASES)
        start, length = whole(values, "start", 0, 1439), whole(values, "length", 1, 1000)
        begins, ends = clock(start), clock(start + length)
        if case == "zone":
            return self._zone(values, start)
        shown = {
            "event": inside(text(values, "event"), _EVENTS),
            "start": begins,
            "end": ends,
            "length": told(length),
        }
        if case == "length":
            return Solution(case, shown, told(length), _up(start, start + length))
        hours, rest = divmod(length, 60)
        way = 1 if case == "until" else -1
        at, mark = (start, "+") if way > 0 else (start + length, "−")
        steps = []
        for part in (hours * 60, rest):
            if part:
                steps.append(f"{clock(at)} {mark} {told(part)} = {clock(at + way * part)}")
                at += way * part
        return Solution(case, shown, clock(at), steps)

    def _zone(self, values: Values, start: int) -> Solution:
        here, _, one = inside(text(values, "here"), lists("cities")).partition("/")
        there, _, two = inside(text(values, "there"), lists("cities")).partition("/")
        apart = int(two) - int(one)
        at = start + apart
        when = "" if 0 <= at < 1440 else " the next day" if at >= 1440 else " the day before"
        answer = clock(at) + when
        shown = {
            "here": here,
            "there": there,
            "start": clock(start),
            "one": _offset(int(one)),
            "two": _offset(int(two)),
            "ahead": f"{told(abs(apart))} {'ahead of' if apart > 0 else 'behind'}",
        }
        steps = (
            f"{there} is {shown['ahead']} {here}.",
            f"{clock(start)} {'+' if apart > 0 else '−'} {told(abs(apart))} = {answer}",
        )
        return Solution("zone", shown, answer, steps)


def _up(start: int, end: int) -> list[str]:
    """From one time to the other by way of the full hour, if there is one between them."""
    full = -(-start // 60) * 60
    last = end // 60 * 60
    marks = [start, *(m for m in (full, last) if start < m < end), end]
    marks = sorted(set(marks))
    parts = [b - a for a, b in pairwise(marks)]
    steps = [f"{clock(a)} to {clock(b)}: {told(b - a)}" for a, b in pairwise(marks)]
    if len(parts) > 1:
        steps.append(f"{' + '.join(told(part) for part in parts)} = {told(sum(parts))}")
    return steps


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
