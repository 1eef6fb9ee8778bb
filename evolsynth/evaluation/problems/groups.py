"""Two lists: what is in both, in one alone, in neither; what is missing or doubled."""

from __future__ import annotations

from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, joined, pick, text, texts

__all__ = ["Groups"]

_CASES = ("both", "only", "one", "doubled", "missing", "count")


@problem("groups")
class Groups(Problem):
    """Sets: what two lists share, what only one has, what is doubled or missing."""

    task = "extraction"

    def draw(self, chance: Random, level: Level) -> Values:
        """Two lists that overlap."""
        case = chance.choice(_CASES)
        n = 3 if level == "small" else chance.randint(4, 5)
        pools = ("names", "towns", "groceries")
        if case == "missing":
            pools = ("names", "names", "groceries")
        of = chance.choice(pools)
        pool = pick(chance, of, 3 * n)
        shared, left, right = (
            pool[: n - 1],
            pool[n : n + n // 2 + 1],
            pool[2 * n : 2 * n + n // 2 + 1],
        )
        if case == "doubled":
            first = shared + left + chance.sample(shared, max(1, n // 3))
            second = [""]
        elif case == "missing":
            first = shared + left
            away = chance.sample(first, max(1, n // 2))
            second = [one for one in first if one not in away]
        else:
            first, second = shared + left, shared + right
        first, second = chance.sample(first, len(first)), chance.sample(second, len(second))
        a, b = pick(chance, {"names": "hobbies", "towns": "lines"}.get(of, "names"), 2)
        return {"case": case, "first": first, "second": second, "a": a, "b": b}

    def solve(self, values: Values) -> Solution:
        """In the order of the first list."""
        case = inside(text(values, "case"), _CASES)
        first, second = texts(values, "first"), texts(values, "second")
        shown = {"a": text(values, "a"), "b": text(values, "b")}
        bare = [name.removeprefix("the ") for name in (shown["a"], shown["b"])]
        if case == "doubled":
            kept = list(dict.fromkeys(first))
            twice = [one for one in kept if first.count(one) > 1]
            shown |= {"twice": joined(twice)}
            steps = [f"More than once: {joined(twice)}"]
            return Solution(case, shown, ", ".join(kept), steps, ", ".join(first))
        heads = ["Expected", "Present"] if case == "missing" else bare
        given = "\n".join(
            f"{head[:1].upper()}{head[1:]}: {', '.join(some)}"
            for head, some in zip(heads, (first, second), strict=True)
        )
        both = [one for one in first if one in second]
        mine = [one for one in first if one not in second]
        others = [one for one in second if one not in first]
        if case in ("both", "count"):
            answer = joined(both) if case == "both" else str(len(both))
            steps = [] if case == "both" else [f"In both lists: {joined(both)}"]
            return Solution(case, shown, answer, steps, given)
        if case in ("only", "missing"):
            return Solution(case, shown, joined(mine), [], given)
        steps = [f"Only {bare[0]}: {joined(mine)}", f"Only {bare[1]}: {joined(others)}"]
        return Solution(case, shown, joined([*mine, *others]), steps, given)
