"""Gists: one task for many texts is many, and many questions about one text stay apart."""

from __future__ import annotations

import numpy as np

from evolsynth.evaluation.diversity.distances import vendi_score
from evolsynth.evaluation.diversity.summary import collect
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.text.gist import SHOWN, gist
from evolsynth.rows import Row

CLOCK = "The clock of Harlow Green was built in 1764. In 1881 it was moved to the new tower."
TEXTS = (
    CLOCK,
    "Green tea and black tea come from the same plant.",
    "A bumblebee queen wakes in early spring and looks for an old mouse nest.",
    "The ferry to Oransay leaves at low water, when the strand is dry.",
    "Glass is made of sand, soda and lime, melted at some 1,500 degrees.",
)
QUESTIONS = (
    "When was the clock built?",
    "Where was the clock moved to?",
    "Is the tower newer than the clock?",
    "Which village has the clock?",
)


def about(instruction: str | None, text: str) -> Row:
    return Row.make(instruction, extra={"input": text})


def test_a_task_that_names_no_subject_has_the_beginning_of_its_text() -> None:
    title = "Give the passage a title."
    assert gist(about(title, TEXTS[1])) == f"{title} {TEXTS[1]}"
    long = gist(about(title, f"{CLOCK}\n\n{CLOCK}"))
    assert (
        long
        == f"{title} The clock of Harlow Green was built in 1764. In 1881 it was moved to the new"
    )
    assert len(long) <= len(title) + 1 + SHOWN
    assert gist(about(title, "x" * 500)) == f"{title} {'x' * SHOWN}"


def test_a_task_that_names_its_subject_stands_alone() -> None:
    assert [gist(about(ask, CLOCK)) for ask in QUESTIONS] == list(QUESTIONS)


def test_tasks_without_a_text_beside_them_are_their_instructions() -> None:
    assert gist(Row.make("Name three rivers.")) == "Name three rivers."
    assert gist(Row.make()) == ""
    whole = f"Give the passage a title.\n\n{CLOCK}"
    assert gist(about(whole, CLOCK)) == whole
    assert gist(about(None, CLOCK)) == CLOCK[:SHOWN].rpartition(" ")[0]


def test_one_task_for_five_texts_is_as_varied_as_five_tasks(embedder: MiniLM) -> None:
    rows = [about("Give the passage a title.", text) for text in TEXTS]
    assert len(set(collect(rows).texts)) == len(rows)
    one = vendi_score(embedder.embed(["Give the passage a title."] * 2))
    assert np.isclose(one, 1, atol=1e-3)
    assert vendi_score(embedder.embed(collect(rows).texts)) > 3.5


def test_questions_about_one_text_are_as_varied_as_without_it(embedder: MiniLM) -> None:
    asked = collect([about(ask, CLOCK) for ask in QUESTIONS]).texts
    assert vendi_score(embedder.embed(asked)) == vendi_score(embedder.embed(QUESTIONS))
