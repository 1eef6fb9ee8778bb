"""What an evolution adds, and whether a response keeps to it."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.findings import Finding
from evolsynth.rows import Row


def copied_demand(original: str, evolved: str, demands: list[str]) -> Finding | None:
    return CHECKS["example_leak"].find(evolution(original, evolved, demands))


def unfit_demand(original: str, evolved: str) -> Finding | None:
    return CHECKS["unfit_demand"].find(evolution(original, evolved))


def evolution(original: str, evolved: str, demands: list[str] | None = None) -> Case:
    row = Row.make(evolved, provenance={"instruction": {"original": original}})
    return Case(row, demands=demands)


def breaks_limit(instruction: str, response: str) -> Finding | None:
    """Alone: without the check that reads such limits as demands."""
    settings = GateSettings(skip=("demand_unmet",))
    return CHECKS["breaks_limit"].find(Case(Row.make(instruction, response=response), settings))


RIVERS = "Tell me about rivers."
DEMANDS = ["use my own name in it.", "how the rubber tyre changed riding.", "a short poem."]


def test_a_demand_about_an_examples_subject_is_a_copy() -> None:
    finding = copied_demand(RIVERS, f"{RIVERS} Also explain how the rubber tyre helps.", DEMANDS)
    assert finding is not None
    assert finding.detail["copied"] == DEMANDS[1]


@pytest.mark.parametrize(
    "added",
    ["Write the answer as a short poem.", "Also explain where the Danube ends."],
)
def test_a_form_or_a_new_subject_is_no_copy(added: str) -> None:
    assert copied_demand(RIVERS, f"{RIVERS} {added}", DEMANDS) is None


def test_the_originals_own_words_are_no_copy() -> None:
    original = "How did the rubber tyre change the bicycle?"
    evolved = f"{original} Also explain what the rubber tyre cost."
    assert copied_demand(original, evolved, DEMANDS) is None


@pytest.mark.parametrize(
    "added",
    [
        "Limit your answer to three words.",
        "Write the answer as a sentence with exactly two words.",
        "Do not mention the above rivers.",
    ],
)
def test_a_demand_that_cannot_be_met_is_found(added: str) -> None:
    assert unfit_demand(RIVERS, f"{RIVERS} {added}") is not None


@pytest.mark.parametrize(
    "added",
    ["Limit your answer to 40 words.", "Limit your answer to two sentences.", "Name the longest."],
)
def test_a_demand_that_can_be_met_is_fine(added: str) -> None:
    assert unfit_demand(RIVERS, f"{RIVERS} {added}") is None


@pytest.mark.parametrize(
    ("limit", "response", "counted"),
    [
        ("10 words", "word " * 14, 14),
        ("two sentences", "One. Two. Three! Four?", 4),
        ("three items", "1. a\n2. b\n3. c\n4. d\n5. e", 5),
        ("one short paragraph", "A.\n\nB.\n\nC.", 3),
    ],
)
def test_a_response_over_the_limit_is_found(limit: str, response: str, counted: int) -> None:
    finding = breaks_limit(f"{RIVERS} Limit your answer to {limit}.", response)
    assert finding is not None
    assert finding.detail["counted"] == counted


@pytest.mark.parametrize(
    ("limit", "response"),
    [
        ("10 words", "A river runs down from the hills to the sea, and that is where it ends."),
        ("two sentences", "One. Two. Three! Four?"),
        ("three items", "1. a\n2. b\n3. c\n4. d\n5. e"),
        ("one short paragraph", "A.\n\nB.\n\nC."),
    ],
)
def test_a_response_over_the_limit_is_told_once(limit: str, response: str) -> None:
    """What is read as a demand is checked as one, and any other limit loosely, as before."""
    row = Row.make(f"{RIVERS} Limit your answer to {limit}.", response=response)
    codes = {finding.code for finding in part_findings(row, "response")}
    assert len(codes & {"breaks_limit", "demand_unmet"}) == 1


def test_a_little_over_is_let_pass() -> None:
    """Nobody counts to the word, and "1." at a line's start is no sentence's end."""
    assert breaks_limit("Limit your answer to 10 words.", "word " * 12) is None
    assert breaks_limit("Limit your answer to two sentences.", "1. One.\n2. Two.") is None


def test_without_a_limit_nothing_is_broken() -> None:
    assert breaks_limit(RIVERS, "word " * 500) is None
