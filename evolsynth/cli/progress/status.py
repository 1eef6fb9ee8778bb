"""``evolsynth status``: where a run stands, also while it works."""

# ruff: noqa: D102 - what the protocols' attributes mean stands at what they are protocols of

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from evolsynth.cli.progress.phrases import counted, duration, one_line
from evolsynth.cli.progress.table import step_table
from evolsynth.pipeline.run.watch import StepSeen

__all__ = ["Standing", "status"]

_SILENT = 60.0  # seconds without a sign of life that are worth a word
_EVENTS = 5
_OUTCOMES = ("accepted", "rejected", "failed")


class StoredEvent(Protocol):
    """Something that happened; ``at`` in seconds since 1970."""

    @property
    def at(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def step(self) -> str | None: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


class Standing(Protocol):
    """What is read of a run's status; see `evolsynth.store.store.read_status`."""

    @property
    def folder(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def pid(self) -> int: ...
    @property
    def host(self) -> str: ...
    @property
    def started(self) -> float: ...
    @property
    def seen(self) -> float: ...
    @property
    def running(self) -> bool: ...
    @property
    def ended(self) -> str | None: ...
    @property
    def steps(self) -> Sequence[StepSeen]: ...
    @property
    def rows(self) -> Mapping[Any, int]: ...
    @property
    def completions(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def events(self) -> Sequence[StoredEvent]: ...


def status(
    folder: str,
    as_json: bool = False,
    *,
    watch: bool = False,
    console: Console | None = None,
    read: Callable[[str], Standing] | None = None,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print where the run in a folder stands; the exit status.

    Args:
        folder: the run's.
        as_json: as one JSON object in a line.
        watch: print it anew each second, until the run has ended.
        console: where to; by default standard output.
        read: reads the status; by default from the run's store.
        now, sleep: the clock, in seconds since 1970.

    Raises:
        InputError: there is no run in the folder.
        StoreError: its store cannot be read.
    """
    console = console or Console()
    read = read or _read
    standing = read(folder)
    if not watch:
        _print(console, standing, now(), as_json=as_json)
        return 0
    try:
        if console.is_terminal and not as_json:
            _follow(console, standing, lambda: read(folder), now, sleep)
        else:
            _print(console, standing, now(), as_json=as_json)
            while standing.running:
                sleep(1.0)
                before, standing = standing, read(folder)
                if standing.seen != before.seen or standing.running != before.running:
                    _print(console, standing, now(), as_json=as_json)
    except KeyboardInterrupt:  # of the watching; the run itself is another process and goes on
        return 0
    return 0


def _read(folder: str) -> Standing:
    from evolsynth.store.store import read_status

    standing: Standing = read_status(folder)
    return standing


def _follow(
    console: Console,
    standing: Standing,
    again: Callable[[], Standing],
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    with Live(
        _shown(standing, now(), console.width, console.height), console=console, auto_refresh=False
    ) as live:
        while standing.running:
            sleep(1.0)
            standing = again()
            live.update(_shown(standing, now(), console.width, console.height), refresh=True)


def _print(console: Console, standing: Standing, now: float, *, as_json: bool) -> None:
    if as_json:
        # all beyond ASCII is escaped, so that any terminal and any text will do
        console.file.write(json.dumps(msgspec.to_builtins(standing)) + "\n")
        console.file.flush()
        return
    console.print(_shown(standing, now, console.width), soft_wrap=False)


def _shown(standing: Standing, now: float, width: int, height: int | None = None) -> Group:
    room = None if height is None else max(2, height - 9 - _EVENTS)
    parts: list[Any] = [Text(_head(standing, now), style="bold")]
    if standing.steps:
        parts += [Text(), step_table(standing.steps, width=width, height=room), Text()]
    parts.append(Text(_sum(standing)))
    if standing.events:
        parts.append(Text("Last events"))
        parts += [
            Text(f"  {_event(event)}", no_wrap=True, overflow="ellipsis")
            for event in standing.events[-_EVENTS:]
        ]
    if told := _advice(standing):
        parts.append(Text(told))
    return Group(*parts)


def _head(standing: Standing, now: float) -> str:
    place = one_line(standing.folder)
    attempt = f"attempt {standing.attempt}, " if standing.attempt > 1 else ""
    if standing.running:
        told = (
            f"{place} is running: {attempt}process {standing.pid} on {one_line(standing.host)}, "
            f"for {duration(max(0.0, now - standing.started))}."
        )
        silent = now - standing.seen
        if silent > _SILENT:
            told += f" Nothing was stored for {duration(silent)}."
        return told
    took = duration(max(0.0, standing.seen - standing.started))
    if standing.ended is None:
        when = datetime.fromtimestamp(standing.seen).astimezone()
        return (
            f"{place} is not running: {attempt}it broke off after {took}, at "
            f"{when:%Y-%m-%d %H:%M:%S}, without saying why (killed, or the machine went off)."
        )
    return f"{place} is not running: {attempt}it ended after {took}, {_how(standing.ended)}."


def _how(ended: str) -> str:
    how, _, why = ended.partition(": ")
    if how == "stopped":
        by = {"SIGINT": "by Ctrl-C", "SIGTERM": "by SIGTERM"}.get(why, one_line(why, 100))
        return f"stopped {by}".rstrip()
    known = {
        "finished": "finished",
        "accepted": "with all accepted rows that were asked for",
        "minutes": "at its limit of minutes",
        "max_tokens": "at its limit of tokens",
        "max_attempts": "at its limit of attempts",
        "stalled": "since no row was accepted any more",
    }
    return known.get(ended) or one_line(ended, 400).rstrip(".")


def _sum(standing: Standing) -> str:
    rows = sum(standing.rows.values())
    known = [(standing.rows.get(outcome, 0), outcome) for outcome in _OUTCOMES]
    # a row that no gate has judged counts as accepted
    undecided = rows - sum(number for number, _ in known)
    known[0] = (known[0][0] + undecided, known[0][1])
    told = f"{counted(rows)} rows = " + " + ".join(f"{counted(n)} {what}" for n, what in known)
    seconds = standing.seen - standing.started
    # rows out of the store take no time, so with them a rate would say nothing
    if known[0][0] and seconds >= 1 and not any(step.found for step in standing.steps):
        told += f", {known[0][0] / seconds * 60:,.1f} accepted/min"
    answers, tokens = counted(standing.completions), counted(standing.tokens)
    return f"{told}.\n{answers} answers stored, {tokens} tokens written."


def _event(event: StoredEvent) -> str:
    when = datetime.fromtimestamp(event.at).astimezone()
    step = f" {one_line(event.step, 40)}" if event.step else ""
    told = ", ".join(f"{name} {one_line(value, 100)}" for name, value in event.data.items())
    return f"{when:%H:%M:%S} {one_line(event.kind, 40).replace('_', ' ')}{step} {told}".rstrip()


def _advice(standing: Standing) -> str:
    if standing.running or standing.ended in ("finished", "accepted"):
        return ""
    place = shlex.quote(one_line(standing.folder, 500))
    return f"Go on with: evolsynth run {place}"
