"""Evolutions by demands: no model is asked, and the row knows what it demands."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from evolsynth.evaluation.demands.demand import Demand
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evolve.choosing import by_demands
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.rows import Row

TIDE = Row.make("Explain what a tide is.")


async def evolved(rows: list[Row], **options: Any) -> tuple[list[Row], Scripted]:
    llm = Scripted(lambda r: f" the {r.seed} towns on the coast and their harbours.")
    how = {"seed": 7, "prompts": "small", "operations": {"constraints": 1}, **options}
    return [row async for row in evolve(rows, llm, **how)], llm


def made_of(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = row.provenance["instruction"]
    return made


async def test_a_constraint_is_a_demand_that_the_row_carries_and_costs_nothing() -> None:
    (_, row), llm = await evolved([TIDE])
    made = made_of(row)
    assert not llm.requests
    assert row.status == "pending"
    assert made["operation"] == "constraints"
    assert made["original"] == made["root"] == TIDE.instruction
    assert "connector" not in made
    (demand,) = (Demand.read(one) for one in made["demands"])
    added = (row.instruction or "").removeprefix(f"{TIDE.instruction} ")
    assert added in {demand.worded(number) for number in range(40)}


async def test_each_round_adds_to_what_stands_without_clash_or_repetition() -> None:
    rows, _ = await evolved([Row.make(f"Explain tide number {i}.") for i in range(20)], rounds=3)
    for parent, child in pairwise(rows):
        if child.round and child.parents == (parent.id,):
            before = made_of(parent)["demands"] if parent.round else []
            after = made_of(child)["demands"]
            assert after[: len(before)] == before
            if child.settled:
                assert child.verdict is not None
                assert child.verdict.reasons == ("no_more_demands",)
                continue
            assert 1 <= len(after) - len(before) <= child.round
            assert (child.instruction or "").startswith(parent.instruction or "?")
    last = [row for row in rows if row.round == 3 and not row.settled]
    assert len(last) > 10
    for row in last:
        demands = [Demand.read(one) for one in made_of(row)["demands"]]
        assert len(demands) <= 4
        assert not any(a.clashes(b) for i, a in enumerate(demands) for b in demands[:i])
        said = (row.instruction or "").split(". ")
        assert len(said) == len(set(said))


async def test_demands_stand_before_the_data_that_a_request_works_on() -> None:
    row = Row.make("Rewrite the text for a child.\n\nThe tide comes in twice a day, and goes out.")
    (_, child), _ = await evolved([row])
    text = child.instruction or ""
    assert text.startswith("Rewrite the text for a child. ")
    assert text.endswith("\n\nThe tide comes in twice a day, and goes out.")


async def test_a_model_adds_nothing_to_a_form_that_is_set_unless_it_writes_all_demands() -> None:
    (_, first), _ = await evolved([TIDE])
    (_, second), llm = await evolved([first], operations={"deepening": 9, "constraints": 1})
    assert not llm.requests
    assert len(made_of(second)["demands"]) > len(made_of(first)["demands"])
    (_, second), llm = await evolved([first], operations={"deepening": 1}, demands=False)
    assert llm.requests
    assert made_of(second)["demands"] == made_of(first)["demands"]


async def test_where_no_demand_fits_any_more_the_row_says_so() -> None:
    rows, _ = await evolved([TIDE], rounds=9)
    assert rows[-1].status == "rejected"
    assert rows[-1].verdict is not None
    assert rows[-1].verdict.reasons == ("no_more_demands",)
    assert len(made_of(rows[-1])["demands"]) == 4


async def test_where_the_gate_refuses_what_the_model_writes_a_demand_is_left() -> None:
    class Strict(Gate):
        async def check_candidates(self, rows: Any) -> list[Row]:
            return [r.reject("weak_evolution") if "prompt" in made_of(r) else r for r in rows]

    rows, llm = await evolved(
        [Row.make(f"Explain tide number {i}.") for i in range(30)],
        operations={"constraints": 1, "deepening": 9},
        gate=Strict(),
        include_original_instruction=False,
    )
    assert llm.requests
    assert {made_of(row)["operation"] for row in rows} == {"constraints"}
    assert all(row.status == "pending" for row in rows)


async def test_demands_can_be_left_to_the_model() -> None:
    (_, row), llm = await evolved([TIDE], demands=False)
    assert llm.requests
    assert "demands" not in made_of(row)
    (_, row), _ = await evolved([TIDE], prompts="classic", ask_for_gain=False)
    assert "demands" not in made_of(row)
    (_, row), _ = await evolved([TIDE], prompts="classic", ask_for_gain=False, demands=True)
    assert made_of(row)["demands"]


async def test_the_same_seed_draws_the_same_and_another_seed_others() -> None:
    rows = [Row.make(f"Explain tide number {i}.") for i in range(20)]
    one, _ = await evolved(rows, rounds=2, concurrency=1)
    again, _ = await evolved(rows, rounds=2, concurrency=9)
    other, _ = await evolved(rows, rounds=2, seed=8)
    assert one == again
    assert sum(a.instruction == b.instruction for a, b in zip(one, other, strict=True)) < 30


def test_added_sentences_hardly_ever_repeat() -> None:
    rows = [Row.make(f"Explain tide number {i}.") for i in range(300)]
    texts = [by_demands(row, root=row.instruction or "", seed=i)[0] for i, row in enumerate(rows)]
    added = Counter(one.text.partition(". ")[2] for one in texts)
    assert len(added) >= 200
    assert added.most_common(1)[0][1] <= 9


def test_rules_on_what_a_model_writes_freely_leave_drawn_demands_alone() -> None:
    text = f"{TIDE.instruction} Answer in exactly two words."
    told = {"operation": "constraints", "original": TIDE.instruction, "root": TIDE.instruction}
    drawn = {**told, "demands": [{"kind": "words_at_most", "n": 2}]}
    for made, found in ((drawn, False), ({**told, "prompt": "x"}, True)):
        case = Case(Row.make(text, provenance={"instruction": made}))
        assert (CHECKS["unfit_demand"].find(case) is not None) == found


async def test_of_a_seed_in_another_language_no_model_is_asked() -> None:
    seeds = [Row.make(text) for text in ("请说明潮汐是什么。", "Nenne mir drei Flüsse in Polen.")]
    for operations in ({"constraints": 1}, {"deepening": 1}):
        rows, llm = await evolved(seeds, operations=operations)
        assert not llm.requests
        assert [row.round for row in rows] == [0, 1, 0, 1]
        for row in rows[1::2]:
            assert row.verdict is not None
            assert row.verdict.reasons == ("not_english",)
