"""A new task of the same field: neither the same task nor another field."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.findings import Finding
from evolsynth.rows import Row


def same_task(inspiration: str | None, new: str, embedder: MiniLM | None) -> Finding | None:
    row = Row.make(new, provenance={"instruction": {"inspiration": inspiration}})
    return CHECKS["same_task"].find(Case(row, embedder=embedder))


def other_field(inspiration: str | None, new: str, embedder: MiniLM | None) -> Finding | None:
    row = Row.make(new, provenance={"instruction": {"inspiration": inspiration}})
    return CHECKS["other_field"].find(Case(row, embedder=embedder))


RIVERS = "Name three large rivers."


@pytest.fixture(scope="module")
def mini() -> MiniLM:
    return MiniLM()


@pytest.mark.parametrize("new", ["Name three rivers that are large.", "Name three large rivers!"])
def test_the_same_words_are_the_same_task(new: str) -> None:
    finding = same_task(RIVERS, new, None)
    assert finding is not None
    assert finding.code == "same_task"


def test_another_task_is_none() -> None:
    assert same_task(RIVERS, "Which lakes lie higher than 3,000 metres?", None) is None


def test_an_instruction_that_nothing_inspired_is_not_looked_at() -> None:
    assert same_task(None, RIVERS, None) is None
    assert other_field(None, RIVERS, None) is None


def test_without_an_embedder_the_field_is_not_known() -> None:
    assert other_field(RIVERS, "Write a toast for a wedding.", None) is None


@pytest.mark.real
def test_the_same_task_in_other_words_is_found_by_meaning(mini: MiniLM) -> None:
    old, new = "How can I fall asleep faster?", "What helps me to get to sleep more quickly?"
    finding = same_task(old, new, mini)
    assert finding is not None
    assert finding.detail["cosine"] >= finding.detail["most"]


@pytest.mark.real
def test_another_field_is_told_from_a_neighbour_in_the_same(mini: MiniLM) -> None:
    assert other_field(RIVERS, "Write a toast for a wedding of two dentists.", mini) is not None
    assert other_field(RIVERS, "How deep is the Amazon at its mouth?", mini) is None
