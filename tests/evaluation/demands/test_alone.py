"""A request without the sentences that are demands on its answer's form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.demands.alone import request_alone


@pytest.mark.parametrize(
    ("instruction", "alone"),
    [
        ("What is a tide? Use at most 50 words.", "What is a tide?"),
        ("What is a tide? Use at most 50 words. Do not use any commas.", "What is a tide?"),
        ("Use at most 50 words. What is a tide?", "What is a tide?"),
        (
            "Rewrite the text. Use at most 50 words.\n\nThe sea is wide.",
            "Rewrite the text.\n\nThe sea is wide.",
        ),
        (
            "What is a tide? Use at most 50 words. Compare it with a wave.",
            "What is a tide? Compare it with a wave.",
        ),
    ],
)
def test_sentences_that_are_demands_are_left_out(instruction: str, alone: str) -> None:
    assert request_alone(instruction) == alone


@pytest.mark.parametrize(
    "instruction",
    [
        "What is a tide?",
        "Explain in at most 50 words what a tide is.",  # the sentence asks for more than form
        "Use at most 50 words.",
        "Correct the sentence: Use at most 50 words.",
        "",
    ],
)
def test_what_asks_for_more_stays(instruction: str) -> None:
    assert request_alone(instruction) == instruction


@given(st.text())
def test_no_text_breaks_it_and_nothing_is_added(text: str) -> None:
    left = request_alone(text).split()
    words = iter(text.split())
    assert all(word in words for word in left)
