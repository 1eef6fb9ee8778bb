"""Whether a response certainly gives another answer than the right one."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.evaluation.grounds.otherwise import says_otherwise
from evolsynth.rows import Row


def row(question: str, right: str, **ground: Any) -> Row:
    made = {"response": {"ground": {"kind": "computed", **ground}}}
    return Row.make(question, response=right, provenance=made)


@pytest.mark.parametrize(
    ("right", "answer", "said", "other"),
    [
        ("It is 12 km.", "12 km", "The way is 14 km long.", True),
        ("It is 12 km.", "12 km", "The way is twelve kilometres long.", False),
        ("It is 12 km.", "12 km", "First 20, then 8 back: 12 in all.", False),
        ("21 each, 3 left over", "21 each, 3 left over", "Each gets 21.", True),
        ("Theo is the heaviest.", "Theo", "Laila is the heaviest of them.", True),
        ("Theo is the heaviest.", "Theo", "It must be Theo.", False),
        ("No.", "No.", "Yes, they are.", True),
        ("No.", "No.", "No, they are not.", False),
        ("No.", "No.", "They differ in meaning.", False),
    ],
)
def test_an_answer_is_told_by_its_numbers_or_words(
    right: str, answer: str, said: str, other: bool
) -> None:
    assert says_otherwise(row("Who of Laila and Ben is it?", right, answer=answer), said) is other


def test_without_a_bare_answer_the_response_is_taken_and_a_long_one_tells_nothing() -> None:
    short = row("When was the mill built?", "In 1881.")
    assert says_otherwise(short, "It was built in 1903.")
    assert not says_otherwise(short, "The mill is of 1881.")
    long = "Anna Lund repaired the wheel after a fire destroyed roof, door, floor and mill race."
    assert not says_otherwise(row("What happened?", long), "Nothing of note.")


def test_words_of_the_request_do_not_make_an_answer_right() -> None:
    asked = row("Is the bus or the tram faster to Linton?", "the tram to Linton")
    assert not says_otherwise(asked, "The tram.")
    chosen = row("Which of the stops is last?", "Linton stop")
    assert says_otherwise(chosen, "The last stop is Elmstead.")
