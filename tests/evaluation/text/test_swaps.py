"""Words swapped for others of their kind: what is found, what is left alone, and what it makes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.text.stated.swaps import same_kind, swap_between, swaps

TEXT = "The mill burnt down in 1790. It was built again in 1803."


def made(sentence: str, text: str = "", seed: int = 0) -> list[tuple[str, str, str]]:
    return [(s.kind, s.old, s.new) for s in swaps(sentence, text or sentence, Random(seed))]


@pytest.mark.parametrize(
    ("sentence", "kind", "old"),
    [
        ("The tower was built in 1612.", "year", "1612"),
        ("The bell weighs 840 kilograms.", "number", "840"),
        ("The couple had three children.", "number", "three"),
        ("A sheet is 1.5 millimetres thick.", "number", "1.5"),
        ("The fair is held in March.", "month", "March"),
        ("The market opens on Monday.", "weekday", "Monday"),
        ("The pass is closed in winter.", "season", "winter"),
        ("The signal turns red.", "colour", "red"),
        ("The hull is made of oak.", "material", "oak"),
        ("The village lies north of the river.", "direction", "north"),
        ("The painter was born in Spain.", "place", "Spain"),
        ("The larger wheel drives the other.", "opposite", "larger"),
        ("The walk takes 3 hours.", "unit", "hours"),
    ],
)
def test_a_word_is_swapped_for_one_of_its_kind(sentence: str, kind: str, old: str) -> None:
    found = {(k, o): n for k, o, n in made(sentence)}
    new = found[kind, old]
    assert new != old
    assert same_kind(old, new) == kind


@pytest.mark.parametrize(
    "sentence",
    [
        "The hall holds more than 400 people.",
        "The road was finished before 1900.",
        "Between 20 and 40 boats go out.",
        "They walk from east to west.",
        "Two of the three mills are gone.",
        "The week has seven days.",
        "Nobody counted the 12 boats.",
        "The bells ring at 9:30.",
        "Article 5 forbids it.",
        "The film runs from 1990 to 1995.",
        "She may come and march along.",
        "The White House is large.",
        "The box is 10-15 parts wide.",
        "The spring drives the clock.",
    ],
)
def test_what_others_could_call_true_is_left_alone(sentence: str) -> None:
    assert made(sentence) == []


def test_a_year_comes_from_the_text_where_one_is_near() -> None:
    news = {made("The mill burnt down in 1790.", TEXT, seed)[0][2] for seed in range(30)}
    assert "1803" in news
    assert len(news) > 2


def test_a_number_is_written_like_the_old_one() -> None:
    for seed in range(20):
        ((_, _, new),) = made("The stadium seats 12,000 people.", seed=seed)
        assert new.endswith("00")
        ((_, _, spoken),) = made("Eleven people wait.", seed=seed)
        assert spoken.istitle()


def test_an_article_fits_the_new_word() -> None:
    for seed in range(20):
        for _, old, new in made("It is an orange light that has an ash frame.", seed=seed):
            assert old != new
            assert new[0].lower() in "aeiou"


def test_the_swapped_sentence_is_not_one_of_the_text() -> None:
    text = " ".join(f"The bell has {n} parts." for n in ("two", "three", "four", "five", "six"))
    for seed in range(20):
        for swap in swaps("The bell has two parts.", text, Random(seed)):
            assert swap.of("The bell has two parts.") not in text


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1612", "1703", "year"),
        ("three", "four", "number"),
        ("12", "1,200", "number"),
        ("three", "thirteen", None),
        ("oak", "copper", None),
        ("May", "Monday", None),
        ("1612", "three", None),
        ("bell", "tower", None),
    ],
)
def test_words_of_different_kinds_exclude_nothing(old: str, new: str, kind: str | None) -> None:
    assert same_kind(old, new) == kind


@given(st.integers(0, 10_000))
def test_a_swap_is_found_again(seed: int) -> None:
    sentence = "The bell of 840 kilograms was cast in May 1612 from old copper."
    for swap in swaps(sentence, sentence, Random(seed)):
        assert swap_between(sentence, swap.of(sentence)) == swap


@pytest.mark.parametrize(
    "other",
    [
        "The bell was cast in 1612.",
        "The bell was cast in 1613 or so.",
        "The tower was cast in 1613.",
        "The bell was cast in spring.",
        "",
    ],
)
def test_no_or_more_than_one_swap_is_none(other: str) -> None:
    assert swap_between("The bell was cast in 1612.", other) is None
