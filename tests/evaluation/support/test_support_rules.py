"""Each rule finds what contradicts the evidence, and leaves alone what says the same."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.support.reading import claims
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
