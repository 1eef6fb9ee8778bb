"""The list of checks: complete, cheapest first, and each threshold decides what it says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from evolsynth.evaluation.gate.check import CHECKS, COSTS, PARTS, Case, Check, ordered, tiers
from evolsynth.evaluation.gate.gate import Gate, part_findings
from evolsynth.evaluation.gate.settings import GateSettings, thresholds
from evolsynth.findings import Finding, explain
from evolsynth.rows import Row

TIDES = "Why does the sea rise and fall twice a day at the coast?"
MOON = "The moon pulls the water towards it, and the earth turns underneath all the while."


def find(name: str, row: Row, **settings: Any) -> list[Finding]:
    """What one check finds, in any part of the row."""
    case = Case(row, GateSettings(**settings))
    parts = [part for part in CHECKS[name].parts if case.has(part)]
    assert parts
    return [f for part in parts if (f := CHECKS[name].find(case, part)) is not None]


def test_each_check_has_a_sentence_and_finds_what_it_is_named_for() -> None:
    assert all(explain(name) == check.sentence for name, check in CHECKS.items())
    assert all(check.name == name for name, check in CHECKS.items())
    assert all(check.cost in COSTS and check.parts for check in CHECKS.values())
    assert all(part in PARTS for check in CHECKS.values() for part in check.parts)


def test_the_list_is_in_the_order_in_which_checks_are_made() -> None:
    """So what `evolsynth gates` prints is what happens."""
    costs = list(COSTS)
    shown = [costs.index(c.cost) for c in ordered()]
    assert shown == sorted(shown)
    for part in PARTS:
        made = [c for own, _, checks in tiers(GateSettings()) for c in checks if own == part]
        told = [c for c in ordered() if part in c.parts and not c.optional]
        if part == "response":  # of an instruction the language comes last, of a response earlier
            assert {c.name for c in made} == {c.name for c in told}
            made, told = ([c for c in some if c.name != "wrong_language"] for some in (made, told))
        assert made == told


def test_what_is_skipped_is_not_made_and_what_is_optional_only_if_asked_for() -> None:
    def names(settings: GateSettings) -> set[str]:
        return {check.name for _, _, checks in tiers(settings) for check in checks}

    assert "refusal" not in names(GateSettings(skip=("refusal",)))
    assert "no_response" not in names(GateSettings())
    assert "no_response" in names(GateSettings(also=("no_response",)))
    assert "no such check" not in CHECKS


def test_a_case_has_the_parts_that_its_row_has() -> None:
    made = {"instruction": {"original": TIDES}}
    bare, whole = Row.make(TIDES), Row.make(TIDES, response=MOON, provenance=made)
    assert [Case(bare, GateSettings()).has(part) for part in PARTS] == [True, False, False, True]
    assert all(Case(whole, GateSettings()).has(part) for part in PARTS)


# Thresholds: a value at which the check finds something, and one at which it does not -------------

DECIDED: list[tuple[str, str, Row, float, float]] = [
    ("min_words", "too_short", Row.make("Name four rivers."), 4, 3),
    ("max_instruction_words", "too_long", Row.make(TIDES), 5, 50),
    ("max_response_words", "too_long", Row.make(TIDES, response=MOON), 5, 50),
    ("refusal_words", "refusal", Row.make(TIDES, response="I'm sorry, but I can't."), 50, 3),
    (
        "substance_words",
        "no_answer",
        Row.make(TIDES, response="The moon does it. I'd be happy to tell you more!"),
        12,
        2,
    ),
    ("thin_answer_words", "thin_answer", Row.make(TIDES, response="The moon pulls."), 15, 2),
    (
        "limit_slack",
        "breaks_limit",
        Row.make("Name some trees. Limit your answer to 3 items.", response="- An oak.\n" * 8),
        1.2,
        4,
    ),
    (
        "least_support",
        "unsupported",
        Row.make(
            "Who built the mill?",
            response="Samuel Reed.",
            extra={
                "input": "The mill on the hill was built by Elias Thorne, a carpenter of Dunfall."
            },
        ),
        0.5,
        0.0,
    ),
    ("copied_words", "copies_question", Row.make(TIDES, response=f"{TIDES} Good one."), 6, 50),
    ("new_words", "copies_question", Row.make(TIDES, response=f"{TIDES} {MOON}"), 20, 3),
    (
        "tail_words",
        "broken_off",
        Row.make(TIDES, response="The moon pulls at it. Then the water climbs slowly"),
        4,
        9,
    ),
    ("max_ifd", "high_ifd", Row.make(TIDES, scores={"ifd": 0.8}), 0.5, 1.0),
    (
        "information_loss",
        "information_loss",
        Row.make(
            "Tell me of the sea at night, and of two boats.",
            provenance={"instruction": {"original": TIDES}},
        ),
        0.05,
        1.0,
    ),
]


@pytest.mark.parametrize(("field", "code", "row", "strict", "loose"), DECIDED)
def test_a_threshold_decides(field: str, code: str, row: Row, strict: float, loose: float) -> None:
    found = find(code, row, **{field: strict})
    assert [f.code for f in found] == [code]
    assert strict in found[0].detail.values(), "the finding shows the threshold that decided"
    assert find(code, row, **{field: loose}) == []


def test_all_thresholds_are_tried_here_but_those_that_need_more_than_a_row() -> None:
    """One needs a stream (see test_gate.py), one MiniLM (see test_evolution.py)."""
    elsewhere = {"near_duplicate", "good_evolution"}
    assert {case[0] for case in DECIDED} == {t.name for t in thresholds()} - elsewhere


# Single checks ------------------------------------------------------------------------------------


def test_a_language_of_ones_own_is_asked_of_every_response() -> None:
    german = (
        "Der Mond zieht das Wasser an, und die Erde dreht sich darunter weiter, so dass es "
        "zweimal am Tag steigt und wieder fällt."
    )
    row = Row.make(TIDES, response=german)
    assert [f.detail for f in find("wrong_language", row)] == [{"language": "de", "expected": "en"}]
    assert find("wrong_language", row, language="de") == []
    english = Row.make(TIDES, response=f"{MOON} So it comes twice a day to each of the coasts.")
    assert [f.code for f in find("wrong_language", english, language="de")] == ["wrong_language"]


@pytest.mark.parametrize(
    "response",
    [
        "I'm sorry, but that is not something I can talk about.",
        "Unfortunately, I cannot help you with this.",
        "My apologies, this is beyond what I may do.",
        "I'd rather not discuss that.",
        "It would not be appropriate to answer.",
    ],
)
def test_a_refusal_in_many_words(response: str) -> None:
    assert [f.code for f in find("refusal", Row.make(TIDES, response=response))] == ["refusal"]


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Write a short reply to a party invitation.", "I'm sorry, but I can't come on Friday."),
        ("What did he say?", "Sorry to hear that you lost it: it will turn up in the end."),
        (TIDES, "Unfortunately for sailors, the moon pulls at the water."),
    ],
)
def test_what_only_begins_like_a_refusal_is_none(instruction: str, response: str) -> None:
    assert find("refusal", Row.make(instruction, response=response)) == []


def test_findings_on_a_response_come_in_the_order_of_the_list() -> None:
    row = Row.make(TIDES, response="As an AI language model, I cannot say. " * 2)
    codes = [f.code for f in part_findings(row, "response")]
    order = [c.name for part, _, cs in tiers(GateSettings()) if part == "response" for c in cs]
    assert codes == sorted(codes, key=order.index)
    assert len(codes) > 1
    assert part_findings(Row.make(TIDES, response=" "), "response") == [Finding("empty")]


def test_every_pair_of_a_cost_and_a_part_is_one_tier() -> None:
    groups = [(part, cost) for part, cost, _ in tiers(GateSettings())]
    assert len(groups) == len(set(groups))
    assert all(check.find for check in itertools.chain(*(c for _, _, c in tiers(GateSettings()))))


def test_a_check_of_ones_own_needs_a_name_and_a_function_only() -> None:
    check = Check("shouts", lambda case: Finding("shouts") if case.asked.isupper() else None)
    assert (check.parts, check.cost, check.optional) == (("row",), "own", False)
    assert check.find(Case(Row.make("WHY?"), GateSettings())) == Finding("shouts")


def _evolution(root: str, text: str, **made: str) -> Row:
    told = {"original": root, "root": root, "finish_reason": "stop", **made}
    return Row.make(text, provenance={"instruction": told})


async def test_what_a_seed_asks_already_is_no_fault_of_its_evolution() -> None:
    seed = "What is the weather in Oslo today?"
    (row,) = await Gate().check_candidates(
        [_evolution(seed, f"{seed} Name two towns nearby as well.")]
    )
    assert "unanswerable" not in (row.verdict.reasons if row.verdict else ())
    ours = "Describe the climate of Oslo."
    (row,) = await Gate().check_candidates(
        [_evolution(ours, f"{ours} What is the weather there today?")]
    )
    assert row.verdict is not None
    assert "unanswerable" in row.verdict.reasons


async def test_a_demand_that_was_chosen_from_alternatives_copies_no_example() -> None:
    file = "evol_instruct/anchored/ideas"
    seed = "Name three large rivers."
    text = f"{seed} Include at least one that was written by a sailor."
    free = _evolution(seed, text, prompt=file, connector="Include at least one that")
    chosen = _evolution(seed, text, prompt=file, connector="Include [one that ...|more].")
    copied, fine = await Gate().check_candidates([free, chosen])
    assert copied.verdict is not None
    assert "example_leak" in copied.verdict.reasons
    assert fine.status == "pending"
