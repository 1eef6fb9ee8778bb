"""Numbers and names in the many ways people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.facts import names
from evolsynth.evaluation.numbers import equal, implied, numbers
from evolsynth.evaluation.words import clauses, stem, words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 rolls", 12),
        ("twelve rolls", 12),
        ("a dozen rolls", 12),
        ("two dozen rolls", 24),
        ("twenty-one dollars", 21),
        ("three hundred and five pages", 305),
        ("two thousand four hundred", 2400),
        ("$1,200.50 a year", Fraction(240100, 200)),
        ("walks 1/4 of it", Fraction(1, 4)),
        ("in June, 3/5 of them", Fraction(3, 5)),
        ("1 1/2 cups", Fraction(3, 2)),
        ("three-quarters full", Fraction(3, 4)),
        ("a third of them", Fraction(1, 3)),
        ("the third one", 3),
        ("the 3rd one", 3),
        ("minus -7 degrees", -7),
        ("about 10k users", 10_000),
        ("it costs 1e6 pounds", 10**6),
        ("he paid twice", 2),
    ],
)
def test_a_number_has_one_value_however_it_is_written(text: str, value: Fraction) -> None:
    assert [n.values[0] for n in numbers(text)] == [value]


def test_percentages_and_units_have_equivalents() -> None:
    (half,), (percent,) = numbers("half of it"), numbers("50% of it")
    assert equal(half, percent)
    (minutes,), (hours,) = numbers("30 minutes"), numbers("half an hour")
    assert equal(minutes, hours)
    assert equal(implied("in an hour")[0], numbers("60 minutes")[0])


@pytest.mark.parametrize("text", ["1. Sort it\n2. Print it", "One of them", "no number", "x2y"])
def test_markers_and_pronouns_are_not_numbers(text: str) -> None:
    assert numbers(text) == []


@given(st.integers(0, 10**9))
def test_any_whole_number_is_read_back(value: int) -> None:
    assert [n.values[0] for n in numbers(f"about {value:,} of them")] == [value]


def test_a_number_too_long_for_python_is_left_alone() -> None:
    assert numbers("1" * 5000) == []


def test_names_are_found_except_at_the_start_or_in_capitals() -> None:
    assert [n.text for n in names("Visit New York with Aunt Berta.")] == ["New York", "Aunt Berta"]
    assert names("Where do I start? Describe it.") == []
    assert names("READ THIS NOTICE BEFORE YOU ENTER") == []


def test_contractions_are_undone() -> None:
    assert [w.stem for w in words("Don’t, can't, cannot")] == ["not", "not", "not"]
    assert [w.stem for w in words("It's fine")] == ["it", "fin"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("study", "studies"), ("plan", "planning"), ("describe", "describing"), ("city", "cities")],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_clauses_end_at_sentences_and_lines_but_not_at_abbreviations() -> None:
    text = "Ask Dr. Lee, e.g. today. Then go!\nParis"
    assert [text[s:e] for s, e in clauses(text)] == [
        "Ask Dr. Lee, e.g. today.",
        "Then go!",
        "Paris",
    ]


@given(st.text())
def test_places_point_into_the_text(text: str) -> None:
    for word in words(text):
        assert len(text[word.start : word.end]) == len(word.text)
    for start, end in clauses(text):
        assert 0 <= start < end <= len(text)
