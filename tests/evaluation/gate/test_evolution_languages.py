"""Evolutions in other languages: rules for English say nothing of them, nor is English added."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.rows import Row


def found(name: str, original: str, evolved: str) -> bool:
    made = {"instruction": {"original": original, "root": original, "finish_reason": "stop"}}
    row = Row.make(evolved, method="evol_instruct", round=1, provenance=made)
    return CHECKS[name].find(Case(row)) is not None


WHOLE = [
    ("请说明潮汐是什么。", "请说明潮汐是什么，并举两个例子。"),
    ("潮の満ち引きを説明してください。", "潮の満ち引きを説明し、例を二つ挙げてください。"),
    ("Nenne drei Flüsse in Polen.", "Nenne drei Flüsse in Polen und gib ihre Länge an."),
    ("Explique les marées.", "Explique les marées et donne deux exemples."),
    ("Объясни, что такое прилив.", "Объясни, что такое прилив, и приведи два примера."),
    ("用 Python 写一个函数。", "用 Python 写一个函数，并使用 pandas DataFrame。"),
    ("Explain the tides.", "Explain the tides and give two examples."),
]


@pytest.mark.parametrize(("original", "evolved"), WHOLE)
def test_a_demand_in_the_language_of_its_original_is_one(original: str, evolved: str) -> None:
    assert not found("other_language", original, evolved)
    assert not found("no_new_demand", original, evolved)


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        ("请说明潮汐是什么。", "请说明潮汐是什么。 Also explain how a storm surge differs."),
        ("Nenne drei Flüsse in Polen und ihre Quellen, aber nicht die Weichsel.",
         "Nenne drei Flüsse in Polen und ihre Quellen, aber nicht die Weichsel. Also say which of "
         "them is the longest and why it is so."),
    ],
)  # fmt: skip
def test_an_english_demand_behind_another_language_is_found(original: str, evolved: str) -> None:
    assert found("other_language", original, evolved)


def test_an_evolution_that_brings_its_table_along_answers_itself() -> None:
    original = "Make a table of three birds with their colour."
    table = "| bird | colour |\n|---|---|\n| owl | brown |\n| tit | blue |"
    assert found("answers_itself", original, f"{original} Sort it.\n{table}")
    empty = "| bird | colour |\n|---|---|\n| | |"
    assert not found("answers_itself", original, f"{original} Use this head:\n{empty}")
    given = f"Make a table of these birds, longest name first.\n{table}"
    assert not found("answers_itself", given, f"{given} Say why.")
