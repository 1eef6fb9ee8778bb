"""The gate: every row comes out with a verdict, and a rejected one with its reasons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import EngineError, ModelNotFound
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.findings import known_reasons
from evolsynth.foreign import failure
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIVERS = "Name three large rivers of Europe."
ALSO = f"{RIVERS} Also explain why each of them matters to the farmers nearby."


class Bag:
    """A tiny embedder: each word is a direction, so the same words in any order are near."""

    name = "bag of words"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._places: dict[str, int] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        out = np.zeros((len(texts), 256), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in text.lower().strip(".?!").split():
                out[i, self._places.setdefault(word, len(self._places) % 256)] += 1
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        return np.asarray(out / np.where(norms == 0, 1, norms), dtype=np.float32)


async def check(rows: Rows, gate: Gate | None = None) -> list[Row]:
    return [row async for row in (gate or Gate()).check(rows)]


async def screen(rows: Rows, gate: Gate) -> list[Row]:
    return [row async for row in gate.check(rows, instructions_only=True)]


def reasons(row: Row) -> tuple[str, ...]:
    return row.verdict.reasons if row.verdict else ()


def evolution(text: str, parent: Row, **fields: Any) -> Row:
    made = {"original": parent.instruction, "prompt": "evol_instruct/anchored/explain"}
    return Row.make(text, parents=(parent.id,), round=1, provenance={"instruction": made}, **fields)


# Verdicts -----------------------------------------------------------------------------------------


async def test_a_good_row_is_accepted_at_the_check_and_not_before() -> None:
    gate, row = Gate(), Row.make(RIVERS)
    (screened,) = await screen([row], gate)
    assert screened.status == "pending"
    (checked,) = await check([screened], gate)
    assert checked.status == "accepted"
    assert reasons(checked) == ()


async def test_a_bad_instruction_is_rejected_at_the_screen() -> None:
    (row,) = await screen([Row.make("ok")], Gate())
    assert row.status == "rejected"
    assert reasons(row) == ("too_short",)
    assert row.verdict is not None
    assert row.verdict.details["too_short"]["words"] == 1


async def test_a_row_without_an_instruction_is_rejected_as_empty() -> None:
    assert [reasons(r) for r in await check([Row.make(), Row.make("  ")])] == [("empty",)] * 2


async def test_an_instruction_that_was_cut_off_is_rejected() -> None:
    made = {"instruction": {"finish_reason": "length"}}
    (row,) = await check([Row.make(RIVERS, provenance=made)])
    assert "cut_off" in reasons(row)


async def test_a_bad_response_is_rejected_only_at_the_check() -> None:
    gate = Gate()
    (row,) = await screen([Row.make(RIVERS, response="")], gate)
    assert row.status == "pending"
    (row,) = await check([row], gate)
    assert reasons(row) == ("empty",)


async def test_a_response_that_was_cut_off_is_rejected() -> None:
    made = {"response": {"finish_reason": "length"}}
    (row,) = await check([Row.make(RIVERS, response="The Rhine, the", provenance=made)])
    assert "cut_off" in reasons(row)


async def test_settled_rows_pass_and_their_texts_are_not_remembered() -> None:
    gate = Gate()
    failed = Row.make(RIVERS, failure=failure("respond", EngineError("gone")))
    rejected = Row.make(RIVERS, key="b").reject("refusal")
    out = await check([failed, rejected, Row.make(RIVERS, key="c")], gate)
    assert out[:2] == [failed, rejected]
    assert out[2].status == "accepted"


async def test_the_row_keeps_all_else() -> None:
    row = Row.make(RIVERS, scores={"ifd": 0.5}, extra={"topic": "water"}, system="Be brief.")
    (out,) = await check([row])
    assert out.replace(verdict=None) == row


# Duplicates ---------------------------------------------------------------------------------------


async def test_the_second_of_two_equal_texts_is_rejected_also_without_an_embedder() -> None:
    one, other = Row.make(RIVERS, key="a"), Row.make("  name three large rivers of europe", key="b")
    out = await check([one, other])
    assert [r.status for r in out] == ["accepted", "rejected"]
    assert out[1].verdict is not None
    assert out[1].verdict.reasons == ("exact_duplicate",)
    assert out[1].verdict.details["exact_duplicate"]["of"] == one.id


async def test_a_near_duplicate_needs_an_embedder() -> None:
    rows = [Row.make(RIVERS), Row.make("Name large rivers of Europe three.")]
    assert [reasons(r) for r in await check(rows)] == [(), ()]
    assert [reasons(r) for r in await check(rows, Gate(Bag()))] == [(), ("near_duplicate",)]


async def test_near_texts_with_another_number_are_two_requests() -> None:
    rows = [Row.make(RIVERS), Row.make(RIVERS.replace("three", "seven"))]
    gate = Gate(Bag(), settings=GateSettings(near_duplicate=0.5))
    assert [r.status for r in await check(rows, gate)] == ["accepted", "accepted"]


async def test_a_rejected_text_is_no_twin_for_later_ones() -> None:
    made = {"instruction": {"finish_reason": "length"}}
    rows = [Row.make(RIVERS, provenance=made, key="a"), Row.make(RIVERS, key="b")]
    assert [r.status for r in await check(rows)] == ["rejected", "accepted"]


async def test_an_evolution_is_no_duplicate_of_what_it_was_made_from() -> None:
    parent = Row.make(RIVERS)
    child = evolution(ALSO, parent)
    grandchild = evolution(ALSO + " Also explain how floods shaped two old towns.", child)
    gate = Gate(Bag(), settings=GateSettings(near_duplicate=0.3))
    assert [reasons(r) for r in await check([parent, child, grandchild], gate)] == [(), (), ()]


async def test_an_evolution_is_a_duplicate_of_a_stranger() -> None:
    parent, stranger = Row.make(RIVERS), Row.make(ALSO)
    out = await check([parent, stranger, evolution(ALSO, parent)], Gate(Bag()))
    assert reasons(out[2]) == ("exact_duplicate",)


async def test_two_rows_with_one_id_are_both_looked_at() -> None:
    """Ids in files that people bring are not always unique; equal texts are duplicates still."""
    rows = [Row(id="1", instruction=RIVERS), Row(id="1", instruction=RIVERS)]
    assert [r.status for r in await check(rows)] == ["accepted", "rejected"]


# Lost information ---------------------------------------------------------------------------------


async def test_what_an_evolution_lost_is_shown_with_its_place() -> None:
    parent = Row.make('Write 5 sentences on "tidal locking" for Ada Lovelace.')
    child = evolution("Write some sentences on planets. Also explain why moons drift away.", parent)
    out = await check([parent, child])
    assert "information_loss" in reasons(out[1])
    assert out[1].verdict is not None
    detail = out[1].verdict.details["information_loss"]
    assert out[1].scores["information_loss"] == detail["score"] >= 0.5
    original = parent.instruction or ""
    assert detail["lost"]
    for span in detail["lost"]:
        assert original[span["start"] : span["end"]] == span["text"]
    assert {"quantity", "quotation"} <= {span["kind"] for span in detail["lost"]}


async def test_an_evolution_that_kept_everything_scores_nothing() -> None:
    parent = Row.make(RIVERS)
    out = await check([parent, evolution(ALSO, parent)])
    assert out[1].status == "accepted"
    assert out[1].scores == {"information_loss": 0.0}


async def test_an_evolution_that_adds_nothing_is_rejected() -> None:
    parent = Row.make(RIVERS)
    out = await check([parent, evolution(f"{RIVERS} Also explain it.", parent)])
    assert "no_new_demand" in reasons(out[1])


# A stream of its own ------------------------------------------------------------------------------


async def test_what_was_screened_is_not_screened_again() -> None:
    """Or every row would be a duplicate of itself. Each stream compares its rows once."""
    bag = Bag()
    gate = Gate(bag)
    rows = await screen(gate.check([Row.make(RIVERS)], instructions_only=True), gate)
    (row,) = await check(rows, gate)
    assert row.status == "accepted"
    assert bag.asked == [RIVERS] * 3


async def test_leaving_early_closes_the_source() -> None:
    closed = False

    async def source() -> AsyncIterator[Row]:
        nonlocal closed
        try:
            for i in range(100):
                yield Row.make(f"Name {i} large rivers.")
        finally:
            closed = True

    async with aclosing(Gate().check(source())) as rows:
        await anext(rows)
    assert closed


async def test_provenance_that_somebody_else_wrote_is_no_reason_to_stop() -> None:
    """A file that people bring may hold anything in there."""
    rows = [
        Row.make(RIVERS, provenance={"instruction": "by hand", "response": None}),
        Row.make("Boil one egg.", response="Done well.", provenance={"response": ["by hand"]}),
        Row.make(
            "Write a toast.",
            provenance={"instruction": {"prompt": "mine/old", "original": "Write"}},
        ),
    ]
    assert [r.status for r in await check(rows)][:2] == ["accepted", "accepted"]


row_texts = (
    st.sampled_from([RIVERS, ALSO, "ok", "", "Name two lakes.", "name two lakes"]) | st.text()
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(row_texts, st.none() | row_texts, st.sampled_from("lsf")), max_size=12))
def test_the_counts_always_add_up(specs: list[tuple[str, str | None, str]]) -> None:
    rows = []
    for i, (text, response, standing) in enumerate(specs):
        row = Row.make(text, key=str(i), response=response)
        if standing == "s":
            row = row.reject("mine")
        if standing == "f":
            row = row.replace(failure=failure("respond", EngineError("gone")))
        rows.append(row)
    out = asyncio.run(check(rows, Gate(Bag())))
    assert [r.id for r in out] == [r.id for r in rows]
    for before, after in zip(rows, out, strict=True):
        assert after.status in ("accepted", "rejected", "failed")
        assert (after.status == "rejected") == bool(reasons(after))
        assert set(reasons(after)) <= {*known_reasons(), "mine"}
        if before.settled:
            assert after == before


@pytest.mark.parametrize("slow", ["magpie", "evolution"])
async def test_verdicts_do_not_depend_on_who_finishes_first(slow: str) -> None:
    """Row 1 happens to say what row 0 evolves into; which of the two is kept is the plan's choice.

    Two screens, one behind the other, share the gate's memory: the first must not run ahead in
    it by as much as the back end happens to be fast.
    """
    how: dict[str, Any] = {"seed": 7, "prompts": "small", "candidates": 1}
    demand = " the towns on their banks."
    first = [r async for r in magpie(Scripted([RIVERS]), n=1, seed=7, openings=("",))]
    _, child = [r async for r in evolve(first, Scripted([demand]), **how)]
    seeds = [derive_seed(7, "magpie", str(i)) for i in range(3)]
    texts = dict(
        zip(seeds, [RIVERS, child.instruction or "", "Suggest a gift for my aunt."], strict=True)
    )

    def answer(request: Request) -> str:
        return demand if request.prefix else texts[request.seed]

    def delay(request: Request) -> float:
        late = request.seed == seeds[1] if slow == "magpie" else bool(request.prefix)
        return 0.05 if late else 0.0

    gate, llm = Gate(), Scripted(answer, delay=delay)
    rows = gate.check(magpie(llm, n=3, seed=7, openings=("",)), instructions_only=True)
    rows = gate.check(evolve(rows, llm, **how), instructions_only=True)
    by_plan = [(r.instruction, r.round, reasons(r)) for r in await check(rows, gate)]
    assert by_plan[0] == (RIVERS, 0, ())
    assert by_plan[1] == (child.instruction, 1, ())
    assert by_plan[2] == (child.instruction, 0, ("exact_duplicate",))


async def test_a_missing_embedder_stops_the_run_and_fails_no_row() -> None:
    """It is true of every row: a run that fails them one by one would hide what to do."""

    class Missing:
        name = "missing"

        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise ModelNotFound("No embedder. Get it with: pip install it")

    with pytest.raises(ModelNotFound, match="pip install"):
        await check([Row.make(RIVERS)], Gate(Missing()))
