"""Demands on commas, exclamation marks, other marks and formatting."""

from __future__ import annotations

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.demands import KINDS

COMMAS, LOUD = KINDS["no_commas"](), KINDS["no_exclamation_marks"]()
PLAIN, ROUND = KINDS["plain_text"](), KINDS["no_parentheses"]()


def test_commas_anywhere_are_found() -> None:
    assert COMMAS.check("Tea and toast; nothing else.") is None
    assert COMMAS.check("Was it ‚that‘?") is None  # quotes, that look like it
    for text in ("Tea, toast", "1,000 people", "`f(a, b)`", "東京、京都"):
        miss = COMMAS.check(text)
        assert miss is not None
        assert miss.place is not None
        assert text[slice(*miss.place)] in ",、"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("It rained, and we stayed.", "It rained and we stayed."),
        ("Some 12,500 people came.", "Some 12500 people came."),
        ("Bring bread, ripe pears, and cheese.", "Bring bread and ripe pears and cheese."),
        ("However, it rained. First, we ate.", "However it rained. First we ate."),
        ("Dear Sam,\n\nThank you.", "Dear Sam\n\nThank you."),
        ("The hat, which is red, fits.", None),  # the second would part subject and verb
        ("In summer, bees and ants come.", None),
        ("Try f(a, b) or `x, y`, and wait.", None),
    ],
)
def test_commas_go_only_where_the_text_stays_good(text: str, made: str | None) -> None:
    assert COMMAS.apply(text) == made


def test_exclamation_marks_become_full_stops() -> None:
    assert LOUD.check("Well done.") is None
    assert LOUD.check("Really?") is None
    for text in ("Well done!", "¡Hola", "`a != b`"):
        assert LOUD.check(text) is not None
    assert LOUD.apply("Hi!!! Really?! “Stop!” she said.") == "Hi. Really? “Stop.” she said."
    assert LOUD.apply("Wait...! Go!") == "Wait... Go."
    assert LOUD.apply("a != b") is None


@pytest.mark.parametrize(
    ("mark", "without", "with_it"),
    [
        ("semicolon", "One, two.", "One; two."),
        ("colon", "At 5 in the morning.", "At 5:00."),
        ("dash", "A well-known 10-year-old - ", "Wait — no."),
        ("dash", "--help", "Wait -- no."),
        ("question mark", "I wonder.", "Is it?"),
        ("quotation mark", "It's the dogs' bowl.", "A “word”."),
        ("ellipsis", "Well..", "Well..."),
        ("slash", "and or", "and/or"),
    ],
)
def test_each_mark_is_known(mark: str, without: str, with_it: str) -> None:
    avoids, uses = KINDS["avoids_mark"](mark=mark), KINDS["uses_mark"](mark=mark, n=1)
    assert avoids.check(without) is None
    assert avoids.check(with_it) is not None
    assert uses.check(with_it) is None
    miss = uses.check(without)
    assert miss is not None
    assert mark in miss.why


def test_a_mark_often_enough() -> None:
    demand = KINDS["uses_mark"](mark="semicolon", n=2)
    assert demand.check("a; b; c") is None
    assert demand.check("a; b") is not None
    with pytest.raises(InputError):
        KINDS["uses_mark"](mark="tilde", n=1)


@pytest.mark.parametrize(
    ("mark", "text", "made"),
    [
        ("semicolon", "It rains; it’s late; so are we.", "It rains. It’s late, so are we."),
        ("semicolon", "- Tea;\n- Milk;", "- Tea.\n- Milk."),
        ("semicolon", "`a; b`", None),
        ("dash", "It rains — we stay—for now - or not.", "It rains. We stay, for now, or not."),
        ("quotation mark", 'A “small word” and a "long" one.', "A small word and a long one."),
        ("quotation mark", "“All of it, in one.”", "All of it, in one."),
        ("quotation mark", "She said: “Go away at once.”", None),
        ("colon", "Bring: tea.", None),
    ],
)
def test_some_marks_can_be_done_without_by_rule(mark: str, text: str, made: str | None) -> None:
    assert KINDS["avoids_mark"](mark=mark).apply(text) == made


def test_parentheses() -> None:
    assert ROUND.check("No [such] thing.") is None
    assert ROUND.check("Plain.") is None
    for text in ("Tea (hot).", "1) Tea", ":)"):
        assert ROUND.check(text) is not None
    assert ROUND.apply("Tea (hot) is good (now).") == "Tea, hot, is good, now."
    assert ROUND.apply("- Tea (hot)\n- Milk (cold)") == "- Tea, hot\n- Milk, cold"
    for text in ("1) Boil water (hot)", "Tea (It is hot.) helps.", "Tea (hot) Milk"):
        assert ROUND.apply(text) is None


@pytest.mark.parametrize("text", ["Just a line.", "2 * 3 * 4 is 24", "snake_case_name", "C# - so"])
def test_ordinary_text_is_plain(text: str) -> None:
    assert PLAIN.check(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("**Bold** claim", "# Heading", "a\n- point", "1. Step", "> quote", "`code`", "*so*"),
        *("[text](https://example.org)", "| a | b |"),
    ],
)
def test_formatting_is_found(text: str) -> None:
    miss = PLAIN.check(text)
    assert miss is not None
    assert "formatting" in miss.why


def test_emphasis_and_headings_are_made_plain_and_lists_are_not() -> None:
    assert PLAIN.apply("## Tea\n\n**Hot** and *sweet*.") == "Tea\n\nHot and sweet."
    assert PLAIN.apply("- one\n- two") is None


def test_marks_clash_with_forms_that_need_them() -> None:
    assert PLAIN.clashes(KINDS["intro_list_close"](n=3))
    assert KINDS["avoids_mark"](mark="colon").clashes(KINDS["questions_and_answers"](n=2))
    assert KINDS["avoids_mark"](mark="question mark").clashes(KINDS["asks_questions"](n=1))
