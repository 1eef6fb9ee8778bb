"""Responses that choose none of the labels they were given, and letters and poems that are none."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.short import offered
from evolsynth.rows import Row


def codes(instruction: str, response: str, given: str = "") -> set[str]:
    row = Row.make(instruction, response=response, extra={"input": given} if given else {})
    return {finding.code for finding in part_findings(row, "response")}


@pytest.mark.parametrize(
    ("instruction", "labels"),
    [
        ("Classify the e-mail as work, family or advertising.", ("work", "family", "advertising")),
        ("Is the animal a mammal, a bird or a fish?", ("mammal", "bird", "fish")),
        ("Tell me if the number is even or odd. Use at most 9 words.", ("even", "odd")),
        ("Sort it into a bin: paper, glass, or food waste.", ("paper", "glass", "food waste")),
        ("Choose the subject from history, science and art.", ("history", "science", "art")),
        ("Decide whether the word is a noun or a verb.\n\nArrival", ("noun", "verb")),
        ("Is the mood of this review positive or negative? It broke.", ("positive", "negative")),
    ],
)
def test_labels_are_read_from_the_request(instruction: str, labels: tuple[str, ...]) -> None:
    assert offered(instruction) == labels


@pytest.mark.parametrize(
    "instruction",
    [
        "Is it better to live in a village or in a big city?",
        "Would you rather be a bird or a fish?",
        "Name a bird, a fish or a mammal.",
        "Classify each animal as a mammal, a bird or a fish. bat, trout",
        "Is this poem happy or sad? Explain why.",
        "Should I buy a car or a bicycle?",
        "Is the plan good or should I wait?",
        "Write a story about a cat, a dog and a mouse.",
        "Tell me about the history, science and art of Japan.",
        "Ist der Satz positiv oder negativ?",
        "",
    ],
)
def test_where_no_label_is_certainly_wanted_there_are_none(instruction: str) -> None:
    assert offered(instruction) == ()


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Tell me if the number is even or odd.\n\n417", "The number 417 is divisible by 2."),
        (
            "Pick the feeling: joy, anger, fear or sadness.\n\nI heard steps.",
            "I heard steps behind me, and my heart began to race.",
        ),
        (
            "Say whether the sentence is a statement, a question or a command.\n\nClose it.",
            "I'm glad to hear that the window was closed.",
        ),
    ],
)
def test_a_response_that_chooses_none_is_told(instruction: str, response: str) -> None:
    assert "no_choice" in codes(instruction, response)


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Tell me if the number is even or odd.\n\n417", "Odd."),
        ("Classify the claim as fact or opinion.\n\nBlue is nice.", "It is not factual."),
        ("Is the poem happy or sad?\n\nThe leaves are down.", "A feeling of sadness."),
        ("Classify the e-mail as work, family or advertising.\n\nSale!", "Advertisement"),
        ("Is the review positive or negative?\n\nGood food, bad beds.", "It is mixed."),
        ("Is the animal a bird or a fish?\n\ndolphin", "Neither: a dolphin breathes air."),
        ("Pick the bin: paper, glass or metal.\n\ncan", "C"),
        ("Is the word a noun or a verb?\n\nwater", "That depends on the sentence."),
        ("Classify the review as positive or negative.\n\nIt broke.", "Negative, since it broke."),
        ("Ist der Satz positiv oder negativ?", "Er lobt das Essen."),
    ],
)
def test_a_response_that_chooses_is_let_alone(instruction: str, response: str) -> None:
    assert "no_choice" not in codes(instruction, response)


ADVICE = "Please inform your landlord about the leak and ask for a clear message."
LINE = (
    "The last train leaves the empty station at night, and a guard in a grey coat puts the lamps "
    "out one after the other while rain falls on the roof, a dog looks for its owner, and far "
    "away the bells of two small churches tell the hour to nobody at all."
)


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Write an e-mail to my landlord about a leaking tap.", ADVICE),
        ("Please draft a short letter to the library.", "A letter should be short and polite."),
        ("Write a poem about the last train of the night.", LINE),
        ("Can you compose a lullaby for a baby elephant?", LINE),
    ],
)
def test_a_letter_or_poem_that_is_none_is_told(instruction: str, response: str) -> None:
    assert "wrong_genre" in codes(instruction, response)


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Write an e-mail to my landlord about a leaking tap.", "Dear Ms Ek,\n\nthe tap leaks."),
        ("Write an e-mail to my landlord.", "The tap in the kitchen leaks. Kind regards, Ana"),
        ("Write an email about the party.", "My kitchen is ready, and we begin at eight."),
        ("Write an email that says the office is closed.", "Subject: closed\n\nUntil Monday."),
        ("Explain how to write a letter.", "Begin with a greeting and end with a name."),
        ("Write a letter of the Greek alphabet.", "To write one, take a sheet: alpha."),
        ("Write a poem about a lake.", "The lake lies still,\nthe herons stand,\nthe boats"),
        ("Write a haiku about rain.", "Rain on the tin roof / a cat looks up / no sky"),
        ("Write a prose poem about a station.", LINE),
        ("Write a poem about a lake in one sentence.", LINE),
        ("Write a story about a poem that nobody read.", LINE),
        ("How do I write a good poem?", LINE),
        ("Write a review of a poem by Emily Dickinson.", LINE),
    ],
)
def test_letters_and_poems_and_what_is_near_them_are_let_alone(
    instruction: str, response: str
) -> None:
    assert "wrong_genre" not in codes(instruction, response)
