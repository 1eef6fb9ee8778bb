"""One task for many texts, many questions about one: which of them are duplicates."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.deduplicate import Method, deduplicate
from evolsynth.evaluation.duplicates.index import DuplicateIndex
from evolsynth.evaluation.duplicates.inputs import Inputs, nearly
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.rows import Row
from evolsynth.streams import iterate

CLOCK = (
    "The clock of Harlow Green was built by the smith Edward Pell in 1764. At first it hung in the "
    "chapel, where damp air stopped it each winter. In 1881 the council moved it to the new tower, "
    "because the chapel roof had begun to leak. Its two hands are made of copper and weigh nine "
    "kilograms together. A keeper winds it every Monday and every Thursday."
)
#: The same text for any reader.
SAME = {
    "spaces": CLOCK.replace(". ", ".\n\n"),
    "a comma": CLOCK.replace("the council moved", "the council, then, moved"),
    "a word": CLOCK.replace("damp air", "moist air"),
}
#: Another text, though most of its words are the same.
OTHER = {
    "a year": CLOCK.replace("1881", "1882"),
    "a name": CLOCK.replace("Edward Pell", "Robert Hale"),
    "a not": CLOCK.replace("are made", "are not made"),
    "a sentence less": CLOCK.replace(
        "At first it hung in the chapel, where damp air stopped it each winter. ", ""
    ),
    "a part": CLOCK[: len(CLOCK) // 2],
    "nothing": "",
}
TITLE = "Give the passage a title."
QUESTIONS = (
    "Who built the clock?",
    "Where did the clock hang at first?",
    "Why was the clock moved?",
    "What are the hands made of?",
    "When is the clock wound?",
)
EAST = np.array([1, 0], dtype=np.float32)


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_nearly_the_same_text(text: str) -> None:
    assert nearly(CLOCK, text)
    assert nearly(text, CLOCK)


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_another_text(text: str) -> None:
    assert not nearly(CLOCK, text)
    assert not nearly(text, CLOCK)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "?"),
        ("7 - 3", "7 3"),
        ("+ -", "- +"),
        ("listen", "silent"),
        ("b a b b a b", "a b a a b a"),
        ("x y x x y y x y x x y x y y x", "x y y x y x x y x y y x x y x"),
        ("Ann says that Ben lies.", "Ben says that Ann lies."),
    ],
)
def test_data_are_the_same_where_they_are_equal(one: str, other: str) -> None:
    assert nearly(one, one)
    assert nearly(one, f" {one.upper()}\n")
    assert not nearly(one, other)
    assert not nearly(other, one)


@given(st.lists(st.sampled_from(["", CLOCK, *SAME.values(), *OTHER.values(), "7", "8"])))
def test_the_numbers_near_a_text_are_those_of_texts_that_are_nearly_it(texts: list[str]) -> None:
    inputs = Inputs()
    numbers = [inputs.add(text) for text in texts]
    for one in texts:
        near = inputs.near(one)
        for number, other in zip(numbers, texts, strict=True):
            assert (number in near) == nearly(one, other)


def test_a_twin_is_looked_for_among_rows_about_the_same_text() -> None:
    index = DuplicateIndex()
    index.add("first", TITLE, EAST, CLOCK)
    exact = index.find(TITLE, EAST, about=CLOCK)
    assert exact is not None
    assert exact.code == "exact_duplicate"
    for text in SAME.values():
        found = index.find(TITLE, EAST, about=text)
        assert found is not None
        assert found.detail["of"] == "first"
    for text in OTHER.values():
        assert index.find(TITLE, EAST, about=text) is None
        assert index.find("Give this passage a title.", EAST, about=text) is None


def test_a_task_with_its_text_in_it_is_the_same_as_one_with_it_beside() -> None:
    index = DuplicateIndex()
    index.add("first", TITLE, EAST, CLOCK)
    found = index.find(f"{TITLE}\n\n{CLOCK}", EAST)
    assert found is not None
    assert found.code == "exact_duplicate"


def test_one_by_one_or_all_at_once() -> None:
    """What is found may not depend on how many are looked for together."""
    texts = [CLOCK, *SAME.values(), *OTHER.values()]
    rows = [(ask, text) for text in texts for ask in (TITLE, TITLE.upper(), *QUESTIONS)]
    random.Random(3).shuffle(rows)
    vectors = np.stack([EAST] * len(rows))
    single, found = DuplicateIndex(), []
    for name, (ask, text) in enumerate(rows):
        found.append(single.find(ask, EAST, about=text))
        if found[-1] is None:
            single.add(str(name), ask, EAST, text)
    together = DuplicateIndex().search([a for a, _ in rows], vectors, [t for _, t in rows])
    for place, one in enumerate(found):
        assert together.find(place) == one
        if one is None:
            together.add(place, str(place))
    assert {f.code for f in found if f is not None} == {"exact_duplicate", "near_duplicate"}


# Whole sets ---------------------------------------------------------------------------------------


class Known:
    """Embeds each text as a direction of its own, but for its case and a few words."""

    name = "known"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            flat = text.casefold().replace("this", "the")
            rows.append(np.random.default_rng(list(flat.encode()) or [0]).normal(size=32))
        found = np.array(rows, dtype=np.float32)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("method", ["exact", "minhash", "static", "semantic"])
def test_sixty_titles_and_ten_questions_are_all_different_tasks(method: Method) -> None:
    names = ("Arbor", "Bright", "Cole", "Dunn", "Eames", "Firth")
    passages = [
        f"The mill of {name} ground {number} sacks of rye a day. {CLOCK}"
        for name in names
        for number in range(10, 20)
    ]
    texts = [*[TITLE] * len(passages), *QUESTIONS]
    abouts = [*passages, *[passages[0]] * len(QUESTIONS)]
    found = deduplicate(texts, abouts=abouts, method=method, embedder=Known())
    assert found.duplicates == []
    without = deduplicate(texts, method=method, embedder=Known())
    assert len(without.duplicates) == len(passages) - 1


@pytest.mark.parametrize("method", ["minhash", "static", "semantic"])
def test_the_same_task_about_nearly_the_same_text_goes(method: Method) -> None:
    abouts = [CLOCK, *SAME.values(), *OTHER.values()]
    texts = [TITLE] * len(abouts)
    found = deduplicate(texts, abouts=abouts, method=method, embedder=Known())
    assert [one.place for one in found.duplicates] == list(range(1, len(SAME) + 1))
    assert {one.winner for one in found.duplicates} == {0}


def test_equal_rows_are_exact_duplicates_and_the_better_stays() -> None:
    found = deduplicate(
        [TITLE, TITLE, f"{TITLE}\n\n{CLOCK}", TITLE],
        abouts=[CLOCK, CLOCK.upper(), "", ""],
        method="exact",
        scores=[1, 2, 3, 4],
    )
    assert found.kept.tolist() == [2, 3]
    assert found.counts() == {"exact": 2}


def test_paraphrases_about_one_text_go_and_about_two_stay() -> None:
    texts = ["Give the passage a title.", "Give this passage a title."] * 2
    abouts = [CLOCK, CLOCK, OTHER["a part"], OTHER["a year"]]
    found = deduplicate(texts, abouts=abouts, method="static", embedder=Known())
    assert [(one.place, one.winner) for one in found.duplicates] == [(1, 0)]


def test_templates_are_told_by_their_inputs_too() -> None:
    texts, abouts = ["What is the sum?"] * 3, ["5 apples cost 2", "7 pears cost 3", "Two trains"]
    for same_template, gone in ((False, []), (True, [1])):
        found = deduplicate(texts, abouts=abouts, method="minhash", same_template=same_template)
        assert [one.place for one in found.duplicates] == gone


def test_no_inputs_change_nothing_and_a_wrong_number_is_told() -> None:
    texts = [TITLE, *QUESTIONS, TITLE.upper()]
    plain = deduplicate(texts, method="minhash")
    blank = deduplicate(texts, abouts=[""] * len(texts), method="minhash")
    assert blank.duplicates == plain.duplicates
    assert blank.kept.tolist() == plain.kept.tolist()
    with pytest.raises(InputError, match="7 texts and 1 inputs"):
        deduplicate(texts, abouts=[""])


# The gate -----------------------------------------------------------------------------------------


async def accepted(gate: Gate, rows: Sequence[Row]) -> list[str]:
    return [row.status async for row in gate.check(iterate(rows))]


def about(instruction: str, text: str) -> Row:
    return Row.make(instruction, key=text, extra={"input": text})


async def test_the_gate_refuses_a_twin_about_the_same_text_alone(embedder: MiniLM) -> None:
    rows = [about(ask, CLOCK) for ask in QUESTIONS]
    rows += [about(TITLE, text) for text in (CLOCK, OTHER["a part"], OTHER["a name"])]
    assert await accepted(Gate(embedder), rows) == ["accepted"] * len(rows)
    twins = [
        about("Why was the clock moved?", SAME["spaces"]),
        about("Why has the clock been moved?", CLOCK),
        about(TITLE, SAME["a word"]),
    ]
    gate = Gate(embedder)
    out = [row async for row in gate.check(iterate([*rows, *twins]))]
    assert [row.status for row in out[-3:]] == ["rejected"] * 3
    codes = [row.verdict.reasons for row in out[-3:] if row.verdict is not None]
    assert codes == [("exact_duplicate",), ("near_duplicate",), ("near_duplicate",)]


async def test_without_an_embedder_equal_rows_are_twins_and_two_texts_are_not() -> None:
    rows = [about(TITLE, text) for text in (CLOCK, OTHER["a part"], CLOCK.upper())]
    assert await accepted(Gate(), rows) == ["accepted", "accepted", "rejected"]
