"""Days between dates, dates before and after, weekdays."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import counted, day, inside, lists, text, whole

__all__ = ["Dates"]

_CASES = ("between", "after", "before", "weekday")


@problem("dates")
class Dates(Problem):
    """Dates: days between two, the date so many days later or earlier, the weekday."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A day and a number of days."""
        start = date(chance.randint(2019, 2027), 1, 1) + timedelta(days=chance.randrange(365))
        days = chance.randint(8, 28 if level == "small" else 120)
        case = chance.choice(_CASES)
        if case == "weekday" and days % 7 == 0:
            days += 1
        return {"case": case, "start": start.isoformat(), "days": days}

    def solve(self, values: Values) -> Solution:
        """Month by month."""
        case, days = inside(text(values, "case"), _CASES), whole(values, "days", 1, 3000)
        try:
            start = date.fromisoformat(text(values, "start"))
        except ValueError:
            raise InputError("'start' is no date.") from None
        end = start + timedelta(days=days)
        shown = {
            "start": day(start, year=True),
            "end": day(end, year=True),
            "days": counted(days, "day"),
            "weekday": lists("weekdays")[start.weekday()],
        }
        if case == "between":
            return Solution(case, shown, shown["days"], _by_months(start, end))
        if case == "weekday":
            weeks, rest = divmod(days, 7)
            answer = lists("weekdays")[end.weekday()]
            steps = [
                *_by_months(start, end),
                f"{days} days = {counted(weeks, 'week')}"
                + (f" and {counted(rest, 'day')}" if rest else ""),
                f"{shown['weekday']} + {counted(rest, 'day')} = {answer}"
                if rest
                else f"After whole weeks it is {answer} again.",
            ]
            return Solution(case, shown, answer, steps)
        if case == "after":
            return Solution(case, shown, shown["end"], _onwards(start, days))
        return Solution(case, shown, shown["start"], _back(end, days))


def _length(when: date) -> int:
    return calendar.monthrange(when.year, when.month)[1]


def _first_after(when: date) -> date:
    return when.replace(day=1) + timedelta(days=_length(when))


def _month(when: date) -> str:
    return lists("months")[when.month - 1]


def _by_months(start: date, end: date) -> list[str]:
    """How many of the days between lie in each month."""
    if (start.year, start.month) == (end.year, end.month):
        return [f"{end.day} − {start.day} = {end.day - start.day}"]
    parts, at = [_length(start) - start.day], _first_after(start)
    steps = [
        f"Left of {_month(start)} after the {_th(start.day)}: "
        f"{_length(start)} − {start.day} = {counted(parts[0], 'day')}"
    ]
    while (at.year, at.month) != (end.year, end.month):
        parts.append(_length(at))
        steps.append(f"{_month(at)}: {counted(parts[-1], 'day')}")
        at = _first_after(at)
    parts.append(end.day)
    steps.append(f"{_month(end)} up to the {_th(end.day)}: {counted(end.day, 'day')}")
    return [*steps, f"{' + '.join(map(str, parts))} = {sum(parts)}"]


def _onwards(start: date, days: int) -> list[str]:
    """From the date on, month by month."""
    steps, at, left = [], start, days
    while at.day + left > _length(at):
        rest = _length(at) - at.day
        after = _first_after(at)
        if rest:
            steps.append(f"{day(at)} + {counted(rest, 'day')} = {day(at + timedelta(days=rest))}")
        left -= rest + 1
        at = after
        steps.append(f"One day more is {day(at)}; {counted(left, 'day')} left")
    return (
        [*steps, f"{day(at)} + {counted(left, 'day')} = {day(at + timedelta(days=left))}"]
        if left
        else steps
    )


def _back(end: date, days: int) -> list[str]:
    """From the date back, month by month."""
    steps, at, left = [], end, days
    while left >= at.day:
        before = at.replace(day=1) - timedelta(days=1)
        left -= at.day
        steps.append(
            f"{day(at)} − {counted(at.day, 'day')} = {day(before)}; {counted(left, 'day')} left"
        )
        at = before
    if left:
        steps.append(f"{day(at)} − {counted(left, 'day')} = {day(at - timedelta(days=left))}")
    return steps


def _th(n: int) -> str:
    ending = "th" if 11 <= n <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
