"""Lists put into an order that a rule gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.values import inside, pick, text, texts

__all__ = ["Sorting"]

_CASES = ("alphabet", "backwards", "surname", "rising", "falling", "length")
_SHAPES = ("lines", "commas")


@problem("sorting")
class Sorting(Problem):
    """Sorting words, names and numbers by a rule."""

    task = "ordering"

    def draw(self, chance: Random, level: Level) -> Values:
        """A list that is not in order yet."""
        n = chance.randint(4, 6) if level == "small" else chance.randint(7, 11)
        case, items = chance.choice(_CASES), list[str]()
        if case == "surname":
            pairs = zip(pick(chance, "names", n), pick(chance, "surnames", n), strict=True)
            items = [" ".join(pair) for pair in pairs]
        elif case in ("rising", "falling"):
            most = 99 if level == "small" else 999
            items = [str(one) for one in chance.sample(range(-20 if most > 99 else 1, most), n)]
        elif case == "length":
            lengths: set[int] = set()
            for word in pick(chance, "words", 40) + pick(chance, "lengths", 12):
                if len(word) not in lengths:
                    lengths.add(len(word))
                    items.append(word)
            items = chance.sample(items, min(n, len(items)))
        else:
            items = pick(chance, chance.choice(("words", "names", "towns")), n)
        if items == _sorted(items, case):
            items.reverse()
        return {"case": case, "items": items, "shape": chance.choice(_SHAPES)}

    def solve(self, values: Values) -> Solution:
        """By the rule of the case."""
        case, items = inside(text(values, "case"), _CASES), texts(values, "items")
        shape = inside(text(values, "shape"), _SHAPES)
        ordered = _sorted(items, case)
        between = "\n" if shape == "lines" else ", "
        shown = {"n": str(len(items))}
        steps: list[str] = []
        if case == "length":
            steps = [f"{word}: {len(word)} letters" for word in items]
        if case == "surname":
            names = [one.split()[-1] for one in ordered]
            steps = [f"Surnames in order: {', '.join(names)}", *_decided(names)]
        return Solution(case, shown, between.join(ordered), steps, between.join(items))


def _decided(names: Sequence[str]) -> Iterator[str]:
    """What decides the order: the first letters, and behind equal ones the first other letter."""
    firsts = dict.fromkeys(name[0] for name in names)
    yield f"First letters from A to Z: {', '.join(firsts)}"
    for one, two in pairwise(names):
        if one[0] != two[0] or one.lower() == two.lower():
            continue
        pairs = enumerate(zip(one.lower(), two.lower(), strict=False))
        at = next((place for place, (a, b) in pairs if a != b), len(one))
        why = f'"{one[at]}" comes before "{two[at]}"' if at < len(one) else "the first ends there"
        yield f'{one}, {two}: both begin with "{one[:at]}", and {why}'


def _sorted(items: list[str], case: str) -> list[str]:
    if case in ("rising", "falling"):
        return sorted(items, key=int, reverse=case == "falling")
    if case == "length":
        return sorted(items, key=len)
    if case == "surname":
        return sorted(items, key=lambda one: (one.split()[-1].casefold(), one))
    return sorted(items, key=str.casefold, reverse=case == "backwards")
