"""Kinds of problems: their values, what follows from them, and the words they are put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import get_args

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import (
    PROBLEMS,
    Form,
    Level,
    Solution,
    Values,
    asking_lines,
    filled,
    task_of_values,
    wordings,
)
from evolsynth.evaluation.problems.tables.tabular import FORMATS, Table, read, written
from evolsynth.evaluation.problems.values import money, number
from evolsynth.prompts import prompt_lists

OWN = [name for name in PROBLEMS if not PROBLEMS[name].foreign]
LEVELS: tuple[Level, ...] = get_args(Level)


def drawn(name: str, n: int = 40) -> Iterator[tuple[Values, Solution]]:
    """Problems of one kind, half of them small."""
    for place in range(n):
        values = PROBLEMS[name].draw(Random(f"{name}/{place}"), LEVELS[place % 2])
        yield values, PROBLEMS[name].solve(values)


@pytest.mark.parametrize("name", OWN)
def test_a_seed_always_draws_the_same_and_another_something_else(name: str) -> None:
    draw = PROBLEMS[name].draw
    assert draw(Random(7), "small") == draw(Random(7), "small")
    assert len({str(draw(Random(seed), "medium")) for seed in range(30)}) > 20


@pytest.mark.parametrize("name", OWN)
def test_all_wordings_of_all_cases_can_be_filled_and_there_are_at_least_twelve(name: str) -> None:
    cases: dict[str, Solution] = {s.case: s for _, s in drawn(name, 200)}
    sections = {one for one in prompt_lists(f"computed/{name}") if ":" not in one}
    assert set(cases) == sections
    told = [wording for case in cases for wording in wordings(name, case)]
    assert len(set(told)) == len(told) >= 12
    for case, solution in cases.items():
        for wording in wordings(name, case):
            assert "{" not in filled(wording, solution.shown)
        for sentence in wordings(name, f"{case}: answer"):
            assert (
                solution.answer in filled(sentence, {**solution.shown, "answer": solution.answer})
                or "{answer}" not in sentence
            )


@pytest.mark.parametrize("name", OWN)
def test_every_step_that_is_a_sum_is_right(name: str) -> None:
    for _, solution in drawn(name, 60):
        for step in solution.steps:
            assert _holds(step), f"{name}: {step}"


_SUM = re.compile(
    r"((?:[-−(]*[$€£]?\d+(?:\.\d+)?[) a-z]*[-+−×÷/]\s*)+\(?[$€£]?\d+(?:\.\d+)?\)?)"
    r"[ a-z/]* = ([-−]?[$€£]?\d+(?:\.\d+)?)(?![:/\d])"
)


def _holds(step: str) -> bool:
    """Whether a plain sum in the step is right, worked out in another way than it was made."""
    found = _SUM.search(step)
    if found is None or re.search("hour|minute|remainder", step):
        return True
    if ":" in step.split("=")[0].rpartition(": ")[2] or re.search(r"\d{4} ", step):
        return True
    bare = re.sub(r"[$€£a-z ]", "", found[1]).replace("−", "-").replace("×", "*")
    terms = re.sub(r"(\d+(?:\.\d+)?)", r"Fraction('\1')", bare.replace("÷", "/"))
    if not re.fullmatch(r"[-+*/()\d.'Fraction]*", terms) or terms.count("(") != terms.count(")"):
        return True
    value = eval(terms, {"Fraction": Fraction})  # of our own making, and only digits and signs
    return bool(value == Fraction(re.sub(r"[$€£]", "", found[2]).replace("−", "-")))


def test_the_check_of_sums_finds_a_wrong_one() -> None:
    assert _holds("3 × €2.50 = €7.50")
    assert not _holds("3 × €2.50 = €7.55")
    assert not _holds("434 ÷ 7 = 63")


EXAMPLES: list[tuple[str, Values, str]] = [
    ("percent", {"case": "part", "rate": 30, "whole": 60, "group": "pupils"}, "18"),
    ("percent", {"case": "discount", "rate": 8, "cents": 14000, "thing": "guitar", "sign": "$"},
     "$128.80"),
    ("price", {"case": "cheaper", "good": "oats/kg", "unit": 850, "second": 760, "size": 5,
               "other": 6, "sign": "$"}, "the 6 kg pack"),
    ("clocks", {"case": "length", "start": 734, "length": 166, "event": "film"},
     "2 hours and 46 minutes"),
    ("clocks", {"case": "zone", "start": 590, "length": 1, "event": "film", "here": "Jakarta/420",
                "there": "Buenos Aires/-180"}, "23:50 the day before"),
    ("dates", {"case": "between", "start": "2024-01-03", "days": 75}, "75 days"),
    ("dates", {"case": "weekday", "start": "2025-02-10", "days": 29}, "Tuesday"),
    ("dates", {"case": "after", "start": "2027-09-30", "days": 114}, "22 January 2028"),
    ("currency", {"case": "fee", "here": "pounds", "there": "euros", "rate": 115, "amount": 150,
                  "fee": 2}, "170.2 euros"),
    ("recipe", {"dish": "hummus|400 g chickpeas;60 g tahini;2 lemons;40 ml olive oil", "serves": 2,
                "wanted": 6}, "- 1200 g chickpeas\n- 180 g tahini\n- 6 lemons\n- 120 ml olive oil"),
    ("sorting", {"case": "surname", "items": ["Ann Zim", "Bo Abt", "Cy Lee"], "shape": "commas"},
     "Bo Abt, Cy Lee, Ann Zim"),
    ("sorting", {"case": "rising", "items": ["10", "9", "-3"], "shape": "lines"}, "-3\n9\n10"),
    ("counting", {"case": "letter", "text": "Anna ran away.", "letter": "a"}, "5"),
    ("counting", {"case": "longest", "text": "We carried a table.", "letter": "a"}, "carried"),
    ("units", {"case": "down", "pair": 0, "tenths": 15, "part": 1, "degrees": 0}, "1500 metres"),
    ("units", {"case": "celsius", "pair": 0, "tenths": 1, "part": 1, "degrees": 25}, "25 °C"),
    ("order", {"case": "last", "names": ["Uma", "Iris", "Zoe"], "told": [1, 0], "turned": 1,
               "mark": "tall/taller/tallest/shortest"}, "Zoe"),
    ("groups", {"case": "one", "first": ["a", "b"], "second": ["b", "c"], "a": "x", "b": "y"},
     "a and c"),
    ("groups", {"case": "doubled", "first": ["a", "b", "a"], "second": [""], "a": "x", "b": "y"},
     "a, b"),
    ("letters", {"case": "initials", "text": "city cycling club"}, "CCC"),
    ("letters", {"case": "swap", "text": "The boat left.", "old": "boat", "new": "ship"},
     "The ship left."),
    ("average", {"case": "median", "numbers": [4, 1, 3, 2], "thing": "test scores"}, "2.5"),
    ("story", {"case": "share", "name": "Ben", "other": "Uma", "thing": "plum", "n": 17, "k": 5},
     "3 each, 2 left over"),
    ("story", {"case": "saving", "name": "Ben", "other": "Uma", "thing": "tent", "week": 500,
               "price": 1400, "sign": "£"}, "3 weeks"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "answer"), EXAMPLES)
def test_answers_that_anybody_can_check(name: str, values: Values, answer: str) -> None:
    assert PROBLEMS[name].solve(values).answer == answer


def test_an_order_of_surnames_is_explained_by_its_letters() -> None:
    """Two readers of a demo refused rows that only said the order again where the way was asked."""
    items = ["Li Foster", "Ann Bergman", "Bo Fischer", "Cy Berg"]
    solution = PROBLEMS["sorting"].solve({"case": "surname", "items": items, "shape": "lines"})
    assert solution.answer == "Cy Berg\nAnn Bergman\nBo Fischer\nLi Foster"
    assert solution.steps == [
        "Surnames in order: Berg, Bergman, Fischer, Foster",
        "First letters from A to Z: B, F",
        'Berg, Bergman: both begin with "Berg", and the first ends there',
        'Fischer, Foster: both begin with "F", and "i" comes before "o"',
    ]


def test_dates_agree_with_the_calendar() -> None:
    for values, solution in drawn("dates", 200):
        start = date.fromisoformat(values["start"])
        end = start + timedelta(days=values["days"])
        if solution.case == "weekday":
            assert solution.answer == f"{end:%A}"
        if solution.case == "after":
            assert solution.answer == f"{end.day} {end:%B} {end.year}"


def test_what_the_steps_of_an_order_say_fits_every_clue() -> None:
    for values, solution in drawn("order", 80):
        names = values["names"]
        for clue in solution.shown["clues"].rstrip(".").split(". "):
            first, last = (name for name in re.findall(r"[A-Z][a-z]+", clue))
            ahead = names.index(first) < names.index(last)
            mark = values["mark"].split("/")[1]
            assert ahead == (mark in clue or "before" in clue)


def test_a_bare_answer_stands_alone_and_steps_stand_above_the_sentence() -> None:
    values = {"case": "part", "rate": 30, "whole": 60, "group": "pupils"}
    bare = task_of_values("percent", values, wording=0, form="bare", asking=0)
    assert (bare.instruction, bare.response) == ("What is 30% of 60? Give only the answer.", "18")
    steps = task_of_values("percent", values, wording=0, form="steps")
    assert steps.response == "60 × 30 / 100 = 18\n30% of 60 is 18."
    sentence = task_of_values("percent", values, wording=0, form="sentence", says=1)
    assert sentence.response == "That is 18."


def test_a_wording_without_a_stop_gets_one_before_the_next_sentence() -> None:
    values = {"case": "reverse", "text": "eagle"}
    told = task_of_values("letters", values, wording=1, form="bare", asking=0)
    assert told.instruction == 'Spell "eagle" in reverse. Give only the answer.'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": "many"}, "'rate' is 'many'"),
        ({"case": "none"}, "none of"),
        ({"whole": 0}, "from 1"),
    ],
)
def test_values_that_are_none_are_refused(changes: Values, said: str) -> None:
    values = {"case": "part", "rate": 30, "whole": 60, "group": "pupils", **changes}
    with pytest.raises(InputError, match=said):
        PROBLEMS["percent"].solve(values)


def test_an_unknown_wording_or_place_is_refused() -> None:
    values = {"case": "part", "rate": 30, "whole": 60, "group": "pupils"}
    with pytest.raises(InputError, match="no wording of percent number 99"):
        task_of_values("percent", values, wording=99, form="bare")
    with pytest.raises(InputError, match=r"names \{colour\}"):
        filled("A {colour} bird.", {"size": "3"})
    with pytest.raises(InputError, match=r"no section \[rest\]"):
        wordings("percent", "rest")


def test_braces_in_what_is_shown_mean_nothing() -> None:
    assert filled("say {word}", {"word": "{word} {x}"}) == "Say {word} {x}"


def test_sentences_that_ask_for_steps_of_a_sum_are_not_said_of_lists() -> None:
    form: Form = "steps"
    assert "Show your working." in asking_lines("percent", form)
    assert "Show your working." not in asking_lines("sorting", form)


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(5, 2), "2.5"), (3, "3"), (Fraction(-1, 4), "-0.25"), (Fraction(7, 100), "0.07")],
)
def test_numbers_are_written_with_the_decimals_they_have(value: Fraction, text: str) -> None:
    assert number(value) == text


def test_amounts_are_written_as_people_do_and_thirds_are_refused() -> None:
    assert [money(1250, "€"), money(300, "$")] == ["€12.50", "$3"]
    with pytest.raises(InputError, match="too many decimals"):
        number(Fraction(1, 3))
    with pytest.raises(InputError, match="cannot be paid"):
        money(Fraction(1, 2), "€")


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_read_as_it_was_written(form: str) -> None:
    table = Table(("Name", "Age"), (("Ann, jun.", "31"), ('Bo "B"', "7")))
    assert read(written(table, form), form) == table


@pytest.mark.parametrize(
    "text",
    ["Ann, aged 3, ran,\nBo, too, ran,", "", "[1, 2]", "a|b", "{", '{"a": 1}', "[]", "[" * 9_000],
)
def test_what_is_no_table_is_none(text: str) -> None:
    assert [read(text, form) for form in FORMATS] == [None, None, None]
