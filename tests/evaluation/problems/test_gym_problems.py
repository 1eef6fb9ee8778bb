"""Problems of reasoning-gym: put into plain words, scored by its own verifiers."""

from __future__ import annotations

import sys
from random import Random

import pytest

from evolsynth.errors import SetupError
from evolsynth.evaluation.problems.gym_sets.gsm import gsm, sums_hold
from evolsynth.evaluation.problems.problem import PROBLEMS, filled, wordings
from evolsynth.prompts import prompt_lists

GYM = [name for name in PROBLEMS if PROBLEMS[name].foreign]


#: Their steps have sums that `sums_hold`, which is for word problems, does not read.
_NEGATIVE_OR_POWERS = ("gym_base_conversion", "gym_chain_sum", "gym_coin_flip")


@pytest.mark.parametrize("name", GYM)
def test_each_draws_reads_and_is_scored(name: str) -> None:
    pytest.importorskip("reasoning_gym")
    kind = PROBLEMS[name]
    for seed in range(6):
        values = kind.draw(Random(seed), "small" if seed % 2 else "medium")
        assert values == kind.draw(Random(seed), "small" if seed % 2 else "medium")
        solution = kind.solve(values)  # it raises where score_answer gives less than full marks
        for wording in wordings(name, solution.case):
            assert "{" not in filled(wording, solution.shown)
        assert "Give the result" not in str(solution.shown)
        if name not in _NEGATIVE_OR_POWERS:
            assert all(sums_hold(step) for step in solution.steps), solution.steps


def test_there_are_wordings_and_answers_for_every_set() -> None:
    for name in GYM:
        sections = prompt_lists(f"computed/{name}")
        cases = [case for case in sections if ":" not in case]
        assert all(sections.get(f"{case}: answer") for case in cases)


def test_without_the_package_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    with pytest.raises(SetupError, match=r"pip install 'evolsynth\[computed\]'"):
        PROBLEMS["gym_gcd"].solve({"seed": 987654, "level": "small"})


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("So he has 12 × 3 = 36 eggs.", True),
        ("First 0.74*40=29 students leave.", False),
        ("€72 / 2 = €36 and 2 + 3 × 4 = 14", True),
        ("90 / 12 = 7 sheets", False),
        ("There are 7 days.", True),
        ("5 / 0 = 1", False),
        ("Of 3 = 3 eggs, 1,200 + 2.5 - 2 eggs left = 1,200.5", True),
        ("From 5 to 7, 7 + 1 = 9", False),
    ],
)
def test_sums_of_steps_are_worked_out_again(text: str, right: bool) -> None:
    assert sums_hold(text) is right


def test_a_word_problem_with_a_wrong_sum_or_odd_words_is_left_out() -> None:
    question = "A pizza has 8 slices. If Ann eats 2 a day, how many days will the pizza last?"
    entry = {"question": question, "answer": "4", "metadata": {"answer_cot": "8 / 2 = 4\n#### 4"}}
    solution = gsm(entry)
    assert solution is not None
    assert (solution.answer, list(solution.steps)) == ("4", ["8 / 2 = 4"])
    wrong = {**entry, "metadata": {"answer_cot": "8 / 2 = 5\n#### 4"}}
    odd = {**entry, "metadata": {"answer_cot": "8 / 2 = 4.0\n#### 4"}}
    assert gsm(wrong) is None
    assert gsm(odd) is None
    assert gsm({**entry, "question": "How tall is a pizza?"}) is None
