"""Who does what to whom."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.support.frames import Frame
from evolsynth.evaluation.support.reading import Sentence


def frame(text: str, verb: str) -> Frame:
    (found,) = [one for one in Sentence(text, 0, len(text)).frames if one.verb == verb]
    return found


@pytest.mark.parametrize(
    ("text", "verb", "doer", "other"),
    [
        ("Wolves hunt red deer.", "hunt", {"wolv"}, {"red", "deer"}),
        ("Red deer are hunted by wolves.", "hunt", {"wolv"}, {"red", "deer"}),
        ("The bell was hidden in a haystack.", "hid", set(), {"bell"}),
        ("For the last stretch a boat followed her.", "follow", {"boat"}, set()),
        ("In 2003 a disease killed 400 sheep.", "kill", {"diseas"}, {"sheep"}),
        ("The food that the host has stored is old.", "stor", {"host"}, {"food"}),
        ("The miners, who have poisoned springs, left.", "poison", {"miner"}, {"spr"}),
        ("Fulmars and skuas steal fish.", "steal", {"fulmar", "skua"}, {"fish"}),
        ("Goats were brought here and have eaten the lilies.", "eat", {"goat"}, {"lily"}),
        (
            "It was climbed by Anna Reiss and Paul Dunmore.",
            "climb",
            {"anna", "reis", "paul"},
            set(),
        ),
    ],
)
def test_the_doer_and_what_it_is_done_to(
    text: str, verb: str, doer: set[str], other: set[str]
) -> None:
    found = frame(text, verb)
    assert doer <= set(found.doer) or {k[:4] for k in doer} <= {k[:4] for k in found.doer}
    assert {k[:3] for k in other} <= {k[:3] for k in found.other}


def test_a_pronoun_and_a_general_word_tell_nobody() -> None:
    assert frame("She founded a school.", "found").vague
    assert frame("The company moved to Bristol.", "mov").vague
    assert not frame("The miller moved to Bristol.", "mov").vague


def test_nouns_behind_determiners_are_no_verbs() -> None:
    said = "The train of the plant needs a light."
    assert [one.verb for one in Sentence(said, 0, len(said)).frames] == ["need"]
