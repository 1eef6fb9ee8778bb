"""Changed data, lists that stay whole, bounds that are gone, words taken out of short requests."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.information_loss.alignment import align
from evolsynth.evaluation.information_loss.exact import data_changed
from evolsynth.evaluation.information_loss.reading import Loss, Reading, segments
from evolsynth.evaluation.information_loss.score import information_loss

GRAMMAR = "Correct the grammar in this sentence."


def changed(original: str, evolved: str) -> list[Loss]:
    old, new = Reading(original), Reading(evolved)
    return data_changed(old, new, align(old.tokens, new.tokens))


@pytest.mark.parametrize(
    ("original", "evolved", "text"),
    [
        (f"{GRAMMAR} Him and me was late.", f"{GRAMMAR} He was late.", "Him and me"),
        ("Sort these words by length: pear, fig, plum.", "Sort these words: pear, plum.", "fig"),
        (
            "Make this request more polite. Turn down your music.",
            "Make this request more polite, and say how to turn music up.",
            "down",
        ),
    ],
)
def test_data_that_stands_there_in_part_is_told(original: str, evolved: str, text: str) -> None:
    (loss,) = changed(original, evolved)
    assert text in loss.span.text


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        (f"{GRAMMAR} Him and me was late.", "Mend the grammar: him and me was late. Be brief."),
        # no data: the second sentence asks for something itself, or the first works on nothing
        ("Explain the word to a child. Use an example.", "Explain the word, using an example."),
        ("Write a poem. The moon is out.", "Write a poem about the moon."),
        # all of it is gone: that is a lost clause, and not looked at here
        (f"{GRAMMAR} Him and me was late.", "Talk about grammar in general."),
        ("", "anything"),
    ],
)
def test_data_that_is_whole_or_no_data_is_not(original: str, evolved: str) -> None:
    assert changed(original, evolved) == []


def test_a_list_is_one_piece() -> None:
    text = "Which does not belong? Hammer, saw, spoon, wooden ruler"
    places = segments(text, Reading(text).tokens)
    assert text[slice(*places[-1])] == "Hammer, saw, spoon, wooden ruler"


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        ("Which does not belong? Hammer, saw, spoon, ruler", "Which does not? Hammer, saw, ruler"),
        ("Explain a credit score in under 100 words.", "Explain a credit score in 100 words."),
        ("Put the text into the passive voice. We saw it.", "Put the text into the active voice."),
        ("Name two birds. Why do they sing?", "Name two birds."),
        ('Reverse the word "melon".', 'Reverse the word "melan".'),
    ],
)
def test_what_a_short_request_lost_is_scored(original: str, evolved: str) -> None:
    assert information_loss(original, evolved).score > 0.35


@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        ("Convert the fraction 7/8 to a percentage.", "Convert 7/8 to a percentage."),
        ('Define the word "hope" in a sentence.', 'Define "hope" in a sentence.'),
        ("Use at most 40 words.", "Limit yourself to 40 words."),
        ("How many eggs are in 3 boxes of 6?", "Three boxes hold 6 eggs each: how many eggs?"),
    ],
)
def test_what_goes_without_saying_is_not_flagged(original: str, evolved: str) -> None:
    assert not information_loss(original, evolved).flagged
