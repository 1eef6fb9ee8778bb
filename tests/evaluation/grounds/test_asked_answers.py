"""Answers as a larger model might give them: what the checks take of right ones, and of wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.evaluation.grounds.asked.extract_fields import record_of, value_against
from evolsynth.evaluation.grounds.asked.for_reader import rewriting_against
from evolsynth.evaluation.grounds.asked.summarise import summary_against
from evolsynth.prompts import passages_folder

DATA = Path(__file__).parents[3] / "evals" / "data" / "asked_answers.jsonl"
ANSWERS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def passage(name: str) -> tuple[str, str]:
    """Its title and its text."""
    title, _, text = (Path(passages_folder()) / f"{name}.md").read_text().partition("\n")
    return title.lstrip("# "), text.strip()


def taken(one: dict[str, Any]) -> int:
    """How many things of an answer are taken: values of a record, or the whole."""
    if one["kind"] == "for_reader":
        return rewriting_against(one["reader"], one["text"], one["answer"]) is None
    title, text = passage(one["passage"])
    if one["kind"] == "summarise":
        return summary_against(text, one["answer"], most=one["most"], title=title) is None
    record = record_of(one["answer"]) or {}
    right = next(o for o in ANSWERS if o.get("passage") == one["passage"] and "keys" in o)
    known = record_of(right["answer"]) or {}
    asked = record if one["good"] else [key for key in record if record[key] != known[key]]
    return sum(value_against(key, record[key], text, title=title) is None for key in asked)


@pytest.mark.parametrize(
    ("kind", "least"), [("extract_fields", 32), ("summarise", 4), ("for_reader", 5)]
)
def test_of_the_answers_that_the_rules_were_made_with(kind: str, least: int) -> None:
    some = [one for one in ANSWERS if one["kind"] == kind and one["part"] == "dev"]
    assert sum(taken(one) for one in some if one["good"]) >= least
    assert [one["why"] for one in some if not one["good"] and taken(one)] == []


@pytest.mark.parametrize("kind", ["extract_fields", "summarise", "for_reader"])
def test_nothing_wrong_is_taken_of_the_others(kind: str) -> None:
    some = [one for one in ANSWERS if one["kind"] == kind and one["part"] == "held"]
    assert [one["why"] for one in some if not one["good"] and taken(one)] == []
    assert 2 * sum(taken(one) for one in some if one["good"]) >= len(some) / 2
