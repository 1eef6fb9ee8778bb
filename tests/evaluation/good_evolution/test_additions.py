"""What an evolution adds, and of which kind it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.good_evolution.features import KINDS, addition

ASKED = "Why do cats purr?"


@pytest.mark.parametrize(
    ("added", "kind", "body"),
    [
        ("Limit your answer to 40 words.", "limit", "40 words."),
        ("Do not use the word happy.", "avoid", "the word happy."),
        ("Don't mention dogs.", "avoid", "dogs."),
        ("Compare it with the growl of a dog.", "compare", "the growl of a dog."),
        ("Explain it for a child.", "audience", "a child."),
        ("Include a question.", "include", "a question."),
        ("Write the answer as a poem.", "format", "a poem."),
        ("Give an example of a loud cat.", "example", "a loud cat."),
        ("Before you answer, list three sounds.", "first", "list three sounds."),
        ("Also explain what lions do.", "also", "what lions do."),
        ("Seven grey kittens.", "other", "Seven grey kittens."),
    ],
)
def test_the_first_words_tell_the_kind(added: str, kind: str, body: str) -> None:
    found = addition(ASKED, f"{ASKED} {added}")

    assert (found.kind, found.body) == (kind, body)


@pytest.mark.parametrize(
    ("tail", "kind"),
    [(", without any jargon?", "avoid"), (", using short words?", "using"), (" in winter?", "in")],
)
def test_a_clause_has_a_kind_too(tail: str, kind: str) -> None:
    assert addition("Why do cats purr", "Why do cats purr" + tail).kind == kind


def test_new_words_are_those_that_neither_fit_any_request_nor_stand_in_it() -> None:
    found = addition(ASKED, f"{ASKED} Include one sentence about cats and motorways.")

    assert [word.text for word in found.new] == ["motorways"]


@pytest.mark.parametrize(
    ("added", "count", "unit", "rest"),
    [
        ("Limit your answer to two short paragraphs.", 2, "paragraph", 0),
        ("Limit your answer to 100 words.", 100, "word", 0),
        ("Limit your answer to three steps that a child can follow.", 3, "step", 5),
    ],
)
def test_a_limit_is_read(added: str, count: int, unit: str, rest: int) -> None:
    limit = addition(ASKED, f"{ASKED} {added}").limit

    assert limit is not None
    assert (limit.number, limit.unit, limit.rest) == (count, unit, rest)


def test_what_states_no_length_has_no_limit() -> None:
    assert addition(ASKED, f"{ASKED} Include two lions.").limit is None


def test_nothing_added_is_an_empty_addition() -> None:
    found = addition(ASKED, ASKED)

    assert (found.text, found.kind, found.new) == ("", "other", ())


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_have_an_addition(original: str, evolved: str) -> None:
    found = addition(original, evolved)

    assert found.kind in KINDS
    assert found.limit is None or found.limit.words > 0
