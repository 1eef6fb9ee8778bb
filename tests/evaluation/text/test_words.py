"""Words that rules know are data: each list once, well formed, and read as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.evaluation.text.added import begins_with, demand_added
from evolsynth.evaluation.text.numbers import COUNTS, NUMBER_WORDS, UNITS, numbers
from evolsynth.evaluation.text.verbs import COMMANDS, VERB, VERBS, asks, states
from evolsynth.evaluation.text.words import (
    COMMON,
    FORM_WORDS,
    FUNCTION_WORDS,
    NEGATORS,
    occurs,
    sentences,
    stem,
    stems_of,
    word_lists,
)

ROOM = Path(__file__).parents[3] / "evolsynth" / "evaluation" / "text"


def test_a_word_list_is_its_lines_by_section(tmp_path: Path) -> None:
    place = tmp_path / "birds.txt"
    place.write_text(
        "# Birds.\n\n[small]\nwren robin\ntit\n\n[large]\n# of water\nheron\n", "utf-8"
    )
    found = word_lists(str(tmp_path / "birds.py"), "birds.txt")
    assert found == {"small": ["wren robin", "tit"], "large": ["heron"]}


@pytest.mark.parametrize("name", ["words.txt", "verbs.txt", "language.txt", "numbers.txt"])
def test_no_word_stands_twice_in_a_list(name: str) -> None:
    for section, lines in word_lists(str(ROOM / "words.py"), name).items():
        words = " ".join(lines).split()
        twice = {word for word in words if words.count(word) > 1 and not word.isdecimal()}
        if section not in ("british", "plurals"):  # pairs
            assert not twice, section


def test_a_verb_stands_in_one_list() -> None:
    lists = word_lists(str(ROOM / "verbs.py"), "verbs.txt")
    said = [
        set(" ".join(lists[name]).split()) for name in ("commands", "openings", "only commands")
    ]
    assert not said[0] & said[1]
    assert not said[2] & (said[0] | said[1])
    assert said[0] | said[1] == VERBS
    assert {"summarize", "summarise", "analyze", "analyse"} <= COMMANDS


def test_lists_say_what_they_should() -> None:
    assert {"the", "of", "you"} <= FUNCTION_WORDS
    assert "not" in NEGATORS
    assert "question" in COMMON
    assert stem("paragraph") in FORM_WORDS
    assert stem("volcano") not in FORM_WORDS


def test_counts_are_the_numbers_that_numbers_reads() -> None:
    for word, count in COUNTS.items():
        if count > 1:
            assert [n.values[0] for n in numbers(f"Name {word} rivers.")] == [count], word
    assert set(COUNTS) <= NUMBER_WORDS
    assert (COUNTS["one"], COUNTS["twelve"], COUNTS["ninety"]) == (1, 12, 90)


def test_units_of_one_dimension_compare() -> None:
    assert UNITS["hours"].size == 60 * UNITS["minutes"].size
    assert UNITS["hour"].dimension == UNITS["ms"].dimension != UNITS["month"].dimension


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Name a bird. Why that one?", ["Name a bird.", " Why that one?"]),
        ("Stop!! Now\nread on", ["Stop!!", " Now", "read on"]),
        ("no mark", ["no mark"]),
        ("", []),
        ("...", []),
        ("\n\n", []),
    ],
)
def test_sentences_end_at_marks_and_lines(text: str, found: list[str]) -> None:
    assert sentences(text) == found
    assert "".join(found) == (text.replace("\n", "") if found else "")


@pytest.mark.parametrize(
    "text",
    [
        "Summarise this in a line.",
        "I have a cat. Describe how I should feed it.",
        "Is it late?",
        "I need some help with my tax.",
        "Here are two numbers, 3 and 4, now add them",
    ],
)
def test_who_asks_for_something(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["The sky is blue.", "A song of songs", "It was the plan."])
def test_who_asks_for_nothing(text: str) -> None:
    assert not asks(text)


def test_statements_and_commands_by_their_first_word() -> None:
    assert states("The cat sat.")
    assert states("I've been there.")
    assert not states("Theory of music")
    assert VERB.fullmatch("Explain")
    assert VERB.fullmatch("explained") is None


def test_a_word_occurs_in_another_form() -> None:
    found = stems_of("Japanese cooking of the south")
    assert occurs(stem("Japan"), found)
    assert not occurs(stem("Italy"), found)


def test_what_an_evolution_adds() -> None:
    asked = "Name a river."
    assert demand_added(asked, "Name a river. Say where it ends.") == "Say where it ends."
    assert demand_added(asked, "Name a long river.") == "long"
    assert demand_added(asked, asked) == ""
    assert begins_with("name a  river, and why", asked)
    assert not begins_with("Name a rivers", asked)
