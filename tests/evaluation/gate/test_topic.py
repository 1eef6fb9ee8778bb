"""Topics: near enough to one, and nearer than to every other field."""

from __future__ import annotations

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.checks.topic import ON_TOPIC, TopicCheck, subject_of

COOKING = "cooking: recipes, ingredients, baking, meals"


@pytest.mark.real
def test_instructions_of_a_topic_are_told_from_others(embedder: MiniLM) -> None:
    check = TopicCheck(COOKING, embedder)
    on = ["How do I bake a loaf of rye bread?", "Give me a recipe for a spinach omelette."]
    off = ["How do I prune a pear tree?", "Solve 4x = 20.", "Write a poem about the harbour."]
    scores = check.scores([*on, *off])
    assert all(check.finding(score) is None for score in scores[:2])
    assert all(check.finding(score) is not None for score in scores[2:])
    assert check.scores([off[0]]) == [scores[2]]  # whatever else is asked about
    assert check.scores([]) == []


@pytest.mark.real
def test_a_finding_says_how_far_off_it_was(embedder: MiniLM) -> None:
    check = TopicCheck(COOKING, embedder)
    finding = check.finding(check.scores(["Who painted the Mona Lisa?"])[0])
    assert finding is not None
    assert finding.code == "off_topic"
    assert finding.detail["topic"] == COOKING
    assert finding.detail["score"] < finding.detail["least"] == ON_TOPIC


@pytest.mark.real
def test_a_topic_is_not_its_own_rival(embedder: MiniLM) -> None:
    """A field of the list that is the topic itself is not held against it."""
    check = TopicCheck("mathematics", embedder)
    assert check.scores(["What is the sum of two odd numbers in mathematics?"])[0] > ON_TOPIC


@pytest.mark.real
@pytest.mark.parametrize(("about", "least"), [("  ", 0.0), ("bees", 2.0)])
def test_what_cannot_be_a_topic_is_refused(embedder: MiniLM, about: str, least: float) -> None:
    with pytest.raises(InputError, match=r"topic"):
        TopicCheck(about, embedder, least=least)


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("You are an AI assistant that helps users solve maths problems.", "solve maths problems"),
        ("You help people with their gardens.", "their gardens"),
        ("A bot that answers questions about law.", "questions about law"),
        ("An AI that generates riddles", "riddles"),
        ("Bees and honey", "Bees and honey"),
    ],
)
def test_a_system_prompt_says_what_it_is_there_for(prompt: str, subject: str) -> None:
    assert subject_of(prompt) == subject
