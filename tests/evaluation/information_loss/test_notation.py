"""Operators, sequences and units that became others."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.notation import notation, units
from evolsynth.evaluation.information_loss.reading import Loss, Reading


def lost(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    made = align(old.tokens, new.tokens)
    return [*units(old, new, made), *notation(old, new, made)]


OTHERS = [
    ("Check whether a >= b.", "Check whether a <= b.", "a >= b"),
    ("Describe: def area(w, h): return w * h", "Describe: def area(w, h): return w + h", "w * h"),
    ("Fix this line: if n == 4: m = 1", "Fix this line: if n != 4: m = 1", "n == 4"),
    ("Compute (8 - 3) * 2.", "Compute 8 - 3 * 2.", "3) * 2"),
    ("Reverse it: [1, 5, 8] becomes [8, 5, 1].", "Reverse it: [1, 5, 8] becomes [8, 1, 5].",
     "8, 5, 1"),
    ("Draw the route A -> C -> B.", "Draw the route A -> B -> C.", "A -> C -> B"),
    ("The ranking is Kim, Lee, Moe.", "The ranking is Lee, Kim, Moe.", "Kim, Lee, Moe"),
    ("It drives 60 km/h all day.", "It drives 60 mph all day.", "60 km/h"),
    ("Heat it to 200 °C at once.", "Heat it to 200 °F at once.", "200 °C"),
    ("It costs €90 at least.", "It costs $90 at least.", "€90"),
    ("Lend him 50 Swiss francs.", "Lend him 50 euros.", "50 Swiss francs"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "evolved", "text"), OTHERS)
def test_another_sign_is_told(original: str, evolved: str, text: str) -> None:
    assert text in [loss.span.text for loss in lost(original, evolved)]
    assert lost(original, original) == []


SAME = [
    ("Simplify x*x + 2*x.", "Simplify x * x + 2 * x."),
    ("Sort [3, 1, 2] and print it.", "Print [3,1,2] when it is sorted."),
    ("Write a two-line poem.", "Write a two line poem."),
    ("It drives 60 km/h all day.", "It drives 60 kilometres per hour all day."),
    ("Heat it to 200 °C at once.", "Heat it to 200 degrees Celsius at once."),
    ("Lend him 50 Swiss francs.", "Lend him 50 CHF."),
    ("Use the words moon, oar and bell.", "Use the words bell, moon and oar."),
    ("List the fruits - all of them.", "List the fruits: all of them."),
]


@pytest.mark.parametrize(("original", "evolved"), SAME)
def test_the_same_signs_in_another_form_are_not(original: str, evolved: str) -> None:
    assert lost(original, evolved) == []
