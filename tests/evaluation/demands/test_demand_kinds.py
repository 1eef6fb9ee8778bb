"""What holds for all kinds: wordings that fill, draws that fit, rules that hold, time that ends."""

from __future__ import annotations

import random
import time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.demands import KINDS, Demand
from evolsynth.evaluation.demands.demand import Asked
from evolsynth.evaluation.text.task import TASKS, Task

_ASKED = {
    "explanation": "Why do cats purr?",
    "advice": "How do I keep basil alive on a windowsill in winter?",
    "howto": "How do I fold a paper boat?",
    "ideas": "Give me some ideas for a picnic in the park.",
    "creative": "Write a short story about a lighthouse keeper.",
    "letter": "Write a letter to my landlord about the broken heating.",
    "opinion": "Are school uniforms a good idea?",
    "fact": "Who invented the telephone?",
    "code": "Write a Python function that reverses a list.",
}


def _drawn(name: str, seed: int) -> Demand | None:
    chance = random.Random(seed)
    task: Task = chance.choice(sorted(KINDS[name].tasks))
    asked = _ASKED.get(task, "Sort these words: pear, apple, fig.")
    words = chance.choice([15, 40, 80, 120, 200, 400])
    case = Asked(asked, task, chance.randint(1, 4), words, given=True, others=("Who built it?",))
    return KINDS[name].draw(chance, case)


def test_there_are_many_kinds() -> None:
    assert len(KINDS) >= 50


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_eight_wordings_that_fill(name: str) -> None:
    kind = KINDS[name]
    assert len(set(kind.wordings)) >= 8
    assert set(kind.tasks) <= set(get_args(Task)) == set(TASKS)
    drawn = [demand for seed in range(40) if (demand := _drawn(name, seed))]
    assert drawn
    for demand in drawn:
        assert Demand.read(demand.to_dict()) == demand
        for number in range(len(kind.wordings)):
            said = demand.worded(number)
            assert said
            assert said[0].isupper() or said[0] in "\"'"
            assert "{n" not in said


def test_no_two_kinds_are_worded_the_same() -> None:
    said = [wording for kind in KINDS.values() for wording in set(kind.wordings)]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_not_drawn_for_tasks_that_it_does_not_suit(name: str) -> None:
    for task in set(TASKS) - KINDS[name].tasks:
        assert KINDS[name].draw(random.Random(1), Asked("Say it.", task)) is None


@pytest.mark.parametrize("name", KINDS)
def test_the_clashes_of_a_kind_are_of_something(name: str) -> None:
    known = {*KINDS, *(kind.about for kind in KINDS.values())}
    assert KINDS[name].clashes <= known


_LINES = st.sampled_from(
    [
        "Water the basil twice a week.",
        "Is it dry? Turn the pot!",
        "* **Light**: it grows.",
        "- soil - dark",
        "1. Dig, e.g. by hand.",
        "   and more",
        "## What to Do",
        "**Bold**",
        "***",
        "---",
        "",
        "P.S. Talk to it.",
        "| a | b |",
        "|---|---|",
        "```python",
        "```",
        '{"advice": "water", "reason": "thirst"}',
        "Advice: water it.",
        'He said: "Go on".',
        "<<Title of it>>",
        "******",
        "Here is my answer:",
        "[name] *lives* here",
        "Section 1",
        "¿Ñandú? 東京。",
    ]
)
_TEXTS = st.lists(_LINES, min_size=1, max_size=8).map("\n".join)


@settings(deadline=None)
@given(st.sampled_from(list(KINDS)), st.integers(0, 50), _TEXTS | st.text(max_size=60))
def test_what_a_rule_makes_meets_the_demand_and_stays(name: str, seed: int, text: str) -> None:
    demand = _drawn(name, seed)
    if demand is None:
        return
    asked = f"How do I keep basil alive? {demand.worded(seed)}"
    made = demand.apply(text, asked=asked)
    if made is not None:
        assert demand.check(made, asked=asked) is None
        assert demand.apply(made, asked=asked) == made
    miss = demand.check(text, asked=asked)
    if miss is not None and miss.place is not None:
        assert 0 <= miss.place[0] <= miss.place[1] <= len(text)


_HOSTILE = [
    ("word and so. ", "prose"),
    ("* a *b* **c**\n", "points"),
    ("!?", "marks"),
    ("```\n", "fences"),
    ("```json\n", "open fences"),
    ("[<{(\"'", "brackets"),
    ("*", "stars"),
    ("- ", "hyphens"),
    ("| a ", "cells"),
    ("\n \n", "blank lines"),
    ("a", "one word"),
    ("<<[[{{==", "titles"),
    ("P.S. ", "postscripts"),
    ("a: b\n", "labels"),
    ("\t", "tabs"),
    ("1. ", "numbers"),
]


@pytest.mark.parametrize(("piece", "what"), _HOSTILE)
def test_twenty_thousand_characters_take_no_time_to_speak_of(piece: str, what: str) -> None:
    text = "So: " + piece * (20_000 // len(piece)) + "end"
    for name in KINDS:
        demand = _drawn(name, 1) or _drawn(name, 2) or _drawn(name, 5)
        if demand is None:
            continue
        started = time.perf_counter()
        demand.check(text, asked="Say it.")
        demand.apply(text, asked="Say it.")
        assert time.perf_counter() - started < 3, (name, what)
