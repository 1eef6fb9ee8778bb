"""Tasks and instances: what Self-Instruct drops, and why."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.checks.self_instruct import (
    asks_for_label,
    conflicting_outputs,
    doubled,
    input_findings,
    list_findings,
    missing_input,
    off_subject,
    personal,
    stray_answer,
    task_findings,
)
from evolsynth.findings import Finding, known_reasons
from evolsynth.methods.self_instruct.pool import shipped_seeds
from evolsynth.rows import Row


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("Explain three words", "too_short"),
        ("word " * 151, "too_long"),
        ("Describe the picture of a farm.", "not_for_text"),
        ("Draw a house with two doors.", "not_for_text"),
        ("Go to the website of a museum and read it.", "not_for_text"),
        ("Write a Python program that sorts numbers.", "not_for_text"),
        ("- Name three rivers in Asia.", "not_an_instruction"),
        ("Ünite the two sentences about rivers.", "not_an_instruction"),
        ("Write a letter to the", "cut_off"),
        ("Translate the following sentence:", "cut_off"),
        ("", "empty"),
    ],
)
def test_a_task_that_is_dropped(task: str, code: str) -> None:
    assert code in codes(task_findings(task))


def test_a_task_that_ran_out_of_tokens_is_cut_off() -> None:
    assert codes(task_findings("Name three rivers in Asia", finish_reason="length")) == ["cut_off"]


@pytest.mark.parametrize("task", [seed.instruction for seed in shipped_seeds()])
def test_no_seed_would_be_dropped(task: str) -> None:
    assert task_findings(task) == []


@pytest.mark.parametrize(
    ("task", "text", "missing"),
    [
        ("Sum up the paragraph in one sentence.", "", True),
        ("Sum up the paragraph in one sentence.", "It rained.", False),
        ("How many words are in this sentence?", "", True),
        ("Explain how it works.", "", True),
        ("Why is it so loud?", "", True),
        ("Why is it important to drink water?", "", False),
        ("Translate the sentence: The sea is calm.", "", False),
        ("Name three rivers.", "", False),
        ("Write a sentence about rain.", "", False),
    ],
)
def test_a_task_that_speaks_of_a_text_needs_it(task: str, text: str, missing: bool) -> None:
    assert (missing_input(task, text) is not None) == missing


@pytest.mark.parametrize(
    "task",
    [
        "Sum up the paragraph in one sentence.",
        "Explain how it works.",
        "Fix the provided table.",
        "Name three rivers.",
        "Write a sentence about rain.",
    ],
)
def test_the_gate_says_the_same_of_a_tasks_row(task: str) -> None:
    extra = {"task": task, "input": ""}
    row = Row.make(task, extra=extra, provenance={"instruction": {"attempt": 0}})
    found = CHECKS["missing_input"].find(Case(row))
    assert found == missing_input(task)
    given = row.replace(instruction=f"{task}\n\nIt rained.", extra={**extra, "input": "It rained."})
    assert CHECKS["missing_input"].find(Case(given)) is None
    assert missing_input(task, "It rained.") is None


def test_seeds_without_an_input_need_none() -> None:
    assert [s.instruction for s in shipped_seeds() if missing_input(s.instruction, s.input)] == []


@pytest.mark.parametrize("seed", shipped_seeds(), ids=lambda seed: seed.instruction[:30])
def test_classifications_among_the_seeds_are_told_by_their_words(seed: object) -> None:
    assert asks_for_label(getattr(seed, "instruction")) == getattr(seed, "is_classification")  # noqa: B009


@pytest.mark.parametrize(
    ("task", "subject", "found"),
    [
        ("How do bees make honey?", "bees", False),
        ("Describe an Egyptian house.", "ancient Egypt", False),
        ("Tell me how to run fast.", "running", False),
        ("Why is the moon bright?", "horses", True),
        ("Which country is largest?", "the sea", True),
        ("Anything at all?", "the", False),
    ],
)
def test_whether_a_task_keeps_to_its_subject(task: str, subject: str, found: bool) -> None:
    assert (off_subject(task, subject) is not None) == found


@pytest.mark.parametrize(
    ("task", "found"),
    [
        ("What is your favourite food?", True),
        ("Tell me about a film you saw.", True),
        ("Do you like rain?", True),
        ("Can you explain how rain forms?", False),
        ("Explain in your own words why it rains.", False),
        ("How do I keep bread fresh?", False),
    ],
)
def test_whether_a_task_is_about_who_answers(task: str, found: bool) -> None:
    assert (personal(task) is not None) == found


def test_a_word_twice_in_a_short_task() -> None:
    assert doubled("What is the difference between a book and a book?") is not None
    assert doubled("What is the difference between a book and a leaf?") is None


@pytest.mark.parametrize(
    ("text", "output", "code"),
    [
        ("The cat sat.", "", "empty"),
        ("", " \n", "empty"),
        ("The cat sat.", "Here it is:", "cut_off"),
        ("A list:", "The cat.", "cut_off"),
        ("The cat sat down.", "the cat sat down", "input_is_output"),
    ],
)
def test_an_instance_that_is_dropped(text: str, output: str, code: str) -> None:
    assert codes(input_findings(text, output)) == [code]


def test_an_instance_that_is_kept() -> None:
    assert input_findings("The cat sat down on the mat.", "Who sat there?") == []
    assert input_findings("", "Paris") == []


def test_one_input_with_two_outputs() -> None:
    assert conflicting_outputs([("a b", "yes"), ("c", "no"), ("a b", "no")]) == Finding(
        "conflicting_outputs", {"input": "a b"}
    )
    assert conflicting_outputs([("a b", "yes"), ("a b ", "yes"), ("", "x"), ("", "y")]) is None


@pytest.mark.parametrize(
    ("task", "output", "found"),
    [
        ("Name three rivers.", "1. Rhine\n2. Oder\n3. Elbe", []),
        ("Name three rivers.", "1. Rhine\n2. Oder", ["wrong_count"]),
        ("Give 2 tips for runners.", "- Rest.\n- Drink.\n- Eat.", ["wrong_count"]),
        ("Name three rivers.", "The Rhine, the Oder and the Elbe.", []),
        ("List five seas.", "1. Sea\n2. Bay\n3. Sea\n4. Gulf\n5. Sound", ["repetition"]),
        ("Write two sentences about tea.", "- It is hot.\n- It is wet.\n- So?", []),
    ],
)
def test_lists(task: str, output: str, found: list[str]) -> None:
    assert codes(list_findings(task, output)) == found


def test_an_answer_about_something_else() -> None:
    assert stray_answer("Give some facts about deserts.", "Cakes are sweet.") is not None
    assert stray_answer("Give some facts about deserts.", "A desert is dry.") is None
    assert stray_answer("Name two vegetables.", "1. Carrots\n2. Leek") is None


def test_every_code_is_explained() -> None:
    for code in ("not_for_text", "missing_input", "off_subject", "wrong_count", "wrong_label"):
        assert known_reasons()[code].sentence
