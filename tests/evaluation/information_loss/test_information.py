"""Information loss by example: what a paraphrase may change, and what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.score import information_loss, no_new_demand
from evolsynth.evaluation.text.added import demand_added

KEPT = [
    ("Name two birds.", "Name two birds, and describe their songs."),
    ("Don't use “hard” words!", 'Do not use "hard" words, and stay brief.'),
    ("Bake 12 rolls in half an hour.", "Within 30 minutes, bake a dozen rolls for guests."),
    ("Half of the shop's tea is green.", "Of the shop's tea, 50% is green, the rest is black."),
    ("She paid twenty-one dollars for tea.", "For tea she paid $21, and nothing for milk."),
    ("Sum up the US budget debate.", "Sum up the budget debate in the United States for a class."),
    ("Use `len(x)` on the list.", "Call `len(x)` on the list and print the result."),
]


@pytest.mark.parametrize(("original", "evolved"), KEPT)
def test_what_is_kept_is_not_flagged(original: str, evolved: str) -> None:
    assert not information_loss(original, evolved).flagged


LOST = [
    ("Bake 12 rolls for the guests.", "Bake 15 rolls for the guests.", "quantity", "12"),
    ("Translate 'good luck' to Dutch.", "Translate a greeting to Dutch.", "quotation", "good luck"),
    ("Explain what `os.walk` returns.", "Explain what `os.scandir` returns.", "code", "`os.walk`"),
    ("Plan a walk with Aunt Berta.", "Plan a walk with an aunt.", "name", "Berta"),
    ("List fruits without seeds.", "List fruits with seeds.", "negation", "without"),
    ("Tag it positive, neutral or negative.", "Tag it positive or negative.", "option", "neutral"),
    ("Name a tree. Limit it to one word.", "Name a tree.", "constraint", "Limit it to one word."),
    (
        "Describe a fox. How do bees find honey?",
        "Describe a fox.",
        "sub-question",
        "How do bees find honey?",
    ),
]


@pytest.mark.parametrize(("original", "evolved", "kind", "text"), LOST)
def test_what_is_lost_is_shown_with_its_place(
    original: str, evolved: str, kind: str, text: str
) -> None:
    loss = information_loss(original, evolved)
    assert loss.score > 0
    assert any(span.kind == kind and text in span.text for span in loss.lost)
    assert all(original[span.start : span.end] == span.text for span in loss.lost)


def test_a_changed_number_says_what_it_became() -> None:
    loss = information_loss("Sell 4 pears for 9 euros.", "Sell 4 pears for 90 euros.")
    assert loss.flagged
    assert [(span.text, span.became) for span in loss.lost] == [("for 9 euros", "90")]


def test_an_evolution_about_something_else_loses_everything() -> None:
    loss = information_loss("Rank these rivers by length.", "Write a song about love.")
    assert loss.flagged
    assert loss.score > 0.7


def test_the_threshold_is_the_callers() -> None:
    pair = ("Plan a walk with Aunt Berta.", "Plan a walk with an aunt.")
    assert information_loss(*pair, threshold=0.1).flagged
    assert not information_loss(*pair, threshold=0.9).flagged


@pytest.mark.real
def test_an_embedder_forgives_a_paraphrase_but_not_a_dropped_question(embedder: MiniLM) -> None:
    original = "How can I keep my houseplants alive while travelling?"
    paraphrase = "What is a good way of watering indoor plants when one is away on a trip?"
    assert information_loss(original, paraphrase).flagged
    assert not information_loss(original, paraphrase, embedder=embedder).flagged
    two = "Which exercises strengthen the lower back? How much protein should a runner eat?"
    dropped = "Which exercises strengthen the lower back, if no equipment is at hand?"
    assert information_loss(two, dropped, embedder=embedder).flagged


@given(st.text(max_size=200), st.text(max_size=60))
def test_an_evolution_that_begins_with_the_original_loses_nothing(original: str, tail: str) -> None:
    assert information_loss(original, f"{original}\n{tail}").score == 0


@given(st.text(max_size=120), st.text(max_size=120))
def test_scores_and_places_hold_for_any_text(original: str, evolved: str) -> None:
    loss = information_loss(original, evolved)
    assert 0 <= loss.score <= 1
    assert loss.flagged == (loss.score >= 0.5)
    assert all(original[span.start : span.end] == span.text for span in loss.lost)


def test_the_demand_is_what_follows_the_original() -> None:
    original = "Name two birds."
    assert demand_added(original, "Name two birds, and describe their songs.") == (
        "and describe their songs."
    )
    assert demand_added(original, "Name two birds.") == ""


def test_the_demand_of_a_rewrite_is_its_new_words() -> None:
    added = demand_added("Name two birds.", "Name two small birds that cannot fly.")
    assert added == "small ... that cannot fly"


@pytest.mark.parametrize(
    "evolved",
    ["name two birds", "Name two birds, and name two birds.", "Please name two birds for me."],
)
def test_an_echo_demands_nothing_new(evolved: str) -> None:
    found = no_new_demand("Name two birds.", evolved)
    assert found is not None
    assert found.code == "no_new_demand"


@pytest.mark.parametrize(
    "evolved",
    ["Name two birds, and describe their songs.", "Name two birds. Do not use the word wing."],
)
def test_a_new_demand_is_seen(evolved: str) -> None:
    assert no_new_demand("Name two birds.", evolved) is None


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        ("Is 91 a prime number?", "Is 91 a prime number, and why?"),
        ("Who built the dam at Aswan?", "Who built the dam at Aswan, when and how?"),
        ("Name a bird that swims.", "Name a bird that swims. Say where."),
        ("What does it print?\n`x * 2`", "What does it print, and why?\n`x * 2`"),
    ],
)
def test_a_question_word_that_is_a_whole_question_is_a_demand(original: str, evolved: str) -> None:
    assert no_new_demand(original, evolved) is None


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        ("Why do leaves fall?", "Why do leaves fall, and why?"),  # it was asked before
        ("Explain how rain forms.", "Please explain how rain forms when you can."),
        ("Name two birds.", "How about this: name two birds."),
        ("Tell me who won.", "Tell me, who is it who won."),
    ],
)
def test_a_question_word_that_only_leads_on_is_none(original: str, evolved: str) -> None:
    assert no_new_demand(original, evolved) is not None


@pytest.mark.parametrize(
    ("original", "evolved", "added"),
    [
        ("Sort: pear, fig.", "Sort by length: pear, fig.", "by length:"),
        (
            "Sort the list.\n\npear, fig",
            "Sort the list. Also count the pears.\n\npear, fig",
            "Also count the pears.",
        ),
        ("How do I sleep?", "How do I sleep without pills?", "without pills?"),
    ],
)
def test_a_demand_in_the_middle_is_found_as_one_piece(
    original: str, evolved: str, added: str
) -> None:
    """Also where it says words that stand in the original."""
    assert demand_added(original, evolved) == added
