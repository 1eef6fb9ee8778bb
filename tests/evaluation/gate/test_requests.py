"""What a model's own requests lack; each rule on texts as small models and people write them."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import Gate, part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.text.language import wrong_request_language
from evolsynth.rows import Row

FOUND: list[tuple[str, str]] = [
    ("missing_input", "Summarize the following article."),
    ("missing_input", "Describe how you can improve the following text."),
    ("missing_input", "How do I fix this error in Rust?"),
    ("missing_input", "Correct the sentences below."),
    ("missing_input", "Which of these words is an adverb?"),
    ("missing_input", "Translate the provided paragraph. Please keep its tone."),
    ("missing_input", "Write a story that uses the following."),
    ("several_requests", "Question 1: What is a fjord? Question 2: Who built the pyramids?"),
    ("several_requests", "1. What is a fjord made of? 2. Who built the old pyramids?"),
    ("several_requests", "- How do bees dance?\n- Why is the Dead Sea salty?"),
    ("several_requests", "What is a fjord? Who wrote Faust? How do bees find flowers?"),
    ("answers_itself", "What is jam? Jam is a spread made of fruit and sugar."),
    ("answers_itself", "Is the moon a planet? No, it is a satellite."),
    ("answers_itself", "What is the capital of Peru? The answer is Lima."),
    ("refusal", "I'm sorry, but I can't help with that."),
    ("refusal", "I cannot assist with this request."),
]
CLEAN: list[tuple[str, str]] = [
    ("missing_input", "Summarize the following article: The ferry to the islands was late again."),
    ("missing_input", 'Explain the following sentence. "The early bird catches the worm."'),
    ("missing_input", "Correct the grammar in this sentence. Him and me was late."),
    ("missing_input", "Write a function that returns the longest of the provided words."),
    ("missing_input", "How do I sort a list of dates in a spreadsheet?"),
    ("missing_input", "Which of these words is an adverb?\nslow, slowly, slower"),
    ("missing_input", "I wrote a long essay. How can I make this text shorter?"),
    ("missing_input", "What is the following of a football club?"),
    ("several_requests", "What should I pack for Rome? Which hotels there are quiet?"),
    ("several_requests", "How do bees dance? Why do they do it? When do they rest?"),
    ("several_requests", "Compare 1. tea and 2. coffee. Which has more caffeine?"),
    ("several_requests", "My cat scratches the sofa. How do I stop it? What do vets say?"),
    ("answers_itself", "What is the area of a circle? Please show every step."),
    ("answers_itself", "Can you help me? My sister is moving to Lima next spring."),
    ("answers_itself", "How many apples are left? Suppose that there are nine apples."),
    ("answers_itself", "What is a fjord? And how is it different from a bay?"),
    ("refusal", "I can't help my son with fractions. What should I do?"),
    ("refusal", "Write a letter that declines an invitation."),
]


@pytest.mark.parametrize(("name", "text"), FOUND)
def test_what_is_wrong_is_found(name: str, text: str) -> None:
    finding = CHECKS[name].find(Case(made(text)), "instruction")
    assert finding is not None
    assert finding.code == name


@pytest.mark.parametrize(("name", "text"), CLEAN)
def test_what_only_looks_like_it_is_not(name: str, text: str) -> None:
    assert CHECKS[name].find(Case(made(text)), "instruction") is None


def made(text: str) -> Row:
    """A row whose instruction a model wrote."""
    return Row.make(text, provenance={"instruction": {"model": "scripted"}})


async def test_the_gate_asks_this_of_what_a_model_wrote_and_not_of_a_persons_rows() -> None:
    """A person's text may be in a field of its own."""
    text = "Summarize the following article."
    own, models = [
        row async for row in Gate().check([Row.make(text), made("Improve the following text.")])
    ]
    assert own.status == "accepted"
    assert models.verdict is not None
    assert models.verdict.reasons == ("missing_input",)


def test_the_same_findings_come_without_a_gate() -> None:
    assert [f.code for f in part_findings(made("Improve the following text."), "instruction")] == [
        "missing_input"
    ]
    assert part_findings(made("Name four rivers in Spain."), "instruction") == []


# The language that was asked for ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the best way to learn a language?", "de"),
        ("Give me some tips for a trip to the sea.", "fr"),
        ("Wie kann ich meinen Garten im Winter vor dem Frost schützen, und was ist zu tun?", "en"),
        ("Как приготовить борщ с мясом и свежей капустой?", "en"),
        ("What is the best way to cook rice?", "ja"),
    ],
)
def test_a_request_in_another_language_than_asked_for_is_found(text: str, expected: str) -> None:
    finding = wrong_request_language(text, expected)
    assert finding is not None
    assert finding.detail["expected"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the best way to learn a language?", ""),
        ("What is the best way to learn a language?", "en"),
        ("Wie backe ich Brot?", "de"),
        ("Compute 3 + 4.", "en"),
        ("Name drei Flüsse in Spanien.", "de"),
        ("Как приготовить борщ с мясом?", "ru"),
        ("Déjà vu?", "en"),
    ],
)
def test_a_request_in_the_right_language_or_in_one_that_cannot_be_told_is_not(
    text: str, expected: str
) -> None:
    assert wrong_request_language(text, expected) is None


async def test_the_gate_has_a_setting_for_it() -> None:
    settings = GateSettings(instruction_language="de")
    (row,) = [r async for r in Gate(settings=settings).check([made("What is a good name?")])]
    assert row.verdict is not None
    assert row.verdict.reasons == ("wrong_language",)
