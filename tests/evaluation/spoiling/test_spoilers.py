"""Texts are spoiled only so that they still say how they were."""

from __future__ import annotations

import re
from random import Random

import pytest

from evolsynth.evaluation.problems.problem import filled
from evolsynth.evaluation.problems.tables.tabular import Table, written
from evolsynth.evaluation.spoiling.order import order_of
from evolsynth.evaluation.spoiling.spelling import _slips
from evolsynth.evaluation.spoiling.spoiler import SPOILERS, Spoiled
from evolsynth.prompts import prompt_lists

PROSE = (
    "The carpenter measured the window twice, and her brother carried the boards. "
    "It was too cold to work outside, so their workshop was heated with more than one stove."
)
TABLE = written(Table(("Town", "Year"), (("Ash", "1901"), ("Elm", "1920"), ("Oak", "1933"))), "CSV")
GOOD: dict[str, str] = {
    **dict.fromkeys(
        ("typos", "doubled", "homophones", "small", "shouted", "capitals", "stops", "spaces",
         "broken"), PROSE),
    "shuffled": "1. Open the lid.\n2. Pour the water in.\n3. Close the lid.",
    **dict.fromkeys(("shuffled_rows", "converted", "told"), TABLE),
    "words": "Clauses dealt with taxes, widows, fish weirs, measures and courts.",
    "minified": '{\n  "name": "Ash",\n  "rooms": [\n    1,\n    2\n  ]\n}',
}  # fmt: skip


def spoiled(name: str, text: str, seed: int = 1) -> Spoiled | None:
    return SPOILERS[name].spoil(text, Random(seed))


def test_there_is_an_example_of_each() -> None:
    assert set(GOOD) == set(SPOILERS)


@pytest.mark.parametrize("name", list(GOOD))
def test_the_same_seed_spoils_in_the_same_way_and_does_spoil(name: str) -> None:
    made = spoiled(name, GOOD[name])
    assert made is not None
    assert made.text != GOOD[name]
    assert made == spoiled(name, GOOD[name])
    asked = prompt_lists(f"inverse/{name}")["mend"]
    assert len(set(asked)) == len(asked) >= 12
    assert all("{" not in filled(wording, made.shown) for wording in asked)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("typos", "Ox and ax go up to an inn."),  # no word is long enough
        ("doubled", "She said that she had had enough of that long and boring evening."),
        ("homophones", "The boats are in the harbour now."),
        ("small", "The River Sele flows past Brackwater to the sea in the south."),
        ("shouted", "Lessons by NASA are held in the hall on most days of the week."),
        ("capitals", "Only one sentence stands here and no other one behind it."),
        ("capitals", "Mary Ann left early. The others stayed until the evening came."),
        ("stops", "We met Ann at the gate of the school. She had the key with her."),
        ("spaces", "There is no mark inside this sentence that a space could follow."),
        ("broken", "Too short to be broken."),
        ("shuffled", "Pour the water in.\nOpen the lid.\nClose the lid."),
        ("shuffled", "1. One\n1. Two\n3. Three"),
        ("shuffled_rows", "Town,Year\nOak,1920\nAsh,1933\nElm,1901"),
        ("converted", "This is prose, with commas, and\nno table, at all, is here."),
        ("told", "Town,Note\nAsh,It is old. It is big.\nElm,new"),
        ("words", "It was built by two brothers beside the old river."),  # what was?
        ("words", "The mill grinds corn beside the river in winter and summer."),  # which mill?
        ("words", "Millers also ground corn beside rivers in winter and in summer."),
        ("words", "Corn is ground."),
        ("words", "Two are in it, one is at it, and three are on it."),  # no word to name
        ("words", 'Millers said "enough corn" beside rivers in winter and summer.'),
        ("words", "Millers ground corn in winter. Bakers baked bread in summer."),
        ("minified", '{"name": "Ash"}'),
        ("minified", "Ash"),
    ],
)
def test_what_would_not_be_determined_is_left_alone(name: str, text: str) -> None:
    assert spoiled(name, text) is None


def test_a_slip_is_nobody_elses_slip_and_no_word() -> None:
    slips = _slips()
    every = [slip for some in slips.values() for slip in some]
    assert len(set(every)) == len(every) > 5000
    assert not set(every) & set(slips)


def test_each_slip_is_one_stroke_from_its_word() -> None:
    from rapidfuzz.distance import OSA

    assert all(OSA.distance(w, s) == 1 for w, some in list(_slips().items())[::20] for s in some)


def test_examples_of_what_comes_out() -> None:
    assert spoiled("small", "It rained on Monday in Paris all day.") == Spoiled(
        "it rained on monday in paris all day."
    )
    stops = spoiled("stops", PROSE)
    assert stops is not None
    assert stops.text == PROSE.replace(". It", " It").removesuffix(".")
    alike = spoiled("homophones", "There are more than two of them in the barn.")
    assert alike is not None
    assert "then two" in alike.text or alike.text.startswith("Their are")
    told = spoiled("told", TABLE)
    assert told is not None
    assert told.text.startswith("Town Ash: Year 1901.")
    assert told.shown == {"wanted": "CSV", "columns": "Town, Year"}


@pytest.mark.parametrize("seed", range(30))
def test_words_that_are_named_stand_in_the_sentence_once_each(seed: int) -> None:
    sentence = "Kneading forms gluten, a stretchy network of wheat protein, within ten minutes."
    made = spoiled("words", sentence, seed)
    assert made is not None
    named = made.text.split(", ")
    assert named == sorted(set(named))
    assert made.shown == {"count": {3: "three", 4: "four"}[len(named)]}
    assert all(len(re.findall(rf"\b{word}\b", sentence)) == 1 for word in named)


@pytest.mark.parametrize("seed", range(30))
def test_spacing_is_always_both_too_wide_and_too_narrow(seed: int) -> None:
    made = spoiled("spaces", PROSE, seed)
    assert made is not None
    assert "  " in made.text
    assert re.search(r"[a-z][,.][A-Za-z]", made.text)


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        (["1. a", "2. b", "10. c"], "number"),
        (["In 1901 a", "b 1920", "c in 1933"], "year"),
        (["2024-01-02 a", "2024-02-01 b", "2024-02-03 c"], "date"),
        (["- apple", "- pear", "- plum"], "alphabet"),
        (["pear", "apple", "plum"], None),
        (["a 1901", "b 1901", "c 1933"], None),
        (["a", "b"], None),
    ],
)
def test_what_lines_are_in_order_by(lines: list[str], order: str | None) -> None:
    assert order_of(lines) == order
