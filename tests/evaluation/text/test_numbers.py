"""Numbers in the many ways people write them, each with one exact value."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evolsynth.evaluation.text.numbers import Number, equal, implied, numbers


def only(text: str) -> Number:
    """The one number of a text, said or implied."""
    (number,) = numbers(text) or implied(text)
    return number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 rolls", 12),
        ("twelve rolls", 12),
        ("a dozen rolls", 12),
        ("two dozen rolls", 24),
        ("half a dozen rolls", 6),
        ("twenty-one dollars", 21),
        ("a hundred sheep", 100),
        ("three hundred and five pages", 305),
        ("two thousand four hundred", 2400),
        ("1.2 million people", 1_200_000),
        ("1.2 **million** people", 1_200_000),
        ("seven million people", 7_000_000),
        ("1,200,000 people", 1_200_000),
        ("1\u202f200\u202f000 people", 1_200_000),
        ("$1,200.50 a year", Fraction(240100, 200)),
        ("walks 1/4 of it", Fraction(1, 4)),
        ("in June, 3/5 of them", Fraction(3, 5)),
        ("1 1/2 cups", Fraction(3, 2)),
        ("2½ cups", Fraction(5, 2)),
        ("2 ½ cups", Fraction(5, 2)),
        ("two and a half cups", Fraction(5, 2)),
        ("three-quarters full", Fraction(3, 4)),
        ("two thirds of it", Fraction(2, 3)),
        ("a third of them", Fraction(1, 3)),
        ("the third one", 3),
        ("the 3rd one", 3),
        ("the forty-second one", 42),
        ("minus -7 degrees", -7),
        ("about 10k users", 10_000),
        ("it costs 1e6 pounds", 10**6),
        ("he paid twice", 2),
    ],
)
def test_a_number_has_one_value_however_it_is_written(text: str, value: Fraction) -> None:
    assert [n.values[0] for n in numbers(text)] == [value]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("half of it", "50% of it"),
        ("30 per cent", "thirty percent"),
        ("30 minutes", "half an hour"),
        ("45 minutes", "three quarters of an hour"),
        ("60 minutes", "in an hour"),
        ("90 seconds", "a minute and a half"),
        ("90 minutes", "an hour and a half"),
        ("25 years", "a quarter of a century"),
        ("a fortnight", "14 days"),
        ("2.5 km", "2500 metres"),
        ("6 feet", "two yards"),
        ("20,000 square cm", "2 square metres"),
        ("$5", "500 cents"),
        ("€3.50", "3.50 euros"),
    ],
)
def test_the_same_in_other_words_and_units_is_equal(one: str, other: str) -> None:
    assert equal(only(one), only(other))
    assert equal(only(other), only(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 feet", "1 metre"),
        ("2 months", "60 days"),  # a month has no exact number of days
        ("30 minutes", "half a day"),
        ("1000 square metres", "1 square km"),
        ("500 cents", "£5"),
        ("50%", "5%"),
        ("2.5 cups", "25 cups"),
    ],
)
def test_what_is_not_exactly_the_same_is_not_equal(one: str, other: str) -> None:
    assert not equal(only(one), only(other))


SIZES = {
    "time": {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800},
    "calendar": {"month": 1, "year": 12, "decade": 120, "century": 1200},
    "length": {"millimetre": 1, "cm": 10, "m": 1000, "kilometre": 10**6},
    "feet": {"inch": 1, "foot": 12, "yard": 36, "mile": 63_360},
    "mass": {"mg": 1, "gram": 1000, "kg": 10**6, "tonne": 10**9},
    "volume": {"ml": 1, "cl": 10, "litre": 1000},
}
UNITS_OF_ONE_SORT = [
    (a, size, b, other)
    for units in SIZES.values()
    for a, size in units.items()
    for b, other in units.items()
]


@given(st.integers(1, 5000), st.sampled_from(UNITS_OF_ONE_SORT))
def test_an_amount_is_equal_in_any_of_its_units(
    amount: int, units: tuple[str, int, str, int]
) -> None:
    unit, size, other, other_size = units
    there = Fraction(amount * size, other_size)
    written = f"{there.numerator}/{there.denominator}" if there.denominator > 1 else str(there)
    assert equal(only(f"{amount} {unit}"), only(f"{written} {other}"))


@given(st.integers(2, 5000), st.integers(2, 5000), st.sampled_from(UNITS_OF_ONE_SORT))
def test_different_amounts_are_not_equal(
    amount: int, more: int, units: tuple[str, int, str, int]
) -> None:
    unit, size, other, other_size = units
    assume(amount != more and amount * size != more * other_size)
    assert not equal(only(f"{amount} {unit}"), only(f"{more} {other}"))


def test_the_same_figure_with_another_unit_has_the_same_value_but_another_measure() -> None:
    """Told apart where quantities are compared: a changed unit is a loss of its own."""
    minutes, hours = only("45 minutes"), only("45 hours")
    assert equal(minutes, hours)
    assert minutes.measure != hours.measure


def test_a_ratio_is_two_numbers_and_a_time_is_one() -> None:
    assert [n.values[0] for n in numbers("Mix lime and sand 7:13.")] == [7, 13]
    (time,) = numbers("The gate opens at 9:00.")
    assert (time.unit, time.values) == ("clock", (Fraction(9),))
    assert [n.values[0] for n in numbers("from 3:15 until 4:30")] == [
        Fraction(13, 4),
        Fraction(9, 2),
    ]


def test_a_date_is_its_figures() -> None:
    assert [n.values[0] for n in numbers("due on 12/05/2031")] == [12, 5, 2031]


def test_a_number_knows_its_place_what_it_counts_and_its_unit() -> None:
    text = "Buy twelve ripe figs and 3 kg of rice."
    figs, rice = numbers(text)
    assert text[figs.start : figs.end] == figs.text == "twelve"
    assert (figs.counted, figs.unit, figs.measure) == ("rip", "", None)
    assert (rice.counted, rice.unit, rice.measure) == ("kg", "mass", Fraction(3_000_000))


def test_an_ordinal_is_marked() -> None:
    assert [n.ordinal for n in numbers("the second of two, and the 21st")] == [True, False, True]


@pytest.mark.parametrize("text", ["a 30 second film", "a 30-second film", "a film of 30 seconds"])
def test_a_second_that_measures_time_is_no_ordinal(text: str) -> None:
    assert [(n.values[0], n.ordinal, n.unit) for n in numbers(text)] == [
        (Fraction(30), False, "time")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1. Sort it\n2. Print it",
        "(1) sort, (2) print",
        "One of them",
        "no number",
        "x2y",
        "ISO9001",
    ],
)
def test_markers_pronouns_and_letters_with_digits_are_not_numbers(text: str) -> None:
    assert numbers(text) == []


def test_articles_before_units_imply_one_and_others_do_not() -> None:
    assert [(n.text, n.values[0]) for n in implied("an hour a day, by a river")] == [
        ("an hour", Fraction(1)),
        ("a day", Fraction(1)),
    ]


@given(st.integers(0, 10**9))
def test_any_whole_number_is_read_back(value: int) -> None:
    assert [n.values[0] for n in numbers(f"about {value:,} of them")] == [value]


@given(st.decimals(0, 10**6, places=3))
def test_any_decimal_is_read_back_exactly(value: object) -> None:
    assert [n.values[0] for n in numbers(f"about {value} of them")] == [Fraction(str(value))]


@given(st.text(alphabet="0123456789 ,.:/½%$€-abhourk\n\u202f", max_size=60))
def test_places_of_numbers_lie_in_the_text_in_order(text: str) -> None:
    found = numbers(text)
    assert all(0 <= n.start < n.end <= len(text) for n in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_a_number_too_long_for_python_is_left_alone() -> None:
    assert numbers("1" * 5000) == []
