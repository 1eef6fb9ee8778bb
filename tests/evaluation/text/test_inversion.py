"""Statements read by rule and asked as questions, and what the rules leave alone."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.text.stated.dates import dated
from evolsynth.evaluation.text.stated.inversion import clause_of, first_verb
from evolsynth.evaluation.text.stated.standing import refers_back, stands_alone

QUESTIONS = [
    ("The tower was rebuilt in 1703.", "Was the tower rebuilt in 1703?"),
    ("In 1612 the town built a bridge.", "Did the town build a bridge in 1612?"),
    ("The mill grinds barley for the village.", "Does the mill grind barley for the village?"),
    ("The keepers sell small bells.", "Do the keepers sell small bells?"),
    ("The couple had three children.", "Did the couple have three children?"),
    ("The town had built a wall.", "Had the town built a wall?"),
    ("Agnes Torvald cast iron and bronze.", None),  # "cast" is all of its forms
    ("Anna Pell, a founder in Merrow, made bells.", "Did Anna Pell make bells?"),
    ("Anna Pell made bells and sold clocks.", "Did Anna Pell make bells?"),
    ("Anna Pell made bells, which hang there still.", "Did Anna Pell make bells?"),
    ("Bicycles travel free of charge.", "Do bicycles travel free of charge?"),
    ("Visitors can climb the tower in summer.", "Can visitors climb the tower in summer?"),
    ("Under the rules, members may borrow tools.", "May members borrow tools under the rules?"),
    ("The bell that was cast in 1612 hangs there.", None),
    ("Nobody knows the year.", None),
    ("The tower was not rebuilt.", None),
    ("Turn the ring to the left.", None),
    ("The bell rang, the crowd cheered, and the priest wept.", None),
]


@pytest.mark.parametrize(("sentence", "question"), QUESTIONS)
def test_a_statement_is_asked(sentence: str, question: str | None) -> None:
    text = f"{sentence} So it was for visitors and keepers, they say, and bells too."
    clause = clause_of(sentence, text)
    told = clause.question if clause else None
    assert told == question


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("The town built a bridge in 1612.", "In what year did the town build a bridge?", "1612"),
        ("In 1612 the town built a bridge.", "In what year did the town build a bridge?", "1612"),
        ("Anna Pell died in Merrow on 4 May 1803.", "On what date did Anna Pell die in Merrow?",
         "4 May 1803"),
        ("The roof burnt in May.", None, None),
        ("A fire destroyed the roof in May 1744.",
         "In which month and year did a fire destroy the roof?", "May 1744"),
        ("The town built a bridge in 1612 and 1640.", None, None),
        ("The town built a bridge before the war of 1612.", None, None),
        ("The bridge weighs 1612 tonnes.", None, None),
    ],
)  # fmt: skip
def test_a_time_is_asked_for(sentence: str, question: str | None, answer: str | None) -> None:
    clause = clause_of(sentence, sentence)
    found = dated(clause) if clause else None
    told = (found.question, found.answer) if found else (None, None)
    assert told == (question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "The tower was rebuilt in 1703.",
        "Agnes Torvald cast the great bell of Merrow.",
        "In 1612 the town built a bridge.",
        "A hawk flies so high that it sees the whole valley.",
    ],
)
def test_a_statement_with_a_noun_stands_alone(sentence: str) -> None:
    assert stands_alone(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It was rebuilt in 1703 by the town.",
        "The town rebuilt it in 1703 with stone.",
        "However, the tower was rebuilt in 1703.",
        "The tower was also rebuilt in 1703.",
        "This made the tower the highest of all.",
        "The bell then fell into the nave.",
        "Hold the ring and turn it to the left.",
        "Knead the dough for 10 minutes on a board.",
        "Bake the loaf for 35 minutes in an oven.",
        "Was the tower rebuilt in 1703 or later?",
        'He said that "the tower" was rebuilt.',
        "| low | 40 lumens | 9 |",
        "a strap of leather",
        "The tower fell.",
    ],
)
def test_what_leans_on_others_or_is_no_statement_does_not(sentence: str) -> None:
    assert not stands_alone(sentence)


def test_a_sentence_that_counts_on_leans_on_the_one_before() -> None:
    assert refers_back("The second stage needs light.")
    assert refers_back("They are old.")
    assert not refers_back("The bell weighs 840 kilograms.")


def test_the_first_verb_is_where_the_subject_ends() -> None:
    sentence = "Water at 25 degrees is neutral."
    assert sentence[first_verb(sentence) :] == "is neutral."
    assert first_verb("No such thing") == len("No such thing")
