"""System prompts: none, one, several, by name, by probability; and advice on their wording."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.steering import SystemPrompts, steering_hint
from evolsynth.rows import Row


def from_seed(request: Request) -> str:
    return f" {request.seed} rivers."


async def rows_of(**options: Any) -> list[Row]:
    llm = Scripted(from_seed)
    return [row async for row in magpie(llm, **{"n": 40, "seed": 3, **options})]


async def test_a_list_is_drawn_evenly_and_has_no_names() -> None:
    rows = await rows_of(n=200, system_prompt=["You know rivers.", "You know lakes."])
    counts = Counter(row.system for row in rows)
    assert set(counts) == {"You know rivers.", "You know lakes."}
    assert min(counts.values()) > 70
    assert all("system_prompt_key" not in row.extra for row in rows)


async def test_the_name_of_the_chosen_one_is_in_the_row_and_in_its_json() -> None:
    texts = {"rivers": "You know rivers.", "lakes": "You know lakes."}
    rows = await rows_of(system_prompt=texts)
    assert {row.extra["system_prompt_key"] for row in rows} == set(texts)
    assert all(row.system == texts[row.extra["system_prompt_key"]] for row in rows)
    assert rows[0].to_dict()["system_prompt_key"] == rows[0].extra["system_prompt_key"]
    assert Row.from_dict(rows[0].to_dict()) == rows[0]


async def test_each_row_is_made_under_the_prompt_that_it_names() -> None:
    llm = Scripted(from_seed)
    texts = {"rivers": ("You know rivers.", 0.5), "lakes": ("You know lakes.", 0.5)}
    rows = [r async for r in magpie(llm, n=20, system_prompt=texts, concurrency=1)]
    for row, request in zip(rows, llm.requests, strict=True):
        assert (row.system or "nothing") in str(request.prompt)


async def test_probabilities_are_kept_to_and_one_of_nothing_is_never_drawn() -> None:
    rows = await rows_of(
        n=400, system_prompt={"a": ("One.", 0.75), "b": ("Two.", 0.25), "c": ("Three.", 0.0)}
    )
    counts = Counter(row.extra["system_prompt_key"] for row in rows)
    assert counts["c"] == 0
    assert 270 <= counts["a"] <= 330


async def test_a_longer_run_draws_as_a_shorter_one_began() -> None:
    few = await rows_of(n=10, system_prompt=["A.", "B.", "C."])
    many = await rows_of(n=30, system_prompt=["A.", "B.", "C."])
    assert many[:10] == few


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("  ", "is empty"),
        ([], "holds no text"),
        ({}, "holds no text"),
        (["You help.", ""], "is empty"),
        ({"a": "You help.", "b": " "}, "'b' is empty"),
        ([1, 2], "something else than texts"),
        ({"a": ("x", 0.5), "b": ("y", 0.4)}, r"sum to 0.9"),
        ({"a": ("x", 0.5), "b": ("y", 0.5 + 1e-6)}, r"sum to 1.000001"),
        ({"a": ("x", 1.5), "b": ("y", -0.5)}, "from 0 to 1"),
        ({"a": ("x", float("nan"))}, "from 0 to 1"),
        ({"a": ("x", True)}, "from 0 to 1"),
        ({"a": ("x", 1.0), "b": "y"}, "give every name"),
        ({"a": ("x",)}, "give every name"),
    ],
)
async def test_what_cannot_be_drawn_from_is_refused_at_once(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        await rows_of(system_prompt=given)


def test_sums_that_are_off_by_rounding_alone_are_taken() -> None:
    assert len(SystemPrompts({str(i): ("x", 0.1) for i in range(10)}).choices) == 10


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(0, 2**40))
def test_a_draw_depends_on_seed_and_index_alone_and_is_one_of_the_choices(
    weights: list[int], seed: int
) -> None:
    total = sum(weights)
    given_ = {str(i): (f"text {i}", weight / total) for i, weight in enumerate(weights)}
    one, other = SystemPrompts(given_), SystemPrompts(given_)
    for index in range(5):
        assert one.draw(seed, index) == other.draw(seed, index)
        assert one.draw(seed, index) in one.choices


@pytest.mark.parametrize(
    "text",
    [
        "You are an AI that generates math problems.",
        "You write challenging questions about biology.",
        "A tool for creating coding exercises.",
    ],
)
def test_a_prompt_that_has_the_assistant_ask_gets_a_hint(text: str) -> None:
    hint = steering_hint(text)
    assert hint is not None
    assert "helps users" in hint


@pytest.mark.parametrize(
    "text",
    [
        "You are an AI assistant that helps users solve math problems.",
        "You write poems.",
        "You answer questions about law.",
        "You help teachers who are writing questions for exams.",
        "",
    ],
)
def test_other_prompts_get_none(text: str) -> None:
    assert steering_hint(text) is None
