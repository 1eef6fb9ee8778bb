"""Units of length, weight, volume, time and temperature."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, number, text, whole

__all__ = ["Units"]

_CASES = ("down", "up", "sum", "celsius", "fahrenheit", "compare")
#: Larger unit, smaller unit, how many of the smaller make one.
_PAIRS = (
    ("kilometres", "metres", 1000), ("metres", "centimetres", 100),
    ("centimetres", "millimetres", 10), ("kilograms", "grams", 1000),
    ("tonnes", "kilograms", 1000), ("litres", "millilitres", 1000),
    ("litres", "centilitres", 100), ("hours", "minutes", 60), ("minutes", "seconds", 60),
    ("days", "hours", 24), ("weeks", "days", 7), ("feet", "inches", 12), ("pounds", "ounces", 16),
    ("yards", "feet", 3),
)  # fmt: skip
_DECIMAL = frozenset((10, 100, 1000))
_ONE = {"feet": "foot", "inches": "inch"}


@problem("units")
class Units(Problem):
    """Conversion of units: length, weight, volume, time, temperature."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A pair of units and amounts."""
        case, hard = chance.choice(_CASES), level == "medium"
        pair = chance.randrange(len(_PAIRS))
        size = _PAIRS[pair][2]
        tenths = chance.randint(3, 95) if size in _DECIMAL and hard else 10 * chance.randint(2, 15)
        if size in (60, 24, 12, 16) and hard:
            tenths = 5 * chance.randint(3, 19)
        if (tenths * size) % 10:
            tenths = tenths // 10 * 10 or 10
        part = chance.randrange(1, size)
        if size >= 100:
            part = chance.randrange(1, 19) * size // 20
        warm = chance.randrange(-10, 40, 5)
        return {"case": case, "pair": pair, "tenths": tenths, "part": part, "degrees": warm}

    def solve(self, values: Values) -> Solution:
        """By how many of the smaller unit make one of the larger."""
        case = inside(text(values, "case"), _CASES)
        if case in ("celsius", "fahrenheit"):
            return _temperature(case, whole(values, "degrees", -273))
        large, small, size = _PAIRS[whole(values, "pair", 0, len(_PAIRS) - 1)]
        amount, part = Fraction(whole(values, "tenths", 1), 10), whole(values, "part", 1)
        inner = amount * size
        one = _single(large)
        shown = {
            "large": large,
            "small": small,
            "amount": _of(amount, large),
            "inner": _of(inner, small),
            "part": _of(part, small),
        }
        rule = f"1 {one} = {size} {small}"
        if case == "down":
            step = f"{number(amount)} × {size} = {number(inner)}"
            return Solution(case, shown, shown["inner"], [rule, step])
        if case == "up":
            step = f"{number(inner)} ÷ {size} = {number(amount)}"
            return Solution(case, shown, shown["amount"], [rule, step])
        other = inner + part if case == "compare" else Fraction(part)
        if case == "sum":
            answer = _of(inner + part, small)
            steps = [rule, f"{number(amount)} × {size} = {number(inner)}"]
            return Solution(
                case, shown, answer, [*steps, f"{number(inner)} + {part} = {number(inner + part)}"]
            )
        longer = part % 2 == 0
        other = inner + part if longer else max(inner - part, Fraction(1))
        shown |= {"other": _of(other, small), "by": _of(abs(other - inner), small)}
        answer = shown["other"] if longer else shown["amount"]
        high, low = max(other, inner), min(other, inner)
        steps = [rule, f"{number(amount)} × {size} = {number(inner)}"]
        steps.append(f"{number(high)} is more than {number(low)}.")
        return Solution(case, shown, answer, steps)


def _temperature(case: str, degrees: int) -> Solution:
    other = Fraction(degrees * 9, 5) + 32
    shown = {"c": f"{degrees} °C", "f": f"{number(other)} °F"}
    if case == "celsius":
        steps = [f"({number(other)} − 32) × 5 / 9 = {degrees}"]
        return Solution(case, shown, shown["c"], steps)
    return Solution(case, shown, shown["f"], [f"{degrees} × 9 / 5 + 32 = {number(other)}"])


def _single(unit: str) -> str:
    return _ONE.get(unit, unit.removesuffix("s"))


def _of(amount: Fraction | int, unit: str) -> str:
    return f"{number(amount)} {_single(unit) if amount == 1 else unit}"
