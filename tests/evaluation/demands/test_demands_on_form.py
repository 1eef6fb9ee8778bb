"""Demands on form: what meets them, what does not and why, and what is made so by rule."""

from __future__ import annotations

from typing import Any

import data_cases
import edge_cases
import length_cases
import list_cases
import pytest
import structure_cases

from evolsynth.evaluation.demands import KINDS

_ROOMS = (length_cases, list_cases, structure_cases, data_cases, edge_cases)
#: What is asked in all examples, with the demand on repeating it behind.
ASKED = (
    "How do I keep basil alive? First repeat this request word for word, without this sentence, "
    "and then answer it."
)


@pytest.mark.parametrize(
    ("kind", "values", "response"), [case for room in _ROOMS for case in room.MET]
)
def test_it_is_met(kind: str, values: dict[str, Any], response: str) -> None:
    assert KINDS[kind](**values).check(response, asked=ASKED) is None


@pytest.mark.parametrize(
    ("kind", "values", "response", "why"), [case for room in _ROOMS for case in room.MISSED]
)
def test_it_is_missed_and_why(kind: str, values: dict[str, Any], response: str, why: str) -> None:
    miss = KINDS[kind](**values).check(response, asked=ASKED)
    assert miss is not None
    assert why in miss.why
    assert miss.why.endswith(".")
    if miss.place is not None:
        start, end = miss.place
        assert 0 <= start <= end <= len(response)


@pytest.mark.parametrize(
    ("kind", "values", "response", "made"), [case for room in _ROOMS for case in room.APPLIED]
)
def test_it_is_made_so_by_rule(kind: str, values: dict[str, Any], response: str, made: str) -> None:
    demand = KINDS[kind](**values)
    assert demand.check(response, asked=ASKED) is not None
    assert (demand.apply(response, asked=ASKED) or "") == made


@pytest.mark.parametrize("cases", ["MET", "MISSED"])
def test_each_kind_has_two_examples_of_each(cases: str) -> None:
    told = [case[0] for room in _ROOMS for case in getattr(room, cases)]
    ours = {room.__name__: {case[0] for case in room.MET} for room in _ROOMS}
    for kind in set().union(*ours.values()):
        assert told.count(kind) >= 2, kind
    homes = (
        *("length", "paragraphs", "lists", "items", "tables", "emphasis", "headings", "structure"),
        *("data", "edges"),
    )
    for name, kind_ in KINDS.items():
        if kind_.function.__module__.rpartition(".")[2] in homes:
            assert name in told
