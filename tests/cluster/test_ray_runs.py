"""Runs whose models are on a real Ray: the bytes of one process, whatever becomes of workers."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ray_lines import judged, line
from ray_models import broken, echo, gone, mixed, other_bits, poisoned, slow_once

from evolsynth.cli.main import main
from evolsynth.cluster import Ray
from evolsynth.cluster import pool as pools
from evolsynth.cluster.memory import _ShardedIndex
from evolsynth.cluster.pool import Pool
from evolsynth.data.files import read_rows
from evolsynth.doing import _hearers
from evolsynth.errors import InputError, RequestError, SetupError
from evolsynth.llm.backends import open_llm
from evolsynth.llm.base import LLM, Prompt, Request
from evolsynth.pipeline import Pipeline
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import RunResult
from evolsynth.rows import Message, Row
from evolsynth.store.status import read_status, stored_value

pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was told to whoever waits."""
    sentences: list[str] = []
    _hearers.append(sentences.append)
    yield sentences
    _hearers.remove(sentences.append)


async def ran(
    folder: Path,
    names: list[str],
    make: Callable[[], LLM],
    *,
    on: Ray | None = None,
    pipeline: Callable[[list[str]], Pipeline] = line,
    **more: Any,
) -> RunResult:
    options: dict[str, Any] = {"embedder": None, "report": False, "signals": False, "fresh": True}
    if on is None:
        options["llm"] = make()
    else:
        options |= {"llm": "fake", "on": on}
    return await run(pipeline(names), folder, RunOptions(**{**options, **more}))


def on(make: Callable[[], LLM], **more: Any) -> Ray:
    return Ray(models={"fake": make}, **more)


def rows_of(folder: Path) -> bytes:
    files = sorted(folder.glob("*.jsonl"))
    assert files
    return b"".join(b"== %s\n%s" % (one.name.encode(), one.read_bytes()) for one in files)


def asked(folder: Path) -> int:
    with sqlite3.connect(f"file:{folder / 'run.sqlite'}?mode=ro", uri=True) as file:
        return int(file.execute("select count(*) from completions").fetchone()[0])


NAMES = [f"thing {n}" for n in range(120)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes."""
    folder = tmp_path_factory.mktemp("alone")
    asyncio.run(ran(folder, NAMES, echo))
    return folder


@pytest.mark.parametrize("workers", [1, 3])
async def test_any_number_of_workers_gives_the_bytes_of_one_process(
    cluster: Any, alone: Path, tmp_path: Path, workers: int
) -> None:
    result = await ran(tmp_path, NAMES, echo, on=on(echo, workers=workers))
    standing = read_status(tmp_path)
    assert len(standing.workers) <= workers
    assert sum(one.answers for one in standing.workers) == asked(tmp_path)
    assert [e.kind for e in standing.events].count("worker_lost") == 0
    assert stored_value(tmp_path, "facts")["answers of Ray's workers, by node"].endswith(": 240")
    assert result.ended == "finished"
    assert rows_of(tmp_path) == rows_of(alone)


@pytest.mark.real
async def test_what_the_gate_compares_with_lies_at_shards_and_one_may_go(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{a} {b}" for a in ("a", "an old", "the") for b in ("bicycle", "bike", "lamp")] * 4
    plain: dict[str, Any] = {"pipeline": judged, "embedder": "minilm"}
    await ran(tmp_path / "alone", names, echo, **plain)
    ask, asked_them = _ShardedIndex.ask, itertools.count()

    def dangerous(self: _ShardedIndex, method: str, bodies: Any) -> Any:
        if next(asked_them) == 3:
            cluster.kill(self.shards[1])
        return ask(self, method, bodies)

    monkeypatch.setattr(_ShardedIndex, "ask", dangerous)
    await ran(tmp_path / "ray", names, echo, on=on(echo, workers=2, shards=2), **plain)
    assert next(asked_them) > 3
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "alone")
    rejected = read_rows(tmp_path / "ray" / "rejected.jsonl")
    reasons = {reason for row in rejected if row.verdict for reason in row.verdict.reasons}
    assert {"exact_duplicate", "near_duplicate"} <= reasons


async def test_workers_that_are_killed_cost_no_row_and_no_answer_twice(
    cluster: Any,
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    pool = seen_pool(monkeypatch)
    running = asyncio.create_task(ran(tmp_path, NAMES, echo, on=on(echo, workers=2)))
    for least in (20, 60):
        while not (tmp_path / "run.sqlite").exists() or asked(tmp_path) < least:
            await asyncio.sleep(0.02)
        one = next(iter(pool[0]._ready()))
        os.kill(await one.actor.pid.remote(), signal.SIGKILL)
    result = await running
    assert result.ended == "finished"
    assert rows_of(tmp_path) == rows_of(alone)
    assert asked(tmp_path) == asked(alone) == 2 * len(NAMES)
    assert sum("A worker on" in one and "has ended" in one for one in said) == 2
    workers = read_status(tmp_path).workers
    assert len(workers) == 4 or len(workers) == 3  # the last may have had no time to begin
    assert main(["status", str(tmp_path)]) == 0
    assert "Ray's workers: " in capsys.readouterr().out


def seen_pool(monkeypatch: pytest.MonkeyPatch) -> list[Pool]:
    """The pools that runs begin."""
    made: list[Pool] = []
    first = Pool.__init__

    def noted(self: Pool, settings: Ray) -> None:
        made.append(self)
        first(self, settings)

    monkeypatch.setattr(Pool, "__init__", noted)
    return made


async def test_a_request_that_ends_its_worker_fails_alone(
    cluster: Any, tmp_path: Path, said: list[str]
) -> None:
    names = [*NAMES[:12], "poison", *NAMES[12:24]]
    await ran(tmp_path / "ray", names, echo, on=on(poisoned, workers=2), breaker=0)
    await ran(tmp_path / "none", names, echo)
    bad = read(tmp_path / "ray/failed.jsonl")
    assert [row.instruction for row in bad] == ["Say something about poison 12."]
    assert bad[0].failure is not None
    assert "it is what ends them" in bad[0].failure.message
    good = {row.id: row for row in read(tmp_path / "none/accepted.jsonl")}
    rest = read(tmp_path / "ray/accepted.jsonl")
    assert [good[row.id] for row in rest] == rest
    assert len(rest) == len(names) - 1


def read(path: Path) -> list[Row]:
    return list(read_rows(path))


async def test_what_takes_very_long_somebody_else_makes_too(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_LEAST", 0.5)
    monkeypatch.setattr(pools, "_LOOK", 0.1)
    mark = tmp_path / "mark"
    names = [*NAMES[:30], "slow", *NAMES[30:40]]
    settings = on(partial(slow_once, str(mark)), workers=2)
    began = time.monotonic()
    await ran(tmp_path / "ray", names, echo, on=settings)
    assert time.monotonic() - began < 60
    assert mark.exists()
    await ran(tmp_path / "none", names, echo)
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "none")


async def test_a_worker_that_says_nothing_is_taken_for_dead(
    cluster: Any, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    pool = seen_pool(monkeypatch)
    settings = on(echo, workers=2, patience=7.0)
    running = asyncio.create_task(ran(tmp_path, NAMES, echo, on=settings))
    while not (tmp_path / "run.sqlite").exists() or asked(tmp_path) < 20:
        await asyncio.sleep(0.02)
    os.kill(await pool[0]._ready()[0].actor.pid.remote(), signal.SIGSTOP)
    await running
    assert rows_of(tmp_path) == rows_of(alone)
    assert any("silent for 7 s" in one for one in said)


async def test_what_a_back_end_raises_and_gives_comes_as_from_one_process(
    cluster: Any, tmp_path: Path
) -> None:
    names = ["thing", "refused", "foreign", "half"]
    for folder, where in ((tmp_path / "ray", on(mixed)), (tmp_path / "none", None)):
        await ran(folder, names, mixed, on=where)
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "none")
    assert len(read(tmp_path / "ray/failed.jsonl")) == 3  # and half a pair, which no file holds


async def test_scores_and_tokens_come_back_too(cluster: Any) -> None:
    pool = Pool(Ray(models={"fake": echo}, workers=1))
    async with pool.engines({"model": "fake"}, echo()) as llm:
        score = await llm.score(Prompt.of("One, two,"), " three four")
        own = await echo().score(Prompt.of("One, two,"), " three four")
        assert score.logprobs == own.logprobs
        assert llm.template.source == echo().template.source
        asked = Request(prompt=Prompt.of("One,"), seed=3, max_tokens=4, logprobs=True)
        one, other = await llm.complete(asked), await echo().complete(asked)
        assert (one.text, one.logprobs) == (other.text, other.logprobs)
        assert llm.usage.requests == 1
        with pytest.raises(RequestError, match="nothing to score"):
            await llm.score(Prompt.of("One,"), "")


async def test_two_models_run_at_every_worker(cluster: Any) -> None:
    """Also at workers that are just beginning the first when the second is asked for."""
    pool = Pool(Ray(models={"fake": echo, "other": mixed}, workers=3))
    asked = Request(prompt=Prompt.of("One,"), seed=3, max_tokens=4)
    async with (
        pool.engines({"model": "fake"}, echo()) as one,
        pool.engines({"model": "other"}, echo()) as other,
    ):
        async with asyncio.timeout(60):
            await pool.begun(3)
        both = await asyncio.gather(one.complete(asked), other.complete(asked))
    assert both[0].text == both[1].text == (await echo().complete(asked)).text


async def test_a_question_that_nobody_waits_for_is_left(cluster: Any) -> None:
    pool = Pool(Ray(models={"fake": echo}, workers=1))
    async with pool.engines({"model": "fake"}, echo()) as llm:
        asked = Request(prompt=Prompt.of("One,"), seed=3, max_tokens=4)
        task = asyncio.create_task(llm.complete(asked))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not pool._tasks
        assert (await llm.complete(asked)).text


async def test_workers_that_compute_otherwise_are_left_out(cluster: Any, said: list[str]) -> None:
    pool = Pool(Ray(models={"fake": other_bits}, workers=3))
    async with pool.engines({"model": "fake"}, echo()):
        while sum("computes other last bits" in one for one in said) < 2:
            await asyncio.sleep(0.05)
        assert len(pool._ready()) == 1
    mixed_pool = Pool(Ray(models={"fake": other_bits}, workers=2, mixed=True))
    async with mixed_pool.engines({"model": "fake"}, echo()):
        await mixed_pool.begun(2)
        assert [one.there for one in mixed_pool.standing()] == [True, True]


async def test_a_model_that_cannot_be_made_is_told_before_any_row(
    cluster: Any, tmp_path: Path
) -> None:
    pool = Pool(Ray(models={"fake": broken}, workers=2))
    with pytest.raises(RequestError, match="no such model here") as caught:
        async with pool.engines({"model": "fake"}, echo()):
            pass
    assert "Traceback" not in str(caught.value)


async def test_a_worker_whose_server_is_gone_is_left_out(
    cluster: Any, alone: Path, tmp_path: Path, said: list[str]
) -> None:
    settings = on(partial(gone, str(tmp_path / "mark")), workers=2)
    await ran(tmp_path / "ray", NAMES, echo, on=settings, breaker=1)
    assert (tmp_path / "mark0").exists()
    assert "A worker is left out: The server is gone." in said
    assert rows_of(tmp_path / "ray") == rows_of(alone)


async def test_where_all_servers_are_gone_the_run_ends_and_keeps_what_it_has(
    cluster: Any, alone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ray"
    settings = on(partial(gone, str(tmp_path / "mark"), 2), workers=2)
    with pytest.raises(SetupError, match="The server is gone"):
        await ran(folder, NAMES, echo, on=settings)
    before = asked(folder)
    assert before >= 8
    await ran(folder, NAMES, echo, on=on(echo, workers=2), fresh=False)
    assert rows_of(folder) == rows_of(alone)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of one in the shapes of vLLM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("ray_vllm.py")), "serve", "small"]
    process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)])
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"vllm:http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def test_workers_ask_servers_where_they_are_to(
    cluster: Any, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker for each node, with the rows of a run that asks by itself."""
    pool = seen_pool(monkeypatch)
    options: dict[str, Any] = {"llm": server, "embedder": None, "report": False, "signals": False}
    pipeline = line(NAMES[:30])
    for folder, where in (("none", None), ("ray", Ray(served=True))):
        await run(pipeline, tmp_path / folder, RunOptions(**options, on=where))
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "none")
    (worker,) = pool[0]._all
    assert worker.done == asked(tmp_path / "ray") > 0
    again = await run(pipeline, tmp_path / "ray", RunOptions(**options))
    assert again.accepted == 30
    assert asked(tmp_path / "ray") == worker.done  # the same questions: none is asked again


@pytest.mark.parametrize("served_first", [True, False])
async def test_a_model_behind_a_server_goes_with_one_that_workers_compute(
    cluster: Any, server: str, served_first: bool
) -> None:
    """Then there are as many workers as processors, and each can do both."""
    pool = Pool(Ray(models={"fake": echo}, served=True, workers=2))
    both: list[Callable[[], LLM]] = [
        lambda: pool.engines({"model": server}, open_llm(server), served=True),
        lambda: pool.engines({"model": "fake"}, echo()),
    ]
    one, other = (make() for make in (both if served_first else both[::-1]))
    asked = Request(messages=(Message("user", "Why bees?"),), seed=3, max_tokens=9)
    async with one, other, asyncio.timeout(60):
        await pool.begun(2)
        said = {(await llm.complete(asked)).text for llm in (one, other)}
        assert len(pool._ready()) == 2
        assert {worker.place for worker in pool._ready()} == {None}
    assert "Bees share their work, and each has a task." in said
    assert len(said) == 2


async def test_by_default_the_run_asks_servers_itself(
    cluster: Any, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = seen_pool(monkeypatch)
    options = RunOptions(llm=server, embedder=None, report=False, signals=False, on=Ray())
    assert (await run(line(NAMES[:5]), tmp_path, options)).accepted == 5
    assert not pool[0]._all


async def test_a_model_object_cannot_go_to_workers(tmp_path: Path) -> None:
    class Here(type(echo())):  # type: ignore[misc]
        local = True

    with pytest.raises(InputError, match="lives in this process"):
        await run(line(["a"]), tmp_path, RunOptions(llm=Here(["x"]), on=Ray(), embedder=None))
