"""Answers that speak of their instruction are found; good answers of many kinds are left alone."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.rows import Row

RULE = "Use at most 60 words."
CODES = ("about_prompt", "repeats_rule", "answers_rule_only", "placeholder_left")


def found(instruction: str, response: str) -> list[str]:
    case = Case(Row.make(instruction, response=response))
    return [code for code in CODES if CHECKS[code].find(case) is not None]


@pytest.mark.parametrize(
    ("instruction", "response", "code"),
    [
        (
            "How do I store apples over the winter?",
            "Here's a revised version of your question: How can I keep apples fresh all winter?",
            "about_prompt",
        ),
        (
            "Why do cats purr?",
            "Sure, here is the rewritten prompt: What makes a cat purr when it is calm?",
            "about_prompt",
        ),
        (
            f"What should I take along on a hike? {RULE}",
            "Here is a corrected version of your text: what should I take along on a hike?",
            "about_prompt",
        ),
        (
            "Name three spices.",
            "Pepper, cumin and clove. I made several changes to enhance clarity.",
            "about_prompt",
        ),
        (
            "What should I take along on a hike? Do not write more than 60 words.",
            "On a hike, do not write more than 60 words.",
            "repeats_rule",
        ),
        (
            "What should I plant in a shady garden? The whole answer must fit into 60 words.",
            "Plants for a shady garden. The whole answer must fit into 60 words.",
            "repeats_rule",
        ),
        (
            "How do insects deal with the heat of a desert? Your answer should have no more than "
            "60 words.",
            "The answer should have exactly 60 words.",
            "answers_rule_only",
        ),
        (
            "When watching birds, what should I do? Please do not use Markdown in your answer.",
            "To be aware of the dangers, please avoid using Markdown in your answer.",
            "answers_rule_only",
        ),
        (
            "In one sentence, write a poem about a friend.",
            "In one sentence, write a poem about your best friend.",
            "about_prompt",
        ),
        (
            "Write an e-mail to a friend about a trip.",
            "Here's an example of how you can write it:\n\nDear Ann, we leave at nine.",
            "about_prompt",
        ),
        (
            "Write a farewell message to a friend.",
            "Safe travels, and write soon!\n\nThis message conveys warmth and hope.",
            "about_prompt",
        ),
        (
            "Write a note to my boss about a late train.",
            "Dear [Boss's Name], the train is late. I am on my way.",
            "placeholder_left",
        ),
        (
            "Thank a neighbor for her soup.",
            "Dear neighbor, what a soup! Yours, [Your Name]",
            "placeholder_left",
        ),
        (
            "How can I protect my home? Avoid the colon completely.",
            "To protect your home, avoid the colon completely. It is a common mistake.",
            "repeats_rule",
        ),
    ],
)
def test_an_answer_about_its_instruction_is_found(
    instruction: str, response: str, code: str
) -> None:
    assert code in found(instruction, response)


GOOD = [
    ("Correct the sentence: he go home.", "Here's the corrected version: He goes home."),
    (
        "Make this line friendlier: Send me the file.",
        "Here is a revised version: Could you send me the file, please?",
    ),
    (
        "Improve my slogan: Bread is good.",
        "Here's an improved version: Good days begin with bread.",
    ),
    (
        "Give two versions of a greeting card for a nurse.",
        "1. Thank you for every night shift.\n2. You make the ward a kinder place.\n"
        "Here is a polished version of the second one as well.",
    ),
    (
        "What happened to the map of the town in 1890?",
        "The council printed it anew. It is an updated map with the railway on it.",
    ),
    ("Draft a reply to a customer.", "Here's a refined draft: Thank you for your patience."),
    (f"What is a tide? {RULE}", "The sea rises and falls, as the moon pulls at the water."),
    (
        f"Write a note about our style guide for authors. {RULE}",
        "Dear authors, please keep your articles short, at most three pages, and use plain words.",
    ),
    (
        "Which rule of the club do people forget? Keep it to 60 words or fewer.",
        "They forget to sign the guest book when they bring a friend.",
    ),
    (
        f"How do teachers explain the length of an essay? {RULE}",
        "They say how many words an essay should have, and why a limit helps its readers.",
    ),
    (f"Is a whale a fish or a mammal? {RULE}", "A mammal."),
    (f"Schreibe ein Gedicht. {RULE}", "Der Wind geht leise durch das Feld."),
    (
        'Thank a neighbour for her help. Use the words "at most" and "in good time".',
        "You came in good time, and we waited five minutes at most. Thank you!",
    ),
    (
        "How do I greet a guest? Do not use any commas.",
        "Smile and say that it is good to see them.",
    ),
    ("How do I answer a rude question? Use at most 20 words.", "Stay calm and ask what they need."),
    ("Name a punctuation mark. Avoid the colon completely.", "The semicolon."),
    ("Why is the sky blue?", "Air scatters blue light more than red light."),
    (
        "Tell me how editors work.",
        "An editor reads a draft, marks what is unclear, and sends notes to the author, who then "
        "writes the next one.",
    ),
    ("Suggest a name for a bakery.", "Here is one: The Early Crumb. It is short and warm."),
    ("Write a template for an invitation.", "Dear [Name], come on [Date]. Yours, [Your Name]"),
    ("Complete the line: In the deep of the night", "In the deep of the night the owls are awake."),
    ("What does an array look like?", "A list in brackets, as in [1, 2, 3] or [first, second]."),
    ("How do I write a kind farewell?", "Say thanks.\nThis message expresses care: safe travels!"),
    (
        "What is the capital of the smallest of all states?",
        "The capital of the smallest of all states is the state itself: Vatican City.",
    ),
    ("What is a bridge made of?", "Here are the main materials: steel, stone, wood and concrete."),
]


@pytest.mark.parametrize(("instruction", "response"), GOOD)
def test_a_good_answer_is_left_alone(instruction: str, response: str) -> None:
    assert found(instruction, response) == []
