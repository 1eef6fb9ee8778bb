"""Where a demand can be put into a request without breaking what it works on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.methods.evolve.request import anchor_of


@pytest.mark.parametrize(
    ("instruction", "request_", "given_"),
    [
        ("Sort the list.\n\n- pear\n- fig", "Sort the list.", "- pear\n- fig"),
        ("Fix the code:\nfor i in x print(i)", "Fix the code:", "for i in x print(i)"),
        (
            "Is the sentence grammatical? Output yes or no. He go home.",
            "Is the sentence grammatical? Output yes or no.",
            "He go home.",
        ),
        (
            "Classify the claim. Claim: Bats are blind.",
            "Classify the claim.",
            "Claim: Bats are blind.",
        ),
        ("Write a title. Article: Cows can swim.", "Write a title.", "Article: Cows can swim."),
        (
            "Choose the best answer.\n\nA: red\nB: green\nC: blue",
            "Choose the best answer.",
            "A: red\nB: green\nC: blue",
        ),
    ],
)
def test_what_is_given_is_told_from_what_is_asked(
    instruction: str, request_: str, given_: str
) -> None:
    anchor = anchor_of(instruction)
    assert (anchor.request, anchor.given) == (request_, given_)


@pytest.mark.parametrize(
    "instruction",
    [
        "Name three rivers.",
        "I have a flight at six. How should I organise the evening?",
        "Anna left late.\nWho left late?",
        "Rewrite the sentence. Send me the report by noon.",  # could be an order of the user's own
        "Sort these words by length: pear, fig",
        "",
    ],
)
def test_where_it_cannot_be_told_nothing_is_given(instruction: str) -> None:
    assert anchor_of(instruction).given == ""
    assert anchor_of(instruction).request == instruction


@given(st.text())
def test_no_word_is_lost(text: str) -> None:
    anchor = anchor_of(text)
    assert f"{anchor.request}{anchor.gap}{anchor.given}".split() == text.split()


def test_a_demand_stands_before_the_data() -> None:
    anchor = anchor_of("Write a haiku with the following word:\n\nsummer")
    before = anchor.before("Do not use")
    assert before == "Write a haiku with the following word."
    whole = anchor.with_demand(before, 'Do not use the word "sun".')
    assert whole == 'Write a haiku with the following word. Do not use the word "sun".\n\nsummer'


@pytest.mark.parametrize(
    ("instruction", "connector", "before"),
    [
        ("Name three rivers", "Also say", "Name three rivers."),
        ("Which is larger?", "Also say", "Which is larger?"),
        ("Run `ls`", "Also say", "Run `ls`"),
        ("How do I sleep better?", "without", "How do I sleep better"),
        ("Plan a picnic.", "without", "Plan a picnic"),
    ],
)
def test_a_connector_finds_the_end_that_it_needs(
    instruction: str, connector: str, before: str
) -> None:
    assert anchor_of(instruction).before(connector) == before


def test_a_question_that_goes_on_is_still_a_question() -> None:
    anchor = anchor_of("How do I sleep better?")
    assert anchor.with_demand(anchor.before("without"), "without using pills.") == (
        "How do I sleep better without using pills?"
    )


def test_long_data_is_shown_in_part() -> None:
    anchor = anchor_of("Summarise the text.\n\n" + "word " * 100)
    assert anchor.shown == "word " * 60 + "..."
    assert len(anchor.given.split()) == 100
