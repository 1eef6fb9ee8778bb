"""Signals at any moment of a run, steps that do not hear them, folders that go."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from evolsynth import Row, Scripted
from evolsynth.errors import StepError, StoreError
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.stopping import run_to_end
from evolsynth.store.status import read_status

#: A run of the command line, which says where it is and is slow at the moment that is asked for.
SCRIPT = """
import asyncio, sys, time
from evolsynth import Scripted, streams
from evolsynth.cli.main import main
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run import export, run

moment, folder = sys.argv[1:]
streams.PATIENCE = 0.2

def here(name):
    if name == moment:
        print("here", flush=True)
        return 30.0
    return 0.0

class Slow(Scripted):
    running = False
    async def start(self):
        await asyncio.sleep(here("start"))

def answer(request):
    print("answered", flush=True)
    return f"It begins in the hills of province {request.seed % 997}."

def patched(home, name):
    function = getattr(home, name)
    def slow(*given, **named):
        time.sleep(here(name) / 30)
        made = function(*given, **named)
        time.sleep(here(name + " done") / 30)
        return made
    setattr(home, name, slow)

patched(run, "export")
patched(export, "report_run")

@step
async def odd(row):
    if "river 3" in row.instruction:
        if moment == "blocked":
            here("blocked")
            for _ in range(300):
                time.sleep(0.1)
        while moment == "deaf":
            try:
                await asyncio.sleep(here("deaf"))
            except asyncio.CancelledError:
                pass
        await asyncio.sleep(here("rows"))
    return row

data = [{"instruction": f"Tell me where river {i} of the old world begins."} for i in range(6)]
pipe = (load(data) >> respond() >> odd()).using(
    embedder=None, models={"default": Slow(answer)}
)
sys.modules["odd_pipe"] = sys.modules["__main__"]
sys.exit(main(["run", "odd_pipe:pipe", "-o", folder, "--log", "plain"]))
"""


class Run:
    def __init__(self, moment: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, moment, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.answered = 0

    def until(self, word: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answered += line == "answered\n"
            if line.strip() == word:
                return
        raise AssertionError(self.process.communicate()[1])

    def end(self) -> tuple[int, str]:
        out, told = self.process.communicate(timeout=20)
        self.answered += out.count("answered")
        return self.process.returncode, told


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for one in made:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("start", signal.SIGINT),
        ("rows", signal.SIGINT),
        pytest.param("rows", signal.SIGTERM, marks=pytest.mark.slow),
        ("rows", signal.SIGHUP),
        ("export", signal.SIGINT),
        pytest.param("report_run", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_run_at_any_moment_and_what_was_answered_is_kept(
    moment: str, number: signal.Signals, tmp_path: Path, runs: list[Run]
) -> None:
    one = Run(moment, tmp_path)
    runs.append(one)
    one.until("here")
    time.sleep(0.1)
    one.process.send_signal(number)
    status, told = one.end()
    assert status == 128 + number
    assert "Traceback" not in told
    standing = read_status(tmp_path)
    assert standing.completions == one.answered
    if moment == "rows":
        assert f"Stopped ({number.name})" in told
        assert (tmp_path / "accepted.partial.jsonl").exists()
    if moment.startswith("export") or moment == "report_run":
        assert len((tmp_path / "accepted.jsonl").read_text().splitlines()) == 6
    if number is not signal.SIGINT:
        return
    again = Run("never", tmp_path)
    runs.append(again)
    assert again.end()[0] == 0
    assert again.answered == 6 - one.answered
    assert len((tmp_path / "accepted.jsonl").read_text().splitlines()) == 6
    assert not list(tmp_path.glob("*.part*"))


def test_a_step_that_blocks_the_loop_is_ended_by_the_second_signal(
    tmp_path: Path, runs: list[Run]
) -> None:
    one = Run("blocked", tmp_path)
    runs.append(one)
    one.until("here")
    one.process.send_signal(signal.SIGTERM)
    time.sleep(1.3)
    one.process.send_signal(signal.SIGTERM)
    status, told = one.end()
    assert status == 143
    assert "Stopped (SIGTERM) in the middle of a step that did not let go" in told
    assert "Traceback" not in told
    assert read_status(tmp_path).completions == one.answered > 0


def test_a_step_that_ignores_its_cancellation_does_not_keep_the_process(
    tmp_path: Path, runs: list[Run]
) -> None:
    one = Run("deaf", tmp_path)
    runs.append(one)
    one.until("here")
    for _ in range(2):
        one.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    status, told = one.end()
    assert status == 130
    assert "What 'odd' was doing did not end, and was left." in told
    assert "Traceback" not in told
    assert "pending" not in told


def test_a_run_under_nohup_goes_on_when_the_terminal_is_closed(
    tmp_path: Path, runs: list[Run]
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does for its children
    try:
        one = Run("rows", tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    runs.append(one)
    one.until("here")
    one.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert one.process.poll() is None
    one.process.send_signal(signal.SIGINT)
    assert one.end()[0] == 130


# The folder ---------------------------------------------------------------------------------------


def seeds(n: int = 8) -> list[dict[str, Any]]:
    return [{"instruction": f"Tell me where river {i} of the old world begins."} for i in range(n)]


async def go(pipe: Any, folder: Path, **options: Any) -> Any:
    llm = Scripted(lambda r: f"It begins in the hills of province {r.seed % 997}.")
    return await run(pipe, folder, RunOptions(llm=llm, embedder=None, report=False, **options))


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("how", ["removed", "moved"])
async def test_nothing_is_said_to_be_kept_where_the_folder_is_gone(
    how: str, raises: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "run"

    @step
    async def last(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row
        if how == "removed":
            shutil.rmtree(folder)
        else:
            folder.rename(tmp_path / "elsewhere")
        if raises:
            raise ValueError("a bug too")

    with pytest.raises(StoreError, match="was moved or deleted") as told:
        await go(load(seeds()) >> respond() >> last, folder)
    assert not raises or "a bug too" in "".join(told.value.__notes__)


async def test_a_folder_that_cannot_be_written_any_more_is_told_and_rows_are_kept(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"

    @step
    async def last(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row
        (folder / "accepted.jsonl").mkdir()  # also where tests are run as root

    with pytest.raises(Exception, match="rows are kept in the run's store"):
        await go(load(seeds()) >> respond() >> last, folder)
    assert read_status(folder).rows == {"pending": 8}


async def test_a_clock_that_is_set_back_and_forth_changes_no_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, jumps = time.time, iter(range(10_000))
    monkeypatch.setattr(time, "time", lambda: now() + (-1) ** next(jumps) * 1e7)
    result = await go(load(seeds()) >> respond(), tmp_path, minutes=5.0)
    assert (result.ended, result.accepted) == ("finished", 8)
    assert 0 <= result.state.seconds < 60


def test_a_store_that_nobody_closed_is_committed_and_free_again(tmp_path: Path) -> None:
    import gc

    from evolsynth.store.store import Store

    store = Store.open(tmp_path)
    store.put_row(0, Row.make("Who?"), step=None)
    del store
    gc.collect()
    assert read_status(tmp_path).rows == {"pending": 1}
    Store.open(tmp_path).close("finished")


async def test_a_step_that_fails_at_its_end_leaves_what_was_made(tmp_path: Path) -> None:
    @step
    async def last(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row
        raise SystemExit(0)

    with pytest.raises(StepError, match="'last' failed, and not at a row: SystemExit"):
        await go(load(seeds()) >> respond() >> last, tmp_path)
    assert len((tmp_path / "accepted.partial.jsonl").read_text().splitlines()) == 8


def test_a_signal_before_the_run_can_listen_to_it_ends_it_as_ctrl_c() -> None:
    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(KeyboardInterrupt):
        run_to_end(cancelled())
