"""Demands on the language, and on the plan of a whole answer."""

from __future__ import annotations

import random

from met_demands import met, missed

from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.demand import Asked

ENGLISH = (
    "The market is open from the morning on, and you can buy bread and fish for the week there."
)
GERMAN = "Der Markt ist nicht weit von der Kirche, und man kann dort auch Brot und Fisch kaufen."
SPANISH = "El mercado no está lejos de la iglesia y se puede comprar pan y pescado para la semana."


def test_the_language_of_an_answer() -> None:
    met(KINDS["language"](language="German"), GERMAN, f"**{GERMAN}**\n\n```\nx = 1\n```")
    met(KINDS["language"](language="Japanese"), "雨の日には家で本を読むのが好きです。")
    missed(KINDS["language"](language="German"), "another language", ENGLISH, SPANISH)
    missed(KINDS["language"](language="German"), "cannot be told", "Ja.", "123")


def test_two_languages_with_a_line_between() -> None:
    demand = KINDS["also_in_language"](language="German")
    met(demand, f"{ENGLISH}\n\n---\n\n{GERMAN}", f"{ENGLISH}\n***\n{GERMAN}")
    missed(demand, "English", f"{GERMAN}\n---\n{ENGLISH}")
    missed(demand, "German", f"{ENGLISH}\n---\n{SPANISH}")
    missed(demand, "not 2", f"{ENGLISH}\n{GERMAN}", f"{ENGLISH}\n---\n{GERMAN}\n---\n{SPANISH}")


def test_another_language_does_not_go_with_english_words() -> None:
    german = KINDS["language"](language="German")
    others = (
        KINDS["includes"](words=["tea"]),
        KINDS["word_at_least"](word="tea", n=2),
        KINDS["lower_case"](),
        KINDS["reading_ease"](n=60),
        KINDS["no_contractions"](),
        KINDS["sums_up"](phrase="In short"),
        KINDS["starts_with_verb"](),
    )
    for other in others:
        assert german.clashes(other), other.kind
    assert not german.clashes(KINDS["no_commas"]())


def test_nobody_is_asked_for_a_translation_of_words_about_words() -> None:
    chance = random.Random(1)
    asked = Asked("Give me three English idioms about rain.", "ideas")
    assert KINDS["language"].draw(chance, asked) is None
    assert KINDS["language"].draw(chance, Asked("Who was Nelson?", "fact", 1, 8)) is None


def test_the_answer_first() -> None:
    demand = KINDS["answer_first"]()
    met(demand, "It is, e.g. at 5 p.m., warm.\n\nThe sun heats it.", "Yes.\n \nSo.\n\nMore.")
    missed(demand, "2 sentences", "Yes. It is.\n\nMore.", "Yes.\nIt is.\n\nMore.")
    missed(demand, "Nothing follows", "Yes.", "Yes, it is\n\n")
    assert demand.apply("It is. The sun heats it. So.") == "It is.\n\nThe sun heats it. So."
    for text in ("Yes.", "- It is.\n- It was.", "# Title\nIt is. Yes."):
        assert demand.apply(text) is None


def test_a_paragraph_with_an_example() -> None:
    demand = KINDS["example_paragraph"]()
    met(demand, "Heat rises.\n\nFor example, smoke does.", "So.\n\n**For instance**, tea.")
    missed(demand, "3 paragraphs", "So.\n\nFor example, tea.\n\nMore.")
    missed(demand, "does not begin", "Heat rises.\n\nSmoke, for example, does.")


def test_a_summary_last() -> None:
    demand = KINDS["sums_up"](phrase="In short")
    met(demand, "Heat rises.\n\nIn short, it rises.", "A.\n\nB.\n\nin short: it rises")
    missed(demand, "does not begin", "Heat rises.\n\nIt rises, in short.", "A.\n\nIn shorter days")
    missed(demand, "one paragraph", "In short, heat rises.")
    missed(demand, "2 sentences", "Heat rises.\n\nIn short, it rises. Always.")


def test_a_title_of_so_many_words() -> None:
    demand = KINDS["title_words"](n=3)
    met(demand, "The Old Mill\n\nIt stood.", "# The Old Mill\n\nIt.", "**Title: A B C**\n\nIt.")
    missed(demand, "2 words", "Old Mill\n\nIt stood.")
    missed(demand, "no title line", "The Old Mill\nIt stood.\n\nSo.", "The Old Mill")


def test_a_list_between_two_sentences() -> None:
    demand = KINDS["intro_list_close"](n=2)
    met(demand, "Take:\n\n- tea\n- milk\n\nThat is all.", "Take these.\n1. Tea.\n2. Milk.\nDone.")
    missed(demand, "3 points", "Take:\n- a\n- b\n- c\nDone.")
    missed(demand, "0 sentences below", "Take:\n- a\n- b")
    missed(demand, "2 sentences above", "Well. Take:\n- a\n- b\nDone.")
    missed(demand, "no single list", "Take:\n- a\nor\n- b\nDone.")


def test_questions_with_answers() -> None:
    demand = KINDS["questions_and_answers"](n=2)
    met(
        demand,
        "Q: Why?\nA: So.\n\nQ: How?\nA: Thus.\nAnd more.",
        "**Q1:** Why?\n**A1:** So.\n**Q2:** How?\n**A2:** Thus.",
    )
    missed(demand, "not 2", "Q: Why?\nA: So.", "Q: Why?\nA: So.\nQ: How?")
    missed(demand, "asks nothing", "Q: Why?\nA: So.\nQ: How.\nA: Thus.")
    missed(demand, "above", "Here:\nQ: Why?\nA: So.\nQ: How?\nA: Thus.")
    missed(demand, "not followed", "Q: Why?\nQ: How?\nA: So.\nA: Thus.")


def test_two_sides() -> None:
    demand = KINDS["two_sides"](n=2)
    met(demand, "Advantages:\n- a\n- b\n\nDisadvantages:\n- c\n- d")
    met(demand, "Let us see.\n\n**Advantages:**\n1. a\n2. b\n\n## Disadvantages\n* c\n* d\nDone.")
    missed(demand, "1 disadvantages", "Advantages:\n- a\n- b\nDisadvantages:\n- c")
    missed(demand, "lacks a line", "Advantages: a, b\nDisadvantages: c, d", "Pros:\n- a\n- b")
    missed(demand, "between", "Advantages:\n- a\n- b\nBut\nDisadvantages:\n- c\n- d")
