"""Which words are still there: copied, moved, related, alike, and none of them twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.alignment import (
    Alignment,
    align,
    copying,
    gap,
    related,
    siblings,
)
from evolsynth.evaluation.information_loss.reading import tokens
from evolsynth.evaluation.information_loss.score import word_vectors
from evolsynth.evaluation.text.words import stem


def aligned(original: str, evolved: str) -> Alignment:
    return align(tokens(original), tokens(evolved))


def partner(made: Alignment, word: str) -> str | None:
    """What stands for a word of the original, the first of its like."""
    i = next(i for i, t in enumerate(made.original) if t.text == word)
    return made.evolved[made.place[i]].text if made.place[i] >= 0 else None


def index(made: Alignment, word: str) -> int:
    return next(i for i, t in enumerate(made.original) if t.text == word)


# Pairs --------------------------------------------------------------------------------------------


def test_what_is_put_between_does_not_part_what_was_copied() -> None:
    made = aligned("Paint the gate green.", "Paint the old gate green, and oil its hinges.")
    assert made.same == [True] * 4
    assert made.kept == [1.0] * 4


def test_sentences_that_changed_places_are_found() -> None:
    made = aligned("Feed the hens. Water the beans.", "Water the beans. Feed the hens.")
    assert all(made.same)
    assert partner(made, "hens") == "hens"


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("Japan", "Japanese"),
        ("decision", "decide"),
        ("accomodation", "accommodation"),  # a slip of the pen
        ("concise", "succinct"),
        ("story", "tale"),
    ],
)
def test_related_words_stand_for_one_another(word: str, other: str) -> None:
    assert related(stem(word), stem(other))
    assert partner(aligned(f"about {word} today", f"today, {other}"), word) == other


@pytest.mark.parametrize(
    ("word", "other"),
    [("Monday", "Tuesday"), ("north", "south"), ("highest", "lowest"), ("March", "May")],
)
def test_words_that_exclude_each_other_do_not(word: str, other: str) -> None:
    assert siblings(stem(word), stem(other))
    assert not siblings(stem(word), stem(word))
    assert not related(stem(word), stem(other))
    assert partner(aligned(f"meet on {word}", f"meet on {other}"), word) is None


def test_a_word_that_is_said_once_vouches_for_one_only() -> None:
    made = aligned("a tin roof and a tin door", "a tin roof")
    first, second = (i for i, t in enumerate(made.original) if t.text == "tin")
    assert (made.kept[first], made.same[first]) == (1.0, True)
    assert 0 < made.kept[second] < 0.6
    assert not made.same[second]


def test_a_number_stands_for_a_number_of_the_same_value_only() -> None:
    assert partner(aligned("Bring 12 cups.", "Bring a dozen cups."), "12") == "dozen"
    assert partner(aligned("Bring 12 cups.", "Bring 13 cups."), "12") is None


@pytest.mark.real
def test_word_vectors_find_what_means_nearly_the_same(embedder: MiniLM) -> None:
    old, new = tokens("The violinist left."), tokens("The guitarist departed from the village.")
    assert partner(align(old, new), "violinist") is None
    assert partner(align(old, new, word_vectors(embedder)), "violinist") == "guitarist"


WORDS = ["red", "hen", "sat", "on", "12", "the", "a", "not", "fence", "at", "most"]
SOME_WORDS = st.lists(st.sampled_from(WORDS), max_size=12)


@given(SOME_WORDS, SOME_WORDS)
def test_the_inverse_agrees_and_nothing_is_paired_twice(one: list[str], other: list[str]) -> None:
    made = aligned(" ".join(one), " ".join(other))
    for j, i in enumerate(made.of):
        assert i < 0 or made.place[i] == j
    same = [place for place, is_same in zip(made.place, made.same, strict=True) if is_same]
    assert len(set(same)) == len(same)
    assert all(0 <= kept <= 1 for kept in made.kept)


@given(st.text(max_size=120))
def test_a_text_keeps_all_of_itself(text: str) -> None:
    made = aligned(text, text)
    weighty = [i for i, t in enumerate(made.original) if t.weight > 0 or t.number >= 0]
    assert all(made.same[i] for i in weighty)


# What was copied, and gaps in it ------------------------------------------------------------------


def test_copying_is_the_share_in_runs_of_words() -> None:
    made = aligned("Count all geese on that pond.", "Count all geese on that lake.")
    assert copying(made) == pytest.approx(5 / 6)
    assert copying(made, [index(made, "pond")]) == 1.0
    apart = "Geese on the pond, count them all with care before the sun has set on the lake."
    assert copying(aligned(apart, "Care for geese, then count to ten before sunset.")) == 0.0
    assert copying(aligned("", "Count geese.")) == 0.0


def test_a_gap_says_what_came_instead() -> None:
    made = aligned(
        "Count the geese on the pond before noon.", "Count the geese on the lake before noon."
    )
    hole = gap(made, index(made, "pond"))
    assert [t.text for t in made.original[hole.start : hole.end]] == ["pond"]
    assert [t.text for t in made.evolved[hole.begin : hole.stop]] == ["lake"]
    assert hole.tight


def test_a_gap_is_not_tight_where_its_neighbours_moved() -> None:
    made = aligned("Ask him for rusty nails and paint.", "Paint it, and for nails, ask.")
    assert not gap(made, index(made, "rusty")).tight


def test_a_gap_after_the_first_word_is_not_tight_if_words_before_it_are_gone() -> None:
    made = aligned("Kindly boys carry heavy logs.", "Carry logs.")
    assert not gap(made, index(made, "heavy")).tight
