"""Questions that ask something else of the same, or the same of something narrower."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.duplicates.questions import adds_to, asks_otherwise, kind_of_question
from evolsynth.evaluation.duplicates.same_request import same_facts, same_request


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Why do cats climb trees?", "reason"),
        ("What is the main reason for rust?", "reason"),
        ("For what purpose was the tower built?", "reason"),
        ("How do I iron a shirt?", "way"),
        ("What is the quickest way to peel garlic?", "way"),
        ("Can anyone tell me how to iron a shirt?", "way"),
        ("What should I do with old batteries?", "way"),
        ("How old is this bridge?", "amount: old"),
        ("What is the age of this bridge?", "amount: old"),
        ("How many days does the trip take?", "amount: long"),
        ("Where do storks spend the winter?", "where"),
        ("In which city was Mozart born?", "where"),
        ("In what year was Mozart born?", "when"),
        ("I moved house. Who must be told?", "who"),
        ("Is it dark?", "yes or no"),
        ("Please help: which bulb fits?", "which"),
        # nothing is said of these
        ("What makes dough rise?", ""),
        ("Iron a shirt.", ""),
        ("Who was he? Why did he leave?", ""),
        ("Warum ist der Himmel am Abend so rot und am Tag so blau, wenn die Sonne scheint?", ""),
    ],
)
def test_what_a_question_asks_for(text: str, kind: str) -> None:
    assert kind_of_question(text) == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Why did the tower lean?", "How did the tower lean?"),
        ("Who painted this ceiling?", "When was this ceiling painted?"),
        ("How deep is the lake?", "How old is the lake?"),
        ("Should I sell my boat?", "How do I sell my boat?"),
        ("Where is amber found?", "How is amber found?"),
        ("What is a comet?", "Who discovered the comet?"),
    ],
)
def test_another_question_word_is_another_question(one: str, other: str) -> None:
    assert asks_otherwise(one, other)
    assert asks_otherwise(other, one)
    assert not same_request(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Why does iron rust?", "What is the reason that iron rusts?"),
        ("How do I iron a shirt?", "What is the best way to iron a shirt?"),
        ("How old is this bridge?", "What is the age of this bridge?"),
        ("How hard is it to learn Danish?", "Is it hard to learn Danish?"),
        ("Which is older, Rome or Athens?", "Is Rome older or Athens?"),
        ("What makes iron rust?", "Why does iron rust?"),
        ("How do you dry herbs?", "Could somebody please explain to me how you dry herbs?"),
        ("When does the museum open?", "At what time does the museum open?"),
        ("What are the best places to see whales?", "Where are the best places to see whales?"),
        ("Do whales sleep? Yes or no.", "Do whales really sleep? Yes or no."),
    ],
)
def test_one_question_in_other_words_stays_one(one: str, other: str) -> None:
    assert not asks_otherwise(one, other)
    assert not adds_to(one, other)
    assert same_request(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I polish shoes?", "How do I polish shoes without a brush?"),
        ("Which tent should I buy?", "Which tent should I buy for the desert?"),
        ("Can I keep a rabbit?", "Can I keep a rabbit in a flat?"),
        ("What are good names?", "What are good names for a racing pigeon?"),
    ],
)
def test_a_qualifier_that_only_one_has_makes_two_questions(one: str, other: str) -> None:
    assert adds_to(one, other)
    assert adds_to(other, one)
    assert not same_request(one, other)


def test_one_word_more_in_a_long_question_adds_nothing() -> None:
    long = (
        "Which bakery near the old harbour of Bergen sells rye bread, cinnamon rolls, almond cakes "
        "and coffee on Sunday mornings before the ferry to the islands leaves?"
    )
    assert not adds_to(long, long.replace("old harbour", "old stone harbour"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Write a poem about rain.", "Write a poem about rain in autumn."),
        ("Explain why iron rusts.", "Explain how iron rusts."),
        ("¿Cómo limpio mis zapatos de cuero?", "¿Cómo limpio mis zapatos de cuero blancos?"),
    ],
)
def test_of_orders_and_other_languages_nothing_is_said(one: str, other: str) -> None:
    assert not asks_otherwise(one, other)
    assert not adds_to(one, other)


def test_the_gate_compares_facts_alone() -> None:
    """What it calls a near-duplicate is nearer than what `dedup` removes, and its reasons stay."""
    assert same_facts("How do I polish shoes?", "How do I polish shoes in a hurry?")
