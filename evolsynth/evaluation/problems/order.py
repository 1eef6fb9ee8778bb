"""Who is before whom: an order that follows from comparisons."""

from __future__ import annotations

from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, joined, lists, pick, text, texts, whole

__all__ = ["Order"]

_CASES = ("first", "last", "order", "middle", "queue")


@problem("order")
class Order(Problem):
    """Logic: an order that follows from comparisons."""

    task = "ordering"
    #: Who asks for steps wants the comparisons put together one by one, which is not told here.
    forms = ("sentence", "bare")

    def draw(self, chance: Random, level: Level) -> Values:
        """Names in their order, and in which order the comparisons are told."""
        n = 3 if level == "small" else chance.choice((4, 5))
        case = chance.choice(_CASES)
        if case == "middle" and n % 2 == 0:
            n += 1
        told = list(range(n - 1))
        chance.shuffle(told)
        return {
            "case": case,
            "names": pick(chance, "names", n),
            "told": told,
            "mark": chance.choice(lists("marks")),
            "turned": chance.getrandbits(n - 1),
        }

    def solve(self, values: Values) -> Solution:
        """The comparisons leave one order."""
        case, names = inside(text(values, "case"), _CASES), texts(values, "names")
        told, turned = values.get("told"), whole(values, "turned")
        if not isinstance(told, list) or sorted(told) != list(range(len(names) - 1)):
            raise InputError("'told' does not tell all comparisons.")
        _, more, most, least = inside(text(values, "mark"), lists("marks")).split("/")
        less = {"taller": "shorter", "older": "younger", "faster": "slower", "heavier": "lighter"}
        clues = []
        for place in told:
            a, b = names[place], names[place + 1]
            if case == "queue":
                turn = (
                    f"{b} stands behind {a}." if turned >> place & 1 else f"{a} stands before {b}."
                )
                clues.append(
                    turn.replace("before", "directly before").replace("behind", "directly behind")
                )
            elif turned >> place & 1:
                clues.append(f"{b} is {less[more]} than {a}.")
            else:
                clues.append(f"{a} is {more} than {b}.")
        ends = "front to back" if case == "queue" else f"{most} to {least}"
        line = f"From {ends}: {', '.join(names)}"
        shown = {
            "clues": " ".join(clues),
            "names": joined(sorted(names)),
            "n": str(len(names)),
            "most": most,
            "least": least,
        }
        answer = {
            "first": names[0],
            "last": names[-1],
            "order": joined(names),
            "middle": names[len(names) // 2],
            "queue": names[0],
        }[case]
        return Solution(case, shown, answer, [] if case == "order" else [line])
