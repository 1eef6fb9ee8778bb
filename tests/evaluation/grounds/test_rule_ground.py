"""Answers by a rule: each is recomputed from the instruction's own text; no other passes."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.evaluation.grounds.rule import LEADS, RULES, answer_of, asked_by
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

#: An instruction of each rule, and its answer.
EXAMPLES = {
    "capitals": ('Rewrite this sentence in capital letters: "A bee hums."', "A BEE HUMS."),
    "expanded": (
        "Rewrite this sentence without contractions: \"I'm sure they won't come.\"",
        "I am sure they will not come.",
    ),
    "replaced": (
        'Replace the word "big" with "huge" in this sentence: "The big dog ran."',
        "The huge dog ran.",
    ),
    "without": (
        'Take the word "very" out of this sentence: "It was very cold."',
        "It was cold.",
    ),
    "mended": (
        'Add the missing capital letter and full stop to this sentence: "the bus was late"',
        "The bus was late.",
    ),
    "numbers": ('Extract the numbers from this sentence: "We saw 3 cows and 12 hens."', "3, 12"),
    "date": ('Extract the date from this sentence: "It closed on 3 May 1951."', "3 May 1951"),
    "email": (
        'Extract the e-mail address from this message: "Write to a.b@example.org."',
        "a.b@example.org",
    ),
    "name": ('Name the person mentioned in this sentence: "We met Ingrid there."', "Ingrid"),
    "question": ('Decide whether this is a question or a statement: "Is it far?"', "Question"),
    "parity": ("Label each of these numbers as even or odd: 4, 7, 9.", "Even: 4\nOdd: 7, 9"),
    "initials": (
        "Classify each of these words by whether it begins with a vowel or a consonant: "
        "apple, cat, dog.",
        "Vowel: apple\nConsonant: cat, dog",
    ),
    "alphabetical": ("Sort these words alphabetically: pear, fig, apple.", "apple, fig, pear"),
    "reversed": ("Write this list in reverse order: one, two, three.", "three, two, one"),
    "ascending": ("Sort these numbers in ascending order: 30, 4, 100.", "4, 30, 100"),
    "descending": ("Sort these numbers in descending order: 30, 4, 100.", "100, 30, 4"),
    "bullets": ("Turn this list into bullet points: cup, pan, jug.", "- cup\n- pan\n- jug"),
    "numbered": ("Turn this list into a numbered list: cup, pan, jug.", "1. cup\n2. pan\n3. jug"),
    "array": ("Format these words as a JSON array: cup, pan, jug.", '["cup", "pan", "jug"]'),
    "sum": ("Add up these numbers: 2, 30, 4.", "2 + 30 + 4 = 36"),
    "largest": ("Find the largest of these numbers: 2, 30, 4.", "30"),
    "range": (
        "Calculate the difference between the largest and the smallest of these numbers: 2, 9, 4.",
        "9 - 2 = 7",
    ),
    "words_in": (
        'Count the words in this sentence: "It rained all day."',
        "The sentence has 4 words.",
    ),
    "items_in": ("Count the items in this list: cup, pan, jug.", "The list has 3 items."),
}

#: What is taken out of the instructions of some rules so that their answer is another.
CUT = {
    "date": "3 May 1951", "email": "a.b@example.org", "name": "Ingrid", "numbers": "and 12 hens",
    "largest": "30, ", "items_in": ", pan", "words_in": " all", "replaced": "dog ",
    "without": "was ",
}  # fmt: skip


def row_of(name: str, **changes: Any) -> Row:
    instruction, answer = EXAMPLES[name]
    why = {"ground": {"kind": "rule", "rule": name, "answer": answer}}
    row = Row.make(instruction, response=answer, provenance={"instruction": {}, "response": why})
    return row.replace(**changes)


def test_each_rule_has_leads_and_an_example_here() -> None:
    assert set(EXAMPLES) == set(RULES) == set(load_prompt(LEADS).value("rules"))


@pytest.mark.parametrize("name", RULES)
def test_the_answer_follows_and_the_row_is_verified(name: str) -> None:
    instruction, answer = EXAMPLES[name]
    task = asked_by(instruction)
    assert task is not None
    assert task.rule == name
    assert answer_of(task) == answer
    assert stands(row_of(name)) == ("rule", None)
    tier, names = tier_of(row_of(name))
    assert (tier, names[0]) == ("verified", "ground:rule")


@pytest.mark.parametrize("name", RULES)
def test_another_response_does_not_stand(name: str) -> None:
    answer = EXAMPLES[name][1]
    for response in (f"{answer} x", answer[:-1], f"Sure! {answer}", ""):
        kind, against = stands(row_of(name, response=response))
        assert kind == "rule"
        assert against is not None


@pytest.mark.parametrize("name", RULES)
def test_another_instruction_does_not_stand(name: str) -> None:
    """Neither where its text is altered, nor where another rule or none is asked for."""
    instruction, _ = EXAMPLES[name]
    other = EXAMPLES["capitals" if name != "capitals" else "mended"][0]
    for altered in (other, f"Do not {instruction[0].lower()}{instruction[1:]}", "Name a river."):
        assert stands(row_of(name, instruction=altered))[1] is not None
    cut = CUT.get(name)
    altered = instruction.replace(cut, "", 1) if cut else f"{instruction[:-3]}{instruction[-2:]}"
    if name not in ("question", "range"):
        assert stands(row_of(name, instruction=altered))[1] is not None


@pytest.mark.parametrize("name", RULES)
def test_more_said_behind_the_text_does_not_stand_but_in_an_evolution(name: str) -> None:
    instruction, answer = EXAMPLES[name]
    longer = f"{instruction} End with the word done."
    row = row_of(name, instruction=longer, response=f"{answer} Done.")
    assert stands(row)[1] is not None
    evolved = row.replace(
        round=1,
        provenance={
            **row.provenance,
            "instruction": {"root": instruction, "original": instruction},
        },
    )
    assert stands(evolved) == ("rule", None)
    assert stands(evolved.replace(response="Done."))[1] is not None
    assert stands(evolved.replace(instruction="Name a river."))[1] is not None


@pytest.mark.parametrize(
    "instruction",
    [
        'Rewrite this sentence without contractions: "It\'s raining."',  # is, or has
        'Take the word "very" out of this sentence: "It was a very old bus."',  # then: an old bus
        'Take the word "very" out of this sentence: "He ate very much."',
        'Rewrite this sentence without the word "never": "He never walks alone."',
        'Replace the word "dog" with "puppy" in this sentence: "The dogs ran to the dog."',
        'Add the missing capital letter and full stop to this sentence: "the bus was late."',
        'Extract the numbers from this sentence: "We saw 3 cows and two hens and 5 cats."',
        'Extract the numbers from this sentence: "It cost 3,50 or 4 euros."',
        'Extract the date from this sentence: "From 3 May 1951 to 4 May 1951."',
        'Name the person mentioned in this sentence: "We met Ingrid in Paris."',
        'Decide whether this is a question or a statement: "Where did they go."',
        "Label each of these numbers as even or odd: 4, 8, 12.",
        "Classify each of these words by whether it begins with a vowel or a consonant: "
        "umbrella, cat, hour.",
        "Sort these words alphabetically: apple, fig, pear.",  # as they are
        "Sort these words alphabetically: fig, apple, fig.",
        'Count the words in this sentence: "It was a well-known story."',
    ],
)
def test_a_text_that_does_not_decide_the_answer_is_told(instruction: str) -> None:
    task = asked_by(instruction)
    assert task is not None
    with pytest.raises(ValueError, match=r"\w"):
        answer_of(task)


@pytest.mark.parametrize(
    "parameters",
    [{"rule": "no such", "answer": "x"}, {"answer": "x"}, {"rule": 3, "answer": None}, {"x": 1}],
)
def test_what_a_file_may_hold_does_no_harm(parameters: dict[str, Any]) -> None:
    row = row_of("sum", provenance={"response": {"ground": {"kind": "rule", **parameters}}})
    assert stands(row)[1] is not None


def test_a_very_long_text_takes_no_long_time() -> None:
    text = ", ".join(str(n) for n in range(20_000))
    task = asked_by(f"Add up these numbers: {text}.")
    assert task is not None
    assert answer_of(task).endswith(f"= {sum(range(20_000))}")
    assert asked_by("Add up these numbers: " + "1 " * 200_000) is None
