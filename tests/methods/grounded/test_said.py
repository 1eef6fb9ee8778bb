"""What a passage says, ready to be asked about: subjects with names, and what belongs together."""

from __future__ import annotations

import pytest
from grounded_passages import passage

from evolsynth.evaluation.text.people import is_person
from evolsynth.methods.grounded.said import said_in


def subjects(text: str, title: str = "") -> list[str]:
    return [said.subject for said in said_in(passage(text, title))]


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("The mill was built in 1881.", "", ["the mill"]),
        ("Bees dance. Nobody taught the bees.", "", ["bees"]),
        ("Berlin grew. People love Berlin.", "", ["Berlin"]),
        ("Romans built roads.", "", ["Romans"]),
        ("James Watt came. Watt built an engine of 2 watt.", "", ["James Watt", "Watt"]),
        ("Anna Holm came. She sang.", "Anna Holm", ["Anna Holm", "Anna Holm"]),
        ("Anna Holm came. She sang.", "The Choir", ["Anna Holm"]),  # she may be another
        ("Ost Mill stood. Its roof burned.", "Ost Mill", ["Ost Mill", "Ost Mill's roof"]),
        ("The mills stood. It burned.", "The Mills", ["the mills"]),  # it is not the mills
        ("The other mill burned.", "", []),
        ("No mill burned.", "", []),
        ("The reason was simple.", "", []),
    ],
)
def test_subjects_are_named_or_left_out(text: str, title: str, expected: list[str]) -> None:
    assert subjects(text, title) == expected


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The mill was built in Ost in 1881.", ["built", "in Ost", "in 1881"]),
        ("The mill has a wheel of oak.", ["a wheel of oak"]),
        ("The hall holds up to 300 people.", ["up to 300 people"]),
        ("The court is 28 by 15 metres.", ["28 by 15 metres"]),
        ("The hunt brought in 612 crowns.", ["in 612 crowns"]),
        ("The tower was built to warn ships.", ["built", "to warn ships"]),
    ],
)
def test_a_clause_is_parted_before_each_phrase(sentence: str, parts: list[str]) -> None:
    (said,) = said_in(passage(sentence))
    found = [said.part(index) for index in range(len(said.parts))]
    assert [part for part in found if part] == parts


def test_questions_and_statements_are_made_of_the_same_words() -> None:
    (said,) = said_in(passage("In 1881 the mill also burned down."))
    assert said.ask("In what year", without=(-1,)) == "In what year did the mill burn down?"
    assert said.ask_subject("What") == "What burned down in 1881?"
    assert said.statement() == "The mill also burned down in 1881."


@pytest.mark.parametrize(
    ("phrase", "person"),
    [
        ("Anna Holm", True),
        ("the engineer Ole Berg", True),
        ("King Olaf", True),
        ("a local baker", True),
        ("later editors", True),
        ("Emperor penguins", False),
        ("the mill", False),
        ("Anna Holm School", False),
        ("the Victoria Bridge", False),
    ],
)
def test_people_are_told_from_things(phrase: str, person: bool) -> None:
    assert is_person(phrase) is person
