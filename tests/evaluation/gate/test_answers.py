"""Responses that say the question again or stop in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.findings import Finding
from evolsynth.rows import Row


def broken_off(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["broken_off"].find(Case(Row.make(instruction, response=response)))


def copies_question(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["copies_question"].find(Case(Row.make(instruction, response=response)))


def says_nothing(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["says_nothing"].find(Case(Row.make(instruction, response=response)))


TIDES = "Why does the sea rise and fall twice a day at the coast?"


@pytest.mark.parametrize(
    "response", [TIDES, f"Question: {TIDES}", f"{TIDES} That is the question."]
)
def test_the_question_said_again_is_no_answer(response: str) -> None:
    finding = copies_question(response, TIDES)
    assert finding is not None


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        (TIDES, f"{TIDES} The moon pulls the water towards it, and the earth turns underneath."),
        (TIDES, "Because the moon pulls at it."),
        ("Correct the sentence: he go to the big market on foot", "he goes to the market on foot"),
        ("Repeat after me: the boat is in the bay", "Repeat after me: the boat is in the bay"),
        ("Say hello.", "Say hello."),
    ],
)
def test_answers_that_hold_the_question_are_fine(instruction: str, response: str) -> None:
    assert copies_question(response, instruction) is None


@pytest.mark.parametrize(
    "response",
    [
        "The moon pulls at the water. The earth turns below it, so that every coast",
        "First, heat the oil.\n\nThen fry the onions. When they are soft, add the rice and stir,",
    ],
)
def test_a_sentence_that_stops_in_the_middle_is_broken_off(response: str) -> None:
    finding = broken_off(response)
    assert finding is not None
    assert finding.code == "broken_off"
    assert response.endswith(finding.detail["tail"])


@pytest.mark.parametrize(
    "response",
    [
        "Paris",
        "The moon pulls at the water.",
        "Here they are.\n- a rope\n- a lamp\n- a good pair of boots for the wet days",
        "The hill is dark. The river sings\nand nobody comes home",
        "I hope to hear from you soon. With kind regards and best wishes to your family",
        "Dear Ann, thank you. See you at the next meeting in May, Tom Baker",
        "The sum is right. Result in all of the cases: four hundred and two",
        "It is done. See https://example.org for more of this kind",
        "Use this. x = the number of the boats; y = boats",
    ],
)
def test_other_ends_are_left_alone(response: str) -> None:
    assert broken_off(response) is None


@given(st.text(max_size=200))
def test_a_text_that_ends_with_a_full_stop_is_not_broken_off(text: str) -> None:
    assert broken_off(f"{text.strip()}.") is None


@given(st.text(max_size=120), st.text(max_size=120))
def test_only_a_response_that_holds_the_question_copies_it(asked: str, response: str) -> None:
    if copies_question(response, asked) is not None:
        assert len(response.split()) >= 1


@pytest.mark.parametrize("response", ["It is the. Of", "...", "?!", "and so on and on."])
def test_stop_words_and_punctuation_say_nothing(response: str) -> None:
    """The third elimination rule of Evol-Instruct."""
    finding = says_nothing(response)
    assert finding is not None
    assert finding.code == "says_nothing"


@pytest.mark.parametrize(
    "response", ["Yes.", "No", "B", "42", "x", "It is blue.", "Neither", "東京", "été"]
)
def test_the_shortest_answer_says_something(response: str) -> None:
    assert says_nothing(response) is None
