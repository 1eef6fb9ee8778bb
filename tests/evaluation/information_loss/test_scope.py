"""Quantifiers, modals and alternatives that became others."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.information_loss.scope import alternatives, scopes
from evolsynth.evaluation.information_loss.score import information_loss


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    made = align(old.tokens, new.tokens)
    return [*scopes(old, new, made).losses, *alternatives(old, new, made)]


OTHERS = [
    ("Not all of the boats have sails.", "None of the boats have sails.", "Not all"),
    ("Few inns serve breakfast.", "All inns serve breakfast.", "Few"),
    ("Nobody except the smith knew it.", "Everybody except the smith knew it.", "Nobody except"),
    ("Guests need not wear a tie.", "Guests must not wear a tie.", "need not"),
    ("Only members may vote.", "Not only members may vote.", "Only"),
    ("Some of the jars are full.", "All of the jars are full.", "Some"),
    ("She did not thank any of the cooks.", "She did not thank all of the cooks.", "not thank any"),
    ("The inn does not open until May.", "The inn does open until May.", "until"),
    ("Both of the twins sing.", "Only one of the twins sings.", "Both"),
    ("Not every inn has a cook.", "No inn has a cook.", "Not every"),
    ("Name a green stone for a ring.", "Name a green or blue stone for a ring.", "green"),
    ("Bring soap and a towel to camp.", "Bring soap or a towel to camp.", "soap"),
    ("Sort the boxes by weight, heaviest first.", "Sort the boxes by weight, lightest or heaviest "
     "first.", "heaviest"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "text"), OTHERS)
def test_another_scope_is_told(original: str, evolved: str, text: str) -> None:
    assert text in [loss.span.text for loss in lost(original, evolved) if loss.weight > 0.6]


SAME = [
    ("Not all of the boats have sails.", "Only some of the boats have sails."),
    ("Few inns serve breakfast.", "Not many inns serve breakfast."),
    ("Every guest brought a cake.", "Each guest brought a cake."),
    ("The inn stays closed until May.", "The inn does not open until May."),
    ("She did not thank any of the cooks.", "She thanked none of the cooks."),
    ("The hall is free of any dust.", "The hall is free of all dust."),
    ("Only adults may enter.", "Nobody but adults may enter."),
    ("Explain why some birds cannot fly.", "Explain why some birds are not able to fly."),
    ("Not only bees visit it, but flies.", "Both bees and flies visit it."),
    ("Is the claim true?", "Is the claim true or not?"),
    ("Write a story about a friend.", "Write a story about a friend, in prose or in verse."),
    ("Pick A or B.", "Pick either A or B."),
    ("Use five words or fewer.", "Use five words or fewer, please."),
]


@pytest.mark.parametrize(("original", "evolved"), SAME)
def test_the_same_scope_in_other_words_is_not(original: str, evolved: str) -> None:
    assert [loss for loss in lost(original, evolved) if loss.weight > 0.5] == []


def test_an_alternative_behind_all_of_the_original_is_looked_at() -> None:
    assert information_loss("Answer with a table.", "Answer with a table or a list.").flagged
    assert information_loss("Answer with a table.", "Answer with a table, and name it.").score == 0
