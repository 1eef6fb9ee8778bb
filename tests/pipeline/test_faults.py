"""Whatever goes wrong, planned = accepted + rejected + failed, and nothing is left running."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evolsynth import Row, Scripted
from evolsynth.errors import EngineError, RequestError, StepError
from evolsynth.llm.base import Completion, Request
from evolsynth.pipeline import evolve, gate, group, load, merge, respond
from evolsynth.pipeline.graph import Chainable, Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.store.cached_llm import Retry

_WAIT = Retry(attempts=2, wait=0.0)


def seeded(*parts: object) -> random.Random:
    return random.Random("/".join(map(str, parts)))


@step
async def poisoned(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    async for row in rows:
        if seeded("poison", row.id).random() < share:
            raise ValueError(f"poison in {row.id}")
        yield row


@step
async def lossy(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    async for row in rows:
        if seeded("lost", row.id).random() >= share:
            yield row


@step
async def doubled(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    async for row in rows:
        yield row
        if seeded("twice", row.id).random() < share:
            yield Row.make(row.instruction, key=f"{row.id}/2", parents=(row.id,))


@step
async def replaced(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    async for row in rows:
        if seeded("new", row.id).random() < share:
            yield Row.make(row.instruction, key=f"{row.id}/new", parents=(row.id,))
        else:
            yield row


@step
async def held_back(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    held: list[Row] = []
    async for row in rows:
        held.append(row)
        if len(held) > 10 * share:
            yield held.pop()
    for row in held:
        yield row


@step
async def slow(row: Row, share: float) -> Row | tuple[Row, ...] | None:
    await asyncio.sleep(seeded("slow", row.id).random() * 0.002)
    chance = seeded("each", row.id).random()
    if chance < share / 3:
        raise KeyError(row.id)
    if chance < share / 2:
        return None
    return row


@step
async def judged(rows: AsyncIterator[Row], share: float) -> AsyncIterator[Row]:
    async for row in rows:
        yield row.reject("odd") if seeded("odd", row.id).random() < share else row


_SHARES = st.sampled_from([0.0, 0.2, 0.6, 1.0])
_MAKERS = [poisoned, lossy, doubled, replaced, held_back, slow, judged]
own_steps = st.builds(lambda maker, share: maker(share=share), st.sampled_from(_MAKERS), _SHARES)
our_steps = st.sampled_from([respond, evolve, gate])
any_step = st.one_of(own_steps, own_steps, st.builds(lambda maker: maker(), our_steps))
chains = st.lists(any_step, min_size=1, max_size=3)


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    size = draw(st.integers(0, 25))
    pipe: Pipeline = Pipeline(
        load(
            [{"instruction": f"Name {n} rivers of the old world."} for n in range(size)]
        ).as_parts()
    )
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            pipe = pipe >> draw(any_step)
            continue
        ways: list[Chainable] = []
        for chain in draw(st.lists(chains, min_size=2, max_size=3)):
            way = Pipeline(chain[0].as_parts())
            for one in chain[1:]:
                way = way >> one
            ways.append(way)
        pipe = pipe >> ways >> draw(st.sampled_from([merge(), group(columns=["instruction"])]))
    return pipe


def failing(share: float) -> Any:
    """A model of which some requests fail, for good or for once."""
    tried: set[int] = set()

    def answer(request: Request) -> str | Exception | Completion:
        chance = seeded("model", request.seed, str(request.prompt)).random()
        if chance < share / 2:
            return RequestError("this can never be answered")
        if chance < share and request.seed not in tried:
            tried.add(request.seed)
            return EngineError("not now")
        return f"{request.prefix} an answer number {request.seed % 1000} of some length."

    def latency(request: Request) -> float:
        return seeded("latency", request.seed).random() * 0.002

    return answer, latency


def threads() -> set[threading.Thread]:
    """Those of this package; other tests' models may have some."""
    return {t for t in threading.enumerate() if t.name.startswith("evolsynth")}


def left_behind(before: set[threading.Thread]) -> list[Any]:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    return [*others, *(threads() - before)]


@given(pipelines(), _SHARES, st.sampled_from([1, 4, 64]))
def test_every_planned_row_comes_out(pipe: Pipeline, share: float, width: int) -> None:
    async def go() -> None:
        before = threads()
        answer, latency = failing(share)
        llm = Scripted(answer, delay=latency, concurrency=width)
        options = RunOptions(
            llm=llm, embedder=None, report=False, breaker=None, stall=None, retry=_WAIT
        )
        try:
            result = await run(pipe, None, options)
        except StepError:
            return
        state = result.state
        assert state.planned == state.accepted + state.rejected + state.failed == state.total
        for counts in state.counts:
            assert counts.running == 0
            if counts.kind not in ("merge", "group"):
                came = counts.came + counts.made - counts.used
                assert came == counts.left + counts.rejected + counts.failed
        assert left_behind(before) == []

    asyncio.run(go())


@given(pipelines(), st.integers(0, 40), st.sampled_from([1, 4, 64]))
def test_a_run_that_is_cancelled_anywhere_leaves_nothing_running(
    pipe: Pipeline, turns: int, width: int
) -> None:
    async def go() -> None:
        before = threads()
        answer, latency = failing(0.2)
        llm = Scripted(answer, delay=latency, concurrency=width)
        options = RunOptions(
            llm=llm, embedder=None, report=False, breaker=None, stall=None, retry=_WAIT
        )
        task = asyncio.create_task(run(pipe, None, options))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert left_behind(before) == []
        assert llm.active == 0

    asyncio.run(go())
