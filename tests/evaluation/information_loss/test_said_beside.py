"""What comes beside an original says nothing of it, and what is put in another form is still said:
each kind both ways, kept and lost, by the whole check."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align, in_place, together
from evolsynth.evaluation.information_loss.polarity import denies
from evolsynth.evaluation.information_loss.reading import Reading
from evolsynth.evaluation.information_loss.score import information_loss

#: An original, one that keeps all of it, and one that turns the same thing round.
KINDS = {
    "a word that is denied in a sentence that came": (
        "Ola picks 8 baskets of plums on Friday and 5 baskets on Sunday. A basket weighs 4 kg. "
        "What do all baskets weigh?",
        "Ola picks 8 baskets of plums on Friday and 5 baskets on Sunday. His uncle has a cart "
        "with two wheels, but never carries plums in it. A basket weighs 4 kg. What do all "
        "baskets weigh?",
        "Ola never picks 8 baskets of plums on Friday, but 5 baskets on Sunday. A basket weighs "
        "4 kg. What do all baskets weigh?",
    ),
    "a quantifier of something that came": (
        "In several of the boats they repaired, the mast was broken. There are 14 boats. Write "
        "a report for the harbour.",
        "A storm came, and this had no effect on the boats they repaired. The mast was broken. "
        "There are 14 boats. Write a report for the harbour.",
        "In none of the boats they repaired, the mast was broken. There are 14 boats. Write a "
        "report for the harbour.",
    ),
    "another number beside it": (
        "Mira rows for 6 hours on Friday. On Sunday she rows 2 hours longer than on Friday. How "
        "long does she row on both days?",
        "Mira rows for 6 hours and sleeps for 2 hours on Friday. On Sunday she rows 2 hours "
        "longer than on Friday. How long does she row on both days?",
        "Mira rows for 2 hours on Friday. On Sunday she rows 6 hours longer than on Friday. How "
        "long does she row on both days?",
    ),
    "the same share, written otherwise": (
        "Half of these apples are green. Two thirds of the green apples are ripe, and half of "
        "the ripe apples are sold. How many are sold?",
        "50% of these apples are green. Two thirds of the green apples are ripe, and half of "
        "the ripe apples are sold. How many are sold?",
        "Two thirds of these apples are green. Half of the green apples are ripe, and half of "
        "the ripe apples are sold. How many are sold?",
    ),
    "an 'or' that was there": (
        "Is the plough older than the wheel? Give one finding or a text that supports your view.",
        "Would you say that the plough is older than the wheel? Give a single recent finding "
        "and dig report or text that supports your view.",
        "Is the plough or the sledge older than the wheel? Give one finding or a text that "
        "supports your view.",
    ),
    "none, and each of them not": (
        "Write six rules for a hostel, none of them longer than nine words.",
        "Write six rules for a hostel. Each of them is no longer than nine words.",
        "Write six rules for a hostel, each of them longer than nine words.",
    ),
    "a passive without anyone who does it": (
        "A prism is often described as a bent window. Explain this with a drawing.",
        "A prism is sometimes described by means of a bent window. Explain this with a drawing.",
        "A prism often describes a bent window. Explain this with no drawing.",
    ),
    "a minus among sums": (
        "The gain is the difference between the total income and the total costs. Write the "
        "formula.",
        "The gain is the total income minus the total costs. Write the formula.",
        "The gain is the total income and never the total costs. Write the formula.",
    ),
    "a request that became a question": (
        "Compute the mean of 2, 9 and 13.",
        "What is the average of 2, 9 and 13?",
        "What is the largest of 2, 9 and 13?",
    ),
    "a pronoun for what is still named": (
        "The fjord is twice as wide as the creek. The creek is 30 m wide. How wide is the fjord?",
        "The creek is 30 m wide, and the fjord is twice as wide as that. How wide is the fjord?",
        "The fjord is twice as wide as the creek. The fjord is 30 m wide. How wide is the creek?",
    ),
    "a letter without the word for it": (
        'Begin each line with the letter "t".',
        'Begin each line with "t".',
        'Begin each page with "t".',
    ),
    "a failure": (
        "Give three reasons why the crossing failed.",
        "Give three reasons why the crossing did not succeed.",
        "Give three reasons why the crossing succeeded.",
    ),
    "always and never, with the opposite": (
        "Write to a tenant who always forgets the rent.",
        "Write to a tenant who never remembers the rent.",
        "Write to a tenant who never forgets the rent.",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_keeps_all_is_not_flagged(kind: str) -> None:
    original, kept, _ = KINDS[kind]
    assert not information_loss(original, kept).flagged


@pytest.mark.parametrize("kind", KINDS)
def test_what_turns_the_same_round_is(kind: str) -> None:
    original, _, lost = KINDS[kind]
    assert information_loss(original, lost).flagged


def test_a_denial_before_a_verb_without_weight_is_told() -> None:
    original = "What errors do beginners make when they buy a boat? Keep it short."
    turned = "What errors do beginners not make when they buy a boat? Keep it short."
    found = information_loss(original, turned)
    assert found.flagged
    assert [(span.text, span.became) for span in found.lost] == [("make", "not make")]


def test_a_word_is_together_with_what_it_was_said_with() -> None:
    old = Reading("The cook peels the onions in the yard.")
    new = Reading("The cook peels the onions. A cart with two wheels stands near some onions.")
    made = align(old.tokens, new.tokens)
    onions = next(i for i, token in enumerate(old.tokens) if token.text == "onions")
    first, second = (j for j, token in enumerate(new.tokens) if token.text == "onions")
    assert together(old, new, made, onions, first)
    assert not together(old, new, made, onions, second)


def test_a_word_alone_is_together_with_anything() -> None:
    old, new = Reading("Onions?"), Reading("The cook peels no onions.")
    assert together(old, new, align(old.tokens, new.tokens), 0, len(new.tokens) - 1)


def test_in_place_is_between_the_same_neighbours() -> None:
    old = Reading("Mira rows for 6 hours on Friday.")
    new = Reading("Mira rows for 6 hours and rests for 2 hours on Friday.")
    moved = Reading("For 6 hours, on Friday, Mira rows.")
    assert in_place(align(old.tokens, new.tokens), 3)
    assert not in_place(align(old.tokens, moved.tokens), 1)


def test_verbs_that_deny_are_known_and_a_bare_negator_is_none_of_them() -> None:
    assert denies("Forgets")
    assert not denies("not")
    assert not denies("remembers")
