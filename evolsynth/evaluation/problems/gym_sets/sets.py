"""Chosen sets of reasoning-gym, put into plain words, with steps where it has none.

Stojanovski et al. 2025, Reasoning Gym (arXiv:2505.24760). Of its 106 sets those are here whose
question a person may well ask and whose answer is short. A problem is the set's name, its seed and
its level; the entry is made anew from them, and the set's own verifier (``score_answer``) must give
the answer full marks. Left out of a set is what reads badly or is wrong there: "1 sisters",
relations by marriage, sums that were rounded on the way.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import comb, gcd
from random import Random
from typing import Any

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.problems.gym_sets.gsm import gsm
from evolsynth.evaluation.problems.problem import PROBLEMS, Form, Level, Problem, Solution, Values
from evolsynth.evaluation.problems.values import counted, inside, joined, lists, text, whole

__all__ = ["Gym", "entry_of"]

Entry = Mapping[str, Any]
#: An entry in plain words; None where it is one that reads badly.
Reader = Callable[[Entry], Solution | None]
Config = Mapping[str, Any]

#: Draws of one problem at most until one reads well.
_DRAWS = 2000
_MISSING = (
    "reasoning-gym is needed for the problems of {}. Run: pip install 'evolsynth[computed]', or "
    "name other sets."
)


def _factory(name: str) -> Any:
    try:
        return importlib.import_module("reasoning_gym.factory")
    except ImportError as error:
        raise SetupError(_MISSING.format(name)) from error


@functools.lru_cache(maxsize=64)
def _made(dataset: str, config: tuple[tuple[str, Any], ...], seed: int, name: str) -> Any:
    factory = _factory(name)
    importlib.import_module("reasoning_gym")  # registers the sets
    return factory.create_dataset(dataset, size=1, seed=seed, **dict(config))


def entry_of(dataset: str, config: Config, seed: int, *, name: str) -> tuple[Entry, Any]:
    """The entry that a set of reasoning-gym has for a seed, and the set, which can score answers.

    Args:
        dataset: its name there.
        config: what it is told beside the seed.
        seed: from 0.
        name: the set's name here, for messages.

    Raises:
        SetupError: reasoning-gym is not installed.
    """
    made = _made(dataset, tuple(sorted(config.items())), seed, name)
    return made[0], made


class Gym(Problem):
    """A set of reasoning-gym.

    Args:
        dataset: its name there.
        small: its settings at the level "small".
        medium: and at "medium".
        reader: what puts an entry into plain words.
        sums: whether its steps are sums.
        forms: of its answers.
        scored: the answer as the set's verifier wants it, of the bare answer.
    """

    foreign = True

    def __init__(
        self,
        dataset: str,
        reader: Reader,
        small: Config,
        medium: Config,
        *,
        sums: bool = True,
        forms: Sequence[Form] = ("steps", "sentence", "bare"),
        scored: Callable[[str], str] = str,
    ) -> None:
        self.dataset, self.reader, self.scored = dataset, reader, scored
        self.levels: Mapping[str, Config] = {"small": small, "medium": medium}
        self.sums, self.forms = sums, forms
        self.name = f"gym_{dataset}"
        self.about = f"{dataset} of reasoning-gym"
        PROBLEMS.register(self.name, self, __name__)

    def draw(self, chance: Random, level: Level) -> Values:
        """A seed whose entry reads well."""
        for _ in range(_DRAWS):
            seed = chance.getrandbits(31)
            entry, _ = entry_of(self.dataset, self.levels[level], seed, name=self.name)
            if self.reader(entry) is not None:
                return {"seed": seed, "level": level}
        raise InputError(f"{self.name}: none of {_DRAWS} entries could be put into plain words.")

    def solve(self, values: Values) -> Solution:
        """The entry made anew, and its answer scored by the set it is of."""
        level = inside(text(values, "level"), list(self.levels))
        seed = whole(values, "seed", most=2**31)
        entry, made = entry_of(self.dataset, self.levels[level], seed, name=self.name)
        solution = self.reader(entry)
        if solution is None:
            raise InputError(f"{self.name}: the entry of seed {seed} is none that is used.")
        if made.score_answer(self.scored(solution.answer), entry) < 1:
            raise InputError(f"{self.name}: reasoning-gym does not take '{solution.answer}'.")
        return solution


# Readers ------------------------------------------------------------------------------------------


def _chain(entry: Entry) -> Solution | None:
    expression = str(entry["metadata"]["expression"])
    total, *rest = expression.replace("+ ", "+").replace("- ", "-").split()
    at, steps = int(total), []
    for term in rest:
        after = at + int(term)
        steps.append(f"{at} {'−' if term[0] == '-' else '+'} {term[1:]} = {after}")
        at = after
    shown = {"expression": expression.replace("-", "−")}
    return Solution("sum", shown, str(at), steps if len(steps) > 1 else [])


def _product(entry: Entry) -> Solution | None:
    a, b = (int(one) for one in str(entry["metadata"]["expression"]).split(" * "))
    parts = [int(d) * 10**i for i, d in enumerate(reversed(str(b))) if d != "0"][::-1]
    steps = [f"{a} × {part} = {a * part}" for part in parts]
    if len(parts) > 1:
        steps.append(f"{' + '.join(str(a * part) for part in parts)} = {a * b}")
    return Solution("product", {"a": str(a), "b": str(b)}, str(a * b), steps)


def _euclid(a: int, b: int) -> list[str]:
    a, b, steps = max(a, b), min(a, b), []
    while b:
        steps.append(f"{a} = {a // b} × {b} + {a % b}")
        a, b = b, a % b
    return steps


def _gcd(entry: Entry) -> Solution | None:
    a, b = entry["metadata"]["numbers"]
    answer = gcd(a, b)
    if answer == 1 or a == b:
        return None
    steps = [*_euclid(a, b), f"The last remainder before 0 is {answer}."]
    if len(steps) == 2:
        steps[1] = f"The remainder is 0, so {min(a, b)} divides {max(a, b)}."
    return Solution("gcd", {"a": str(a), "b": str(b)}, str(answer), steps)


def _lcm(entry: Entry) -> Solution | None:
    a, b = entry["metadata"]["numbers"]
    common = gcd(a, b)
    if a == b or 1 in (a, b):
        return None
    steps = [
        f"Greatest common divisor of {a} and {b}: {common}",
        f"{a} × {b} ÷ {common} = {a * b // common}",
    ]
    return Solution("lcm", {"a": str(a), "b": str(b)}, str(a * b // common), steps)


def _factors(entry: Entry) -> Solution | None:
    n, factors = entry["metadata"]["number"], list(entry["metadata"]["factors"])
    if len(factors) < 2:
        return None
    steps, at = [], n
    for factor in factors[:-1]:
        steps.append(f"{at} ÷ {factor} = {at // factor}")
        at //= factor
    steps.append(f"{at} is prime.")
    return Solution("factors", {"n": str(n)}, " × ".join(map(str, factors)), steps)


def _fraction(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    a, b = told["numerator"], told["denominator"]
    common = gcd(a, b)
    made = Fraction(a, b)
    if made.denominator == 1:
        return None
    steps = [
        f"Greatest common divisor of {a} and {b}: {common}",
        f"{a} ÷ {common} = {made.numerator}",
        f"{b} ÷ {common} = {made.denominator}",
    ]
    shown = {"fraction": f"{a}/{b}"}
    return Solution("fraction", shown, f"{made.numerator}/{made.denominator}", steps)


_EQUATION = re.compile(r"(\d+)\*(\w) ([+-]) (\d+) = (\d+)")


def _equation(entry: Entry) -> Solution | None:
    told = _EQUATION.fullmatch(str(entry["metadata"]["equation"]))
    if told is None:
        return None
    a, unknown, sign, b, c = told.groups()
    rest = int(c) - int(b) if sign == "+" else int(c) + int(b)
    if rest % int(a) or unknown in "ilo":
        return None
    answer = str(rest // int(a))
    first = "" if a == "1" else a
    mark, against = ("+", "−") if sign == "+" else ("−", "+")
    steps = [f"{first}{unknown} = {c} {against} {b} = {rest}"]
    if first:
        steps.append(f"{unknown} = {rest} ÷ {a} = {answer}")
    shown = {"equation": f"{first}{unknown} {mark} {b} = {c}", "unknown": unknown}
    return Solution("equation", shown, answer, steps)


def _sequence(entry: Entry) -> Solution | None:
    terms = [int(one) for one in entry["metadata"]["sequence"]]
    known, answer = terms[:-1], terms[-1]
    step = known[1] - known[0]
    shown = {"terms": ", ".join(map(str, known)), "last": str(known[-1])}
    if len(known) < 4 or step == 0:
        return None
    if all(b - a == step for a, b in pairwise(terms)):
        told = f"Each number is {abs(step)} {'more' if step > 0 else 'less'} than the one before."
        sign = "+" if step > 0 else "−"
        steps = [told, f"{known[-1]} {sign} {abs(step)} = {answer}"]
        return Solution("sequence", shown, str(answer), steps)
    if known[0] and all(a and b == a * (known[1] // known[0]) for a, b in pairwise(terms)):
        by = known[1] // known[0]
        steps = [f"Each number is {by} times the one before.", f"{known[-1]} × {by} = {answer}"]
        return Solution("sequence", shown, str(answer), steps)
    return None


def _coins(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    n, k = told["num_trials"], told["k_heads"]
    exact = told["problem_type"] == "exact"
    good = [comb(n, i) for i in ([k] if exact else range(k, n + 1))]
    odds = Fraction(sum(good), 2**n)
    if k < 1 or k > n:
        return None
    kinds = f"Results with {'exactly' if exact else 'at least'} {counted(k, 'head')}"
    added = f"{' + '.join(map(str, good))} = {sum(good)}" if len(good) > 1 else str(good[0])
    steps = [f"Possible results of {n} flips: 2^{n} = {2**n}", f"{kinds}: {added}"]
    if odds.denominator != 2**n:
        steps.append(f"{sum(good)}/{2**n} = {odds.numerator}/{odds.denominator}")
    heads = counted(k, "head")
    shown = {"n": str(n), "heads": f"{'exactly' if exact else 'at least'} {heads}"}
    return Solution("coins", shown, f"{odds.numerator}/{odds.denominator}", steps)


def _legs(entry: Entry) -> Solution | None:
    known = dict(one.split("=") for one in lists("legs"))
    animals = entry["metadata"]["animals"]
    if not all(animal in known for animal in animals):
        return None
    parts, steps, told = [], [], []
    for animal, n in animals.items():
        thing, legs = known[animal].split("*")
        parts.append(n * int(legs))
        told.append(counted(n, thing))
        steps.append(f"{counted(n, thing)}: {n} × {legs} = {n * int(legs)}")
    steps.append(f"{' + '.join(map(str, parts))} = {sum(parts)}")
    return Solution("legs", {"animals": joined(told)}, str(sum(parts)), steps)


_WHICH = {
    "keep_larger": ("larger", "kept"),
    "keep_smaller": ("smaller", "kept"),
    "remove_larger": ("larger", "removed"),
    "remove_smaller": ("smaller", "removed"),
}


def _filtered(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    size, kept = _WHICH[told["operation"]]
    left = list(told["result"])
    if not left or len(left) == len(told["original_numbers"]):
        return None
    shown = {"limit": told["filter_value"], "size": size}
    steps: list[str] = []
    return Solution(kept, shown, ", ".join(left), steps, ", ".join(told["original_numbers"]))


def _ordered(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    made = list(told["sorted_numbers"])
    if len(set(made)) < len(made):
        return None
    given = ", ".join(told["original_numbers"])
    return Solution(told["direction"], {"n": str(len(made))}, ", ".join(made), [], given)


def _as_list(answer: str) -> str:
    return str(answer.split(", "))


def _primes(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    found = list(told["primes"])
    if not 2 <= len(found) <= 15:
        return None
    shown = {"start": str(told["start"]), "end": str(told["end"])}
    return Solution("primes", shown, str(len(found)), [f"Primes: {joined(list(map(str, found)))}"])


_BASES = {2: "binary", 10: "decimal", 16: "hexadecimal"}


def _base(entry: Entry) -> Solution | None:
    told = entry["metadata"]
    source, target, value = told["source_base"], told["target_base"], told["decimal_value"]
    if source not in _BASES or target not in _BASES or 10 not in (source, target) or value < 4:
        return None
    shown = {"digits": told["source_repr"], "source": _BASES[source], "target": _BASES[target]}
    if target == 10:
        digits = [(int(d, 16), place) for place, d in enumerate(reversed(told["source_repr"]))]
        parts = [(d, place) for d, place in reversed(digits) if d]
        terms = [f"{d} × {source}^{place}" for d, place in parts]
        sums = " + ".join(str(d * source**place) for d, place in parts)
        steps = [f"{' + '.join(terms)} = {sums} = {value}" if len(parts) > 1 else terms[0]]
    else:
        steps, at = [], value
        while at:
            digit = f"{at % target:x}"
            told_digit = f"{at % target}" + (f" ({digit})" if at % target > 9 else "")
            steps.append(f"{at} ÷ {target} = {at // target}, remainder {told_digit}")
            at //= target
        steps.append("The remainders, from the last to the first, are the digits.")
    return Solution("base", shown, told["target_repr"], steps)


def _family(entry: Entry) -> Solution | None:
    story, _, question = str(entry["question"]).partition("\n\n")
    told = entry["metadata"]
    answer = str(told["relationship"])
    if "in-law" in answer or not question:
        return None
    shown = {"story": story.strip(), "one": told["person1"], "two": told["person2"]}
    return Solution("family", shown, answer)


_TAIL = re.compile(
    r" (?:Answer|Respond|Reply|Write|Give|State|Please|Provide)\b[^.?]*(?:\([^)]*\))?[^.?]*\.?$"
)


def _calendar(entry: Entry) -> Solution | None:
    told, question = entry["metadata"], str(entry["question"])
    kind = {
        "count_days": "count",
        "is_leap_year": "leap",
        "weekday_offset": "weekday",
    }.get(told["task"])
    first = re.match(r"[^?]*\?|[^.]*\d{4}[^.]*\.|[^.]*\.", question)
    if kind is None or first is None:
        return None
    plain = first[0].strip()
    if kind == "leap" or "," not in plain:
        plain = _TAIL.sub("", question)
    if not plain.endswith(("?", ".")) or re.search(r"\b1[ -]days?\b", plain):
        return None
    answer = str(entry["answer"])
    if kind == "count" and int(answer) < 2:
        return None
    shown = {
        "question": plain,
        "year": str(told.get("year")),
        "is": "is" if answer == "Yes" else "is not",
    }
    return Solution(kind, shown, answer)


_SIBLINGS = re.compile(
    r"(\w+) has (\d+) (brothers|sisters) and she also has (\d+) (brothers|sisters)\. "
    r"How many sisters does \1's brother have\?"
)


def _siblings(entry: Entry) -> Solution | None:
    told = _SIBLINGS.fullmatch(str(entry["question"]))
    if told is None or "1" in (told[2], told[4]):
        return None
    sisters = int(told[2] if told[3] == "sisters" else told[4])
    brothers = int(told[4] if told[3] == "sisters" else told[2])
    steps = [
        f"The brothers have the same {sisters} sisters, and {told[1]} is their sister, too.",
        f"{sisters} + 1 = {sisters + 1}",
    ]
    shown = {"name": told[1], "brothers": str(brothers), "sisters": str(sisters)}
    return Solution("siblings", shown, str(sisters + 1), steps)


_NAMES: Config = {
    "male_names": ("James", "John", "Robert", "Michael", "William", "David", "Peter", "Daniel",
                   "Henry", "Samuel", "Jack", "George", "Edward", "Thomas", "Oliver", "Liam"),
    "female_names": ("Mary", "Linda", "Barbara", "Susan", "Jessica", "Sarah", "Karen", "Emma",
                     "Lisa", "Anna", "Margaret", "Charlotte", "Emily", "Alice", "Lucy", "Julia"),
}  # fmt: skip

Gym(
    "chain_sum",
    _chain,
    {"max_terms": 3, "max_digits": 2},
    {"min_terms": 3, "max_terms": 4, "max_digits": 3},
)
Gym("products", _product, {"max_digits": 2, "min_digits": 2}, {"min_digits": 2, "max_digits": 3})
Gym("gcd", _gcd, {"max_value": 100, "min_value": 6}, {"max_value": 600, "min_value": 20})
Gym("lcm", _lcm, {"max_value": 20, "min_value": 3}, {"max_value": 60, "min_value": 6})
Gym(
    "prime_factorization",
    _factors,
    {"max_value": 100, "min_value": 8},
    {"min_value": 60, "max_value": 900},
)
Gym(
    "fraction_simplification",
    _fraction,
    {"max_value": 12, "max_factor": 9, "min_factor": 2, "styles": ("plain",)},
    {"max_value": 40, "min_factor": 3, "max_factor": 30, "styles": ("plain",)},
)
Gym(
    "simple_equations",
    _equation,
    {"max_terms": 2, "max_value": 12},
    {"max_terms": 2, "max_value": 60},
)
Gym(
    "number_sequence",
    _sequence,
    {"min_value": 1, "max_value": 20, "max_complexity": 2},
    {"max_complexity": 2},
)
Gym("coin_flip", _coins, {"min_trials": 2, "max_trials": 4}, {"min_trials": 3, "max_trials": 6})
Gym(
    "leg_counting",
    _legs,
    {"max_animals": 3, "max_instances": 8},
    {"min_animals": 3, "max_animals": 5},
)
Gym(
    "number_filtering",
    _filtered,
    {"min_value": 0, "max_value": 90, "max_decimals": 0, "max_numbers": 7},
    {"min_numbers": 6, "max_decimals": 1},
    sums=False,
    scored=_as_list,
)
Gym(
    "number_sorting",
    _ordered,
    {"min_value": 0, "max_decimals": 0, "max_numbers": 6},
    {"min_numbers": 6, "max_decimals": 1},
    sums=False,
    scored=_as_list,
)
Gym("count_primes", _primes, {"max_n": 40}, {"max_n": 120}, sums=False)
Gym("base_conversion", _base, {"max_value": 60}, {"max_value": 500})
Gym(
    "family_relationships",
    _family,
    {**_NAMES, "max_family_size": 5},
    {**_NAMES, "min_family_size": 6},
    sums=False,
)
Gym(
    "calendar_arithmetic",
    _calendar,
    {"offset_upper_bound": 30, "year": 2025},
    {"year": 2026},
    sums=False,
)
Gym("aiw", _siblings, {"max_entities": 6}, {"max_entities": 12})
Gym("gsm_symbolic", gsm, {}, {}, forms=("steps",))
