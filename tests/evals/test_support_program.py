"""The program that measures support, and the sets that it measures on."""

from __future__ import annotations

import pytest

from evals.support import auroc, figures
from evals.support_sets import KINDS, answers, by_kind, passages, swapped


def test_the_chance_that_a_good_one_is_higher() -> None:
    assert auroc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([0.1], [0.9, 0.0]) == 0.5


@pytest.mark.parametrize("part", ["dev", "held"])
def test_the_sets_are_whole(part: str) -> None:
    read, made = answers(part), swapped(part)
    assert len(read) == 200
    assert {item.passage.part for item in (*read, *made)} == {part}
    assert not any(item.answers and not item.supported for item in read)
    assert all(len([i for i in some if not i.supported]) > 15 for some in by_kind(made).values())
    assert swapped(part) == made


def test_no_false_statement_stands_in_its_passage() -> None:
    assert set(KINDS) == {item.kind for item in swapped("dev") if not item.supported}
    for item in swapped("dev"):
        assert item.supported or item.answer not in item.passage.text
    assert len(passages()) == 40


def test_scores_that_are_right_have_the_best_figures() -> None:
    read, made = answers("dev"), swapped("dev")
    scores = {id(item): float(item.supported) for item in (*read, *made)}
    found = figures(read, made, scores)
    assert (found.answers, found.swaps, found.precision, found.recall) == (1.0, 1.0, 1.0, 1.0)
