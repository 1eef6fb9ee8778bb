"""Demands in instructions: what we say is read back, what others say is found, and nothing else."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.evaluation.demands import KINDS, Demand
from evolsynth.evaluation.demands.demand import Asked, fill
from evolsynth.evaluation.demands.found import FoundDemand, demands_in, demands_of
from evolsynth.evaluation.text.words import word_lists
from evolsynth.rows import Row

ASKED = (
    "Tell me about bees.",
    "Is coffee healthy?",
    "Write a Python function that adds two numbers.",
    "Write a letter to my aunt about our holiday in the mountains.",
    "Add 3 and 4.",
    "Write a birthday message.",
)


def drawn(name: str, limit: int = 5) -> list[Demand]:
    """Some demands of a kind, as they are drawn for many instructions."""
    found: list[Demand] = []
    for seed in range(40):
        chance = random.Random(seed)
        for task in sorted(KINDS[name].tasks):
            size = 60 + 10 * (seed % 20)
            others = ("Who built it?", "When did the mill burn down?")
            said = ASKED[seed % len(ASKED)]
            asked = Asked(said, task, 1 + seed % 4, size, given=True, others=others)
            demand = KINDS[name].draw(chance, asked)
            if demand is not None and demand not in found:
                found.append(demand)
    random.Random(0).shuffle(found)
    return found[:limit]


def found(text: str) -> list[dict[str, object]]:
    return [one.demand.to_dict() for one in demands_in(text)]


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("before", ["", "Tell me about bees. ", "Write about a dog.\n\n"])
def test_what_we_say_is_read_back_and_nothing_else(name: str, before: str) -> None:
    some = drawn(name)
    assert some, "no demand of this kind is ever drawn"
    for wording in KINDS[name].wordings:
        for demand in some:
            said = fill(wording, demand.values)
            assert [one.demand for one in demands_in(before + said)] == [demand], said


def test_every_section_is_a_kind_or_a_piece() -> None:
    import evolsynth.evaluation.demands.found as module

    sections = [one for one in word_lists(module.__file__, "found.txt") if one[0] != "<"]
    assert set(sections) <= set(KINDS)


# How others say it --------------------------------------------------------------------------------

OTHERS = [
    ("Describe a lighthouse in 50 words or less.", [{"kind": "words_at_most", "n": 50}]),
    ("Describe a lighthouse in fifty words or fewer.", [{"kind": "words_at_most", "n": 50}]),
    ("Describe a lighthouse in under 50 words.", [{"kind": "words_at_most", "n": 49}]),
    (
        "Describe a lighthouse. Your text must not be longer than one hundred and twenty words!",
        [{"kind": "words_at_most", "n": 120}],
    ),
    ("Write an essay of at least 1,200 words on ants.", [{"kind": "words_at_least", "n": 1200}]),
    ("Explain tides in more than 80 words.", [{"kind": "words_at_least", "n": 81}]),
    ("In one sentence, what is a tide?", [{"kind": "sentences_exactly", "n": 1}]),
    ("What is a tide, in two short sentences?", [{"kind": "sentences_exactly", "n": 2}]),
    (
        "Tell me a tale. Wrap your entire response with double quotation marks.",
        [{"kind": "quoted"}],
    ),
    ("Write a poem in all lowercase letters.", [{"kind": "lower_case"}]),
    ("Write a poem. Please don't use any commas.", [{"kind": "no_commas"}]),
    (
        "Write a poem on moss. The word 'green' should appear at least twice.",
        [{"kind": "word_at_least", "word": "green", "n": 2}],
    ),
    (
        "Write a poem, but avoid the words “sun”, “moon,” and “star”.",
        [{"kind": "avoids", "words": ["sun", "moon", "star"]}],
    ),
    (
        "Write a story. Include the keywords ['fox', 'inn'] in it.",
        [{"kind": "includes", "words": ["fox", "inn"]}],
    ),
    (
        "Include the keywords fox, inn and well in your story.",
        [{"kind": "includes", "words": ["fox", "inn", "well"]}],
    ),
    (
        'Write a letter. Finish your response with the exact phrase "Yours, B."',
        [{"kind": "ends_with", "text": "Yours, B."}],
    ),
    (
        "Name a river. Reply in Spanish. Use no more than two sentences.",
        [{"kind": "language", "language": "Spanish"}, {"kind": "sentences_at_most", "n": 2}],
    ),
    ("Is it safe? Just answer yes or no.", [{"kind": "choice", "answers": ["Yes", "No"]}]),
    ("Write about hats in exactly 3 paragraphs.", [{"kind": "paragraphs_exactly", "n": 3}]),
    (
        "Give me the facts as a JSON object with the keys name, height and age.",
        [{"kind": "json_object", "keys": ["name", "height", "age"]}],
    ),
    (
        "Your response should contain at least 3 bullet points.",
        [{"kind": "bullets_between", "least": 3, "most": 99}],
    ),
]


@pytest.mark.parametrize(("text", "demands"), OTHERS)
def test_what_others_say_is_found(text: str, demands: list[dict[str, object]]) -> None:
    assert found(text) == demands


def test_the_place_is_that_of_the_words() -> None:
    text = "Write a poem. Please use at most 30 words, and do not use any commas."
    words, commas = demands_in(text)
    assert text[words.start : words.end] == "use at most 30 words"
    assert text[commas.start : commas.end] == "do not use any commas"


def test_values_keep_the_letters_of_the_text() -> None:
    text = "Write a story. It should include the words “Ærø” and “McKay’s”."
    assert found(text) == [{"kind": "includes", "words": ["Ærø", "McKay’s"]}]


def test_a_demand_may_go_over_line_breaks() -> None:
    assert found("Write a tale.\nYour response\nshould have at most\n90 words.") == [
        {"kind": "words_at_most", "n": 90}
    ]


def test_said_twice_it_is_one_and_at_its_first_place() -> None:
    text = "Use at most 9 words. Tell me about bees. Again: use at most 9 words."
    demand = KINDS["words_at_most"](n=9)
    assert demands_in(text) == (FoundDemand(demand, 0, 19),)


def test_points_of_a_list_of_requirements_are_asked() -> None:
    text = "Write about zips.\nRequirements:\n- at most 60 words\n- no commas\n3. Answer in Dutch."
    assert [one["kind"] for one in found(text)] == ["words_at_most", "no_commas", "language"]


def test_a_demand_stands_behind_what_is_given_too() -> None:
    text = "Summarize the text below.\n\nTea is old. It came by ship.\n\nUse at most 5 words."
    assert found(text) == [{"kind": "words_at_most", "n": 5}]


# What is none -------------------------------------------------------------------------------------

NONE = [
    "Write a story of about 100 words.",
    "Write a 100-word story.",
    "Tell me in around three sentences.",
    "Correct the sentence: Use at most 10 words.",
    "Translate the following sentence into Spanish.\n\nDo not use any commas in your answer.",
    "Text: Your answer should have no more than 50 words.",
    "Who said 'Use at most 10 words'?",
    "Explain what `Use at most 10 words.` means.",
    "If the question is hard, answer in one sentence. How deep is the sea?",
    "For each planet, write at most two sentences.",
    "Write three poems, each in at most 20 words.",
    "Write a report. Each paragraph should have at most 50 words.",
    "Tell me about a king who only speaks in all capital letters.",
    "My teacher said to use at most 100 words. Is that fair?",
    "What does it mean to write in all lowercase letters?",
    "Do not answer in one sentence.",
    "You do not have to answer in French.",
    "You may answer in one sentence.",
    "Try to stay under 50 words.",
    "Write a function that returns at most 10 words in all lowercase letters.",
    "Write a title of at most 8 words and a story.",
    "List five ideas for a rainy day.",
    "Explain the difference between 'at most 5 words' and 'fewer than 5 words'.",
    "Write a set of rules for a contest, such as a limit of 20 lines.",
    "Reply in 2-3 sentences.",
    "Summarize the conversation.\n\nBen: Can you do it in one word?\nIda: Use at most 5 words.",
    "How many words are in one sentence?",
    "Use simple words.",
    "Schreibe ein Gedicht mit höchstens 50 Wörtern und ohne Kommas.",
    "Escribe un poema en menos de 50 palabras.",
    "",
    "\n \n",
]


@pytest.mark.parametrize("text", NONE)
def test_tempting_texts_hold_none(text: str) -> None:
    assert found(text) == []


def test_no_more_than_is_not_more_than_where_it_is_not_asked() -> None:
    assert found("Write a story with a headline of no more than 50 words.") == []


# Rows ---------------------------------------------------------------------------------------------


def test_a_row_has_what_it_carries_first_and_what_it_says_besides() -> None:
    carried = [{"kind": "no_commas"}, {"kind": "words_at_most", "n": 50}]
    row = Row.make(
        "Tell me about bees. Use at most 50 words. Answer in Italian.",
        provenance={"instruction": {"demands": carried}},
    )
    kinds = [one.kind for one in demands_of(row)]
    assert kinds == ["no_commas", "words_at_most", "language"]


def test_a_row_without_an_instruction_or_provenance_has_none() -> None:
    assert demands_of(Row.make(None)) == ()
    assert demands_of(Row.make("Hello", provenance={"instruction": None})) == ()


def test_a_row_that_carries_an_unknown_demand_is_told_of() -> None:
    row = Row.make("Hello", provenance={"instruction": {"demands": [{"kind": "juggling"}]}})
    with pytest.raises(InputError, match="juggling"):
        demands_of(row)


# Any text at all ----------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text() | st.text(alphabet="Useinat mostwrd50.,:;\"'“”`*\n-()"))
def test_any_text_is_read_and_places_are_in_it(text: str) -> None:
    for one in demands_in(text):
        assert 0 <= one.start < one.end <= len(text)


LONG = {
    "words": "word " * 4000,
    "quotes": '"a ' * 6600,
    "single quotes": "'a' " * 5000,
    "numbers": "in 50 " * 3300,
    "lists": 'Include "a", ' * 1500,
    "one demand": "Use at most 50 words. " * 900,
    "no end": "use at most 50 words and " * 800,
    "commas": "a, b and c, " * 1600,
    "colons": "the text: " * 2000,
    "lines": "- a\n" * 5000,
    "stars": "in *" * 5000,
    "spaces": "in" + " " * 19_990 + "x",
    "blank lines": "\n" * 20_000,
    "fences": "``` " * 5000,
    "labels": "a b c d " * 2500,
    "brackets": "[a, " * 5000,
    "the": "the your answer must " * 950,
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_little_more_than_their_length(name: str) -> None:
    def seconds(text: str) -> float:
        began = time.perf_counter()
        demands_in(text)
        return time.perf_counter() - began

    demands_in("Use at most 5 words.")
    text = LONG[name]
    half = min(seconds(text[: 10_000 - k]) for k in range(2))
    whole = min(seconds(text[: 20_000 - k]) for k in range(2))
    assert whole < 3.5 * half + 0.1
    assert whole < 3
