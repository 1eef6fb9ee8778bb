"""Prices for a unit of something, and which of two packs is cheaper."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import (
    CURRENCIES,
    inside,
    lists,
    money,
    number,
    text,
    whole,
)

__all__ = ["Price"]

_CASES = ("unit", "amount", "cheaper")
_PLURAL = {"kg": "kg", "litre": "litres", "metre": "metres"}


@problem("price")
class Price(Problem):
    """Unit prices: for one kilogram, for several, and the cheaper of two packs."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A good, sizes of packs and their prices."""
        hard = level == "medium"
        unit = chance.randint(4, 60 if hard else 20) * (15 if hard else 50)
        size, other = chance.sample(range(2, 13 if hard else 7), 2)
        second = unit + chance.choice((-1, 1)) * chance.randint(1, 3) * (15 if hard else 30)
        return {
            "case": chance.choice(_CASES),
            "good": chance.choice(lists("packed")),
            "unit": unit,
            "second": max(second, 15),
            "size": size,
            "other": other,
            "sign": chance.choice(CURRENCIES),
        }

    def solve(self, values: Values) -> Solution:
        """By the price of one unit."""
        case, sign = inside(text(values, "case"), _CASES), text(values, "sign")
        good, _, of = inside(text(values, "good"), lists("packed")).partition("/")
        unit, second = whole(values, "unit", 1), whole(values, "second", 1)
        size, other = whole(values, "size", 2), whole(values, "other", 2)
        shown = {
            "good": good,
            "unit": of,
            "size": f"{size} {_PLURAL[of]}",
            "other": f"{other} {_PLURAL[of]}",
            "price": money(unit * size, sign),
            "second": money(second * other, sign),
        }
        one = money(unit, sign)
        first = f"{shown['price']} ÷ {size} = {one} per {of}"
        if case == "unit":
            return Solution(case, shown, one, [first])
        if case == "amount":
            answer = money(unit * other, sign)
            return Solution(case, shown, answer, [first, f"{other} × {one} = {answer}"])
        two = money(second, sign)
        shown |= {"one": one, "two": two, "less": money(abs(unit - second), sign)}
        steps = [
            f"Pack of {shown['size']}: {first}",
            f"Pack of {shown['other']}: {shown['second']} ÷ {other} = {two} per {of}",
        ]
        answer = f"the {number(Fraction(size if unit < second else other))} {of} pack"
        return Solution(case, shown, answer, steps)
