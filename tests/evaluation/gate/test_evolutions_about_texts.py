"""Evolutions of an instruction about a text: the text is held by both, and must stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from text_rows import BEES, CLOCK, TEA

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.tier import kind_of, tier_of
from evolsynth.evaluation.text.task import task_of
from evolsynth.rows import Row, Verdict
from evolsynth.streams import iterate

ASK = "Say why the clock was moved."
PARENT = Row.make(ASK, response="The roof leaked.", extra={"input": CLOCK})


def child(instruction: str, *, of: Row = PARENT, text: str | None = CLOCK, **made: Any) -> Row:
    """An evolution as a model wrote it."""
    told = {"original": of.instruction, "root": of.instruction, "finish_reason": "stop"}
    return Row.make(
        instruction,
        method="evol_instruct",
        round=1,
        parents=(of.id,),
        provenance={"instruction": {**told, **made}},
        extra={} if text is None else {"input": text},
    )


async def reasons(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Why the gate refuses the evolutions among rows that come after each other."""
    out = [row async for row in Gate().check(iterate(rows))]
    assert all(row.failure is None for row in out)
    verdicts = {row.instruction or "": row.verdict or Verdict(accepted=True) for row in out}
    evolved = {row.instruction or "" for row in out if row.round}
    return {name: list(one.reasons) for name, one in verdicts.items() if name in evolved}


async def test_an_evolution_keeps_its_text_beside_it_or_takes_it_over() -> None:
    more = "Also name the two rooms that it hung in, oldest first."
    rows = [child(f"{ASK} {more}"), child(f"{ASK} {more}\n\n{CLOCK}", text=None)]
    for row in rows:
        assert await reasons([PARENT, row]) == {row.instruction: []}


async def test_a_text_in_the_original_and_beside_the_evolution_is_not_lost() -> None:
    whole = Row.make(f"{ASK}\n\n{CLOCK}", response="The roof leaked.", extra={"input": CLOCK})
    row = child(f"{ASK} Also name the two rooms that it hung in, oldest first.", of=whole)
    assert await reasons([whole, row]) == {row.instruction: []}
    without = child(row.instruction or "", of=whole, text=None)
    assert await reasons([whole, without]) == {row.instruction: ["changed_input"]}
    assert await reasons([without]) == {row.instruction: ["information_loss"]}


async def test_a_copy_of_the_text_is_no_new_demand() -> None:
    copied = child(f"{ASK}\n\n{CLOCK}")
    assert (await reasons([PARENT, copied]))[copied.instruction or ""] == ["no_new_demand"]


async def test_what_the_instruction_itself_asked_for_may_not_get_lost_though_the_text_has_it() -> (
    None
):
    """The year stands in the text, but nobody asks for what happened in it any more."""
    parent = Row.make("Say what the council did in 1881.", extra={"input": CLOCK})
    row = child("Say what the council did, in a sentence with a reason.", of=parent)
    assert await reasons([parent, row]) == {row.instruction: ["information_loss"]}


async def test_a_demand_may_point_at_the_text_and_use_its_words() -> None:
    more = "Answer with the words of the sentence above that gives the chapel's trouble."
    row = child(f"{ASK} {more}", prompt="evol_instruct/anchored/explain")
    assert await reasons([PARENT, row]) == {row.instruction: []}
    alone = Row.make("Say why the clock in the tower was moved.")
    loose = child(f"{alone.instruction} {more}", of=alone, text=None)
    found = CHECKS["unfit_demand"].find(Case(loose))
    assert found is not None
    assert found.detail == {"demand": "above"}


@pytest.mark.parametrize("text", [TEA, CLOCK.replace("1881", "1882"), None])
async def test_another_text_is_refused(text: str | None) -> None:
    row = child(f"{ASK} Also name the two rooms that it hung in, oldest first.", text=text)
    assert await reasons([PARENT, row]) == {row.instruction: ["changed_input"]}


@pytest.mark.parametrize(
    "made", [{"input_changed": True}, {"operation": "complicate_input"}], ids=["said", "operation"]
)
async def test_another_text_that_is_told_of_is_let_through(made: dict[str, Any]) -> None:
    row = child(
        f"{ASK} Also name the two rooms that it hung in.", text=f"{CLOCK} It rings.", **made
    )
    assert await reasons([PARENT, row]) == {row.instruction: []}


async def test_line_breaks_are_no_change_and_a_new_task_may_have_a_new_text() -> None:
    wrapped = child(
        f"{ASK} Also name the two rooms that it hung in.", text=CLOCK.replace(". ", ".\n") + "\n"
    )
    assert await reasons([PARENT, wrapped]) == {wrapped.instruction: []}
    breadth = Row.make(
        "Say how the queen bee spends the winter.",
        round=1,
        parents=(PARENT.id,),
        provenance={"instruction": {"inspiration": ASK}},
        extra={"input": BEES},
    )
    assert await reasons([PARENT, breadth]) == {breadth.instruction: []}


async def test_nothing_is_said_of_an_evolution_whose_original_is_not_there() -> None:
    row = child(f"{ASK} Also name the two rooms that it hung in.", text=TEA)
    assert await reasons([row]) == {row.instruction: []}
    assert CHECKS["changed_input"].find(Case(row)) is None
    assert CHECKS["changed_input"].find(Case(row, parent_input=CLOCK)) is not None


async def test_original_and_evolution_may_come_together_or_one_by_one() -> None:
    rows = [PARENT, child(f"{ASK} Also name the two rooms that it hung in.", text=TEA)]
    for at_once in (1, 8):
        gate = Gate(at_once=at_once)
        out = [row async for row in gate.check(iterate(rows))]
        assert [row.status for row in out] == ["accepted", "rejected"]


def test_a_text_in_the_instruction_is_no_unchecked_demand_of_an_evolution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer stands on the text; what else is asked for, nobody has checked."""
    ground = "evolsynth.evaluation.grounds.ground.stands"
    monkeypatch.setattr(ground, lambda _: ("span", None))
    ask = Row.make("When was the clock moved?", extra={"input": CLOCK})
    for behind, tier in (("", "verified"), (" Name a similar village.", "unverified")):
        row = child(f"{ask.instruction} Write exactly one sentence.{behind}\n\n{CLOCK}", of=ask)
        stood = {**row.provenance, "response": {"ground": {"kind": "span"}}}
        row = row.replace(response="It was moved in 1881.", provenance=stood)
        assert tier_of(row) == (tier, ("ground:span", "demand:sentences_exactly"))


def test_a_kind_without_truth_at_stake_is_believed_where_the_ground_holds() -> None:
    told = {"instruction": {"task": "creative"}}
    row = Row.make("Who built the clock?", provenance=told)
    assert (kind_of(row), kind_of(row, holds=True)) == ("fact", "creative")


def test_the_kind_of_task_is_told_in_view_of_the_text() -> None:
    ask = "Who built the clock?"
    assert (task_of(ask), task_of(ask, about_text=True)) == ("fact", "extraction")
    assert kind_of(Row.make(ask)) == "fact"
    assert kind_of(Row.make(ask, extra={"input": CLOCK})) == "extraction"
    assert task_of("Was the clock built in 1764?", about_text=True) == "classification"
    for made_up in ("Write a poem about the sea.", "Write a story about a lamp."):
        assert task_of(made_up, about_text=False) == "creative"
