"""Questions about texts: what counts as right, and that what ships can be answered."""

from __future__ import annotations

import pytest

from evals.tuning_questions import Question, f1, found, prompts, questions


@pytest.mark.parametrize(
    ("answer", "right", "expected"),
    [
        ("In 1887.", "1887", 2 / 3),
        ("The red dye", "a red dye!", 1.0),
        ("Nobody knows.", "1887", 0.0),
        ("", "1887", 0.0),
        ("an owl, an owl", "owl", 2 / 3),  # a word counts as often as it stands there
    ],
)
def test_f1_is_of_words_without_articles_case_and_marks(
    answer: str, right: str, expected: float
) -> None:
    assert f1(answer, right) == pytest.approx(expected)


def test_the_best_of_the_right_answers_counts_and_a_long_answer_may_hold_one() -> None:
    some = [
        Question(question="When?", text="It fell in 1887.", answers=("1887", "in 1887")),
        Question(question="Who?", text="Ann did it.", answers=("Ann",)),
    ]
    got = found(some, ["In 1887.", "It was Annabel who did it."])
    assert got.f1 == 0.5
    assert got.holds == 0.5


def test_the_questions_that_ship_stand_behind_their_texts_and_are_answered_there() -> None:
    some = questions()
    assert len(some) == 202
    assert len({(one.question, one.text) for one in some}) == 202
    asked = prompts(some)
    assert all(one.text in prompt.prompt for one, prompt in zip(some, asked, strict=True))
    # Some answers are a yes, a no, or said in other words than the text's.
    stand = [any(a.lower() in one.text.lower() for a in one.answers) for one in some]
    assert sum(stand) > 190
