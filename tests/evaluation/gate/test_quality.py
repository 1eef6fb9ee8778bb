"""Degenerate texts: what must be caught, and above all what must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.gate.check import Part
from evolsynth.evaluation.gate.checks.self_instruct import degenerate
from evolsynth.findings import explain, known_reasons


def codes(text: str, kind: Part = "instruction", **more: object) -> list[str]:
    return [f.code for f in degenerate(text, kind=kind, **more)]  # type: ignore[arg-type]


FINE = [
    "I'm planning a trip to Norway and need ideas for a rainy day in Bergen.",
    "Can you help me fix my bicycle?",
    "What is this lamp made of",
    "Tell me which song to listen to",
    "Here is my code:\n```\nprint(x)\n```\nWhy does it fail?",
    "Here are three sentences. Choose the best one.",
    "The following text is a review. Classify its sentiment.",
    "The sentence 'I goed home' is wrong. Correct it.",
    "A tank holds 60 liters. It leaks 2 liters a day. Calculate when it is empty.",
    "Sum 1+1+1+1+1+1+1+1",
    "Solve 3x + 4y = 2, x - y = 1",
    'Which is longer, a 6" pipe or a 20 cm pipe?',
    "Question: who wrote this play?\nAnswer:",
    "写一首关于春天的诗",
    "Explain the rhyme row, row, row your boat.",
]


@pytest.mark.parametrize("text", FINE)
def test_natural_requests_pass(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t.", "empty"),
        ("Fish?", "too_short"),
        ("word " * 900 + "?", "too_long"),
        ("Tell me a joke a joke a joke a joke a joke", "repetition"),
        ("Write aaaaaaaaaaaaaa now", "repetition"),
        ("Write a story about a fox and", "cut_off"),
        ("List the parts of a flower, including", "cut_off"),
        ("Draw a map of (the old", "cut_off"),
        ('Use the word "brave in a sentence.', "cut_off"),
        ("Translate the following word:", "cut_off"),
        ("Fix this:\n```\nx = 1", "cut_off"),
        ("<|im_start|>user\nWrite a poem", "template_leak"),
        ("[INST] Write a poem [/INST]", "template_leak"),
        ("### Instruction: write a poem", "template_leak"),
        ("#Rewritten Prompt#: write a longer poem", "template_leak"),
        ("user\nWrite a poem about rain", "template_leak"),
        ("Sure, here is a list of ideas.", "not_an_instruction"),
        ("Here are some tips for better sleep.", "not_an_instruction"),
        ("As an AI language model, how do I help?", "not_an_instruction"),
        ("How can I help you today?", "not_an_instruction"),
        ("The cat is a small animal that lives in houses.", "not_an_instruction"),
        ("import os\nimport sys\nprint(os.name)", "not_an_instruction"),
        ("### The History of Tea", "not_an_instruction"),
        ("1 2 3 4 5 6 7 8 9", "not_an_instruction"),
        ("Write \ufffd\ufffd about it", "not_an_instruction"),
    ],
)
def test_degenerate_instructions_are_named(text: str, code: str) -> None:
    assert code in codes(text)


def test_a_one_word_answer_may_be_right() -> None:
    assert codes("Paris", "response") == []
    assert codes("7", "response") == []


def test_the_token_limit_is_told_by_the_model() -> None:
    assert codes("Once upon a time there", "response", finish_reason="length") == ["cut_off"]
    assert codes("Once upon a time there", "response", finish_reason="stop") == []


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I have no opinion.",
        "I cannot provide medical advice.",
    ],
)
def test_refusals_are_found(text: str) -> None:
    assert codes(text, "response")[0] == "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "I am a nurse and I am moving to a small town.",
        "My neighbour plays the drums at night.",
        "The company opened a new office in the north.",
    ],
)
def test_a_statement_that_asks_for_nothing_is_no_instruction(text: str) -> None:
    assert codes(text, "instruction") == ["not_an_instruction"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I need an umbrella umbrella for the beach, which one?", "umbrella umbrella"),
        ("Plan an adventure adventure for us.", "adventure adventure"),
    ],
)
def test_a_word_said_twice_in_a_row_is_repetition(text: str, said: str) -> None:
    (finding,) = degenerate(text, kind="instruction")
    assert finding.detail["repeated"] == said


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry for your loss. Take all the time you need.",
        "Dear Sam, I am sorry that I was late.",
        "I'm sorry, but here it is in full. " + "It goes on and says much. " * 3 + "x " * 80,
    ],
)
def test_sympathy_and_long_answers_are_not_refusals(text: str) -> None:
    assert "refusal" not in codes(text, "response")


def test_a_refrain_is_not_a_loop() -> None:
    verses = ["The rain falls on the hill", "The river sings below", "A lamp burns in the mill"]
    poem = "\n\n".join(f"{verse}\nAnd home again we go" for verse in verses)
    assert codes(poem, "response") == []
    assert codes("\n".join(["And home again we go"] * 6), "response") == ["repetition"]


def test_a_dialogue_is_a_fine_response() -> None:
    assert codes("User: Is it open?\nBot: Yes, until six.", "response") == []


EXAMPLES = ["Plan a dinner, and say which wine from northern Portugal suits every course."]


def test_an_example_taken_over_is_found_with_its_place() -> None:
    text = "Name some games, and say which wine from northern Portugal suits them."
    (leak,) = degenerate(text, kind="instruction", examples=EXAMPLES)
    assert leak.code == "example_leak"
    assert leak.detail["example"] == 0
    assert "northern Portugal" in leak.detail["copied"]


def test_phrases_that_any_request_may_hold_are_no_leak() -> None:
    examples = ["Describe a fox. Limit your answer to three sentences and explain each step."]
    text = "Describe the moon. Limit your answer to three sentences."
    assert codes(text, examples=examples) == []


@given(st.text(max_size=300), st.sampled_from(["instruction", "response"]))
def test_any_text_gets_codes_that_the_report_can_explain(text: str, kind: Part) -> None:
    assert set(codes(text, kind, examples=[text[:50]])) <= set(known_reasons())


def test_an_unknown_code_is_still_shown() -> None:
    assert explain("too_blue") == "Too blue."


def test_a_response_that_says_a_passage_twice_is_repetition() -> None:
    once = "Train the staff in the ward so that they can teach the others well."
    assert codes(f"{once} Buy beds.", "response") == []
    assert codes(f"{once} Buy beds. {once}", "response") == ["repetition"]
