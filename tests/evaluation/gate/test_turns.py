"""Later turns of a conversation: good ones pass, and each way to go wrong is named."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.checks.row import turn_findings
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.rows import Message, Row

TALK = (
    Message("user", "How do I grow tomatoes on a balcony?"),
    Message(
        "assistant",
        "Take a deep pot, rich soil and a sunny corner, and water them well each morning.",
    ),
)


def codes(text: str, *, role: str = "user", finish_reason: str | None = None) -> list[str]:
    talk = TALK if role == "user" else (*TALK, Message("user", "Which sorts stay small?"))
    last = Message("user" if role == "user" else "assistant", text)
    return [f.code for f in turn_findings((*talk, last), finish_reason=finish_reason)]


@pytest.mark.parametrize(
    "text",
    ["Why?", "And in winter?", "Thank you. How often should I feed them?", "What about mint?"],
)
def test_a_follow_up_may_be_short_and_lean_on_what_was_said(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("I am here to help you with your balcony.", "role_confusion"),
        ("Sure! Here are three sorts that stay small", "not_an_instruction"),
        ("How do I grow tomatoes on the balcony?", "repeated_turn"),
        ("Why?<|im_end|>", "template_leak"),
        ("What is the best soil for the", "cut_off"),
    ],
)
def test_a_users_turn_that_goes_wrong_is_named(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "Take a deep pot, rich soil, a sunny corner; water them well each morning.",
            "repeated_turn",
        ),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("As an AI language model, I know no tomatoes.", "self_talk"),
    ],
)
def test_an_answer_that_goes_wrong_is_named(text: str, code: str) -> None:
    assert code in codes(text, role="assistant")


def test_a_turn_that_ran_out_of_tokens_is_cut_off() -> None:
    assert codes("Bush tomatoes stay small", role="assistant", finish_reason="length") == [
        "cut_off"
    ]


def test_the_first_two_turns_are_left_to_the_checks_of_instruction_and_response() -> None:
    for turns in ((Message("user", ""), Message("assistant", "")), ()):
        assert CHECKS["bad_turn"].find(Case(Row.make("Why?", messages=turns))) is None


async def test_the_gate_refuses_a_conversation_with_a_bad_turn_and_says_which() -> None:
    system = Message("system", "You know plants.")
    good = (system, *TALK, Message("user", "Which sorts stay small?"))
    bad = (*good, Message("assistant", "I'm sorry, but I can't help with that."))
    rows = [
        Row.make(TALK[0].content, response=TALK[1].content, messages=messages, key=str(i))
        for i, messages in enumerate((good, bad))
    ]
    (one,) = [row async for row in Gate().check(rows[:1])]
    assert one.status == "accepted"
    (other,) = [row async for row in Gate().check(rows[1:])]
    assert other.verdict is not None
    assert other.verdict.details["bad_turn"] == {
        "turn": 4,
        "role": "assistant",
        "reasons": ["refusal"],
    }
