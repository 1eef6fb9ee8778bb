"""Requests for what is made up: no truth is at stake, and each names a form that is checked."""

from __future__ import annotations

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.demands.found import demands_in
from evolsynth.evaluation.text.task import task_of, truth_at_stake
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.prompts import load_prompt

OPENINGS = load_prompt("magpie/made_up").value("openings")


@pytest.mark.parametrize("opening", OPENINGS)
def test_each_names_a_form_and_leaves_nothing_to_be_true(opening: str) -> None:
    noun = "lamps" if opening.endswith((" two", " about", " that", " where", " who")) else "lamp"
    request = f"{opening} {noun}."
    assert not truth_at_stake(task_of(request))
    assert demands_in(request)


def test_none_comes_twice_and_forms_are_many() -> None:
    assert len(set(OPENINGS)) == len(OPENINGS) >= 100
    kinds = {found.demand.kind for opening in OPENINGS for found in demands_in(f"{opening} lamp.")}
    assert len(kinds) >= 8


async def test_rows_begin_with_them_and_say_so() -> None:
    rows = [row async for row in magpie(Scripted(lambda _: " lamp."), n=30, seed=7, made_up=True)]
    assert all(str(row.instruction).startswith(tuple(OPENINGS)) for row in rows)
    assert {row.provenance["instruction"]["prompt"] for row in rows} == {"magpie/made_up"}


@pytest.mark.parametrize("other", [{"topic": "cooking"}, {"openings": ("Why",)}])
async def test_other_openings_beside_them_are_refused(other: dict[str, object]) -> None:
    with pytest.raises(InputError, match="made_up"):
        async for _ in magpie(Scripted(lambda _: " x"), n=1, made_up=True, **other):  # type: ignore[arg-type]
            pass
