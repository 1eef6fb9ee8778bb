"""Progress: what is shown adds up with what went through."""

from __future__ import annotations

import asyncio
import io

import pytest
from evolsynth.cli.method_progress import Watch
from rich.console import Console

from evolsynth.cli import method_progress as progress
from evolsynth.errors import EngineError
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row, Verdict
from evolsynth.streams import failure

ACCEPTED = Row.make("a", verdict=Verdict(accepted=True))
REJECTED = Row.make("b").reject("too_short")
FAILED = Row.make("c", failure=failure("respond", EngineError("gone")))


def watch(planned: int, *, terminal: bool = False, llm: Scripted | None = None) -> Watch:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    return Watch(llm or Scripted([]), planned=planned, console=console)


def shown(of: Watch) -> str:
    file = of._console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_line_counts_what_came_out() -> None:
    w = watch(3)
    for row in (ACCEPTED, REJECTED, FAILED):
        w.add(row)
    assert w.line().startswith("1 accepted, 1 rejected, 1 failed, ")
    assert "left" not in w.line()


def test_failures_are_only_named_where_there_are_some() -> None:
    w = watch(3)
    w.add(ACCEPTED)
    assert "failed" not in w.line()
    assert "left" in w.line()


async def test_only_tokens_written_since_the_start_count() -> None:
    llm = Scripted(lambda _: "one two three")
    request = Request(prompt=Prompt.of("Count."), seed=1)
    await llm.complete(request)
    w = watch(1, llm=llm)
    assert w.tokens_per_second == 0
    async with w.shown():  # its clock stands still afterwards
        await llm.complete(request)
    assert w.tokens_per_second * w.seconds == pytest.approx(3)


async def test_without_a_terminal_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK_EVERY", 0.001)
    monkeypatch.setattr(progress, "_LINE_EVERY", 0.0)
    w = watch(2)
    async with w.shown():
        w.add(ACCEPTED)
        while "1 of about 2 rows, 1 accepted" not in shown(w):
            await asyncio.sleep(0.001)
    assert "\x1b" not in shown(w)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_on_a_terminal_there_is_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK_EVERY", 0.001)
    w = watch(2, terminal=True)
    async with w.shown():
        w.add(ACCEPTED)
        for _ in range(500):
            if "1 accepted" in shown(w):
                break
            await asyncio.sleep(0.005)
    assert "1 accepted" in shown(w)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_exception_goes_through_and_stops_the_display() -> None:
    w = watch(2)
    with pytest.raises(ValueError, match="mine"):
        async with w.shown():
            raise ValueError("mine")
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (59.6, "1 min 00 s"), (3725, "62 min 05 s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert progress._duration(seconds) == text
