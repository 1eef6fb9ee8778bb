"""The shape of a request is told from its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.methods.evolve.request import SHAPES, shape_of
from evolsynth.prompts import load_prompt


@pytest.mark.parametrize(
    ("request_", "shape"),
    [
        ("Write a Python function that counts vowels.", "code"),
        ("What does this SQL query return?", "code"),
        ("A bus leaves at 9:40 and arrives at 13:05. How many minutes does it take?", "solve"),
        ("Convert 20 degrees Celsius to Fahrenheit.", "solve"),
        ("Is the review positive or negative?", "label"),
        ("What is the capital of Mongolia?", "label"),
        ("Which of these does not belong?", "label"),
        ("Rewrite the sentence in the passive voice.", "rewrite"),
        ("Please summarise the text in one line.", "rewrite"),
        ("Write a limerick about a cat.", "story"),
        ("Continue the story of the lighthouse.", "story"),
        ("Write a cover letter for a gardener.", "letter"),
        ("Draft a speech for a wedding.", "letter"),
        ("Suggest five names for a bakery.", "ideas"),
        ("Give me ideas for a birthday present.", "ideas"),
        ("Suggest a name for a bakery.", "idea"),
        ("Come up with a slogan for a bookshop.", "idea"),
        ("Give me a recipe for lentil soup.", "howto"),
        ("Give me the definition of the word.", "explain"),
        ("Predict whether the match will be played.", "label"),
        ("Tell me why the joke is funny.", "explain"),
        ("Write five adjectives for a cat.", "ideas"),
        ("Write a thank-you letter with three reasons.", "letter"),
        ("Design a puzzle.", "idea"),
        ("How do I clean a cast-iron pan?", "howto"),
        ("Plan a weekend in Lisbon.", "howto"),
        ("Why is the sky blue?", "explain"),
        ("Compare trains and planes.", "explain"),
        ("Explain the difference between weather and climate.", "explain"),
        ("Thoughts on tea?", "explain"),
    ],
)
def test_the_shape_of_everyday_requests(request_: str, shape: str) -> None:
    assert shape_of(request_) == shape


@given(st.text())
def test_every_text_has_a_shape(text: str) -> None:
    assert shape_of(text) in SHAPES


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_examples_of_its_own_and_connectors(shape: str) -> None:
    file = load_prompt(f"evol_instruct/anchored/{shape}")
    assert len(file.examples) == 8
    connectors = [c for some in file.value("connectors").values() for c in some]
    assert len(connectors) == len(set(connectors)) >= 8
