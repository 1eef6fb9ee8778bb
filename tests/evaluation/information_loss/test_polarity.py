"""What is said and what is denied: words that were turned round, and the same said otherwise."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.polarity import polarity
from evolsynth.evaluation.information_loss.reading import Loss, Reading


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return polarity(old, new, align(old.tokens, new.tokens))


TURNED = [
    # a denial went or came
    ("Name a town that is not on the coast.", "Name a town that is on the coast.", "not on"),
    ("There is no well in the yard.", "There is a well in the yard.", "no well"),
    ("Plan a day on which the pool is open.", "Plan a day on which the pool is not open.", "open"),
    ("They refused to sell the mill.", "They wanted to sell the mill.", "refused to sell"),
    ("He did not forget to feed the hens.", "He forgot to feed the hens.", "feed"),
    ("The rule forbids selling milk.", "The rule does not forbid selling milk.", "selling"),
    # a word and what denies it
    ("Explain why the tax was popular.", "Explain why the tax was unpopular.", "popular"),
    ("Describe the scene in the presence of the judge.",
     "Describe the scene in the absence of the judge.", "judge"),
    ("Tell me why the bread is soft.", "Tell me why the bread is hard.", "soft"),
    # the denial is still there, before another word
    ("She promised not to sell the barn.", "She promised to sell the barn, but not the field.",
     "sell"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "text"), TURNED)
def test_a_word_that_was_turned_round_is_told(original: str, evolved: str, text: str) -> None:
    assert any(text in loss.span.text and loss.weight > 0.4 for loss in lost(original, evolved))
    assert lost(original, original) == []


SAME = [
    ("The gate is not closed.", "The gate is open."),
    ("List plants that are unsafe for cats.", "List plants that are not safe for cats."),
    ("He is unwilling to pay.", "He is not willing to pay."),
    ("The crew failed to reach the cape.", "The crew did not reach the cape."),
    ("Bears seldom attack unless they are hurt.", "Bears seldom attack if they are not hurt."),
    ("No child may swim here.", "Children must not swim here."),
    ("The cups were not broken.", "No cup was broken."),
    ("The museum is closed except on Fridays.", "The museum is open on Fridays only."),
    ("All of the shutters are closed.", "None of the shutters is open."),
    ("She lent Paul a saw.", "Paul borrowed a saw from her."),
    ("I like cold soup.", "I like cold soup, but not in winter."),
    ("Write a guide for tourists.", "Write a guide for tourists that does not mention hotels."),
    ("Not only bees visit the flower.", "Bees and others visit the flower."),
]


@pytest.mark.parametrize(("original", "evolved"), SAME)
def test_the_same_in_other_words_is_not(original: str, evolved: str) -> None:
    assert [loss for loss in lost(original, evolved) if loss.weight > 0.4] == []


def test_what_came_is_told() -> None:
    (loss,) = lost("The lamp is lit.", "The lamp is not lit.")
    assert (loss.span.text, loss.span.became, loss.span.kind) == ("lit", "not lit", "negation")


def test_opposites_that_say_the_same_are_paired_off() -> None:
    old, new = Reading("The road is unsafe."), Reading("The road is not safe.")
    made = align(old.tokens, new.tokens)
    polarity(old, new, made)
    assert made.kept[-1] > 0.9
