"""Runs into a folder: what is kept, what goes on, when it ends, and what is said."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth import Row, Scripted
from evolsynth.errors import (
    BrokenStep,
    EngineError,
    InputError,
    ModelNotFound,
    RunLocked,
    RunStopped,
)
from evolsynth.llm.base import Request
from evolsynth.pipeline import evolve, gate, generate_rows, load, magpie, merge, respond
from evolsynth.pipeline.graph import Chainable, Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.state import RunResult
from evolsynth.store.store import Store

FILES = ("accepted.jsonl", "rejected.jsonl", "failed.jsonl")


def seeds(n: int) -> list[dict[str, Any]]:
    return [
        {"instruction": f"Tell me about the {number}. river of the old world."}
        for number in range(n)
    ]


def said(request: Request) -> str:
    return f"{request.prefix} There is much to be said of {request.seed % 997} here."


async def go(pipe: Chainable, folder: Path, llm: Any = None, **options: Any) -> RunResult:
    options = {"embedder": None, "report": False, "llm": llm or Scripted(said), **options}
    return await pipe.run(str(folder), **options)


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def lines(path: Path) -> list[dict[str, Any]]:
    return [whole_row(line) for line in path.read_text("utf-8").splitlines()]


async def test_a_run_leaves_its_data_set_and_the_counts_add_up(tmp_path: Path) -> None:
    pipe = load(seeds(12)) >> evolve() >> respond() >> gate()
    result = await go(pipe, tmp_path)
    assert result.ended == "finished"
    state = result.state
    assert state.planned == state.total == 24 == state.accepted + state.rejected + state.failed
    assert len(lines(tmp_path / "accepted.jsonl")) == state.accepted
    assert len(lines(tmp_path / "rejected.jsonl")) == state.rejected > 0
    assert not (tmp_path / "failed.jsonl").exists()
    assert result.files["accepted"] == tmp_path / "accepted.jsonl"


async def test_without_a_gate_what_comes_out_is_accepted_and_has_no_verdict(tmp_path: Path) -> None:
    result = await go(load(seeds(3)) >> respond(), tmp_path)
    assert result.accepted == 3
    assert [row["verdict"] for row in lines(tmp_path / "accepted.jsonl")] == [None] * 3


async def test_a_run_that_is_run_again_asks_nothing_and_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    pipe = load(seeds(8)) >> evolve() >> respond() >> gate()
    first, second = Scripted(said), Scripted(said)
    await go(pipe, tmp_path, first)
    before = files_of(tmp_path)
    result = await go(pipe, tmp_path, second)
    assert first.requests
    assert not second.requests
    assert files_of(tmp_path) == before
    assert result.state.tokens_found > result.state.tokens == 0


@pytest.mark.parametrize("width", [1, 4, 64])
async def test_the_bytes_do_not_depend_on_how_many_are_under_way(
    tmp_path: Path, width: int
) -> None:
    pipe = load(seeds(10)) >> evolve(rounds=2) >> [respond(), respond(samples=2)] >> merge >> gate()

    def latency(request: Request) -> float:
        return (request.seed * width % 13) / 3000

    await go(pipe, tmp_path / "a", Scripted(said, concurrency=2))
    await go(pipe, tmp_path / "b", Scripted(said, concurrency=width, delay=latency))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


async def test_editing_a_step_asks_again_for_it_and_what_follows_only(tmp_path: Path) -> None:
    def pipe(prompt: str) -> Pipeline:
        return (
            generate_rows(n=5, prompt="Name a river.")
            >> respond(system=prompt, name="first")
            >> respond(output_mappings={"response": "unused"}, name="second")
        )

    await go(pipe("Be brief."), tmp_path)
    again = Scripted(said)
    result = await go(pipe("Be kind."), tmp_path, again)
    counts = {c.name: (c.asked, c.found) for c in result.state.refresh()}
    assert counts["generate_rows"] == (0, 5)
    assert counts["first"] == (5, 0)


async def test_fresh_begins_anew_and_no_cache_asks_again_and_keeps_the_answers(
    tmp_path: Path,
) -> None:
    pipe = load(seeds(4)) >> respond()
    await go(pipe, tmp_path)
    for options in ({"fresh": True}, {"use_cache": False}):
        again = Scripted(lambda _: "Something else.")
        await go(pipe, tmp_path, again, **options)
        assert len(again.requests) == 4
    third = Scripted(said)
    await go(pipe, tmp_path, third)
    assert not third.requests
    assert lines(tmp_path / "accepted.jsonl")[0]["response"] == "Something else."


async def test_two_runs_share_the_answers_of_a_cache(tmp_path: Path) -> None:
    pipe = load(seeds(4)) >> respond()
    cache = str(tmp_path / "shared.sqlite")
    await go(pipe, tmp_path / "a", cache=cache)
    other = Scripted(said)
    await go(pipe, tmp_path / "b", other, cache=cache)
    assert not other.requests
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    alone = Scripted(said)
    await go(pipe, tmp_path / "b", alone)  # what was found there is the run's own now
    assert not alone.requests


async def test_a_run_is_cut_at_so_many_accepted_rows_and_goes_on_later(tmp_path: Path) -> None:
    pipe = magpie() >> respond() >> gate()
    ask = Scripted(
        lambda r: f"{r.prefix} {['river', 'lake', 'sea', 'hill', 'tree'][r.seed % 5]} {r.seed}?"
    )
    first = await go(pipe, tmp_path / "a", ask, accepted=5)
    assert (first.ended, first.accepted) == ("accepted", 5)
    await go(pipe, tmp_path / "a", ask, accepted=9)
    whole = await go(pipe, tmp_path / "b", Scripted(ask._answer, concurrency=1), accepted=9)
    assert whole.accepted == 9
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


async def test_a_run_is_cut_after_so_many_rows(tmp_path: Path) -> None:
    result = await go(load(seeds(50)) >> respond(), tmp_path, max_attempts=7)
    assert (result.ended, result.state.total, result.state.planned) == ("max_attempts", 7, 7)


async def test_a_run_is_cut_after_its_time_and_keeps_what_it_has(tmp_path: Path) -> None:
    slow = Scripted(said, delay=0.02, concurrency=1)
    result = await go(load(seeds(500)) >> respond(), tmp_path, slow, minutes=0.3 / 60)
    assert result.ended == "minutes"
    assert 0 < result.accepted < 500
    assert len(lines(tmp_path / "accepted.jsonl")) == result.accepted


async def test_a_run_is_cut_after_so_many_tokens_those_found_among_them(tmp_path: Path) -> None:
    slow = Scripted(said, delay=0.01, concurrency=2)
    pipe = load(seeds(500)) >> respond()
    first = await go(pipe, tmp_path, slow, max_tokens=100)
    assert first.ended == "max_tokens"
    second = await go(pipe, tmp_path, Scripted(said, delay=0.01, concurrency=2), max_tokens=100)
    assert second.ended == "max_tokens"
    assert second.state.tokens_found > 0


async def test_a_run_in_which_nothing_is_accepted_any_more_ends_as_stalled(tmp_path: Path) -> None:
    @step
    async def never(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield (
                row.reject("off_topic") if int((row.instruction or "").split()[4][:-1]) > 4 else row
            )

    result = await go(load(seeds(500)) >> never, tmp_path, stall=30)
    assert (result.ended, result.accepted, result.state.total) == ("stalled", 5, 35)
    assert result.state.reasons == {"off_topic": 30}


async def test_a_source_that_never_ends_needs_a_budget(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'magpie' has no n and the run no budget"):
        await go(magpie() >> gate(), tmp_path)


async def test_failed_rows_are_written_with_step_error_and_attempt_and_tried_again(
    tmp_path: Path,
) -> None:
    down = True

    def sometimes(request: Request) -> str | Exception:
        if down and "3. river" in str(request.prompt):
            return EngineError("the power went")
        return said(request)

    pipe = load(seeds(6)) >> respond(retry={"attempts": 2, "wait": 0.0})
    result = await go(pipe, tmp_path, Scripted(sometimes))
    assert (result.accepted, result.state.failed) == (5, 1)
    (failed,) = lines(tmp_path / "failed.jsonl")
    assert failed["failure"] == {
        "step": "respond",
        "error": "EngineError",
        "message": "the power went",
        "attempt": 2,
    }
    down = False
    second = Scripted(sometimes)
    result = await go(pipe, tmp_path, second)
    assert (result.accepted, result.state.failed) == (6, 0)
    assert len(second.requests) == 1
    assert not (tmp_path / "failed.jsonl").exists()


async def test_the_breaker_ends_a_run_and_what_was_made_is_there_when_it_goes_on(
    tmp_path: Path,
) -> None:
    down = False

    def until(request: Request) -> str | Exception:
        return EngineError("no route to host") if down else said(request)

    pipe = load(seeds(60)) >> respond(retry={"attempts": 1})
    await go(pipe, tmp_path, Scripted(until), max_attempts=10)
    down = True
    with pytest.raises(BrokenStep, match="no route to host"):
        await go(pipe, tmp_path, Scripted(until, concurrency=2))
    assert len(lines(tmp_path / "accepted.jsonl")) == 10  # as the run before it left them
    assert len(lines(tmp_path / "accepted.partial.jsonl")) >= 10  # some were made ahead
    assert len(lines(tmp_path / "failed.partial.jsonl")) == 20
    down = False
    last = Scripted(until)
    result = await go(pipe, tmp_path, last)
    assert result.accepted == 60
    assert len(last.requests) <= 50


async def test_a_missing_model_is_told_before_anything_runs_and_the_run_goes_on_once_it_is_there(
    tmp_path: Path,
) -> None:
    pipe = load(seeds(2)) >> respond()
    with pytest.raises(ModelNotFound):
        await go(pipe, tmp_path / "run", str(tmp_path / "gone.gguf"))
    result = await go(pipe, tmp_path / "run")
    assert result.accepted == 2


async def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    owner = rf"process {os.getpid()}, started"
    with Store.open(tmp_path), pytest.raises(RunLocked, match=owner):
        await go(load(seeds(1)), tmp_path)


async def test_ctrl_c_keeps_what_finishes_in_time_and_says_how_to_go_on(tmp_path: Path) -> None:
    llm = Scripted(said, delay=0.05, concurrency=4)
    pipe = load(seeds(400)) >> respond()
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(RunStopped, match="Go on with the same command") as stopped:
        await go(pipe, tmp_path, llm)
    assert stopped.value.reason == "SIGINT"
    kept = len(lines(tmp_path / "accepted.partial.jsonl"))
    assert 0 < kept < 400
    assert kept == len(llm.requests)  # nothing that was asked is lost
    again = Scripted(said)
    result = await go(pipe, tmp_path, again)
    assert (result.accepted, len(again.requests)) == (400, 400 - kept)
    assert not (tmp_path / "accepted.partial.jsonl").exists()


async def test_a_run_that_comes_to_its_end_while_it_stops_has_finished(tmp_path: Path) -> None:
    llm = Scripted(said, delay=0.3)
    threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT)).start()
    result = await go(load(seeds(3)) >> respond(), tmp_path, llm)
    assert (result.ended, result.accepted) == ("finished", 3)


async def test_a_second_ctrl_c_waits_for_nothing(tmp_path: Path) -> None:
    llm = Scripted(said, delay=lambda r: 60.0)
    pipe = load(seeds(4)) >> respond()
    for after in (0.2, 0.4):
        threading.Timer(after, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(RunStopped) as stopped:
        await asyncio.wait_for(go(pipe, tmp_path, llm), 4)
    assert stopped.value.reason == "SIGTERM"
    assert llm.active == 0


async def test_what_hangs_is_left_after_the_grace(tmp_path: Path) -> None:
    llm = Scripted(said, delay=lambda r: 60.0)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(RunStopped):
        await asyncio.wait_for(go(load(seeds(4)) >> respond(), tmp_path, llm, grace=0.2), 4)
    assert llm.active == 0


async def test_a_watcher_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    class Watch:
        def begin(self, state: Any) -> None:
            told.append("begin")

        def event(self, kind: str, /, **data: Any) -> None:
            told.append(kind)

        def end(self) -> None:
            told.append("end")

    await go(load(seeds(2)) >> respond(), tmp_path, watch=Watch())
    assert told == ["begin", "step", "step", "finished", "end"]


async def test_a_run_without_a_folder_keeps_nothing(tmp_path: Path) -> None:
    from evolsynth.pipeline.run.run import RunOptions, run

    options = RunOptions(llm=Scripted(said), embedder=None, report=False)
    result = await run(load(seeds(2)) >> respond(), None, options)
    assert (result.accepted, result.folder, result.files) == (2, None, {})


async def test_an_option_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\(\): .*'fast'"):
        await (load([]) >> respond()).run(str(tmp_path), fast=True)
    with pytest.raises(InputError, match="accepted is 0"):
        await go(load([]) >> respond(), tmp_path, accepted=0)


async def test_rows_are_brought_to_their_end_before_others_are_begun(tmp_path: Path) -> None:
    made = 0
    for number in range(3):  # answers take a while, so that a busy machine changes little
        llm = Scripted(said, delay=0.05, concurrency=16)
        kept = {"output_mappings": {"response": "first"}}
        pipe = generate_rows(prompt="Name a river.") >> respond(**kept) >> respond(name="again")
        result = await go(pipe, tmp_path / str(number), llm, accepted=10)
        assert llm.most_active <= 16
        made += result.state.counts[0].made
    assert made <= 96  # 22 to 33 rows a run; first come, first served makes 35 to 41
