"""What an answer stands on, and that nothing unmet is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.tier import below, tier_of, unanswered
from evolsynth.evaluation.text import MOST
from evolsynth.findings import Finding
from evolsynth.rows import TIERS, Row, Verdict

POEM = "Write a short poem about rain."
FACT = "Which river flows through Budapest?"
DRIZZLE = "Soft rain falls on the roof tonight."
MANY: dict[str, Any] = {"kind": "words_at_most", "n": 40}
FEW: dict[str, Any] = {"kind": "words_at_most", "n": 3}


def row(
    instruction: str = POEM, response: str | None = DRIZZLE, *demands: dict[str, Any], **more: Any
) -> Row:
    """A row that carries demands from its evolution."""
    made = {"instruction": {"demands": list(demands)}} if demands else {}
    return Row.make(instruction, response=response, provenance=made, **more)


async def judged(*rows: Row, **settings: Any) -> list[Row]:
    async def stream() -> Any:
        for one in rows:
            yield one

    return [one async for one in Gate(settings=GateSettings(**settings)).check(stream())]


def verdict(one: Row) -> Verdict:
    assert one.verdict is not None
    return one.verdict


# Demands ------------------------------------------------------------------------------------------


def test_an_unmet_demand_refuses_the_row_and_says_which_and_why() -> None:
    finding = CHECKS["demand_unmet"].find(Case(row(POEM, DRIZZLE, FEW)))
    assert finding is not None
    (unmet,) = finding.detail["unmet"]
    assert unmet["demand"] == "words_at_most"
    assert "7 words" in unmet["why"]
    place = unmet["place"]
    assert place is None or 0 <= place[0] < place[1] <= len(DRIZZLE)


def test_each_unmet_demand_is_told_once_and_met_ones_are_not() -> None:
    two = {**FEW, "n": 2}
    finding = CHECKS["demand_unmet"].find(Case(row(POEM, DRIZZLE, FEW, MANY, two)))
    assert finding is not None
    assert len(finding.detail["unmet"]) == 2


@pytest.mark.parametrize(
    "one",
    [
        row(POEM, DRIZZLE),
        row(POEM, DRIZZLE, MANY),
        row("Schreibe ein kurzes Gedicht über den Regen im November.", DRIZZLE, FEW),
        row(POEM, "word " * MOST, FEW),
    ],
)
def test_nothing_is_said_of_met_demands_other_languages_and_texts_read_in_part(one: Row) -> None:
    assert CHECKS["demand_unmet"].find(Case(one)) is None


def test_a_demand_of_an_unknown_kind_is_told() -> None:
    with pytest.raises(InputError, match="blue_ink"):
        tier_of(row(POEM, DRIZZLE, {"kind": "blue_ink"}))


async def test_a_row_with_a_demand_of_an_unknown_kind_fails_and_the_others_go_on() -> None:
    bad, good = await judged(row(POEM, DRIZZLE, {"kind": "blue_ink"}), row(FACT, "The Danube."))
    assert bad.failure is not None
    assert "blue_ink" in bad.failure.message
    assert good.status == "accepted"


# Tiers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "tier", "stands_on"),
    [
        (row(POEM, DRIZZLE, MANY), "verified", ("demand:words_at_most",)),
        (row(POEM, DRIZZLE, MANY, {**MANY, "n": 30}), "verified", ("demand:words_at_most",)),
        (row(POEM, DRIZZLE), "unverified", ()),  # nothing was asked that could be checked
        (row(POEM, DRIZZLE, FEW), "unverified", ()),  # and here it is not met
        (row(FACT, "The Danube.", MANY), "unverified", ("demand:words_at_most",)),
        (row(POEM, "word " * MOST, MANY), "unverified", ()),
        (row(POEM, None, MANY), None, ()),
        (Row.make(None, response="So it is."), None, ()),
    ],
)
def test_the_tier_says_what_the_response_stands_on(
    one: Row, tier: str | None, stands_on: tuple[str, ...]
) -> None:
    assert tier_of(one) == (tier, stands_on)


def test_below_goes_by_the_order_of_tiers() -> None:
    assert [below(tier, "agreed") for tier in TIERS] == [False, False, True]
    assert not any(below(tier, "unverified") for tier in TIERS)
    assert not below(None, "verified")  # there is no response to stand on anything


async def test_the_gate_tells_task_and_tier_of_rows_that_it_accepts() -> None:
    poem, fact, asked = await judged(
        row(POEM, DRIZZLE, MANY), row(FACT, "The Danube."), row("Name three large rivers.", None)
    )
    assert verdict(poem) == Verdict(
        accepted=True, task="creative", tier="verified", stands_on=("demand:words_at_most",)
    )
    assert verdict(fact) == Verdict(accepted=True, task="fact", tier="unverified")
    assert verdict(asked) == Verdict(accepted=True, task="fact")


async def test_a_rejected_row_tells_its_task_and_no_tier() -> None:
    (refused,) = await judged(row(POEM, DRIZZLE, FEW))
    assert verdict(refused).reasons == ("demand_unmet",)
    assert (verdict(refused).task, verdict(refused).tier) == ("creative", None)


async def test_a_row_that_was_settled_before_stays_as_it_is() -> None:
    before = row(POEM, DRIZZLE).reject("mine")
    assert await judged(before) == [before]


async def test_demands_count_for_the_tier_also_where_their_check_is_skipped() -> None:
    (one,) = await judged(row(POEM, DRIZZLE, FEW), skip=("demand_unmet",))
    assert verdict(one) == Verdict(accepted=True, task="creative", tier="unverified")


# The least tier -----------------------------------------------------------------------------------


async def test_rows_below_the_least_tier_are_refused_and_say_so() -> None:
    poem, fact, asked = await judged(
        row(POEM, DRIZZLE, MANY),
        row(FACT, "The Danube.", MANY),
        row("Name three large rivers.", None),
        least_tier="verified",
    )
    assert [one.status for one in (poem, fact, asked)] == ["accepted", "rejected", "accepted"]
    assert verdict(fact) == Verdict(
        accepted=False,
        reasons=("unverified",),
        details={"unverified": {"tier": "unverified", "least": "verified"}},
        task="fact",
        tier="unverified",
        stands_on=("demand:words_at_most",),
    )


async def test_what_is_refused_for_its_tier_is_no_twin_of_a_better_answer() -> None:
    first, second = row(POEM, DRIZZLE, key="a"), row(POEM, DRIZZLE, MANY, key="b")
    found = await judged(first, second, least_tier="verified")
    assert [verdict(one).reasons for one in found] == [("unverified",), ()]
    found = await judged(second, first, least_tier="verified")
    assert [verdict(one).reasons for one in found] == [(), ("exact_duplicate",)]


async def test_another_fault_is_told_instead() -> None:
    """What an own check refuses is no instruction to be answered anew."""

    def mine(one: Row) -> Finding | None:
        return Finding("mine")

    async def stream() -> Any:
        yield row(FACT, "The Danube.")

    gate = Gate(settings=GateSettings(least_tier="verified"), checks=[mine])
    assert [verdict(one).reasons async for one in gate.check(stream())] == [("mine",)]


def test_a_least_tier_that_there_is_not_is_refused(tmp_path: Any) -> None:
    place = tmp_path / "gate.yaml"
    place.write_text("least_tier: certain")
    with pytest.raises(InputError, match="least_tier"):
        GateSettings.read(place)
    place.write_text("least_tier: verified")
    assert GateSettings.read(place) == GateSettings(least_tier="verified")
    place.write_text(GateSettings(least_tier="agreed").to_yaml())
    assert GateSettings.read(place) == GateSettings(least_tier="agreed")


# To be answered anew ------------------------------------------------------------------------------


async def test_the_instruction_goes_on_with_its_demands_and_without_its_response() -> None:
    told = {
        "instruction": {"original": "Which river is it?", "demands": [MANY]},
        "response": {"model": "small"},
    }
    one = Row.make(
        FACT,
        response="The Danube.",
        system="Be brief.",
        method="evolve",
        round=1,
        parents=("p1",),
        scores={"quality": 0.3},
        provenance=told,
        extra={"responses": [{"response": "The Danube."}], "source": "a book"},
    )
    (refused,) = await judged(one, least_tier="verified", skip=("information_loss",))
    left = unanswered(refused)
    assert left is not None
    assert left == one.replace(
        response=None,
        scores={},
        provenance={"instruction": told["instruction"]},
        extra={"source": "a book"},
    )
    assert tier_of(left) == (None, ())


@pytest.mark.parametrize(
    "one",
    [
        row(),
        row().replace(verdict=Verdict(accepted=True, tier="unverified")),
        row().reject("refusal"),
        row().reject("refusal", "unverified"),
    ],
)
def test_other_rows_do_not(one: Row) -> None:
    assert unanswered(one) is None


# Old files ----------------------------------------------------------------------------------------


def test_rows_of_before_there_were_tiers_are_read_and_have_none() -> None:
    old = {"instruction": POEM, "response": DRIZZLE, "verdict": {"accepted": True, "reasons": []}}
    read = Row.from_dict(old)
    assert verdict(read) == Verdict(accepted=True)
    again = Row.from_dict(json.loads(read.to_json()))
    assert again == read


def test_a_row_that_is_rejected_later_keeps_task_and_tier() -> None:
    accepted = row().replace(
        verdict=Verdict(accepted=True, task="creative", tier="verified", stands_on=("demand:x",))
    )
    later = verdict(accepted.reject("near_duplicate", near_duplicate={"of": "r1"}))
    assert later.reasons == ("near_duplicate",)
    assert (later.task, later.tier, later.stands_on) == ("creative", "verified", ("demand:x",))
