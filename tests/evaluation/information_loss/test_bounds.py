"""Bounds in whatever words: three sorts, and none where nothing is bounded."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.reading import bounds
from evolsynth.evaluation.text.words import plain, words


def found(text: str) -> list[tuple[str, str]]:
    flat = plain(text)
    return [(flat[start:end], key) for start, end, key in bounds(flat, words(text))]


@pytest.mark.parametrize(
    "text",
    [
        "at most 5 lines",
        "no more than 5 lines",
        "not exceeding 5 lines",
        "it must not go over 5 lines",
        "Don’t exceed 5 lines",
        "up to 5 lines",
        "limited to 5 lines",
        "a maximum of 5 lines",
        "within 5 lines",
        "under 5 lines",
        "5 lines or fewer",
        "fewer than five lines",
    ],
)
def test_upper_bounds(text: str) -> None:
    assert [key for _, key in found(text)] == ["<="]


@pytest.mark.parametrize(
    "text",
    [
        "at least 5 lines",
        "no fewer than 5 lines",
        "a minimum of 5 lines",
        "more than 5 lines",
        "over 5 lines",
        "5 lines or more",
        "upwards of 5 lines",
    ],
)
def test_lower_bounds(text: str) -> None:
    assert [key for _, key in found(text)] == [">="]


@pytest.mark.parametrize("text", ["exactly 5 lines", "precisely five lines", "just 5 lines"])
def test_exact_bounds(text: str) -> None:
    assert [key for _, key in found(text)] == ["=="]


@pytest.mark.parametrize(
    "text",
    [
        "it is more than you think",
        "within the house",
        "keep the bread warm",
        "just a moment",
        "under the bridge",
        "above all",
        "",
    ],
)
def test_where_nothing_is_bounded_none_is_found(text: str) -> None:
    assert found(text) == []


def test_bounds_are_found_in_order_with_their_places() -> None:
    text = "Use at least 3 and no more than 7 herbs."
    assert found(text) == [("at least", ">="), ("no more than", "<=")]


def test_a_bound_is_looked_for_in_a_piece() -> None:
    text = "Name herbs. Use at most 7 of them."
    first = text.index(".") + 1
    assert not list(bounds(text, [word for word in words(text) if word.start < first]))
    assert list(bounds(text, [word for word in words(text) if word.start >= first]))
