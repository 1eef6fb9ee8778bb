"""Recipes for another number of people."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, lists, number, text, whole

__all__ = ["Recipe"]

_UNITS = ("g", "ml")


@problem("recipe")
class Recipe(Problem):
    """Recipes scaled to another number of servings."""

    sums = True

    def draw(self, chance: Random, level: Level) -> Values:
        """A dish for two or four, and how many it is to serve."""
        serves = chance.choice((2, 4))
        easy = (serves * 2, serves * 3)
        wanted = chance.choice(easy if level == "small" else (6, 10, 14, 18))
        return {"dish": chance.choice(lists("dishes")), "serves": serves, "wanted": wanted}

    def solve(self, values: Values) -> Solution:
        """Each amount times the quotient of the servings."""
        dish, _, listed = inside(text(values, "dish"), lists("dishes")).partition("|")
        serves, wanted = whole(values, "serves", 1), whole(values, "wanted", 1)
        factor = Fraction(wanted, serves)
        made, steps = [], [f"Factor: {wanted} ÷ {serves} = {number(factor)}"]
        for line in listed.split(";"):
            amount, _, rest = line.partition(" ")
            more = int(amount) * factor
            if more.denominator != 1:
                raise InputError(f"{rest} of {dish} cannot be divided so.")
            measured = rest.split()[0] in _UNITS
            unit, _, one = rest.partition(" ") if measured else ("", "", rest)
            made.append(f"- {number(more)} {rest}")
            step = f"{amount} {unit} × {number(factor)} = {number(more)} {unit}"
            steps.append(f"{one.capitalize()}: {' '.join(step.split())}")
        shown = {"dish": dish, "serves": str(serves), "wanted": str(wanted)}
        given = "\n".join(f"- {line}" for line in listed.split(";"))
        head = f"{dish.capitalize()} (serves {serves})"
        return Solution("recipe", shown, "\n".join(made), steps, f"{head}\n{given}")
