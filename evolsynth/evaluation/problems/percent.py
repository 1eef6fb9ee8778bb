"""Percentages of amounts."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import (
    CURRENCIES,
    article,
    inside,
    lists,
    money,
    number,
    plural,
    text,
    whole,
)

__all__ = ["Percent"]

_CASES = ("part", "discount", "rise", "rate")
_GROUPS = ("guests", "voters", "pupils", "passengers", "readers", "visitors", "members")


@problem("percent")
class Percent(Problem):
    """Percentages: a part of a whole, a discount, a rise, the rate itself."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A case, a rate and a whole that it divides."""
        hard = level == "medium"
        case = chance.choice(_CASES)
        rate = chance.choice((5, 15, 35, 12, 45, 8, 65) if hard else (10, 20, 25, 50, 75, 30))
        if case == "rise":
            rate = chance.choice((5, 15, 12, 8, 4) if hard else (10, 20, 25, 30))
        if case in ("part", "rate"):
            n = chance.randint(2, 24 if hard else 9) * (100 if hard else 20)
            while (n * rate) % 100:
                n += 20
            return {"case": case, "rate": rate, "whole": n, "group": chance.choice(_GROUPS)}
        amount = chance.randint(4, 60 if hard else 20) * (500 if hard else 1000)
        thing = plural(chance.choice(lists("dear")))[0]
        sign = chance.choice(CURRENCIES)
        return {"case": case, "rate": rate, "cents": amount, "thing": thing, "sign": sign}

    def solve(self, values: Values) -> Solution:
        """By the share of one hundred."""
        case, rate = inside(text(values, "case"), _CASES), whole(values, "rate", 1, 100)
        if case in ("part", "rate"):
            n, group = whole(values, "whole", 1), text(values, "group")
            part = Fraction(n * rate, 100)
            shown = {"rate": f"{rate}%", "whole": str(n), "group": group, "part": number(part)}
            if case == "part":
                steps = [f"{n} × {rate} / 100 = {number(part)}"]
                return Solution(case, shown, number(part), steps)
            steps = [
                f"{number(part)} / {n} = {number(Fraction(rate, 100))}",
                f"{number(Fraction(rate, 100))} × 100 = {rate}",
            ]
            return Solution(case, shown, f"{rate}%", steps)
        cents, thing, sign = whole(values, "cents", 1), text(values, "thing"), text(values, "sign")
        change = Fraction(cents * rate, 100)
        shown = {
            "rate": f"{rate}%",
            "price": money(cents, sign),
            "thing": thing,
            "a_thing": article(thing),
            "change": money(change, sign),
        }
        after = cents - change if case == "discount" else cents + change
        mark, answer = "−" if case == "discount" else "+", money(after, sign)
        steps = [
            f"{rate}% of {shown['price']} = {shown['change']}",
            f"{shown['price']} {mark} {shown['change']} = {answer}",
        ]
        return Solution(case, shown, answer, steps)
