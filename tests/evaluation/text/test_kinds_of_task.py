"""Kinds of tasks, and where the truth of an answer is at stake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.tasks import figures, read
from evolsynth.evaluation.text.task import TASKS, Task, task_of, truth_at_stake


@pytest.mark.parametrize(
    ("instruction", "task"),
    [
        ("Who built the first lighthouse?", "fact"),
        ("Why do cats purr? Answer in two sentences.", "explanation"),
        ("What should I cook for guests who eat no meat?", "advice"),
        ("How do I sharpen a kitchen knife?", "howto"),
        ("Suggest three names for a boat that leaks.", "ideas"),
        ("Write a short poem about a lost glove, in five bullet points.", "creative"),
        ("Write one sentence that uses all of these words.", "creative"),
        ("Use these four words together in a single sentence.", "creative"),
        ("Write one sentence that defines each of these words.", "other"),
        ("Rewrite this sentence with fewer of these words.", "rewriting"),
        ("Find a sentence with all of these words in the text.", "extraction"),
        ("Write an email to my neighbour about the hedge.", "letter"),
        ("Do you think children should have phones?", "opinion"),
        ("Rewrite the sentence in the past tense. I go home.", "rewriting"),
        ("Extract the names. Yesterday Ida met Jo at the bridge.", "extraction"),
        ("Classify the review as good or bad. The tea was cold.", "classification"),
        ("What is 12 percent of 350?", "calculation"),
        ("Put these words in alphabetical order.", "ordering"),
        ("Turn this list into bullet points.", "formatting"),
        ("Fill in the gap in the sentence.", "fill_in"),
        ("Change every letter of this sentence to a capital letter.", "rewriting"),
        ("Write a Python function that counts the words of a text.", "code"),
        ("Hello there, how are you?", "conversation"),
        ("Bread, milk, eggs", "other"),
    ],
)
def test_a_kind_is_told_by_verb_object_and_words(instruction: str, task: Task) -> None:
    assert task_of(instruction) == task


@pytest.mark.parametrize(
    "instruction",
    [
        "Who wrote the poem about the raven?",
        "Give me three poems by Emily Brontë.",
        "Tell me the story behind the tower.",
        "What is the title of the longest novel?",
        "Write a speech about the dangers of asbestos.",
        "Write a message explaining how insulin works.",
        "Write a review of Casablanca.",
        "Name a holiday that is celebrated in Peru.",
        "List five names of rivers in Poland.",
        "Pretend you are a lawyer. What happens if I break my lease?",
        "Hello! What is the capital of Chad?",
        "How should I begin a letter to a judge?",
        "Give me some ideas of how ancient people measured time.",
        "Write five trivia questions about Rome, with answers.",
        "Suggest activities that help against headaches.",
        "What are some board games for kids?",
    ],
)
def test_a_question_of_fact_is_not_taken_for_something_made_up(instruction: str) -> None:
    """The dangerous side: what is made up needs no source, so falsehood would be let through."""
    assert truth_at_stake(task_of(instruction))


@pytest.mark.parametrize(
    "instruction",
    [
        "Write a haiku about a kettle. Use no capital letters.",
        "Can you tell me a joke about dentists?",
        "Draft a toast for my brother's wedding, in at most 80 words.",
        "Come up with five slogans for a shop that mends umbrellas.",
        "Pretend you are a pirate and greet me.",
    ],
)
def test_truth_is_not_at_stake_where_all_is_made_up(instruction: str) -> None:
    assert not truth_at_stake(task_of(instruction))


@pytest.mark.parametrize(
    "instruction",
    ["Schreibe ein kurzes Gedicht über den Regen.", "Cuéntame un chiste sobre perros.", "", " \n"],
)
def test_other_languages_and_nothing_are_other_and_at_stake(instruction: str) -> None:
    assert task_of(instruction) == "other"
    assert truth_at_stake("other")


def test_a_given_text_does_not_tell_the_kind() -> None:
    text = "Write a poem. Tell me a joke. Dear Sir, how are you?"
    assert task_of(f"Translate the following text into Dutch.\n\n{text}") == "rewriting"


def test_only_the_beginning_is_read_so_a_long_text_takes_no_long_time() -> None:
    assert task_of("Shorten this text. " + "Write a poem about it. " * 50_000) == "rewriting"


@given(st.text(max_size=300))
def test_every_text_has_a_kind(text: str) -> None:
    assert task_of(text) in TASKS


def test_what_was_measured_on_labelled_instructions_stays() -> None:
    """Not how it was measured that the held-out figures are good: that they do not get worse."""
    for part, least in (("dev", 0.93), ("held", 0.9)):
        rows = [row for row in read() if row.part == part]
        found = figures([row for row in rows if row.made != "about a text"])
        assert found.accuracy >= least
        assert found.precision >= 0.97
        assert found.recall >= 0.9


@pytest.mark.parametrize(("part", "least"), [("dev", 0.95), ("held", 0.78)])
def test_what_is_asked_of_a_text_that_stands_beside_it_is_told_apart(
    part: str, least: float
) -> None:
    rows = [row for row in read() if row.part == part and row.made == "about a text"]
    found = figures(rows)
    assert len(rows) >= 90
    assert found.accuracy >= least
    told = [task for task, (labelled, _, right) in found.by_kind.items() if right * 2 > labelled]
    assert len(told) >= 8
