"""Demands on numbers: none in digits, all in digits, so many."""

from __future__ import annotations

import random

import pytest

from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.demand import Asked

WORDS, DIGITS = KINDS["no_digits"](), KINDS["numbers_in_digits"]()


def test_no_digit_anywhere() -> None:
    assert WORDS.check("Three cups, and a half.") is None
    assert WORDS.check("A dozen") is None
    for text in ("3 cups", "1. Boil", "H2O", "٣"):
        miss = WORDS.check(text)
        assert miss is not None
        assert miss.place is not None


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Wait 20 minutes, then 105 more.", "Wait twenty minutes, then one hundred and five more."),
        ("1. Boil 2 cups.\n2. Wait.", "- Boil two cups.\n- Wait."),
        ("About 42 of 300.", "About forty-two of three hundred."),
        ("In 1999 it was 3.5%.", None),
        ("It costs $20.", None),
        ("Meet at 10:30.", None),
        ("H2O is water.", None),
    ],
)
def test_small_whole_numbers_are_spelled_out(text: str, made: str | None) -> None:
    assert WORDS.apply(text) == made


def test_numbers_in_words_are_found_and_pronouns_are_not() -> None:
    assert DIGITS.check("One of them took 3 cups at first.") is None
    assert DIGITS.check("Two-thirds is a second choice.") is None
    for text in ("It took three cups.", "Twenty-one people", "SEVEN"):
        assert DIGITS.check(text) is not None
    made = DIGITS.apply("Take two cups and twenty-five nuts, one by one, twice.")
    assert made == "Take 2 cups and 25 nuts, one by one, twice."


def test_so_many_numbers() -> None:
    demand = KINDS["numbers_exactly"](n=2)
    assert demand.check("1,000 people and 3.5 dogs") is None
    assert demand.check("On 5 May, 20 came.") is None
    for text in ("One in 20", "1 2 3", ""):
        assert demand.check(text) is not None
    miss = demand.check("From 2020-2024.")  # two by eye, one for IFBench
    assert miss is not None
    assert "range" in miss.why


def test_digits_are_not_forbidden_where_the_request_has_some() -> None:
    chance = random.Random(1)
    assert KINDS["no_digits"].draw(chance, Asked("Plan 3 days in Rome.", "advice")) is None
    assert KINDS["no_digits"].draw(chance, Asked("Plan a day in Rome.", "advice")) is not None
    asked = Asked("How many eggs are in a carbonara?", "fact")
    assert KINDS["numbers_in_digits"].draw(chance, asked) is not None
    assert KINDS["numbers_in_digits"].draw(chance, Asked("Why is it red?", "fact")) is None
