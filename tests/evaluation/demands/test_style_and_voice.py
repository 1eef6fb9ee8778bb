"""Demands on sentences, readability, persons, contractions, questions, examples, emoji, choices."""

from __future__ import annotations

import random

import pytest
from met_demands import met, missed

from evolsynth.evaluation.demands import KINDS
from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.demands.kinds.style import flesch
from evolsynth.evaluation.demands.syllables import syllables


def test_no_sentence_too_long() -> None:
    demand = KINDS["sentence_words_at_most"](n=5)
    met(demand, "Dr. Hill has 3.5 dogs. He is - well - fine.", "- One point\n- Another one here\n")
    text = "It is so. But this one is far too long."
    miss = demand.check(text)
    assert miss is not None
    assert miss.place == (10, len(text))
    missed(demand, "6 words", "one two three four five six")


def test_no_sentence_too_short() -> None:
    demand = KINDS["sentence_words_at_least"](n=3)
    met(demand, "This is it. That was that!", "Mr. Hill left.")
    missed(demand, "2 words", "This is it. Not so.", "# My title\n\nThis is it.")


def test_sentences_that_begin_differently() -> None:
    demand = KINDS["sentence_openings"]()
    met(demand, "The sun rose. A bird sang.", "- Try it\n- Wait", "1. Boil it.\n2. Eat it.")
    missed(demand, '"the"', "The sun rose. “The bird sang.”", "- The sun\n- **The** bird")


def test_a_command_first() -> None:
    demand = KINDS["starts_with_verb"]()
    met(
        demand,
        "Try to sleep.",
        "“Choose one.”",
        "**Put** it away",
        "Practise daily.",
        "Don’t panic.",
    )
    missed(demand, "no command", "You should sleep.", "The best way is.", "Toast is good.")
    missed(demand, "no word", "123")


def test_no_word_too_long() -> None:
    demand = KINDS["word_letters_at_most"](n=6)
    met(demand, "A well-made plan doesn't fail.", "Simple.")
    text = "That is important."
    miss = demand.check(text)
    assert miss is not None
    assert miss.place == (8, 17)
    missed(demand, "Überraschung", "Eine Überraschung")


def test_no_ly() -> None:
    demand = KINDS["no_ly_words"]()
    met(demand, "A fast, loud lynx.", "Polygons")
    missed(demand, '"ly"', "He ran quickly.", "ONLY you.", "My family.")


def test_reading_ease() -> None:
    easy = "The sun is hot. We sat in the shade. The dog sat, too. It was a good day for all of us."
    hard = (
        "Organizational considerations notwithstanding, interdisciplinary collaboration "
        "necessitates comprehensive communication infrastructure."
    )
    demand = KINDS["reading_ease"](n=60)
    met(demand, easy, "- The sun is hot\n- The dog sat")
    missed(
        demand, "reading ease", hard, "123", "Der Hund ist nicht auf dem Berg und die Katze auch."
    )
    assert (flesch(easy) or 0) > 100 > 0 > (flesch(hard) or 0)


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(("a", 1), ("cake", 1), ("liked", 1), ("rhythm", 1)),
        *(("table", 2), ("boxes", 2), ("wanted", 2), ("science", 2), ("someone", 2)),
        *(("idea", 3), ("medium", 3), ("beautiful", 3)),
    ],
)
def test_syllables(word: str, number: int) -> None:
    assert syllables(word) == number


def test_contractions_are_told_from_possessives() -> None:
    demand, uses = KINDS["no_contractions"](), KINDS["uses_contractions"](n=2)
    met(demand, "It is Anna's dog.", "The dogs' bowl, 5 o'clock.", "its")
    missed(demand, "contraction", "It’s late.", "They'd gone.", "WE'LL see.", "I'm in.")
    met(uses, "It's late and we can't go.", "Don’t. Won’t.")
    missed(uses, "1 contractions", "It's Anna's.")
    missed(uses, "0 contractions", "It is.")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("It's late; we can't go.", "It is late; we cannot go."),
        ("It’s been fun. I'd like tea.", "It has been fun. I would like tea."),
        ("DON'T! You'd better go.", "DO NOT! You had better go."),
        ("Let's see. i'm here, they've left.", "Let us see. I am here, they have left."),
        ("She'd gone.", None),  # had or would
        ("`it's` code", None),
    ],
)
def test_contractions_are_written_out_where_one_thing_is_meant(text: str, made: str | None) -> None:
    assert KINDS["no_contractions"]().apply(text) == made


def test_no_first_person() -> None:
    demand = KINDS["no_first_person"]()
    met(demand, "You should rest, i.e. sleep.", "The US army in World War I.", "I. Rest\nII. Eat")
    missed(
        demand, "first person", "I rest.", "It helps us.", "Rest, I’m told.", "Our way", "i rest"
    )


def test_the_reader_addressed() -> None:
    demand = KINDS["addresses_you"](n=2)
    met(demand, "You know your town.", "YOU’LL see yourself.")
    missed(demand, "not 2", "Young youth", "You see.")


def test_so_many_pronouns() -> None:
    demand = KINDS["pronouns_at_least"](n=3)
    met(demand, "I like it; you don't.", "He/she saw ITS end.", "It's their, not my, house.")
    missed(demand, "2 pronouns", "I like it, we'll see.", "Her hermit is him.")


def test_so_many_questions() -> None:
    demand = KINDS["asks_questions"](n=1)
    met(demand, "Tired? Sleep.", "He asked: “Why?”", "Really?! Yes.")
    missed(demand, "2 questions", "Why? How?")
    missed(demand, "0 questions", "Sleep.", "See a.b/?q=1 for it.")


def test_examples_named() -> None:
    demand = KINDS["gives_examples"](n=1)
    met(demand, "Fruit, for example apples.", "For instance, tea.")
    missed(demand, "0 times", "An example: apples.", "Apples, for example.", "e.g. tea")


def test_emoji() -> None:
    demand = KINDS["uses_emoji"](n=2)
    met(demand, "Party 🎉🎂", "Sun ☀️ and 👍🏽")
    missed(demand, "1 emoji", "Thumbs 👍🏽", "Hi 😀 :-)")
    missed(demand, "0 emoji", "Hi :) — © 5€", "★ ✓ ①")


def test_a_choice_stands_alone() -> None:
    plain = KINDS["choice"](answers=["Yes", "It depends"])
    met(plain, "Yes", "yes.", " It depends.\n", '"Yes"')
    missed(plain, "none of the 2", "Yes, it is.", "No", "It depends on it.")
    exact = KINDS["choice"](answers=["My answer is yes.", "a)"])
    met(exact, "My answer is yes.", "a)", "“My answer is yes.”")
    missed(exact, "none", "My answer is yes", "My answer is YES.", "a")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Yes, a tomato is a fruit.", "My answer is yes."),
        ("**No.** It is not.", "My answer is no."),
        ("My answer is maybe, as I said.", "My answer is maybe."),
        ("Yes and no.", None),
        ("No doubt it is.", None),
        ("A tomato is a fruit.", None),
    ],
)
def test_an_answer_that_begins_with_a_choice_is_cut_to_it(text: str, made: str | None) -> None:
    answers = ["My answer is yes.", "My answer is no.", "My answer is maybe."]
    assert KINDS["choice"](answers=answers).apply(text) == made


@pytest.mark.parametrize(
    ("instruction", "fits"),
    [
        ("Is a tomato a fruit?", True),
        ("Should museums be free?", True),
        ("Is it red or blue?", False),
        ("Can you tell me a story?", False),
        ("Why is it so?", False),
        ("Is a tomato a fruit? Explain why.", False),
    ],
)
def test_a_choice_is_for_questions_of_yes_and_no(instruction: str, fits: bool) -> None:
    drawn = KINDS["choice"].draw(random.Random(1), Asked(instruction, "fact"))
    assert (drawn is not None) is fits


def test_a_choice_goes_with_nothing_else() -> None:
    choice = KINDS["choice"](answers=["Yes", "No"])
    chance = random.Random(1)
    for name, kind in KINDS.items():
        for task in sorted(kind.tasks):
            other = kind.draw(chance, Asked("Should we keep very old birthday letters?", task))
            if other is not None:
                assert choice.clashes(other), name
