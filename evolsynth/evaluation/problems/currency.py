"""Changing money at a given rate."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, number, text, whole

__all__ = ["Currency"]

_CASES = ("change", "back", "fee")
#: Currencies: several, one, and about how many cents of a euro it is worth; rates are drawn near
#: that, so that none is absurd.
_WORTH = {
    "euros": ("euro", 100), "US dollars": ("US dollar", 92), "pounds": ("pound", 116),
    "Swiss francs": ("Swiss franc", 104), "Danish kroner": ("Danish krone", 13),
    "Canadian dollars": ("Canadian dollar", 66), "Polish zloty": ("Polish zloty", 23),
    "Mexican pesos": ("Mexican peso", 5), "Norwegian kroner": ("Norwegian krone", 9),
    "Australian dollars": ("Australian dollar", 60), "Brazilian reais": ("Brazilian real", 16),
}  # fmt: skip
_UNITS = tuple(_WORTH)


@problem("currency")
class Currency(Problem):
    """Currency change at a given rate, with or without a fee."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """Two currencies, a made-up rate in hundredths, and an amount."""
        small = level == "small"
        here, there = chance.sample(_UNITS, 2)
        if _WORTH[here][1] < _WORTH[there][1]:
            here, there = there, here
        near = 100 * _WORTH[here][1] / _WORTH[there][1]
        rate = round(near * chance.uniform(0.94, 1.06) / (10 if small else 1)) * (
            10 if small else 1
        )
        rate = rate if rate != 100 else 110
        amount = chance.randint(2, 20) * (10 if small else 25)
        return {
            "case": chance.choice(_CASES),
            "here": here,
            "there": there,
            "rate": rate,
            "amount": amount,
            "fee": chance.choice((2, 3, 5, 10)),
        }

    def solve(self, values: Values) -> Solution:
        """By multiplication, or division."""
        case = inside(text(values, "case"), _CASES)
        here, there = inside(text(values, "here"), _UNITS), inside(text(values, "there"), _UNITS)
        rate, amount = Fraction(whole(values, "rate", 1), 100), whole(values, "amount", 1)
        fee = whole(values, "fee", 1)
        got = amount * rate
        shown = {
            "here": here,
            "there": there,
            "one": _WORTH[here][0],
            "rate": f"{number(rate)} {there}",
            "amount": f"{amount} {here}",
            "fee": f"{fee} {here}",
            "got": f"{number(got)} {there}",
        }
        if case == "change":
            return Solution(
                case, shown, shown["got"], [f"{amount} × {number(rate)} = {number(got)}"]
            )
        if case == "back":
            steps = [f"{number(got)} ÷ {number(rate)} = {amount}"]
            return Solution(case, shown, shown["amount"], steps)
        left = (amount - fee) * rate
        steps = [f"{amount} − {fee} = {amount - fee}"]
        steps.append(f"{amount - fee} × {number(rate)} = {number(left)}")
        return Solution(case, shown, f"{number(left)} {there}", steps)
