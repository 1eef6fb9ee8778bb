"""Demands on case and single letters: what passes, what misses and where, what a rule makes."""

from __future__ import annotations

import random

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.demand import Asked

LOWER, UPPER, TITLE = KINDS["lower_case"](), KINDS["upper_case"](), KINDS["title_case"]()


@pytest.mark.parametrize(
    "text",
    ["rain falls on the old roof.", "3 cups of tea, please", "café à la crème — s'il y en a"],
)
def test_small_letters_alone_are_lower_case(text: str) -> None:
    assert LOWER.check(text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Rain falls.", 0),
        ("i told Anna so.", 7),
        ("see https://example.org/Page", 24),
        ("```\nx = Thing()\n```", 8),
        ("the word é and É", 15),
    ],
)
def test_one_capital_letter_is_told_with_its_place(text: str, at: int) -> None:
    miss = LOWER.check(text)
    assert miss is not None
    assert miss.place == (at, at + 1)
    assert "capital" in miss.why


def test_what_has_no_letters_has_no_case() -> None:
    for demand in (LOWER, UPPER):
        miss = demand.check("1, 2, 3")
        assert miss is not None
        assert "no letters" in miss.why
    assert UPPER.check("雨が降る") is not None


def test_another_language_is_no_answer_in_lower_case() -> None:
    german = "der hund ist nicht mit auf dem berg und die katze ist auch nicht bei dem haus"
    miss = LOWER.check(german)
    assert miss is not None
    assert "English" in miss.why


@pytest.mark.parametrize("text", ["STOP AT ONCE!", "IT'S 5 O'CLOCK.", "ÉTÉ"])
def test_capitals_alone_are_upper_case(text: str) -> None:
    assert UPPER.check(text) is None


@pytest.mark.parametrize(("text", "at"), [("STOp", 3), ("WE MET DR. MCCOY AND McCOY", 22)])
def test_one_small_letter_is_told_with_its_place(text: str, at: int) -> None:
    miss = UPPER.check(text)
    assert miss is not None
    assert miss.place == (at, at + 1)


def test_case_is_made_by_rule_but_never_in_code_or_links() -> None:
    assert LOWER.apply("Bring Anna’s Tea.") == "bring anna’s tea."
    assert UPPER.apply("Bring the straße map.") == "BRING THE STRASSE MAP."
    for text in (
        "Use `Counter` here.",
        "See https://example.org/Page.",
        "Write to Bob@example.org",
    ):
        assert LOWER.apply(text) is None
        assert UPPER.apply(text) is None


@pytest.mark.parametrize(
    "text",
    ["The Night Owl Bakery", "Bread And Butter, 24 Hours A Day", "NASA Built It", "Well-known"],
)
def test_each_word_with_a_capital_is_title_case(text: str) -> None:
    assert TITLE.check(text) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The Lord of the Rings", "of"),
        ("Bread and Butter", "and"),
        ("Don't Look Back", "Don't"),
        ("We Cannot Stay", "Cannot"),
        ("An iPhone Case", "iPhone"),
    ],
)
def test_a_small_word_is_no_title_case(text: str, word: str) -> None:
    miss = TITLE.check(text)
    assert miss is not None
    assert word in miss.why
    assert miss.place is not None
    assert text[slice(*miss.place)] == word


def test_title_case_is_made_by_rule() -> None:
    assert TITLE.apply("a cup of “hot” tea, well-made") == "A Cup Of “Hot” Tea, Well-made"
    assert TITLE.apply("we don't know") is None  # IFBench's words are "do" and "n't"


def test_words_in_capitals_are_counted() -> None:
    demand = KINDS["capital_words_at_least"](n=2)
    assert demand.check("NEVER leave it, and ALWAYS look.") is None
    assert demand.check("The WELL-KNOWN NATO.") is None
    for text in ("I saw A bird.", "NEVER again.", "WON'T DON'T"):
        miss = demand.check(text)
        assert miss is not None
        assert "2 were asked for" in miss.why


def test_i_counts_where_few_words_in_capitals_are_wanted() -> None:
    demand = KINDS["capital_words_at_most"](n=1)
    assert demand.check("I like it.") is None
    assert demand.check("No capitals here.") is None
    assert demand.check("The U.S. team and/or me.") is None
    assert demand.check("I'M here.") is not None
    text = "I think I know."
    miss = demand.check(text)
    assert miss is not None
    assert miss.place == (8, 9)
    assert KINDS["capital_words_at_most"](n=0).check("The EU said so.") is not None


def test_a_letter_often_enough() -> None:
    demand = KINDS["letter_at_least"](letter="e", n=3)
    assert demand.check("Eleven") is None
    assert demand.check("We see.") is None
    for text in ("élève, thé", "We sé"):
        miss = demand.check(text)
        assert miss is not None
        assert "3 were asked for" in miss.why


def test_a_letter_seldom_enough_and_the_first_that_is_too_much() -> None:
    demand = KINDS["letter_at_most"](letter="k", n=1)
    assert demand.check("Make it.") is None
    assert demand.check("No such letter.") is None
    miss = demand.check("Kick it.")
    assert miss is not None
    assert miss.place == (3, 4)
    assert demand.check("Keep `kwargs`.") is not None


def test_a_letter_nowhere() -> None:
    demand = KINDS["avoids_letter"](letter="z")
    assert demand.check("A calm, quiet day.") is None
    assert demand.check("Ž is another letter, to a program.") is None
    for text in ("A hazy day.", "ZOO"):
        miss = demand.check(text)
        assert miss is not None
        assert miss.place is not None
        assert text[miss.place[0]].lower() == "z"


@pytest.mark.parametrize("letter", ["", "ab", "E", "é", "1"])
def test_a_letter_is_one_small_letter_of_english(letter: str) -> None:
    with pytest.raises(InputError, match="letter"):
        KINDS["avoids_letter"](letter=letter)


def test_a_letter_to_avoid_is_not_in_the_request() -> None:
    chance = random.Random(1)
    asked = Asked("Write about a vivid jazz quartet and a box of wax.", "creative", 3)
    for _ in range(50):
        demand = KINDS["avoids_letter"].draw(chance, asked)
        assert demand is None or demand.values["letter"] not in asked.instruction.lower()


def test_nobody_is_asked_to_read_a_long_answer_in_capitals() -> None:
    chance = random.Random(1)
    assert KINDS["upper_case"].draw(chance, Asked("Explain tides.", "explanation", 1, 400)) is None
    assert KINDS["upper_case"].draw(chance, Asked("Explain tides.", "explanation", 1, 8)) is None
    assert KINDS["title_case"].draw(chance, Asked("Name it.", "ideas", 1, 400)) is None
    assert KINDS["lower_case"].draw(chance, Asked("def f(): ...", "code")) is None


def test_cases_clash_with_each_other_and_with_what_is_given_by_the_letter() -> None:
    assert LOWER.clashes(UPPER)
    assert LOWER.clashes(KINDS["capital_words_at_least"](n=2))
    assert UPPER.clashes(KINDS["language"](language="German"))
    avoids = KINDS["avoids_letter"](letter="z")
    assert avoids.clashes(KINDS["includes"](words=["zebra"]))
    assert not LOWER.clashes(KINDS["no_commas"]())
