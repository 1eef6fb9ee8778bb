"""The summary at a run's end: sums that hold, reasons with advice, and the way on."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from simulated_run import Budget, State, chain

from evolsynth.cli.progress.summary import summarise
from evolsynth.findings import advise, explain
from evolsynth.pipeline.run.state import End, RunResult, advise_failure


def ended_as(
    folder: Path | None, ended: End, state: State, files: Mapping[str, Path] = {}
) -> RunResult:
    return RunResult(folder=folder, ended=ended, state=state, files=files)


def state(**changes: Any) -> State:
    """120 rows by magpie: 70 accepted, 48 rejected, 2 failed."""
    run = chain("magpie", "respond", "gate")
    magpie, respond, gate = run.counts
    magpie.made = magpie.left = respond.came = 120
    respond.left, respond.failed, gate.came = 118, 2, 118
    gate.left, gate.rejected = 70, 48
    magpie.asked, magpie.tokens = 120, 12_000
    run.accepted, run.rejected, run.failed, run.planned = 70, 48, 2, 120
    run.seconds, run.tokens = 60.0, 12_000
    run.reasons = Counter(near_duplicate=40, too_short=10, my_check=1)
    run.errors = Counter(EngineError=2)
    for name, value in changes.items():
        setattr(run, name, value)
    return run


def told(result: RunResult, *, width: int = 100, **options: Any) -> str:
    on = Console(file=io.StringIO(), width=width, soft_wrap=True)
    summarise(result, on, **options)
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def squeezed(text: str) -> str:
    return " ".join(text.split())


def numbers(text: str, name: str) -> list[int]:
    """The row of the table with this name."""
    lines = (line.replace("│", " ").split() for line in text.splitlines())
    cells = next(line for line in lines if line[:1] == [name])
    return [int(cell.replace(",", "")) for cell in cells[1:]]


@pytest.mark.parametrize("width", [60, 100, 140])
def test_planned_is_the_sum_of_the_others_for_each_step_and_in_all(width: int) -> None:
    text = told(ended_as(Path("runs/a"), "finished", state()), width=width)
    for name in ("magpie", "respond", "gate", "all"):
        planned, *parts = numbers(text, name)
        assert planned == sum(parts), name
    assert numbers(text, "all") == [120, 70, 48, 2]
    assert max(map(len, text.splitlines())) <= width


def test_rows_that_were_under_way_are_counted_as_unfinished() -> None:
    run = state(planned=130)
    run.counts[0].made, run.counts[0].running = 130, 10
    text = told(ended_as(Path("runs/a"), "minutes", run))
    assert numbers(text, "all") == [120, 70, 48, 2, 10]
    assert numbers(text, "magpie") == [120, 120, 0, 0, 10]
    assert "Unfinished rows were made ahead" in text


def test_the_speed_is_told() -> None:
    text = squeezed(told(ended_as(Path("runs/a"), "finished", state())))
    assert "1 min 00 s, 200 tokens/s, 70.0 accepted rows per minute, 120 answers." in text


def test_answers_out_of_the_store_are_told() -> None:
    run = state()
    run.counts[0].found = 30
    text = squeezed(told(ended_as(Path("runs/a"), "finished", run)))
    assert "120 answers asked for, 30 found in the store." in text
    assert "per minute" not in text  # rows out of the store take no time


def test_reasons_are_explained_the_commonest_first() -> None:
    text = squeezed(told(ended_as(Path("runs/a"), "finished", state())))
    assert f"40 (83%) near_duplicate: {explain('near_duplicate')} 10 (21%) too_short" in text
    assert "my_check: My check." in text


def test_a_run_that_did_what_was_asked_gets_no_advice_on_rejects() -> None:
    run = state(budget=Budget(accepted=70))
    text = squeezed(told(ended_as(Path("runs/a"), "accepted", run)))
    assert advise("near_duplicate") not in text
    assert "goes on from here" not in text


def test_failures_always_get_advice() -> None:
    text = squeezed(told(ended_as(Path("runs/a"), "finished", state())))
    assert f"2 (100%) EngineError -> {advise_failure('EngineError')}" in text


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        ("minutes", "It ended after its 1.5 minutes, with 70 accepted of the 200 asked for."),
        ("max_tokens", "It ended after 9,000 tokens"),
        ("max_attempts", "It ended after 120 attempts"),
        ("stalled", "none of the last 50 attempts was accepted"),
        ("finished", "The sources gave no more rows, with 70 accepted of the 200 asked for."),
    ],
)
def test_a_run_that_ended_early_says_why_what_to_change_and_how_to_go_on(
    ended: End, why: str
) -> None:
    budget = Budget(accepted=200, minutes=1.5, max_tokens=9000, max_attempts=120, stall=50)
    text = squeezed(told(ended_as(Path("runs/a b"), ended, state(budget=budget))))
    assert why in text
    for reason in ("near_duplicate", "too_short", "my_check"):
        assert f"-> {advise(reason)}" in text
    assert "evolsynth run 'runs/a b'" in text


def test_the_command_that_was_given_is_named() -> None:
    result = ended_as(Path("runs/a"), "minutes", state())
    assert "  evolsynth run p.yaml -o runs/a -n 9\n" in told(
        result, again="evolsynth run p.yaml -o runs/a -n 9"
    )


def test_files_are_on_lines_that_can_be_copied() -> None:
    path = Path("a/very/long/path" * 8) / "accepted.jsonl"
    text = told(ended_as(Path("runs/a"), "finished", state(), {"accepted": path}), width=60)
    assert f"  accepted  {path}\n" in text


def test_foreign_text_is_only_shown() -> None:
    run = state(reasons=Counter({"[red]x\x1b[2J": 3}))
    run.counts[0].name = "[b]m\x1b[31m"
    text = told(ended_as(Path("runs/a"), "stalled", run))
    assert "[red]x[U+001B][2J" in text
    assert "[b]m[U+001B][31m" in text
    assert "\x1b" not in text


def test_a_run_that_kept_nothing_cannot_go_on() -> None:
    text = told(ended_as(None, "minutes", state(budget=Budget(minutes=1))))
    assert "It ended after its 1 minutes" in text
    assert "goes on" not in text


def test_a_run_of_nothing_has_a_summary_too() -> None:
    text = told(ended_as(Path("runs/a"), "finished", chain("load")))
    assert numbers(text, "all") == [0, 0, 0, 0]
    assert "Rejected" not in text


def test_accepted_responses_are_counted_by_what_they_stand_on() -> None:
    tiers = Counter(unverified=30, verified=12)
    assert "Accepted responses: 12 verified, 30 unverified." in told(
        ended_as(None, "finished", state(tiers=tiers))
    )
    assert "Accepted responses" not in told(ended_as(None, "finished", state()))
