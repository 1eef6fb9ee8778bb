"""A run looks at each instruction before anything is spent on it, with the gate at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evolsynth import Row, Scripted
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import Request
from evolsynth.pipeline import (
    evolve,
    gate,
    generate,
    load,
    magpie,
    merge,
    preference,
    rename,
    respond,
)
from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.plan import looks
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import RunResult
from evolsynth.pipeline.yaml.load import load_pipeline

GOOD, OTHER = "Name three large rivers of Europe.", "Explain how bread rises in the oven."
BAD = "Fish?"


def texts(*given: str) -> list[dict[str, Any]]:
    return [{"id": str(i), "instruction": text} for i, text in enumerate(given)]


class Asked:
    """A model that tells what it was asked about."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, request: Request) -> str:
        self.texts.append(str(request.prompt))
        return "The Danube, the Rhine and the Elbe run through many lands, towns and old forests."

    def about(self, text: str) -> bool:
        return any(text in asked for asked in self.texts)


async def ran(
    pipe: Pipeline, asked: Any = None, folder: Path | None = None, **options: Any
) -> RunResult:
    wanted = RunOptions(llm=Scripted(asked or Asked()), embedder=None, report=False, **options)
    return await run(pipe, folder, wanted)


def counts(result: RunResult, name: str) -> tuple[int, int, int, int]:
    """Of a step: rows planned, left, rejected, failed."""
    (c,) = (c for c in result.state.counts if c.name == name)
    return c.came + c.made - c.used, c.left, c.rejected, c.failed


def where(pipe: Pipeline) -> dict[str, str]:
    nodes = pipe.nodes()
    return {nodes[a].name: nodes[b].name for a, b in looks(nodes).items()}


# Where it looks -----------------------------------------------------------------------------------


@step
async def own(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        yield row


def test_after_each_step_that_made_instructions_and_before_each_that_spends() -> None:
    pipe = magpie(n=3) >> evolve() >> respond() >> gate()
    assert where(pipe) == {"magpie": "gate", "evolve": "gate"}
    assert where(load([]) >> respond() >> respond(name="again") >> gate()) == {"load": "gate"}
    assert where(load([]) >> generate(prompt="x", output="instruction") >> respond() >> gate()) == {
        "load": "gate",
        "generate": "gate",
    }


def test_not_where_no_gate_stands_below_or_nothing_is_spent() -> None:
    assert where(magpie(n=3) >> respond()) == {}
    assert where(load([]) >> gate()) == {}
    assert where(load([]) >> gate() >> respond()) == {}
    assert where(load([]) >> preference() >> gate()) == {}, "rules cost nothing"


def test_what_passes_in_between_is_looked_at_just_before_it_costs() -> None:
    assert where(load([]) >> own >> respond() >> gate()) == {"own": "gate"}
    assert where([load([]), load([])] >> merge() >> respond() >> gate()) == {"merge": "gate"}
    pipe = load([]) >> [respond(), respond(name="b")] >> merge() >> respond(name="c") >> gate()
    assert where(pipe) == {"load": "gate"}


def test_a_gate_of_other_columns_looks_at_the_end_only() -> None:
    last = gate(input_mappings={"instruction": "prompt"})
    assert where(load([]) >> respond() >> rename({"instruction": "prompt"}) >> last) == {}


# What becomes of rows -----------------------------------------------------------------------------


async def test_a_bad_original_is_neither_evolved_nor_answered_and_counts_where_it_came_from() -> (
    None
):
    asked = Asked()
    result = await ran(load(texts(GOOD, BAD, OTHER)) >> respond() >> gate(), asked)
    assert asked.about(GOOD)
    assert not asked.about(BAD)
    assert counts(result, "load") == (3, 2, 1, 0)
    assert counts(result, "respond")[0] == 2
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed == 3


async def test_the_settings_are_those_of_the_gate() -> None:
    asked = Asked()
    last = gate(settings={"skip": ["too_short"], "min_words": 9})
    await ran(load(texts(GOOD, BAD)) >> respond() >> last, asked)
    assert asked.about(BAD)
    asked = Asked()
    await ran(load(texts(GOOD)) >> respond() >> gate(settings={"min_words": 9}), asked)
    assert asked.texts == []


async def test_rows_without_an_instruction_are_left_alone() -> None:
    rows = [{"id": "a", "input": "x"}, {"id": "b", "instruction": BAD}]
    asked = Asked()
    pipe = load(rows) >> generate(prompt="Ask of {input}", output="instruction") >> gate()
    result = await ran(pipe, asked)
    assert len(asked.texts) == 1
    assert counts(result, "load") == (2, 1, 1, 0)


async def test_both_branches_get_what_was_let_through_and_each_row_is_accounted_for() -> None:
    ways: Sequence[Any] = [respond(), respond(name="b", seed=5)]
    asked = Asked()
    result = await ran(load(texts(GOOD, BAD, OTHER)) >> ways >> merge() >> gate(), asked)
    assert not asked.about(BAD)
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed
    assert counts(result, "load") == (3, 2, 1, 0)
    assert counts(result, "respond")[0] == counts(result, "b")[0] == 2


async def test_rows_of_branches_that_say_the_same_are_answered_once() -> None:
    asked = Asked()
    both: Sequence[Any] = [load(texts(GOOD)), load([{"id": "z", "instruction": GOOD}])]
    result = await ran(both >> merge() >> respond() >> gate(), asked)
    assert len(asked.texts) == 1
    assert counts(result, "merge")[1:] == (1, 1, 0)
    state = result.state
    assert (state.planned, state.accepted, state.rejected) == (2, 1, 1)


async def test_a_steps_rows_are_told_to_an_observer_with_their_verdicts() -> None:
    seen: list[tuple[str, str]] = []

    def observe(node: Node, row: Row) -> None:
        seen.append((node.name, row.status))

    await ran(load(texts(GOOD, BAD)) >> respond() >> gate(), observe=observe)
    assert [status for name, status in seen if name == "load"] == ["pending", "rejected"]


async def test_a_users_step_that_raises_is_blamed_for_its_row_alone() -> None:
    @step
    async def picky(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            if row.instruction == OTHER:
                raise ValueError("not this one")
            yield row

    many = [f"Name {n} rivers of the old world." for n in range(2, 12)]
    result = await ran(load(texts(*many, OTHER, BAD, GOOD)) >> picky >> respond() >> gate())
    assert counts(result, "picky")[1:] == (11, 1, 1)
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed == 13


@pytest.mark.parametrize("concurrency", [1, 3, 16])
async def test_the_same_rows_come_in_the_same_order_whatever_runs_beside(
    concurrency: int, tmp_path: Path
) -> None:
    many = [f"Name {n} rivers of the old world." if n % 3 else BAD for n in range(24)]
    pipe = load(texts(*many)) >> respond() >> gate()
    await ran(pipe, folder=tmp_path / "a", concurrency=concurrency)
    await ran(pipe, folder=tmp_path / "b", concurrency=2)
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


async def test_a_run_that_goes_on_gives_what_one_gives_that_was_never_stopped(
    tmp_path: Path,
) -> None:
    many = [f"Name {n} rivers of the old world." if n % 3 else BAD for n in range(24)]
    pipe = load(texts(*many)) >> respond() >> gate()
    cut = await ran(pipe, folder=tmp_path / "a", accepted=3, concurrency=2)
    assert cut.state.accepted == 3
    await ran(pipe, folder=tmp_path / "a")
    await ran(pipe, folder=tmp_path / "b")
    whole = [list(read_rows(tmp_path / name / "accepted.jsonl")) for name in "ab"]
    assert whole[0] == whole[1]


async def test_a_run_that_is_cancelled_ends_promptly() -> None:
    async def endless() -> AsyncGenerator[Row]:
        n = 0
        while True:
            n += 1
            await asyncio.sleep(0)
            yield Row.make(f"Name {n} rivers of the old world.", key=str(n))

    work = asyncio.create_task(ran(load(endless()) >> respond() >> gate()))
    await asyncio.sleep(0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, 5)


# In scripts, and in YAML --------------------------------------------------------------------------


async def test_a_script_looks_at_instructions_alone_and_the_verdict_is_carried() -> None:
    judge = Gate()
    rows = [Row.make(GOOD), Row.make(BAD), Row.make(None, extra={"input": "x"})]
    looked = [r async for r in judge.check(rows, instructions_only=True)]
    assert [r.status for r in looked] == ["pending", "rejected", "pending"]
    assert looked[2] == rows[2]
    answered = [r.replace(response="The Rhine, the Elbe, the Po.") for r in looked[:2]]
    done = [r async for r in judge.check(answered)]
    assert [r.status for r in done] == ["accepted", "rejected"]
    assert done[1].verdict == looked[1].verdict


def test_a_screen_in_yaml_can_be_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("steps: [magpie: {n: 3}, screen, respond, gate]\n", encoding="utf-8")
    with pytest.raises(InputError, match="no longer needed") as caught:
        load_pipeline(str(path))
    assert "Take it out" in str(caught.value)
