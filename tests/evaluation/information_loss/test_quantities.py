"""Lost numbers: each way to lose one, and what says the same and so loses nothing."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.exact import quantities
from evolsynth.evaluation.information_loss.reading import Loss, Reading

#: From here on a loss of a number is one by itself, and not just a hint.
SURE = 0.5


def lost(original: str, evolved: str, *, foreign: bool = False) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return quantities(old, new, align(old.tokens, new.tokens), foreign=foreign)


LOST = [
    # changed
    ("The mill grinds 340 sacks a year.", "The mill grinds 430 sacks a year.", "340", "430"),
    ("Fold the map three times.", "Fold the map four times.", "three", "four"),
    ("Read out the third letter.", "Read out the fourth letter.", "third", "fourth"),
    ("The tank is 30% full.", "The tank is 3% full.", "30%", "3%"),
    ("The ferry leaves at 9:05.", "The ferry leaves at 9:50.", "9:05", "9:50"),
    # gone, with something vague in its place or nothing
    ("The mill grinds 340 sacks a year.", "The mill grinds many sacks a year.", "340", "many"),
    ("The mill grinds 340 sacks a year.", "The mill grinds sacks all year long.", "340", None),
    # another unit, another thing
    ("Roast it for 45 minutes.", "Roast it for 45 hours.", "45 minutes", "45 hours"),
    ("Carry 3 litres of milk.", "Carry 3 gallons of milk.", "3 litres", "3 gallons"),
    ("There are 6 owls and 9 bats in the barn.", "There are 6 owls and 9 cats in the barn.",
     "bats", "9 cats"),
    # one put where an article was
    ("Pour a glass of milk for me.", "Pour two glasses of milk for me.", "a glass", "two"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "text", "became"), LOST)
def test_a_lost_number_is_shown_with_what_it_became(
    original: str, evolved: str, text: str, became: str | None
) -> None:
    (loss,) = (x for x in lost(original, evolved) if x.weight >= SURE)
    assert (loss.span.text, loss.span.became) == (text, became)
    assert loss.span.kind in ("number", "quantity")


KEPT = [
    ("The mill grinds 340 sacks a year.", "Each year 340 sacks are ground by the mill."),
    ("Fold the map three times.", "Fold the map 3 times, and then once more."),
    ("Read out the third letter.", "Read out the 3rd letter."),
    ("The tank is 30% full.", "The tank is thirty percent full."),
    ("A half of the hens are brown.", "Half the hens are brown; the others, 50%, are white."),
    ("Roast it for 45 minutes.", "Roast it for three quarters of an hour."),
    ("Wait 60 minutes.", "Wait for an hour."),
    ("Run 2 km.", "Run 2000 m."),
    ("Pay $5 for it.", "Pay 5 dollars for it."),
    ("Take 1 box of nails.", "Take a box of nails."),
    ("There are 6 owls and 9 bats.", "There are 9 bats and 6 owls."),
    ("A jar holds 3 times fewer beans.", "A jar holds a third of the beans."),
    ("It has 1.2 million readers.", "It has 1,200,000 readers."),
    ("Greet the 2 guests.", "Greet both guests."),
]


@pytest.mark.parametrize(("original", "evolved"), KEPT)
def test_a_number_that_is_said_otherwise_is_at_most_a_hint(original: str, evolved: str) -> None:
    assert max((x.weight for x in lost(original, evolved)), default=0.0) < 0.3


def test_a_number_that_moved_unchanged_is_no_loss_at_all() -> None:
    assert lost("Plant 40 bulbs, then rest.", "First rest. Then plant 40 bulbs.") == []


def test_each_of_two_equal_numbers_needs_one_of_its_own() -> None:
    once = lost("He sold 7 hats to 7 men.", "He sold 7 hats to men.")
    assert [x.span.start for x in once] == [len("He sold 7 hats to ")]
    assert lost("He sold 7 hats to 7 men.", "He sold 7 hats to 7 men, all tall.") == []


def test_a_count_may_grow_with_its_list() -> None:
    original = "Rank these 2 teas:\n- green\n- black"
    grown = lost(original, "Rank these 3 teas:\n- green\n- black\n- white")
    changed = lost(original, "Rank these 3 teas:\n- green\n- black")
    assert max(x.weight for x in grown) < 0.2 < SURE < max(x.weight for x in changed)


def test_number_words_of_other_languages_are_not_known_so_a_number_may_live_on_in_them() -> None:
    pair = ("Kaufe morgen früh 12 Eier und Brot.", "Kaufe bitte ein Dutzend Eier, und zwar morgen.")
    (unsure,), (sure,) = lost(*pair, foreign=True), lost(*pair)
    assert unsure.weight < 0.2 < SURE < sure.weight
    changed = ("Kaufe morgen früh 12 Eier und Brot.", "Kaufe morgen früh 15 Eier und Brot.")
    assert lost(*changed, foreign=True)[0].weight > SURE


def test_no_numbers_no_loss() -> None:
    assert lost("Name a bird.", "Draw a fish.") == []
    assert lost("", "") == []
