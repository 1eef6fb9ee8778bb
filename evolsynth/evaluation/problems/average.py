"""Mean, median, range and missing values of a few numbers."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, joined, number, text, wholes

__all__ = ["Average"]

_CASES = ("mean", "median", "range", "missing")
_THINGS = (
    "test scores", "page counts", "ticket sales", "quiz points", "visitor numbers",
    "word counts", "daily sales",
)  # fmt: skip


@problem("average")
class Average(Problem):
    """Mean, median and range of a few numbers, and the value that a mean still needs."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """Numbers whose mean is written with one decimal at most."""
        n = chance.randint(4, 5) if level == "small" else chance.randint(6, 9)
        case = chance.choice(_CASES)
        numbers = chance.sample(range(3, 40 if level == "small" else 160), n)
        while sum(numbers) * (10 if case == "mean" else 1) % n:
            numbers = chance.sample(range(3, 40 if level == "small" else 160), n)
        return {"case": case, "numbers": numbers, "thing": chance.choice(_THINGS)}

    def solve(self, values: Values) -> Solution:
        """By the definitions."""
        case, numbers = inside(text(values, "case"), _CASES), wholes(values, "numbers")
        listed, n, total = [str(one) for one in numbers], len(numbers), sum(numbers)
        shown = {
            "numbers": joined(listed),
            "thing": inside(text(values, "thing"), _THINGS),
            "n": str(n),
        }
        added = f"{' + '.join(listed)} = {total}"
        ranked = sorted(numbers)
        if case == "mean":
            answer = number(Fraction(total, n))
            return Solution(case, shown, answer, [added, f"{total} ÷ {n} = {answer}"])
        if case == "range":
            low, high = ranked[0], ranked[-1]
            steps = [f"Largest: {high}", f"Smallest: {low}", f"{high} − {low} = {high - low}"]
            return Solution(case, shown, str(high - low), steps)
        if case == "median":
            steps = [f"In order: {', '.join(map(str, ranked))}"]
            if n % 2:
                steps.append(f"The middle one of {n} is {ranked[n // 2]}.")
                return Solution(case, shown, str(ranked[n // 2]), steps)
            a, b = ranked[n // 2 - 1], ranked[n // 2]
            answer = number(Fraction(a + b, 2))
            return Solution(case, shown, answer, [*steps, f"({a} + {b}) ÷ 2 = {answer}"])
        mean, known = Fraction(total, n), listed[:-1]
        shown |= {"mean": number(mean), "known": joined(known), "fewer": str(n - 1)}
        steps = [
            f"{n} × {number(mean)} = {total}",
            f"{' + '.join(known)} = {total - numbers[-1]}",
            f"{total} − {total - numbers[-1]} = {numbers[-1]}",
        ]
        return Solution(case, shown, listed[-1], steps)
