"""Demands on words, and the words that are drawn for them."""

from __future__ import annotations

import random

import pytest
from met_demands import met, missed

from evolsynth.errors import InputError
from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.demands.keywords import fitting_words, overused_words, subject_words


def test_keywords_count_whole_in_any_case_and_in_the_plural() -> None:
    demand = KINDS["includes"](words=["garden", "don't wait"])
    met(demand, "GARDENS: don’t  wait!", "The garden's gate. Don't\nwait.", "`garden` don't wait")
    missed(demand, '"garden"', "A gardener; don't wait.", "Don't wait.")
    missed(demand, "don't wait", "In the garden, wait.")


def test_words_to_avoid_are_told_with_their_place() -> None:
    demand = KINDS["avoids"](words=["very", "thing"])
    met(demand, "Every day, nothing new.", "A veranda.")
    text = "So many things."
    miss = demand.check(text)
    assert miss is not None
    assert miss.place is not None
    assert text[slice(*miss.place)] == "things"
    missed(demand, "VERY", "A VERY-good one.", "“VERY”")


def test_a_word_often_enough() -> None:
    demand = KINDS["word_at_least"](word="river", n=2)
    met(demand, "River by river.", "Rivers and a river's bank.")
    missed(demand, "2 were asked for", "A river.", "Riverside driver, river.", "None.")


def test_a_word_seldom_enough_counts_within_others_too() -> None:
    demand = KINDS["word_at_most"](word="art", n=1)
    met(demand, "Modern art.", "Nothing of it.")
    text = "To start with art"
    miss = demand.check(text)
    assert miss is not None
    assert miss.place == (14, 17)
    assert KINDS["word_at_most"](word="art", n=0).check("Start.") is not None


def test_a_word_exactly_so_often() -> None:
    demand = KINDS["word_exactly"](word="tea", n=2)
    met(demand, "Tea or tea?", "tea, TEA")
    missed(demand, "1 times", "Tea and coffee.", "Tea with steam.")
    missed(demand, "3 times", "Tea, tea, tea.")
    missed(demand, "other words", "Tea, tea and a teapot.")


def test_words_in_their_order() -> None:
    demand = KINDS["words_in_order"](words=["first", "then", "finally"])
    met(demand, "First boil it. Then wait. Finally eat.", "Then first, then that, finally.")
    missed(demand, '"finally"', "Finally: first this, then that.", "First, then.")
    missed(demand, '"first"', "Firstly, then, finally.")


def test_a_word_in_a_sentence() -> None:
    demand = KINDS["word_in_sentence"](word="lamp", n=2)
    met(demand, "It was dark. Lamps, e.g. Mr. Hill's, were lit.", "At 3.5 km. A lamp! Yes.")
    missed(demand, "Sentence 2 lacks", "The lamp. It was dark.", "Lamp!\nOne two")
    missed(demand, "two ways", "One.\n- Lamp", "1. A.\n2. Lamp.", "A title\n\nA lamp.")
    missed(demand, "It has 1 sentences", "A lamp at 5 p.m. on a hill.")


def test_different_words() -> None:
    demand = KINDS["different_words_at_least"](n=4)
    met(demand, "One, two; three — four.", "a b c d")
    missed(demand, "different words", "One one ONE two, two three.", "... -- a b !")


def test_no_word_too_often() -> None:
    demand = KINDS["no_word_more_than"](n=2)
    met(demand, "The cat and the dog.", "It's his, its.")
    missed(demand, '"the" 3 times', "The cat, the dog, THE end.")
    missed(demand, "3 times", "It's its its")


def test_different_conjunctions() -> None:
    demand = KINDS["conjunctions"](n=3)
    met(demand, "It is big, but old, and so dear.", "And, but, or.")
    missed(demand, "2 of the seven", "And or and, AND or.", "sand, yet fore or")
    with pytest.raises(InputError):
        KINDS["conjunctions"](n=8)


def test_words_need_a_letter() -> None:
    for words in ([], [""], ["!"]):
        with pytest.raises(InputError):
            KINDS["includes"](words=words)
    met(KINDS["includes"](words=["C++", "$5 (net)"]), "C++ costs $5 (net).")


@pytest.mark.parametrize(
    ("instruction", "some", "none"),
    [
        ("Why do leaves change color in the autumn?", {"leaves", "autumn"}, {"change"}),
        ("What are the best ways to visit Lisbon by train?", {"Lisbon", "train"}, {"best", "ways"}),
        (
            "Write a short poem about three lighthouses.",
            {"lighthouses"},
            {"poem", "short", "three"},
        ),
        ("Wie kann ich besser schlafen und was hilft mir dabei?", set(), {"besser"}),
    ],
)
def test_what_an_instruction_is_about(instruction: str, some: set[str], none: set[str]) -> None:
    found = set(subject_words(instruction))
    assert some <= found
    assert not none & found


def test_words_to_use_or_avoid_are_not_in_the_request() -> None:
    asked = Asked("Give me a goal and a very simple plan for a journey.", "advice")
    assert "goal" not in fitting_words(asked)
    assert "budget" in fitting_words(asked)
    assert not {"very", "journey"} & set(overused_words(asked))
    assert fitting_words(Asked("Wie werde ich gesund und was muss ich tun?", "advice")) == []


def test_nothing_is_drawn_where_it_would_not_fit() -> None:
    chance = random.Random(3)
    short = Asked("Name a river.", "explanation", 1, 5)
    for name in (
        "word_at_least",
        "word_at_most",
        "word_exactly",
        "word_in_sentence",
        "conjunctions",
    ):
        assert KINDS[name].draw(chance, short) is None
    assert KINDS["includes"].draw(chance, Asked("What is 3 x 4?", "calculation")) is None


def test_later_rounds_ask_for_more() -> None:
    chance = random.Random(5)
    asked = Asked("How do I learn to juggle with clubs?", "howto")
    drawn = [
        [KINDS["avoids"].draw(chance, asked._replace(round=r)) for _ in range(60)] for r in (1, 4)
    ]
    most = [max(len(d.values["words"]) for d in some if d is not None) for some in drawn]
    assert most[0] <= 2 < most[1]
