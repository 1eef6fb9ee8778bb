"""`evolsynth status`: what a run's folder tells, while it works and after."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import msgspec
import pytest
from rich.console import Console

from evolsynth.cli.progress.summary import status
from evolsynth.store.status import RunStatus, StepCounts, StoredEvent

NOW = 1_800_000_000.0


def standing(**changes: Any) -> RunStatus:
    """A run that works; but for what is given."""
    usual: dict[str, Any] = {
        "folder": "runs/a b", "pipeline": None, "attempt": 1, "pid": 4711, "host": "desk",
        "started": NOW - 120, "seen": NOW - 1, "running": True, "ended": None, "steps": (),
        "rows": {}, "completions": 0, "asked": 0, "tokens": 0, "prompt_tokens": 0, "events": (),
    }  # fmt: skip
    return RunStatus(**usual | changes)


STEPS = (
    StepCounts(name="magpie", kind="magpie", made=40, left=36, running=4, asked=40, tokens=900),
    StepCounts(name="gate", kind="gate", came=36, left=20, rejected=15, failed=1),
)
RUNNING = standing(
    steps=STEPS, rows={"accepted": 20, "rejected": 15, "failed": 1}, completions=40, tokens=900
)


@contextmanager
def stood_in_for(**things: object) -> Iterator[None]:
    """The terminal, the store and the clock of the command are these."""
    with pytest.MonkeyPatch.context() as patch:
        for name, thing in things.items():
            patch.setattr(f"evolsynth.cli.progress.summary.{name}", thing)
        yield


def said(
    *standings: RunStatus, terminal: bool = False, width: int = 100, **options: Any
) -> tuple[str, int]:
    """What is printed where the status is one after the other of these; and the sleeps."""
    on = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, height=30, soft_wrap=True
    )
    left, slept = list(standings), [0]

    def read(_: str) -> RunStatus:
        return left.pop(0) if len(left) > 1 else left[0]

    def sleep(seconds: float) -> None:
        assert seconds == 1.0
        slept[0] += 1

    printed = io.StringIO()
    with (
        stood_in_for(Console=lambda: on, read_status=read, time=lambda: NOW, sleep=sleep),
        redirect_stdout(printed),
    ):
        assert status("runs/a b", **options) == 0
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue() + printed.getvalue(), slept[0]


def test_a_run_that_works_is_told_with_its_process_and_its_counts() -> None:
    text, _ = said(RUNNING)
    assert text.startswith("runs/a b is running: process 4711 on desk, for 2 min 00 s.")
    assert "36 rows = 20 accepted + 15 rejected + 1 failed, 10.1 accepted/min." in text
    assert "40 answers stored, 900 tokens written." in text
    assert [row.split()[:3] for row in text.splitlines() if row.startswith("gate")] == [
        ["gate", "36", "0"]
    ]
    assert "Go on" not in text


def test_a_run_that_is_silent_for_long_is_told_so() -> None:
    text, _ = said(msgspec.structs.replace(RUNNING, seen=NOW - 600))
    assert "Nothing was stored for 10 min 00 s." in text


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ("stopped: SIGINT", "it ended after 1 min 59 s, stopped by Ctrl-C."),
        ("minutes", "at its limit of minutes."),
        ("failed: the disk is full", "failed: the disk is full."),
        (None, "without saying why"),
    ],
)
def test_a_run_that_ended_early_says_why_and_how_to_go_on(ended: str | None, told: str) -> None:
    text, _ = said(msgspec.structs.replace(RUNNING, running=False, ended=ended, attempt=3))
    squeezed = " ".join(text.split())
    assert "is not running: attempt 3, it " in squeezed
    assert told in squeezed
    assert "Go on with: evolsynth run 'runs/a b'" in squeezed


@pytest.mark.parametrize("ended", ["finished", "accepted"])
def test_a_run_that_is_done_need_not_go_on(ended: str) -> None:
    text, _ = said(msgspec.structs.replace(RUNNING, running=False, ended=ended))
    assert "Go on" not in text


def test_rows_that_no_gate_judged_count_as_accepted() -> None:
    text, _ = said(standing(rows={"pending": 7, "failed": 2}))
    assert "9 rows = 7 accepted + 0 rejected + 2 failed" in text


def test_the_last_events_are_shown_and_foreign_text_is_harmless() -> None:
    events = tuple(
        StoredEvent(NOW - n, "failed_row", "[b]respond", {"message": f"\x1b[2J{n}"})
        for n in range(9, 0, -1)
    )
    text, _ = said(msgspec.structs.replace(RUNNING, events=events))
    lines = [line for line in text.splitlines() if "failed row" in line]
    assert len(lines) == 5
    assert lines[-1].endswith("failed row [b]respond message [U+001B][2J1")


def test_an_event_takes_one_line() -> None:
    event = StoredEvent(NOW, "retry", "respond", {"error": "many words " * 30})
    text, _ = said(msgspec.structs.replace(RUNNING, events=(event,)), width=60)
    assert sum("many words" in line for line in text.splitlines()) == 1


def test_no_rate_is_told_where_rows_came_out_of_the_store() -> None:
    stored = msgspec.structs.replace(STEPS[0], found=3)
    text, _ = said(msgspec.structs.replace(RUNNING, steps=(stored, STEPS[1])))
    assert "accepted/min" not in text


def test_a_run_that_has_just_begun_has_no_steps_yet() -> None:
    text, _ = said(standing())
    assert "0 rows = 0 accepted + 0 rejected + 0 failed." in text
    assert "step" not in text


@pytest.mark.parametrize("width", [60, 100, 140])
def test_it_fits_the_terminal(width: int) -> None:
    text, _ = said(RUNNING, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_json_is_one_line_with_all_fields() -> None:
    text, _ = said(RUNNING, json=True, width=20)
    assert len(text.splitlines()) == 1
    read = json.loads(text)
    assert read["rows"] == {"accepted": 20, "rejected": 15, "failed": 1}
    assert read["steps"][1]["rejected"] == 15


def changed(**changes: Any) -> Callable[[RunStatus], RunStatus]:
    return lambda standing: msgspec.structs.replace(standing, **changes)


def test_watching_prints_what_changed_until_the_run_ends() -> None:
    later = changed(seen=NOW + 1)(RUNNING)
    end = changed(running=False, ended="finished", seen=NOW + 2)(RUNNING)
    text, slept = said(RUNNING, RUNNING, later, end, watch=True, json=True)
    seen = [json.loads(line)["seen"] for line in text.splitlines()]
    assert seen == [NOW - 1, NOW + 1, NOW + 2]
    assert slept == 3


def test_watching_on_a_terminal_draws_anew() -> None:
    end = changed(running=False, ended="finished")(RUNNING)
    text, slept = said(RUNNING, RUNNING, end, watch=True, terminal=True)
    assert slept == 2
    assert "finished" in text.split("\x1b[2K")[-1]


def test_watching_a_run_that_has_ended_waits_for_nothing() -> None:
    _, slept = said(changed(running=False, ended="stopped")(RUNNING), watch=True)
    assert slept == 0


def test_ctrl_c_ends_the_watching_alone() -> None:
    on = Console(file=io.StringIO(), width=100)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with stood_in_for(Console=lambda: on, read_status=lambda _: RUNNING, sleep=interrupted):
        assert status("x", watch=True) == 0


def test_accepted_responses_are_counted_by_what_they_stand_on() -> None:
    """Runs of before there were tiers, and such as have no gate, tell nothing of them."""
    told, _ = said(standing(rows={"accepted": 3}, tiers={"verified": 1, "unverified": 2}))
    assert "Accepted responses: 1 verified, 2 unverified." in told
    told, _ = said(standing(rows={"accepted": 3}))
    assert "Accepted responses" not in told
    told, _ = said(standing(tiers={"verified": 1}), json=True)
    assert json.loads(told)["tiers"] == {"verified": 1}
