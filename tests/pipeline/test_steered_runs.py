"""Runs that steer themselves: the same at any concurrency, after a kill, and off as before."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from written_rows import whole_row

from evolsynth import Scripted
from evolsynth.cli.progress.summary import summarise
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.llm.base import Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.pipeline import (
    Pipeline,
    Steer,
    evolve,
    gate,
    load,
    magpie,
    merge,
    read_pipeline,
    respond,
    write_yaml,
)
from evolsynth.pipeline.graph import Chainable
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.state import RunResult

FILES = ("accepted.jsonl", "rejected.jsonl")
#: The first begins what is always refused, the second a kind of task that the others do not.
OPENINGS: tuple[str, ...] = (
    "Hm",
    "Write a letter about",
    "How do I make",
    "How can I find",
    "How do you mend",
)
OPENINGS += ("Why do people want",)
THINGS = ("a lamp", "some bread", "a raft", "a good map", "an oven", "a garden wall", "new friends")


def said(request: Request) -> str:
    draw = random.Random(request.seed)
    if request.max_tokens > 200:
        return (
            f"Dear neighbour, it takes {draw.randint(3, 90)} days and a lot of patience, as all of "
            "us know, but in the end it stands there and everybody is glad of it for many years."
        )
    if request.prefix == "Hm":
        return "Hm"
    text = f" {draw.choice(THINGS)} in the year {draw.randint(1500, 2000)} near the old harbour?"
    return text if request.prefix.startswith(("How", "Why")) else text.replace("?", ".")


def late(request: Request) -> float:
    return random.Random(request.seed ^ 5).random() / 200


def line(n: int = 120) -> Pipeline:
    return (magpie(n=n, openings=OPENINGS) >> respond() >> gate()).using(seed=3)


async def go(pipe: Chainable, folder: Path, **options: Any) -> RunResult:
    told = {"embedder": None, "report": False, "llm": Scripted(said), "steer": Steer(every=20)}
    return await pipe.run(str(folder), **{**told, **options})


def files_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows = [whole_row(one) for name in FILES for one in (folder / name).open(encoding="utf-8")]
    return sorted(rows, key=lambda row: str(row["id"]))


def looks_of(result: RunResult) -> list[str]:
    assert result.state.steerer is not None
    return result.state.steerer.told()


async def test_what_is_always_refused_is_dropped_and_what_is_thin_asked_for(
    tmp_path: Path,
) -> None:
    result = await go(line(240), tmp_path / "run", seed=4)
    rows = rows_of(tmp_path / "run")
    drawn = Counter(row["provenance"]["instruction"]["drawn"]["openings"] for row in rows)
    assert drawn["Hm"] < 240 / len(OPENINGS) * 0.6
    tasks = Counter(row["verdict"]["task"] for row in rows if row["verdict"]["accepted"])
    assert tasks["letter"] > 0.3 * tasks.total()
    told = " ".join(looks_of(result))
    assert "'Hm' dropped, as 0 of " in told
    assert "more of 'letter'" in told
    kinds = [event for event in _events(tmp_path / "run") if event == "steered"]
    assert len(kinds) == 240 // 20 - 1


def _events(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "run.sqlite") as db:
        return [kind for (kind,) in db.execute("SELECT kind FROM events ORDER BY id")]


async def test_the_same_bytes_at_any_concurrency_whatever_is_ready_first(tmp_path: Path) -> None:
    found, told = [], []
    for width in (1, 4, 64):
        folder = tmp_path / str(width)
        llm = Scripted(said, delay=late, concurrency=width)
        result = await go(line(), folder, llm=llm, concurrency=width)
        found.append(files_of(folder))
        told.append(looks_of(result))
    assert found[0] == found[1] == found[2]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 120 // 20
    accepted = found[0][0].count(b"\n")
    assert 60 < accepted < 120  # there is something to steer by


async def test_evolutions_are_steered_by_the_rows_that_they_come_from(tmp_path: Path) -> None:
    found = []
    for width in (1, 8):
        folder = tmp_path / str(width)
        pipe = (magpie(n=90, openings=OPENINGS) >> evolve(prompts="small") >> gate()).using(seed=3)
        llm = Scripted(said, delay=late, concurrency=width)
        await go(pipe, folder, llm=llm, concurrency=width)
        found.append(files_of(folder))
    assert found[0] == found[1]
    sets = Counter(
        name
        for row in rows_of(tmp_path / "8")
        for name in row["provenance"]["instruction"].get("drawn", ())
    )
    assert sets["operations"] > 50
    assert sets["demands"] > 10


async def test_branches_that_are_merged_do_not_stand_still(tmp_path: Path) -> None:
    pipe = (
        magpie(n=70, openings=OPENINGS)
        >> [respond(), evolve(prompts="small") >> respond()]
        >> merge()
        >> gate()
    )
    found = []
    for width in (1, 16):
        folder = tmp_path / str(width)
        llm = Scripted(said, delay=late, concurrency=width)
        told = go(pipe, folder, llm=llm, concurrency=width)
        await asyncio.wait_for(told, 60)
        found.append(files_of(folder))
    assert found[0] == found[1]


KILLED = """
import asyncio, os, signal, sys
sys.path.insert(0, {here!r})
from test_steered_runs import Scripted, go, line, said
from pathlib import Path
asked = 0
def dying(request):
    global asked
    asked += 1
    if asked == {most}:
        os.kill(os.getpid(), signal.SIGKILL)
    return said(request)
asyncio.run(go(line(), Path(sys.argv[1]), llm=Scripted(dying)))
"""


@pytest.mark.parametrize("most", [60, pytest.param(150, marks=pytest.mark.slow)])
async def test_a_killed_run_makes_the_same_decisions_again(tmp_path: Path, most: int) -> None:
    whole = await go(line(), tmp_path / "whole")
    script = KILLED.format(here=str(Path(__file__).parent), most=most)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "run"), env=environment
    )
    assert await process.wait() == -signal.SIGKILL
    again = await go(line(), tmp_path / "run")
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")
    assert looks_of(again) == looks_of(whole)
    assert sum(counts.found for counts in again.state.refresh()) >= most // 2


async def test_the_summary_the_report_and_the_log_say_what_changed(tmp_path: Path) -> None:
    out = io.StringIO()
    result = await go(line(), tmp_path / "run", report=True)
    summarise(result, Console(file=out, width=4000))
    told = looks_of(result)
    assert f"Steered: {told[0]}" in out.getvalue()
    assert told[1][:390] in out.getvalue()
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "How the run steered itself" in page
    assert page.count("After 20 rows of") == 1


async def test_off_nothing_is_told_and_rows_do_not_say_what_was_drawn(tmp_path: Path) -> None:
    one = await go(line(60), tmp_path / "one", steer=None)
    await go(line(60), tmp_path / "two", steer=False)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert one.state.steerer is None
    assert b'"drawn"' not in b"".join(files_of(tmp_path / "one"))


async def test_the_first_two_blocks_are_planned_before_anything_is_known(tmp_path: Path) -> None:
    """So a run that ends within them is told to have changed nothing."""
    result = await go(line(39), tmp_path / "run")
    assert looks_of(result)[1:] == [look for look in looks_of(result)[1:] if "After 20" in look]
    short = await go(line(15), tmp_path / "short")
    assert looks_of(short) == ["The run ended before a look could change anything."]


async def test_a_budget_ends_a_run_whose_rows_wait_for_what_is_not_known_yet(
    tmp_path: Path,
) -> None:
    pipe = (magpie(openings=OPENINGS) >> respond() >> gate()).using(seed=3)
    told = go(pipe, tmp_path / "run", accepted=70, concurrency=64)
    result = await asyncio.wait_for(told, 30)
    assert result.accepted == 70


async def test_a_run_that_is_cancelled_leaves_no_task_behind(tmp_path: Path) -> None:
    llm = Scripted(said, delay=0.01, concurrency=64)
    task = asyncio.create_task(go(line(500), tmp_path / "run", llm=llm, concurrency=64))
    await asyncio.sleep(0.4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []


async def test_what_cannot_be_steered_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its steps draws"):
        await go(load([{"instruction": "Name a river."}]) >> gate(), tmp_path / "one")

    @step
    async def all_at_once(rows: Any) -> Any:
        for row in [row async for row in rows]:
            yield row

    with pytest.raises(InputError, match=r"'all_at_once' may hold rows back .* leave steer out"):
        await go(magpie(n=5) >> all_at_once >> gate(), tmp_path / "two")


async def test_functions_of_one_row_may_stand_between(tmp_path: Path) -> None:
    @step
    async def counted(row: Any) -> Any:
        return row.replace(extra={**row.extra, "length": len(row.instruction)})

    pipe = magpie(n=100, openings=OPENINGS) >> counted >> gate()
    result = await asyncio.wait_for(go(pipe, tmp_path / "run"), 60)
    assert result.state.total == 100


@pytest.mark.parametrize(
    ("told", "every"), [("true", 50), ("{every: 20}", 20), ("false", None), ("null", None)]
)
def test_a_pipeline_file_may_say_so(tmp_path: Path, told: str, every: int | None) -> None:
    file = tmp_path / "pipe.yaml"
    file.write_text(f"steer: {told}\nsteps:\n  - magpie: {{n: 3}}\n  - gate\n", encoding="utf-8")
    pipe = read_pipeline(file)
    assert (pipe.steer.every if pipe.steer else None) == every
    file.write_text(write_yaml(pipe), encoding="utf-8")
    again = read_pipeline(file)
    assert (again.steer.every if again.steer else None) == every


@pytest.mark.parametrize("told", ["{every: 2}", "{often: 20}", "sometimes", "{every: yes}"])
def test_a_bad_wish_in_a_file_is_told_with_its_line(tmp_path: Path, told: str) -> None:
    file = tmp_path / "pipe.yaml"
    file.write_text(f"name: x\nsteer: {told}\nsteps: [magpie: {{n: 3}}]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2.*steer"):
        read_pipeline(file)


@pytest.mark.parametrize("told", [{"every": 2}, {"often": 3}, "yes"])
async def test_a_bad_wish_in_python_is_told(tmp_path: Path, told: Any) -> None:
    with pytest.raises(InputError, match="steer"):
        await go(line(5), tmp_path / "run", steer=told)


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_model_is_steered_alike_at_any_width(
    tmp_path: Path, smollm: LlamaCpp, embedder: MiniLM
) -> None:
    found = []
    for width in (1, 16):
        folder = tmp_path / str(width)
        told = {"llm": smollm, "embedder": embedder, "concurrency": width, "steer": {"every": 8}}
        result = await go(magpie(n=24) >> gate(), folder, **told)
        found.append((files_of(folder), looks_of(result)))
    assert found[0] == found[1]
    drawn = [row["provenance"]["instruction"]["drawn"]["openings"] for row in rows_of(folder)]
    assert len(set(drawn)) > 15
