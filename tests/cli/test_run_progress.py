"""Watchers of a run: what they say adds up, foretells well, and never gets in the way."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from simulated_run import Budget, State, chain, simulate

from evolsynth.cli.progress.aside import settle
from evolsynth.cli.progress.flow import Flow
from evolsynth.cli.progress.pace import Forecast, Pace
from evolsynth.cli.progress.phrases import (
    counted,
    duration,
    one_line,
    roughly,
    rounded,
    step_table,
)
from evolsynth.cli.progress.told import as_line
from evolsynth.cli.progress.watch import (
    Events,
    Lines,
    Quiet,
    Table,
    Teller,
    error_console,
    left_text,
    line,
    outcome_text,
    watcher,
)
from evolsynth.cli.progress.work import Work
from evolsynth.store.status import StepCounts


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def console(*, width: int = 100, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, height=24, force_terminal=terminal)


def said(by: Console) -> str:
    assert isinstance(by.file, io.StringIO)
    return by.file.getvalue()


def followed(states: Iterator[State]) -> Iterator[tuple[State, Pace]]:
    """The simulated run with a pace that looks at each of its states."""
    pace: Pace | None = None
    for state in states:
        pace = pace or Pace(state, state.seconds)
        pace.look(state.seconds)
        yield state, pace


def followed_until(there: Callable[[State], bool], states: Iterator[State]) -> tuple[State, Pace]:
    """The first of its states that is so."""
    return next((state, pace) for state, pace in followed(states) if there(state))


def forecasts(states: Iterator[State]) -> list[tuple[float, Forecast | None]]:
    """What was foretold at each second of the run; the last is its end."""
    return [(state.seconds, pace.forecast) for state, pace in followed(states)]


# --- the forecast -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("accepted rows", {"budget": Budget(accepted=300)}),
        ("few accepted of many", {"budget": Budget(accepted=150), "good": 0.15}),
        ("all rows of the source", {"expected": 300}),
        ("a slow model", {"expected": 60, "tokens_per_second": 15.0, "slots": 4}),
        ("a run that goes on", {"expected": 500, "stored": 250}),
        ("an end of the sources before the rows asked for", {"expected": 300,
         "budget": Budget(accepted=1000)}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_time_left_is_foretold_early_and_does_not_jump(
    name: str, run: dict[str, Any], seed: int
) -> None:
    told = forecasts(simulate(seed=seed, **run))
    end = told[-1][0]
    known = [(at, f.seconds) for at, f in told if f is not None]
    assert known, name
    assert known[0][0] <= 5, name
    for at, left in known:
        # a yield of few accepted rows is uncertain itself, so this is not exact
        if at >= end / 3:
            assert abs(left - (end - at)) <= max(0.4 * (end - at), 0.08 * end), (name, at, left)
    shown = [rounded(left) for at, left in known if at >= end / 3]
    ups = sum(after > before for before, after in pairwise(shown))
    assert ups <= 4, shown


def test_a_time_is_told_before_the_first_row_is_out() -> None:
    """Rows leave in order, so that may be late; what their answers take is known before."""
    early, _ = followed_until(
        lambda s: s.seconds >= 15, simulate(budget=Budget(accepted=60), tokens_per_second=60.0)
    )
    assert early.accepted + early.rejected == 0
    for state, pace in followed(simulate(budget=Budget(accepted=60), tokens_per_second=60.0)):
        if state.seconds >= 15:
            assert pace.forecast is not None
            assert pace.tokens_per_second
            assert "left for 60 accepted" in line(state, pace)


def test_minutes_bound_what_is_foretold() -> None:
    for at, told in forecasts(simulate(budget=Budget(accepted=100_000, minutes=2))):
        if told is not None:
            assert told.until == "minutes"
            assert told.seconds == pytest.approx(120 - at, abs=0.6)


def test_tokens_bound_what_is_foretold() -> None:
    budget = Budget(accepted=100_000, max_tokens=40_000)
    _, pace = followed_until(lambda s: s.tokens >= 30_000, simulate(budget=budget))
    assert pace.forecast is not None
    assert pace.forecast.until == "tokens"
    assert pace.forecast.seconds == pytest.approx(10_000 / 400, rel=0.2)


def test_rows_read_from_the_store_do_not_count_as_speed() -> None:
    _, pace = followed_until(lambda s: s.seconds >= 40, simulate(expected=600, stored=300))
    assert pace.accepted_per_minute is not None
    assert pace.accepted_per_minute == pytest.approx(60 * 0.6 * 400 / 125, rel=0.35)


def test_while_answers_come_out_of_the_store_that_is_said_and_no_speed() -> None:
    state = chain("respond")
    state.budget = Budget(accepted=1000)
    pace = Pace(state, 0.0)
    for second in range(1, 6):
        respond = state.counts[0]
        respond.found = respond.came = respond.left = state.accepted = 100 * second
        pace.look(float(second))
    assert pace.accepted_per_minute is None
    assert left_text(state, pace) == "reading answers that were stored before"


def test_a_run_without_models_is_foretold_by_its_rows() -> None:
    state = chain("load", "gate")
    state.expected = 1000
    pace = Pace(state, 0.0)
    for second in range(1, 31):
        state.seconds = second
        load, gate = state.counts
        load.made = load.left = gate.came = gate.left = state.accepted = 20 * second
        pace.look(second)
    assert pace.forecast is not None
    assert pace.forecast.seconds == pytest.approx(20, rel=0.1)
    assert pace.forecast.accepted == pytest.approx(1000, rel=0.02)


def test_rows_that_a_step_adds_are_foretold_too() -> None:
    """Half of them evolve, so 100 rows become 150."""
    state = chain("load", "evolve", "respond")
    state.expected = 100
    load, evolve, respond = state.counts
    load.made = load.left = evolve.came = 40
    evolve.made, evolve.left, respond.came = 20, 60, 60
    respond.left = state.accepted = 60
    pace = Pace(state, 0.0)
    evolve.came, load.made, load.left = 50, 50, 50
    evolve.made, evolve.left, respond.came, respond.left = 25, 75, 75, 75
    state.accepted = 75
    pace.look(10.0)
    assert pace.forecast is not None
    assert pace.forecast.accepted == pytest.approx(150, abs=8)
    assert pace.forecast.seconds == pytest.approx((150 - 75) / 1.5, rel=0.1)


def test_a_run_that_is_being_stopped_has_no_time_left_to_tell() -> None:
    *_, (state, pace) = followed(simulate(expected=200))
    pace.stop()
    pace.look(state.seconds + 1)
    assert pace.forecast is None
    assert left_text(state, pace) == ""


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 6), min_size=1, max_size=30),
    st.booleans(),
)
def test_any_counts_can_be_looked_at(steps: list[tuple[int, ...]], known: bool) -> None:
    """Whatever the numbers, also such as cannot be: a watcher never raises."""
    state = chain("magpie", "respond", "gate")
    state.budget = Budget(accepted=10, max_tokens=100, max_attempts=5)
    state.expected = 20 if known else None
    pace = Pace(state, 0.0)
    for at, (made, left, running, rejected, tokens, asked) in enumerate(steps):
        for step in state.counts:
            step.made, step.left, step.running, step.rejected = made, left, running, rejected
            step.tokens, step.asked, step.found = tokens, asked, asked // 2
        state.accepted, state.rejected, state.tokens = left, rejected, tokens
        pace.look(float(at))
        assert line(state, pace)
        assert pace.forecast is None or pace.forecast.seconds >= 0


# --- the table --------------------------------------------------------------------------------


def drawn(steps: list[StepCounts], *, width: int, height: int | None = None) -> list[str]:
    on = console(width=width)
    on.print(step_table(steps, width=width, height=height))
    return [text.rstrip() for text in said(on).splitlines()]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_any_terminal(width: int) -> None:
    steps = [
        StepCounts(
            name="a step with a name that is much too long for it",
            kind="x",
            made=1_234_567,
            running=9,
        ),
        StepCounts(
            name="gate",
            kind="gate",
            came=987_654,
            left=500_000,
            rejected=487_654,
            tokens=34_567_890,
        ),
    ]
    head, *rows = drawn(steps, width=width)
    assert head.split()[:2] == ["step", "planned"]
    assert all(len(text) <= width for text in (head, *rows))
    for number in ("1,234,567", "987,654", "500,000", "487,654"):
        assert any(number in row for row in rows), number
    assert ("34.6M" in rows[1]) == ("tokens" in head)
    assert "running" in head
    assert ("stored" in head) == (width >= 100)
    assert ("asked" in head) == (width >= 80)


def test_foreign_text_in_a_step_s_name_is_only_shown() -> None:
    name = "[red]x\x1b[31m\u202ey"
    text = "\n".join(drawn([StepCounts(name=name, kind="x")], width=100))
    assert "[red]x[U+001B][31m[U+202E]y" in text


def test_steps_beyond_the_terminal_s_height_are_counted_the_idle_ones_first() -> None:
    steps = [
        StepCounts(name=f"s{place}", kind="x", running=int(place == 28)) for place in range(30)
    ]
    _, *rows = drawn(steps, width=100, height=6)
    assert len(rows) == 6
    assert rows[-1] == "and 25 more"
    assert any(row.startswith("s28 ") for row in rows)


# --- lines ------------------------------------------------------------------------------------


def test_a_line_says_how_the_run_stands() -> None:
    run = simulate(budget=Budget(accepted=120))
    state, pace = followed_until(lambda s: s.seconds >= 30, run)
    text = line(state, pace)
    assert text.startswith(f"30 s: {state.accepted} accepted of 120, {state.rejected} rejected; ")
    assert "tokens/s (" in text
    assert f"under way: magpie {state.counts[0].running}, respond " in text
    assert text.endswith(" left for 120 accepted")


def test_failures_are_named_only_where_there_are_some() -> None:
    state = chain("load")
    assert outcome_text(state) == "0 accepted, 0 rejected"
    state.failed = 2
    assert outcome_text(state) == "0 accepted, 0 rejected, 2 failed"


def told_at(state: State, forecast: Forecast) -> str:
    pace = Pace(state, 0.0)
    pace.forecast = forecast
    return left_text(state, pace)


def test_what_ends_the_run_first_is_named() -> None:
    state = chain("load")
    state.budget = Budget(accepted=120, minutes=5, max_tokens=9000, max_attempts=77)
    assert told_at(state, Forecast(180, "accepted", 120)) == "about 3 min left for 120 accepted"
    assert told_at(state, Forecast(180, "rows", 80)) == (
        "about 3 min left, then about 80 of the 120 accepted"
    )
    assert told_at(state, Forecast(180, "minutes", None)) == "about 3 min left (--minutes 5)"
    assert "(--max-tokens 9000)" in told_at(state, Forecast(180, "tokens", 9))
    assert "(--max-attempts 77)" in told_at(state, Forecast(180, "attempts", 9))


def test_the_first_failures_of_a_kind_are_told_and_the_others_counted() -> None:
    teller, state = Teller(), chain("respond")

    def fail(step: str, error: str) -> str:
        data = {"step": step, "error": error, "message": "gone\x1b[2J", "row": "r1"}
        return teller.tell("failed_row", data, state)

    told = [fail("respond", "EngineError") for _ in range(1000)]
    assert told[0] == "A row failed in respond, row r1 (EngineError): gone[U+001B][2J"
    assert told[3] == "More like this are only counted from here on."
    assert not any(told[4:])
    assert fail("gate", "KeyError").startswith("A row failed in gate")


def test_errors_that_are_all_different_are_not_told_for_ever() -> None:
    teller = Teller()
    told = [teller.tell("failed_row", {"step": "s", "error": f"E{n}"}, None) for n in range(500)]
    assert 10 < sum(map(bool, told)) < 20


def test_a_step_that_is_done_is_told_with_its_sum() -> None:
    state = chain("respond")
    state.counts[0].came, state.counts[0].left, state.counts[0].failed = 120, 118, 2
    told = Teller().tell("step", {"step": "respond"}, state)
    assert told == "respond is done: 120 rows, 118 went on, 2 failed."
    assert Teller().tell("step", {"step": "nobody"}, state) == ""


@pytest.mark.parametrize(
    ("reason", "told"),
    [("SIGINT", "Stopping: nothing new is asked, what finishes within 5 s is kept. Ctrl-C again "),
     ("minutes", "Ending: its minutes are over."), ("max_tokens", "Ending: its tokens are used")],
)  # fmt: skip
def test_why_a_run_stops_is_told(reason: str, told: str) -> None:
    assert Teller().tell("stopping", {"reason": reason, "under_way": 3}, None).startswith(told)


def test_an_event_that_nobody_knows_is_told_as_it_is() -> None:
    assert Teller().tell("disk_low", {"left": "2 GiB"}, None) == "disk low: left 2 GiB"


# --- watchers ---------------------------------------------------------------------------------


def test_which_watcher_there_is() -> None:
    assert isinstance(watcher("auto", console(terminal=True)), Table)
    assert isinstance(watcher("auto", console()), Lines)
    assert isinstance(watcher("plain", console(terminal=True)), Lines)
    assert isinstance(watcher("json", console(terminal=True)), Events)
    assert isinstance(watcher("quiet", console()), Quiet)


async def watched(kind: str, on: Console, **settings: Any) -> str:
    """All that is said of a whole simulated run."""
    clock = Clock()
    watch = watcher(kind, on, clock=clock, **settings)  # type: ignore[arg-type]
    began = False
    for state in simulate(budget=Budget(accepted=60), every=0.5):
        clock.now = 100 + state.seconds
        if not began:
            watch.begin(state)
            began = True
        if isinstance(watch, Lines | Events | Table):
            watch.tick()
    watch.event("finished", reason="accepted")
    watch.end()
    return said(on)


async def test_plain_lines_come_at_the_beginning_every_ten_seconds_and_at_the_end() -> None:
    lines = (await watched("plain", console())).splitlines()
    assert lines[0] == "Steps: magpie -> respond -> gate (60 accepted rows are wanted)"
    assert [text.split(":")[0] for text in lines[1:]] == ["10 s", "20 s", "30 s", "Ended"]
    assert " = 60 accepted + " in lines[-1]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("kind", ["plain", "auto"])
async def test_names_and_errors_move_no_cursor_and_are_no_markup(kind: str) -> None:
    """Steps, ids and messages are somebody's; what is shown of them is only text."""
    evil, on = "[bold]x\x1b[2J\x07\u202e\ny", console(terminal=kind == "auto")
    watch = watcher(kind, on, clock=Clock(), every=0.0)  # type: ignore[arg-type]
    state = chain(evil)
    state.counts[0].running = 1
    watch.begin(state)
    watch.tick()  # type: ignore[attr-defined]
    watch.event("failed_row", step=evil, error=evil, message=evil, row=evil)
    watch.event("retry", step=evil, error=evil)
    watch.event("step", step=evil)
    watch.event(evil, **{evil: evil})
    watch.end()
    text = said(on)
    assert "[bold]x[U+001B][2J[U+0007][U+202E] y" in text
    assert not any(sign in text for sign in ("\x1b[2J", "\x07", "\u202e"))


async def test_rows_that_are_answered_and_wait_for_their_turn_are_told() -> None:
    """Else nothing would seem to happen while the first of them takes long."""
    state = chain("load", "respond")
    pace = Pace(state, 0.0)
    respond = state.counts[1]
    respond.came, respond.running, respond.asked = 128, 128, 84
    pace.look(12.0)
    assert "under way: respond 128 (84 answered)" in line(state, pace)
    respond.left, respond.running = 30, 98
    assert "under way: respond 98 (54 answered)" in line(state, pace)


async def test_how_often_lines_come_can_be_set() -> None:
    lines = (await watched("plain", console(), every=4.0)).splitlines()
    assert [text.split(":")[0] for text in lines[1:4]] == ["4 s", "8 s", "12 s"]


async def test_a_quiet_watcher_says_nothing() -> None:
    assert await watched("quiet", console(terminal=True)) == ""


async def test_json_events_are_one_object_a_line_with_the_same_numbers() -> None:
    events = [json.loads(text) for text in (await watched("json", console())).splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["begin", "progress", "progress", "progress", "finished", "end"]
    assert events[4].pop("reason") == "accepted"
    last = events[-1]
    assert (last["wanted"], last["accepted"]) == (60, 60)
    magpie = last["steps"][0]
    assert magpie["planned"] == magpie["left"] + magpie["running"]
    assert all(event.keys() == last.keys() for event in events)
    assert datetime.fromisoformat(last["at"]).tzinfo is not None
    assert events[2]["tokens_per_second"] == pytest.approx(400, rel=0.1)


async def test_a_json_event_of_a_row_has_its_data() -> None:
    on, state = console(), chain("respond")
    watch = Events(on, clock=Clock(), now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    watch.begin(state)
    watch.event("failed_row", step="respond", error="EngineError", message="a\nb\ud800", event="?")
    watch.end()
    event = json.loads(said(on).splitlines()[1])
    assert event == {
        "event": "failed_row",
        "at": "2026-01-02T03:04:05.000+00:00",
        "step": "respond",
        "error": "EngineError",
        "message": "a\nb\ud800",
        "seconds": 0.0,
    }


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
            max_leaves=8,
        ),
    )
)
def test_whatever_an_event_brings_is_one_line_of_json(data: dict[str, Any]) -> None:
    """Not a number, infinite, bytes, half characters, line separators: still JSON, still a line."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = as_line("x", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), data)
    assert text.isascii()
    assert "\n" not in text
    read = json.loads(text, parse_constant=refuse)
    assert (read["event"], read["at"]) == ("x", "2025-12-31T22:00:00.000+00:00")


async def test_a_terminal_shows_a_table_that_goes_away() -> None:
    on = console(terminal=True)
    text = await watched("auto", on)
    assert "60 accepted of 60" not in text.split("\x1b[2K")[-1]
    assert "accepted of 60" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is there again


async def test_a_run_that_breaks_off_leaves_a_line_behind() -> None:
    clock, on = Clock(), console(terminal=True)
    state = next(simulate(expected=50))
    watch = Table(on, clock=clock)
    watch.begin(state)
    watch.end()
    assert "0 accepted, 0 rejected" in said(on).split("\x1b[?25h")[-1]


async def test_what_happens_is_said_above_the_table() -> None:
    on, state = console(terminal=True), chain("respond")
    watch = Table(on, clock=Clock())
    watch.begin(state)
    watch.event("failed_row", step="respond", error="EngineError", message="[bold]gone[/bold]")
    watch.event("stopping")
    assert "A row failed in respond (EngineError): [bold]gone[/bold]" in said(on)
    assert "Stopping: nothing new is asked" in said(on)
    watch.end()


async def test_the_table_breaks_lines_itself_where_the_console_would_not() -> None:
    """Else it would not know how many lines it takes, and draw itself again and again below."""
    on = Console(file=io.StringIO(), width=60, height=24, force_terminal=True, soft_wrap=True)
    watch = Table(on, clock=Clock())
    watch.begin(chain("a step with a name that is much longer than the room for it is", "gate"))
    watch.event("stopping", reason="SIGINT")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said(on))
    assert "Stopping" in plain
    assert max(map(len, plain.splitlines())) <= 60
    watch.end()


@pytest.mark.parametrize("kind", ["auto", "plain", "json"])
async def test_watchers_leave_no_task_and_no_timer(kind: str) -> None:
    loop = asyncio.get_running_loop()
    watch = watcher(kind, console(terminal=True))  # type: ignore[arg-type]
    watch.begin(chain("load"))
    assert isinstance(watch, Lines | Events | Table)
    timer = watch._timer
    assert timer is not None
    assert timer.when() <= loop.time() + 0.5
    watch.end()
    assert timer.cancelled()
    assert watch._timer is None
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_timer_looks_again_and_again() -> None:
    on, clock = console(), Clock()
    watch = Lines(on, every=0.0, clock=clock)
    watch.begin(chain("load"))
    first = watch._timer
    watch._look_again()
    assert watch._timer is not first
    assert "0 accepted" in said(on)
    watch.end()


class Broken(io.StringIO):
    """A pipe whose reader has gone, or a disk that is full."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.tries = error, 0

    def write(self, text: str) -> int:
        self.tries += 1
        raise self.error


@pytest.mark.parametrize("kind", ["auto", "plain", "json"])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
async def test_a_watcher_that_cannot_be_heard_falls_silent_and_the_run_goes_on(
    kind: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Broken(error)
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # by which rich takes it for a terminal
    made: Callable[..., Any] = watcher
    shown = error_console()
    watch = made(kind, shown, clock=Clock(), every=0.0)
    assert type(watch).__name__ == {"auto": "Table", "plain": "Lines", "json": "Events"}[kind]
    watch.begin(chain("load"))
    watch.tick()
    settle(shown)
    assert file.tries
    settle(shown)
    tries = file.tries
    watch.tick()
    watch.event("failed_row", step="load", error="x")
    settle(shown)
    assert file.tries == tries
    watch.end()


async def test_events_before_the_beginning_and_after_the_end_do_no_harm() -> None:
    for kind in ("auto", "plain", "json"):
        shown = console(terminal=kind == "auto")
        watch = watcher(kind, shown)
        watch.event("retry", step="respond", error="EngineError")
        watch.end()
        watch.event("finished")
        watch.end()
        assert not said(shown).strip(), kind


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3600, "1 h 00 min"),
     (93_784, "26 h 03 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "a few seconds"), (11, "about 10 s"), (52, "about 50 s"), (56, "about 1 min"),
     (200, "about 3 min"), (1500, "about 25 min"), (3590, "about 1 h"), (5000, "about 1 h 30 min"),
     (20_000, "about 6 h"), (200_000, "about 2.5 days")],
)  # fmt: skip
def test_estimates_are_as_rough_as_they_are(seconds: float, text: str) -> None:
    assert roughly(seconds) == text


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_rounding_keeps_the_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rounded(low) <= rounded(high)


def test_numbers_are_short() -> None:
    assert counted(1_234_567) == "1,234,567"
    assert counted(34_567_890) == "34.6M"


def test_a_line_of_foreign_text_is_one_line() -> None:
    assert one_line("a\r\nb\x07\tc" + "d" * 500, 20).startswith("a b[U+0007] cddd")
    assert "\n" not in one_line("a\u2028b\x85c")


# Branches -----------------------------------------------------------------------------------------


def branched(**most: int) -> State:
    """Two sources, one of which asks a model, whose rows are handed on in turn."""
    fast, slow, merge, gate = chain("texts", "magpie", "merge", "gate").nodes
    source = dataclasses.replace(slow.step, shape="source", parameters=most)
    join = dataclasses.replace(merge.step, shape="join")
    nodes = [
        fast,
        dataclasses.replace(slow, step=source, inputs=()),
        dataclasses.replace(merge, step=join, inputs=(0, 1)),
        gate,
    ]
    state = State("branched", None, nodes, Budget())
    texts, magpie, merged, checked = state.counts
    texts.made = texts.left = 60
    magpie.made = magpie.left = 4
    merged.came, merged.left, merged.running = 64, 8, 56
    checked.came = checked.left = 8
    return state


def coming(state: State, rows: float, accepted: float | None = None) -> list[float]:
    """The rows that come to each step until so many are out."""
    came = Flow(state, [1.0] * len(state.nodes)).coming(rows, accepted)
    assert came is not None
    return came


@pytest.mark.parametrize("made", [4, 0])
def test_where_branches_take_turns_the_slow_one_has_to_bring_its_half(made: int) -> None:
    """Four of 64 rows are its so far; the demo said "a few seconds" for a minute."""
    state = branched()
    state.counts[1].made = state.counts[1].left = made
    assert coming(state, 40.0)[1] == pytest.approx(20.0)


def test_a_branch_that_has_enough_ready_makes_as_many_more_as_it_gives() -> None:
    gave, made = 8 / 2, 60
    assert coming(branched(), 40.0)[0] == pytest.approx(20 + made - gave)


def test_a_branch_at_its_end_brings_no_more() -> None:
    fast, slow, merged, _ = coming(branched(limit=4), 40.0)
    assert slow == pytest.approx(4.0)
    assert merged == pytest.approx(40.0)
    assert fast == pytest.approx(36 + 60 - 4)


def test_rows_that_were_rejected_in_a_branch_take_turns_and_do_not_count_as_good() -> None:
    state = branched()
    state.counts[0].left, state.counts[0].rejected = 30, 30
    in_turn = coming(state, 40.0, accepted=30.0)
    good = (30 + 2) / (60 + 2)
    assert in_turn[2:] == pytest.approx([30.0, 30.0])
    assert in_turn[1] == pytest.approx(30 / (1 + good))


def test_a_step_beside_those_behind_a_merge_keeps_its_rows() -> None:
    """Its place in the plan is behind the merge's, and it is not."""
    state = branched()
    beside = dataclasses.replace(state.nodes[0], index=4, name="beside", inputs=())
    wider = State("branched", None, [*state.nodes, beside], Budget())
    for mine, theirs in zip(wider.counts, [*state.counts, state.counts[0]], strict=True):
        mine.made, mine.came, mine.left = theirs.made, theirs.came, theirs.left
    assert coming(wider, 40.0, accepted=30.0)[4] > 0


def test_a_step_of_a_branch_that_was_not_begun_is_supposed_to_ask_as_others_of_its_kind() -> None:
    """Evolutions that are made by rule ask nothing, which is not known of any before it began."""
    plan = chain("load", "evolve", "evolve")
    state = State("two", None, plan.nodes, Budget())
    _, first, _ = state.counts
    before = Work(state, 0.0)._answers(2)
    first.came = first.made = first.left = 50
    assert Work(state, 0.0)._answers(2) < before / 4
