"""Evol-Instruct: the evolution adds to the original, and each attempt is known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError, EngineError, InputError
from evolsynth.evaluation.findings import Finding
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evol_instruct import OPERATIONS, evol_instruct
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

RIVERS = Row.make("Name three large rivers.", key="a")
GOOD = " why each of them matters to the farmers nearby."
ALSO = {"also": 1.0}


def nothing(*_: object) -> Sequence[Finding]:
    return []


async def evolved(rows: list[Row], llm: Scripted, **options: Any) -> list[Row]:
    return [row async for row in evol_instruct(rows, llm, **{"operations": ALSO, **options})]


async def test_the_original_comes_first_and_then_its_evolution() -> None:
    llm = Scripted([GOOD])
    original, evolution = await evolved([RIVERS], llm)
    assert original == RIVERS
    assert evolution.instruction == f"Name three large rivers. Also explain{GOOD}"
    assert (evolution.round, evolution.parents) == (1, (RIVERS.id,))
    assert (evolution.method, evolution.status) == ("evol_instruct", "pending")
    made = evolution.provenance["instruction"]
    assert (made["operation"], made["original"]) == ("also", RIVERS.instruction)
    assert (made["attempt"], made["seed"]) == (0, llm.requests[0].seed)
    assert made["prompt_sha256"] == load_prompt("evol_instruct/also").sha256


async def test_only_the_evolution_on_request() -> None:
    (row,) = await evolved([RIVERS], Scripted([GOOD]), include_original_instruction=False)
    assert row.round == 1


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(blacklist_categories=["Cs"])).filter(str.strip), st.text())
async def test_an_evolution_always_begins_with_the_original(text: str, answer: str) -> None:
    """That is what the anchor is for: a small model cannot drop what it did not write."""
    llm = Scripted(lambda _: answer)
    _, evolution = await evolved([Row.make(text)], llm, attempts=1, check=nothing)
    assert (evolution.instruction or "").startswith(text.strip())


async def test_an_original_without_an_end_gets_one() -> None:
    _, evolution = await evolved([Row.make("Name three large rivers ")], Scripted([GOOD]))
    assert (evolution.instruction or "").startswith("Name three large rivers. Also explain why")


@pytest.mark.parametrize("text", ["Which is larger?", "Stop!", 'Define "river"', "Run `ls`"])
async def test_an_original_with_an_end_keeps_it(text: str) -> None:
    _, evolution = await evolved([Row.make(text)], Scripted([GOOD]), attempts=1)
    assert (evolution.instruction or "").startswith(f"{text} Also explain")


async def test_the_evolution_ends_with_its_first_sentence() -> None:
    _, evolution = await evolved([RIVERS], Scripted([GOOD + " And another thing\nmore"]))
    assert (evolution.instruction or "").endswith("nearby.")
    assert evolution.provenance["instruction"]["finish_reason"] == "stop"


async def test_an_evolution_of_an_evolution_is_the_second_round() -> None:
    llm = Scripted(lambda _: GOOD)
    _, first = await evolved([RIVERS], llm)
    _, second = await evolved([first], llm, attempts=1)
    assert (second.round, second.parents) == (2, (first.id,))


# Attempts -----------------------------------------------------------------------------------------


def copied_demand() -> str:
    return " " + load_prompt("evol_instruct/also").examples[0]["demand"]


@pytest.mark.parametrize("bad", ["", copied_demand(), " why the"], ids=["empty", "copy", "cut"])
async def test_a_bad_first_attempt_is_followed_by_a_second(bad: str) -> None:
    llm = Scripted([bad, GOOD, " never asked for."])
    _, evolution = await evolved([RIVERS], llm, attempts=3)
    assert (evolution.instruction or "").endswith(GOOD)
    assert evolution.provenance["instruction"]["attempt"] == 1
    assert len(llm.requests) == 2
    assert llm.requests[0].seed != llm.requests[1].seed


async def test_among_bad_attempts_the_one_with_the_fewest_objections_is_kept() -> None:
    """For the gate to reject: a row that was planned does not disappear."""
    objections = {"one.": 3, "two.": 1, "three.": 1, "four.": 2}

    def check(_: str, text: str, *__: object) -> Sequence[Finding]:
        return [Finding("bad")] * objections[text.split()[-1]]

    llm = Scripted([f" {word}" for word in objections])
    _, evolution = await evolved([RIVERS], llm, check=check)
    assert (evolution.instruction or "").endswith("two.")
    assert len(llm.requests) == 4


async def test_the_check_is_told_all_it_needs() -> None:
    told: list[tuple[object, ...]] = []

    def check(*arguments: object) -> Sequence[Finding]:
        told.append(arguments)
        return []

    _, evolution = await evolved([RIVERS], Scripted([" why the long"]), check=check, max_tokens=2)
    original, text, examples, reason = told[0]
    assert (original, text, reason) == (RIVERS.instruction, evolution.instruction, "length")
    assert copied_demand().strip() in examples  # type: ignore[operator]


async def test_a_failed_request_keeps_the_original_and_says_what_happened() -> None:
    original, failed = await evolved([RIVERS], Scripted([EngineError("The power went.")]))
    assert original == RIVERS
    assert (failed.status, failed.round, failed.parents) == ("failed", 1, (RIVERS.id,))
    assert failed.failure is not None
    assert (failed.failure.step, failed.failure.message) == ("evol_instruct", "The power went.")
    assert failed.instruction is None


async def test_settled_rows_pass_without_an_evolution() -> None:
    rows = [RIVERS.reject("exact_duplicate"), Row.make(response="no instruction")]
    llm = Scripted([])
    assert await evolved(rows, llm) == rows
    assert llm.requests == []


# The plan -----------------------------------------------------------------------------------------


def by_seed(request: Request) -> str:
    return f" what {request.seed} farmers and fishermen need."


async def test_the_same_bytes_for_any_concurrency_and_any_neighbours() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(20)]
    waits = random.Random(3)
    slow = Scripted(by_seed, delay=lambda _: waits.random() / 100)
    one = await evolved(rows, Scripted(by_seed), concurrency=1, operations=OPERATIONS)
    assert await evolved(rows, slow, concurrency=16, operations=OPERATIONS) == one
    alone = await evolved(rows[5:6], Scripted(by_seed), operations=OPERATIONS)
    assert alone == one[10:12]


async def test_operations_are_drawn_by_their_weights() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(120)]
    weights = {"limit": 3.0, "also": 1.0, "avoid": 0.0}
    out = await evolved(
        rows,
        Scripted(by_seed),
        operations=weights,
        attempts=1,
        include_original_instruction=False,
        check=nothing,
    )
    drawn = [row.provenance["instruction"]["operation"] for row in out]
    assert set(drawn) == {"limit", "also"}
    assert 75 <= drawn.count("limit") <= 105


async def test_both_sets_of_examples_are_used() -> None:
    llm = Scripted(by_seed)
    await evolved([Row.make(f"Name {i} large rivers.") for i in range(20)], llm)
    assert len({r.prompt.segments[0].text for r in llm.requests}) == 2


async def test_the_order_of_the_weights_does_not_matter() -> None:
    rows = [Row.make(f"Name {i} large rivers.") for i in range(20)]
    backwards = dict(reversed(list(OPERATIONS.items())))
    one = await evolved(rows, Scripted(by_seed), operations=OPERATIONS)
    assert await evolved(rows, Scripted(by_seed), operations=backwards) == one


def test_every_default_operation_has_a_prompt() -> None:
    for name in OPERATIONS:
        assert load_prompt(f"evol_instruct/{name}").value("operation")


@pytest.mark.parametrize(
    ("operations", "complaint"),
    [
        ({"deepen": 1.0}, "no operation 'deepen'.*also.*limit"),
        ({"also": -1.0}, "weight of 'also' is -1"),
        ({"also": float("nan")}, "weight of 'also' is nan"),
        ({"also": float("inf")}, "weight of 'also' is inf"),
        ({"also": 0.0}, "All weights are 0"),
        ({}, "All weights are 0"),
    ],
)
async def test_weights_that_cannot_be_drawn_from_are_refused(
    operations: dict[str, float], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        await evolved([RIVERS], Scripted([GOOD]), operations=operations)


async def test_no_attempts_are_refused() -> None:
    with pytest.raises(InputError, match="attempts is 0"):
        await evolved([RIVERS], Scripted([GOOD]), attempts=0)


@pytest.mark.parametrize("missing", [Capability.PREFIX, Capability.RAW_PROMPT])
async def test_a_back_end_that_cannot_anchor_is_refused_at_once(missing: Capability) -> None:
    llm = Scripted([GOOD], capabilities=set(Capability) - {missing})
    with pytest.raises(CapabilityError, match="Evol-Instruct needs"):
        await evolved([RIVERS], llm)
    assert llm.requests == []
