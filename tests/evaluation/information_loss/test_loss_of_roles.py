"""Who does what to whom, and what stands in whose place."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.information_loss.roles import roles


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return roles(old, new, align(old.tokens, new.tokens))


OTHERS = [
    ("The pond is half as deep as the pit. The pit is 9 m deep and the shaft 30 m.",
     "The pond is half as deep as the shaft. The pit is 9 m deep and the shaft 30 m.", "pit"),
    ("The barn is as old as the mill. The mill is 80 years old.",
     "The barn is as old as the inn. If the inn is older than the mill and the mill is 80 years "
     "old, how old is the inn?", "mill"),
    ("The goose chases the fox across the field.", "The fox chases the goose across the field.",
     "goose"),
    ("The goose chases the fox.", "The goose is chased by the fox.", "goose chases the fox"),
    ("f(1) returns 5 and f(2) returns 8.", "f(1) returns 8 and f(2) returns 5.", "5"),
    ("p('a') gives True and p('b') gives False.", "p('a') gives False and p('b') gives True.",
     "True"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "text"), OTHERS)
def test_another_word_in_its_role_is_told(original: str, evolved: str, text: str) -> None:
    assert text in [loss.span.text for loss in lost(original, evolved)]


SAME = [
    ("The goose chases the fox.", "The fox is chased by the goose."),
    ("Compare goats and sheep.", "Compare sheep and goats."),
    ("Compare goats with sheep.", "Compare sheep with goats."),
    ("Use the words moon, oar and bell.", "Use the words bell, moon and oar."),
    ("The ship sank. The vessel was old.", "The ship sank. The ship was old."),
    ("The cook sang while the guest slept.", "While the guest slept, the cook sang."),
    ("Write about a lamp on a desk.", "Write about a lamp on a desk in a school."),
]


@pytest.mark.parametrize(("original", "evolved"), SAME)
def test_the_same_roles_in_other_words_are_not(original: str, evolved: str) -> None:
    assert lost(original, evolved) == []
