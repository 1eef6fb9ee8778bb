"""Each rule finds what contradicts the evidence, and leaves alone what says the same."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.support.rates import rates
from evolsynth.evaluation.support.reading import Sentence, claims, lemma, offered
from evolsynth.evaluation.support.score import Support, read_support

OWLS = (
    "Barn owls find mice by hearing alone. A pair with young catches about 25 mice a night. The "
    "eggs hatch in May, and most of the chicks leave the barn after 60 days. Martens eat the eggs. "
    "Barn owls do not build nests. The farmer Ines Holt feeds the young with chicken. Only the "
    "oldest chick survives in bad years."
)


def support(answer: str, question: str = "What does the text say?") -> Support:
    return read_support(question, answer, OWLS, title="Owls in the barn")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("Barn owls find mice by smelling alone.", "word"),
        ("The farmer Peter Holt feeds the young.", "name"),
        ("A pair with young catches about 52 mice a night.", "number"),
        ("A pair with young catches about 60 mice a night.", "number"),
        ("Barn owls build nests.", "negation"),
        ("Martens do not eat the eggs.", "negation"),
        ("All of the chicks leave the barn after 60 days.", "amount"),
        ("The eggs eat martens.", "role"),
        ("Mice find barn owls by hearing alone.", "role"),
        ("The eggs hatch in June.", "swap"),
    ],
)
def test_what_contradicts_the_text(answer: str, kind: str) -> None:
    found = support(answer)
    assert found.signals[kind] > 0
    assert found.score < 0.5


@pytest.mark.parametrize(
    "answer",
    [
        "Barn owls find mice by hearing alone.",
        "Mice are found by barn owls by hearing alone.",
        "The eggs are eaten by martens.",
        "A pair with young catches about twenty-five mice every night.",
        "The owls build no nests.",
        "The young are fed with chicken by Ines Holt.",
        "After 60 days most of the chicks leave the barn.",
        "The answer is: In May.",
        "According to the text, martens eat the eggs.",
    ],
)
def test_the_same_in_other_words(answer: str) -> None:
    assert support(answer).score >= 0.5


def test_what_a_chat_model_says_before_its_answer_claims_nothing() -> None:
    assert [one.text for one in claims("I'm glad you ask. The answer is: 25 mice.")] == ["25 mice."]
    assert claims("I'm happy to help! What else would you like?") == []
    assert not support("I'm sorry for your loss.").says


def test_a_bare_answer_from_a_sentence_on_something_else_counts_less() -> None:
    asked = "How many mice does a pair catch a night?"
    assert support("25", asked).score > support("60", asked).score


def sentence(text: str) -> Sentence:
    return Sentence(text, 0, len(text))


def test_the_numbers_of_a_list_claim_nothing_and_a_figure_does() -> None:
    assert [one.text for one in claims("1. In May\n2. Martens")] == ["In May", "Martens"]
    assert [one.text for one in claims("  1) In May\n  2) Martens")] == ["In May", "Martens"]
    for answer in ("25. A pair catches them.", "2. In May\n7. Martens", "1. In May"):
        assert any(one.numbers for one in claims(answer))


def test_what_a_question_offers() -> None:
    asked = sentence("Is it a tree, or a bush or an herb?")
    assert offered(asked) == {lemma(word) for word in ("tree", "bush", "herb")}
    assert offered(sentence("Where is the orchard?")) == frozenset()


@pytest.mark.parametrize(
    ("said", "text", "holds"),
    [
        ("twice a week", "It opens every Monday and every Friday.", True),
        ("Twice per week", "It opens on Mondays and Fridays.", True),
        ("3 times a year", "They meet each March, June and October.", True),
        ("once a week", "It opens every Monday.", True),
        ("three times a week", "It opens every Monday and every Friday.", False),
        ("twice a week", "It opens every day from Monday to Friday, and Mondays late.", False),
        ("twice a week", "It broke on Monday and was mended on Friday.", False),
        ("twice a year", "It opens every Monday and every Friday.", False),
    ],
)
def test_a_count_that_the_text_lists_out(said: str, text: str, holds: bool) -> None:
    answer = f"It is done {said}."
    found = rates(sentence(answer), [sentence("It is old."), sentence(text)])
    assert [answer[start:end] for start, end in found] == ([said] if holds else [])
