"""Root verbs and objects of requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.text.verbs import SPELLINGS, VERBS, Root, RootVerb, root, verb_table


@pytest.mark.parametrize(
    ("text", "verb", "noun"),
    [
        ("Write a short poem about rain.", "write", "poem"),
        ("Give me three tips for a first marathon.", "give", "tip"),
        ("Come up with a name for a bakery.", "come", "name"),
        ("Fill in the blank with a verb.", "fill", "blank"),
        ("Please briefly summarise the article.", "summarize", "article"),
        ("Could you please draw a map of the valley?", "draw", "map"),
        ("How do I clean a cast-iron pan?", "clean", "pan"),
        ("I have two sons. Plan a picnic for us.", "plan", "picnic"),
        ("In two sentences, describe the taste of salt.", "describe", "taste"),
        ("Given a list of words, return the longest word.", "return", "word"),
        ("2. Name four rivers.", "name", "river"),
        ("Explain why leaves fall.", "explain", None),
        ("Prove that the sum is even.", "prove", None),
        ("Write an email asking for a refund.", "write", "email"),
        ("Suggest two questions I could ask.", "suggest", "question"),
        ("Translate it into French.", "translate", None),
        ("Describe, in your own words, the water cycle.", "describe", "cycle"),
        ("Imagine you are a cat. Describe your morning.", "describe", "morning"),
        ("Would you mind explaining the rule?", "explain", "rule"),
        ("Your task is to design a flag.", "design", "flag"),
    ],
)
def test_requests(text: str, verb: str, noun: str | None) -> None:
    assert root(text) == Root(verb, noun)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("What is the capital of Mongolia?", "what"),
        ("What's the time?", "what"),
        ("Do you know a joke?", "do"),
        ("Is it cold in May?", "is"),
    ],
)
def test_questions_are_told_by_their_first_word(text: str, word: str) -> None:
    assert root(text) == Root(question=word)


@pytest.mark.parametrize(
    "text",
    ["", "...", "Name: Oluwaseun", "Answer of the day", "Bonjour le monde.", "写一首诗", "42"],
)
def test_what_asks_for_nothing_we_know_has_no_root(text: str) -> None:
    assert root(text) == Root()


@given(st.text(max_size=80))
def test_any_text_is_survived(text: str) -> None:
    found = root(text)
    assert found.verb is None or found.question is None
    assert found.object is None or found.verb


def test_the_table_counts_and_breaks_ties_by_the_alphabet() -> None:
    roots = [Root("write", "poem"), Root("write", "essay"), Root("write"), Root("add"), Root()]
    assert verb_table([*roots, Root("bake")]) == (
        RootVerb("write", 3, (("essay", 1), ("poem", 1))),
        RootVerb("add", 1, ()),
        RootVerb("bake", 1, ()),
    )
    assert len(verb_table(roots, verbs=1)) == 1


def test_spellings_lead_to_verbs_that_are_known() -> None:
    assert set(SPELLINGS.values()) <= VERBS
