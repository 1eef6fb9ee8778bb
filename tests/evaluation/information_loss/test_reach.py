"""How far a denial, an "only" or a condition reaches, and what is written otherwise: both ways."""

from __future__ import annotations

import time

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.focus import focused
from evolsynth.evaluation.information_loss.polarity import Side
from evolsynth.evaluation.information_loss.quantifiers import Phrases
from evolsynth.evaluation.information_loss.reading import Reading
from evolsynth.evaluation.information_loss.score import information_loss

#: An original, the same in other words, and another reach of the same words.
KINDS = {
    "all of them are not": (
        "All of the stoves are not lit. Write a note to the cook.",
        "None of the stoves is lit. Write a note to the cook.",
        "Not all of the stoves are lit. Write a note to the cook.",
    ),
    "a denial far before 'every'": (
        "Do not name the sponsor on every page. Write a leaflet.",
        "Do not name the sponsor on all of the pages. Write a leaflet.",
        "Do not name the sponsor on any page. Write a leaflet.",
    ),
    "never to anyone, to no one": (
        "The smith never lends hammers to anyone. Write a scene.",
        "The smith lends hammers to no one. Write a scene.",
        "The smith does not lend hammers to everyone. Write a scene.",
    ),
    "most did not": (
        "More than half of the pupils did not swim. Write a report.",
        "Fewer than half of the pupils swam. Write a report.",
        "More than half of the pupils swam. Write a report.",
    ),
    "alone, and where an 'only' stands": (
        "Only the cook salts the soup. Describe her day.",
        "The cook alone salts the soup. Describe her day.",
        "The cook salts only the soup. Describe her day.",
    ),
    "only with, not without": (
        "Guests are let in only with a ticket. Write the sign.",
        "Guests are not let in without a ticket. Write the sign.",
        "Only guests are let in with a ticket. Write the sign.",
    ),
    "not until, only from": (
        "The pass will not be cleared until the snow stops. Write a note.",
        "The pass will be cleared only after the snow stops. Write a note.",
        "The pass will be cleared until the snow stops. Write a note.",
    ),
    "unless, if not": (
        "The boat sails unless the wind turns. Put this on a board.",
        "The boat sails if the wind does not turn. Put this on a board.",
        "The boat sails if the wind turns. Put this on a board.",
    ),
    "not for this reason": (
        "The club did not cancel the match because it snowed but because the hall was locked. Tell "
        "the fans.",
        "The club cancelled the match because the hall was locked, not because it snowed. Tell the "
        "fans.",
        "The club did not cancel the match, because it snowed, although the hall was locked. Tell "
        "the fans.",
    ),
    "even and except": (
        "The kiosk opens every day, even on Sundays. Write its sign.",
        "The kiosk opens daily, Sundays included. Write its sign.",
        "The kiosk opens every day, except on Sundays. Write its sign.",
    ),
    "need not and must not": (
        "Riders need not wear a helmet here. Write a leaflet.",
        "Riders don't have to wear a helmet here. Write a leaflet.",
        "Riders must not wear a helmet here. Write a leaflet.",
    ),
    "who is not one is not let in": (
        "If you are not a resident, you cannot use the sauna. Write a sign.",
        "The sauna can be used by residents only. Write a sign.",
        "If you are a resident, you cannot use the sauna. Write a sign.",
    ),
    "never, not at all": (
        "Explain why the mill never stops. Be brief.",
        "Explain why the mill does not stop at all. Be brief.",
        "Explain why the mill stops at all times. Be brief.",
    ),
    "unless, if not, beside what was added": (
        "If you are not sure, ask.",
        "Unless you are sure, ask, and do not guess.",
        "Unless you are not sure, ask, and do not guess.",
    ),
    "if not, unless, beside what was added": (
        "Unless the user is logged in, show the login page.",
        "If the user is not logged in, show the login page, and do not show the menu.",
        "If the user is logged in, show the login page, and do not show the menu.",
    ),
    "even, beside a denial that was added": (
        "Explain recursion so that even beginners understand it.",
        "Without jargon, explain recursion so that even beginners understand it, using no code.",
        "Explain recursion so that not even beginners understand it.",
    ),
    "one of two that are denied": (
        "The stew has no onions, and the salad has no garlic. Write the menu.",
        "The stew has no onions, and there is no garlic in the salad. Write the menu.",
        "The stew has onions, and the salad has no garlic. Write the menu.",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_reach_in_other_words_is_kept(kind: str) -> None:
    original, kept, _ = KINDS[kind]
    assert not information_loss(original, kept).flagged


@pytest.mark.parametrize("kind", KINDS)
def test_another_reach_of_the_same_words_is_flagged(kind: str) -> None:
    original, _, turned = KINDS[kind]
    assert information_loss(original, turned).flagged


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("All of the boats are not dry.", "none"),
        ("Not all of the boats are dry.", "not all"),
        ("None of the boats did not sail.", "all"),
        ("Some of the boats did not sail.", "some not"),
        ("Both of the boys have no boat.", "none"),
        # the "not" is no part of what is said of all
        ("All boats sail and do not stop.", "all"),
        ("All boats that do not sail rot.", "all"),
        ("Tell all guests not to shout.", "all"),
    ],
)
def test_a_quantifier_is_read_with_its_denial(text: str, kind: str) -> None:
    assert Phrases.of(Side(Reading(text))).found[0].kind == kind


def test_where_no_such_word_stands_nothing_is_found() -> None:
    old, new = Reading("Draw a boat."), Reading("Paint a boat.")
    found = focused(Side(old), Side(new), align(old.tokens, new.tokens))
    assert found.losses == []
    assert found.pairs == []


def test_a_word_that_is_the_same_on_both_sides_is_not_paired_off() -> None:
    text = "Only members may vote. No one but the smith knew it."
    old, new = Reading(text), Reading(text + " Be brief.")
    assert focused(Side(old), Side(new), align(old.tokens, new.tokens)).pairs == []


#: An original, the same written otherwise, and another value.
WRITTEN = {
    "hours of the day": (
        "The pool opens at 7 am and closes at 9 pm. Write a sign.",
        "The pool opens at 7:00 and closes at 21:00. Write a sign.",
        "The pool opens at 7:00 and closes at 19:00. Write a sign.",
    ),
    "Roman numerals": (
        "Name two films about the Second World War.",
        "Name two films about World War II.",
        "Name two films about World War I.",
    ),
    "an expression that came beside another": (
        "Solve 2(x - 3) = 8.",
        "Solve 2(x - 3) = 8, and check it with x = 7.",
        "Solve 2(x + 3) = 8.",
    ),
    "what only points at what follows": (
        "State whether the following claim is true or false: All ants are insects.",
        "True or false: All ants are insects. Say why.",
        "All ants are insects. Explain this claim.",
    ),
    "a compound that is unpacked": (
        "Suggest three colours for a dance practice room.",
        "Suggest three colours for a room for practising dance.",
        "Suggest three colours for a kitchen.",
    ),
    "a verb that is on no list": (
        "Write a letter to the council demanding a bench near the school.",
        "Demand a bench near the school in a letter to the council.",
        "The council demanded a bench near the school in a letter.",
    ),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_same_written_otherwise_is_kept(kind: str) -> None:
    original, kept, _ = WRITTEN[kind]
    assert not information_loss(original, kept).flagged


@pytest.mark.parametrize("kind", WRITTEN)
def test_another_value_in_its_place_is_flagged(kind: str) -> None:
    original, _, turned = WRITTEN[kind]
    assert information_loss(original, turned).flagged


def test_many_such_words_take_time_in_proportion() -> None:
    few = "Not all of the boats sail unless only one of them is not full, even at noon. "
    spent = []
    for times in (20, 80):
        old, new = Reading(few * times), Reading(few.replace("boats", "ships") * times)
        made = align(old.tokens, new.tokens)
        began = time.process_time()
        focused(Side(old), Side(new), made)
        spent.append(time.process_time() - began)
    assert spent[1] < 12 * spent[0] + 0.05
