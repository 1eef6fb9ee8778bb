"""The ground of answers taken from a sentence: it holds as the row was made, and falls with any
change of the question, the answer, the response or the evidence that matters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.evaluation.grounds.span import fits_question
from evolsynth.rows import Row

TEXT = (
    "The old bell of Ost hangs in the north tower. Peter Lund cast the bell in 1742 for 900 "
    "crowns. It weighs 412 kilograms."
)
EVIDENCE = "Peter Lund cast the bell in 1742 for 900 crowns."
QUESTION = "In what year did Peter Lund cast the bell?"


def row(**changes: Any) -> Row:
    """A row that asks for the year."""
    start = TEXT.index(EVIDENCE)
    made: dict[str, Any] = {
        "instruction": f"Use the text to answer: {QUESTION}",
        "response": "Peter Lund cast the bell in 1742 for 900 crowns.",
        "input": TEXT,
        "title": "The Bell of Ost",
        "evidence": [{"start": start, "end": start + len(EVIDENCE)}],
        "question": QUESTION,
        "answer": "1742",
        "statement": "Peter Lund cast the bell in 1742 for 900 crowns.",
        "form": "{statement}",
        "round": 0,
        **changes,
    }
    ground = {name: made[name] for name in ("question", "answer", "statement", "form")}
    return Row.make(
        made["instruction"],
        response=made["response"],
        round=made["round"],
        extra={name: made[name] for name in ("input", "title", "evidence")},
        provenance={"response": {"ground": {"kind": "span", **ground}}},
    )


def against(made: Row) -> str | None:
    """What speaks against the row's answer."""
    kind, why_not = stands(made)
    assert kind == "span"
    return why_not


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"response": "1742.", "form": "{span}"},
        {"response": f'1742. It says "{EVIDENCE}"', "form": '{span} It says "{evidence}"'},
        {"instruction": QUESTION},
        {"instruction": f"From what the text says, {QUESTION[0].lower()}{QUESTION[1:]}"},
    ],
)  # fmt: skip
def test_an_answer_that_stands_in_its_sentence_is_verified(changes: dict[str, Any]) -> None:
    made = row(**changes)
    assert against(made) is None
    assert tier_of(made) == ("verified", ("ground:span",))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"response": "Peter Lund cast the bell in 1752 for 900 crowns."}, "not the answer"),
        ({"response": "Anna Lund cast the bell in 1742 for 900 crowns."}, "not the answer"),
        ({"instruction": "In what year did Peter Lund sell the bell?"}, "not the one that is"),
        ({"input": TEXT.replace("1742", "1752")}, "does not hold the answer"),
        ({"input": TEXT.replace("Peter Lund", "Peter Holm")}, "speaks of 'Lund'"),
        ({"input": TEXT.replace("900", "800")}, "says more"),
        ({"evidence": []}, "does not hold the answer"),
        ({"evidence": [{"start": 0, "end": 9999}]}, "does not hold the answer"),
        ({"answer": "900", "response": "900.", "form": "{span}", "statement": "For 900."}, "type"),
        ({"form": "{span} He soon died.", "response": "1742. He soon died."}, "not the"),
        ({"form": "{nothing}"}, "gone through again"),
    ],
)  # fmt: skip
def test_what_was_changed_no_longer_stands(changes: dict[str, Any], told: str) -> None:
    assert told in str(against(row(**changes)))


def test_an_evolution_may_add_a_demand_and_form_the_same_answer_anew() -> None:
    asked = f"{QUESTION} Reply as JSON with the key year."
    assert against(row(instruction=asked, response='{"year": "1742"}', round=1)) is None
    assert against(row(instruction=asked, response='{"year": "1752"}', round=1)) is not None
    more = "1742. The bell weighs 500 kilograms."
    assert "has a number" in str(against(row(instruction=asked, response=more, round=1)))
    named = "1742, and Olga Berg paid for it."
    assert "names 'Olga Berg'" in str(against(row(instruction=asked, response=named, round=1)))


@given(st.integers(min_value=0, max_value=9), st.integers(min_value=0, max_value=6))
def test_no_other_digit_passes_in_the_response_or_the_evidence(digit: int, which: int) -> None:
    """Each digit of the evidence, another in its place."""
    places = [match.start() for match in re.finditer(r"\d", EVIDENCE)]
    at = places[which % len(places)]
    if EVIDENCE[at] == str(digit):
        return
    spoiled = EVIDENCE[:at] + str(digit) + EVIDENCE[at + 1 :]
    assert against(row(response=spoiled)) is not None
    assert against(row(input=TEXT.replace(EVIDENCE, spoiled))) is not None


@pytest.mark.parametrize(
    ("question", "good", "bad"),
    [
        ("In what year was it built?", "1742", "Peter Lund"),
        ("When did it open?", "3 May 1742", "900 crowns"),
        ("How many bells are there?", "twelve", "the old bell"),
        ("How often does it ring?", "every hour", "in the tower"),
        ("How tall is the tower?", "40 metres", "very tall"),
        ("At what temperature is it cast?", "900 degrees", "in a pit"),
        ("Who cast the bell?", "Peter Lund", "1742"),
        ("Why was it cast?", "because the old one broke", "in 1742"),
        ("Where does it hang?", "in the north tower", "412"),
    ],
)
def test_the_answer_is_of_the_type_that_is_asked_for(question: str, good: str, bad: str) -> None:
    assert fits_question(question, good)
    assert not fits_question(question, bad)
