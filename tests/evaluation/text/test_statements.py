"""Plain clauses: found where a sentence says one thing of one subject, and left alone else."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.text.conjugation import base_of, is_plural, past_of, verb_of
from evolsynth.evaluation.text.statements import clauses_of


def parts(sentence: str) -> list[tuple[str, str, str, str]]:
    """Lead, subject, finite verb and rest of each clause."""
    return [
        (c.lead.of(sentence), c.subject.of(sentence), c.finite.of(sentence), c.rest.of(sentence))
        for c in clauses_of(sentence)
    ]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The clock stopped for 14 years.", [("", "The clock", "stopped", "for 14 years")]),
        ("The tower is 40 metres tall.", [("", "The tower", "is", "40 metres tall")]),
        ("In 1881, the mill burned down.", [("In 1881", "the mill", "burned", "down")]),
        ("In 1881 the mill burned down.", [("In 1881", "the mill", "burned", "down")]),
        ("Pine trees need little water.", [("", "Pine trees", "need", "little water")]),
        ("However, the roof collapsed.", [("", "the roof", "collapsed", "")]),
        ("It may be seen.", []),  # hedged
        ("The mill was not rebuilt.", []),  # denied
        ("Bake the loaf for an hour.", []),  # no subject
        ("The bridge built in 1881 collapsed.", []),  # "built" is no finite verb
        ("Was the mill old?", []),
        ('He called it "the old mill" in 1920.', []),  # somebody's words
    ],
)
def test_a_clause_is_parted_at_its_finite_verb(
    sentence: str, expected: list[tuple[str, str, str, str]]
) -> None:
    assert parts(sentence) == expected


def test_a_second_verb_has_the_same_subject() -> None:
    found = parts("The mill was built in 1881 and burned down in 1905.")
    assert [(subject, rest) for _, subject, _, rest in found] == [
        ("The mill", "built in 1881"),
        ("The mill", "down in 1905"),
    ]


def test_verbs_in_a_list_have_one_subject() -> None:
    found = parts("The lamp weighs 2 kilograms, costs 90 crowns and lasts for 6 years.")
    assert [verb for _, _, verb, _ in found] == ["weighs", "costs", "lasts"]


def test_a_clause_behind_a_comma_has_its_own_subject() -> None:
    found = parts("The wheel turned slowly, and the stones ground the grain.")
    assert [subject for _, subject, _, _ in found] == ["The wheel", "the stones"]


def test_an_apposition_is_no_part_of_the_subject() -> None:
    found = parts("Holm, a small town in Norway, was founded in 1881 by a priest.")
    assert found == [("", "Holm", "was", "founded in 1881 by a priest")]


def test_a_relative_clause_ends_what_is_said() -> None:
    sentence = "The mill has two wheels, which turn in spring."
    (clause,) = clauses_of(sentence)
    assert (clause.rest.of(sentence), clause.cut) == ("two wheels", ", which")


def test_a_list_goes_on_over_its_commas() -> None:
    assert parts("The firm sold bread, cakes and milk.")[0][3] == "bread, cakes and milk"


def test_a_comma_in_the_name_of_a_place_ends_nothing() -> None:
    sentence = "The firm was founded in Springfield, Massachusetts, in 1891."
    assert parts(sentence)[0][3] == "founded in Springfield, Massachusetts, in 1891"


def test_because_is_the_reason_of_its_clause() -> None:
    sentence = "Bread rises because yeast makes gas."
    (clause,) = clauses_of(sentence)
    assert clause.reason.of(sentence) == "because yeast makes gas"
    other = "The road was closed because of snow."
    assert clauses_of(other)[0].reason.of(other) == ""


def test_forms_of_verbs() -> None:
    assert (past_of("write"), past_of("stop"), past_of("carry"), past_of("bake")) == (
        "wrote",
        "stopped",
        "carried",
        "baked",
    )
    assert (verb_of("written"), verb_of("planned"), verb_of("banana")) == ("write", "plan", None)
    assert [base_of(word) for word in ("Wrote", "flies", "was", "mill")] == [
        "write",
        "fly",
        "be",
        "mill",
    ]
    assert [is_plural(word) for word in ("bees", "people", "grass")] == [True, True, False]


def test_a_long_sentence_takes_no_longer_than_it_should() -> None:
    sentence = "The mill " + "and the " * 4000 + "was old."
    assert clauses_of(sentence) == []
