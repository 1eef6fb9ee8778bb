"""What a run came to, when it ends; and where it stands, also while it works."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from time import sleep, time
from typing import Any

import msgspec
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evolsynth.cli.progress.aside import settle
from evolsynth.cli.progress.phrases import (
    counted,
    duration,
    money,
    one_line,
    step_table,
    sum_text,
    tiers_text,
)
from evolsynth.cli.progress.told import goes_on, tell_json
from evolsynth.cli.progress.waiting import hushed
from evolsynth.findings import advise, explain
from evolsynth.pipeline.run.state import COUNTED, RunResult, RunState, advise_failure
from evolsynth.store.status import RunStatus, StoredEvent, WorkerCounts, read_status

__all__ = ["standing_text", "status", "summarise"]

_REASONS = 5
_LOOKS = 3  # of a steered run; the report has all
_SILENT = 60.0  # seconds without a sign of life that are worth a word
_EVENTS = 5
#: Files of a run that are not for a trainer.
_OWN = {"accepted", "all rows", "rejected", "failed", "unanswered", "report", "run"}


def summarise(result: RunResult, console: Console, *, again: str | None = None) -> None:
    """Print it.

    Args:
        result: the run's.
        console: where to.
        again: the command that goes on with the run; by default one that names its folder.
    """
    state = result.state
    _print(console, _table(state, narrow=console.width < 80))
    if any(step.running for step in state.counts):
        told = "Unfinished rows were made ahead when the run ended; they are no part of it."
        _print(console, Text(told, style="dim"))
    _print(console, Text(_speed(state)))
    if state.cost is not None:
        _print(console, Text(_cost(state, state.cost)))
    if state.tiers:
        _print(console, Text(f"Accepted responses: {tiers_text(state.tiers)}."))
    if state.steerer is not None:
        _print(console, Text(f"Steered: {state.steerer.result().told()}"))
        for look in state.steerer.looks[:_LOOKS]:
            _indented(console, Text(one_line(look.told(), 400)))
    early = _why(result.ended, state)
    _reasons(console, state, advised=early is not None or not state.accepted)
    if result.files:
        console.print(Text("Files"))
        width = max(len(name) for name in result.files)
        for name, path in result.files.items():
            _whole(console, f"{one_line(name):{width}}  {one_line(path, 500)}")
    if early is not None:
        _print(console, Text(early, style="bold"))
        if (command := goes_on(result, again)) is not None:
            _print(console, Text("This goes on from here, and asks nothing twice:"))
            _whole(console, one_line(command, 2000))
    else:
        _next(console, result)
    settle(console)


def _next(console: Console, result: RunResult) -> None:
    """What to do with what a run has made."""
    told = []
    if "report" in result.files:
        told.append("Open the report in a browser: it says why rows were rejected.")
    if not result.accepted:
        told.append("No row was accepted: change what rejects most, and run again.")
    for sentence in told:
        _print(console, Text(sentence))
    if result.accepted and result.folder is not None and not result.files.keys() - _OWN:
        _print(console, Text("For a trainer:"))
        place = shlex.quote(one_line(result.folder, 500))
        _whole(console, f"evolsynth export {place} --format messages -o train.jsonl")


def _table(state: RunState, *, narrow: bool) -> Table:
    table = Table(
        title="planned = accepted + rejected + failed",
        title_justify="left",
        box=None if narrow else box.HEAVY_HEAD,
        padding=(0, 1, 0, 0) if narrow else (0, 1),
    )
    *steps, (_, *whole) = state.table()
    wide = 5 if whole[-1] else 4
    name, *heads = COUNTED
    table.add_column(name, overflow="fold")
    for head in heads[:wide]:
        table.add_column(head, justify="right")
    for step, *numbers in steps:
        table.add_row(Text(one_line(step, 60)), *map(counted, numbers[:wide]))
    table.add_section()
    table.add_row("all", *map(counted, whole[:wide]), style="bold")
    return table


def _speed(state: RunState) -> str:
    seconds = max(state.seconds, 1e-9)
    parts = [duration(state.seconds)]
    if state.tokens:
        parts.append(f"{state.tokens / seconds:,.0f} tokens/s")
    found, asked = sum(s.found for s in state.counts), sum(s.asked for s in state.counts)
    if state.accepted and not found:  # rows out of the store take no time
        parts.append(f"{state.accepted / seconds * 60:,.1f} accepted rows per minute")
    if found:
        parts.append(f"{counted(asked)} answers asked for, {counted(found)} found in the store")
    elif asked:
        parts.append(f"{counted(asked)} answers")
    return ", ".join(parts) + "."


def _cost(state: RunState, cost: float) -> str:
    """``Cost: 1.20 (evolve 0.80, respond 0.40), 0.012 for each accepted row; ...``."""
    steps = [f"{one_line(s.name, 40)} {money(s.cost)}" for s in state.counts if s.cost]
    told = f"Cost: {money(cost)}" + (f" ({', '.join(steps)})" if len(steps) > 1 else "")
    if state.accepted:
        told += f", {money(cost / state.accepted)} for each accepted row"
    paid = state.spending.tokens()
    return f"{told}; {counted(paid.read)} tokens read, {counted(paid.written)} written."


def _reasons(console: Console, state: RunState, *, advised: bool) -> None:
    """The commonest reasons and errors, and, where it matters, what to change about each.

    Rows that are only more than were asked for are told apart: nothing was wrong with them.
    """
    from evolsynth.methods.spread import SURPLUS  # which few runs need

    reasons = {code: count for code, count in state.reasons.items() if code != SURPLUS}
    more = state.reasons.get(SURPLUS, 0)
    if more:
        rows = "row was" if more == 1 else "rows were"
        said = f"{counted(more)} more {rows} right: there are as many as were asked for."
        _print(console, Text(said))
    for title, counts, of, told, advice in (
        ("Rejected most often", reasons, state.rejected - more, explain, advise),
        ("Failed most often", state.errors, state.failed, str, advise_failure),
    ):
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]
        if not common:
            continue
        console.print(Text(title))
        width = len(counted(common[0][1]))
        for code, count in common:
            share = f" ({count / of:.0%})" if of else ""
            said = told(code)
            line = Text(f"{counted(count):>{width}}{share}  ")
            line.append(one_line(code, 60), style="bold")
            if said != code:
                line.append(f": {one_line(said, 300)}")
            _indented(console, line)
            if advised or title.startswith("Failed"):
                _indented(
                    console, Text(f"-> {one_line(advice(code), 400)}", style="cyan"), 2 + width + 2
                )


def _why(ended: str, state: RunState) -> str | None:
    """Why it ended before all was done; None where nothing is left to do."""
    limits = state.budget
    told = f"{counted(state.accepted)} accepted"
    if limits.accepted is not None:
        told += f" of the {counted(limits.accepted)} asked for"
    reasons = {
        "minutes": f"It ended after its {limits.minutes or 0:g} minutes, with {told}. Give "
        "--minutes more, or leave it out.",
        "max_tokens": f"It ended after {counted(limits.max_tokens or 0)} tokens, with {told}. "
        "Raise the run's max_tokens, or leave it out.",
        "max_cost": f"It ended at its limit of cost, {money(limits.max_cost or 0)}, with {told}. "
        "Raise the run's max_cost, or leave it out.",
        "max_attempts": f"It ended after {counted(limits.max_attempts or 0)} attempts, with "
        f"{told}. Raise the run's max_attempts, or change what rejects most.",
        "stalled": f"It ended because none of the last {counted(limits.stall or 0)} attempts was "
        f"accepted, with {told}. Change what rejects most.",
    }
    if ended in reasons:
        return reasons[ended]
    if ended == "finished" and state.accepted < (limits.accepted or 0):
        return (
            f"The sources gave no more rows, with {told}. Give more seeds, a source without an "
            "end such as magpie() without n, or change what rejects most."
        )
    return None


def _indented(console: Console, text: Text, by: int = 2) -> None:
    _print(console, Padding(text, (0, 0, 0, by), expand=False))


def _print(console: Console, what: RenderableType) -> None:
    """Broken into lines here, also on a console that leaves that to the terminal."""
    console.print(what, soft_wrap=False)


def _whole(console: Console, text: str) -> None:
    """A line that can be copied: it is never broken."""
    console.print(Text(f"  {text}"), soft_wrap=True)


# --- status


def status(folder: str, *, json: bool = False, watch: bool = False) -> int:
    """Say where a run stands, also while it runs.

    Args:
        folder: the run's.
        json: as one JSON object in a line.
        watch: again each second, to the run's end.

    Raises:
        InputError: there is no run in the folder.
        StoreError: its store cannot be read.
    """
    console, standing = Console(), read_status(folder)

    def tell() -> None:
        if json:
            tell_json(msgspec.to_builtins(standing))
        else:
            console.print(_shown(standing, console.width), soft_wrap=False)

    try:
        if watch and console.is_terminal and not json:
            size = console.width, console.height
            shown = _shown(standing, *size)
            with hushed(), Live(shown, console=console, auto_refresh=False) as live:
                while standing.running:
                    sleep(1.0)
                    standing = read_status(folder)
                    live.update(_shown(standing, *size), refresh=True)
            return 0
        tell()
        while watch and standing.running:
            sleep(1.0)
            before, standing = standing, read_status(folder)
            if standing.seen != before.seen or standing.running != before.running:
                tell()
    except KeyboardInterrupt:  # of the watching; the run itself is another process and goes on
        return 0
    return 0


def _shown(standing: RunStatus, width: int, height: int | None = None) -> Group:
    room = None if height is None else max(2, height - 9 - _EVENTS)
    parts: list[Any] = [Text(standing_text(standing, time()), style="bold")]
    if standing.steps:
        parts += [Text(), step_table(standing.steps, width=width, height=room), Text()]
    parts.append(Text(_sum(standing)))
    if standing.workers:
        parts.append(Text(_workers(standing.workers, running=standing.running)))
    if standing.events:
        parts.append(Text("Last events"))
        parts += [
            Text(f"  {_event(event)}", no_wrap=True, overflow="ellipsis")
            for event in standing.events[-_EVENTS:]
        ]
    if told := _advice(standing):
        parts.append(Text(told))
    return Group(*parts)


def standing_text(standing: RunStatus, now: float) -> str:
    """Whether a run works, since when, and how it ended; ``now`` in seconds since 1970."""
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
        "max_cost": "at its limit of cost",
        "max_attempts": "at its limit of attempts",
        "stalled": "since no row was accepted any more",
    }
    return known.get(ended) or one_line(ended, 400).rstrip(".")


def _sum(standing: RunStatus) -> str:
    rejected, failed = standing.rows.get("rejected", 0), standing.rows.get("failed", 0)
    # a row that no gate has judged counts as accepted
    accepted = sum(standing.rows.values()) - rejected - failed
    told = sum_text(accepted, rejected, failed)
    seconds = standing.seen - standing.started
    # rows out of the store take no time, so with them a rate would say nothing
    if accepted and seconds >= 1 and not any(step.found for step in standing.steps):
        told += f", {accepted / seconds * 60:,.1f} accepted/min"
    answers, tokens = counted(standing.completions), counted(standing.tokens)
    cost = "" if standing.cost is None else f", a cost of {money(standing.cost)}"
    if standing.cost is not None and accepted:
        cost += f" ({money(standing.cost / accepted)} for each accepted row)"
    if standing.tiers:
        told += f".\nAccepted responses: {tiers_text(standing.tiers)}"
    return f"{told}.\n{answers} answers stored, {tokens} tokens written{cost}."


def _workers(workers: Sequence[WorkerCounts], *, running: bool) -> str:
    """Ray's workers by node: what they have made; and how many are there and what they have under
    way, while the run goes on."""
    nodes: dict[str, list[WorkerCounts]] = {}
    for one in workers:
        nodes.setdefault(one.node, []).append(one)
    told = []
    for node, some in sorted(nodes.items()):
        there = sum(one.there for one in some)
        gone = f", {len(some) - there} gone" if there < len(some) else ""
        answers, busy = sum(one.answers for one in some), sum(one.under_way for one in some)
        number = f" {counted(there)}{gone}" if running else ""
        more = f", {counted(busy)} under way" if running else ""
        told.append(f"{one_line(node, 40)}{number}: {counted(answers)} answers{more}")
    return f"Ray's workers: {'; '.join(told)}."


def _event(event: StoredEvent) -> str:
    when = datetime.fromtimestamp(event.at).astimezone()
    step = f" {one_line(event.step, 40)}" if event.step else ""
    told = ", ".join(f"{one_line(n, 40)} {one_line(v, 100)}" for n, v in event.data.items())
    return f"{when:%H:%M:%S} {one_line(event.kind, 40).replace('_', ' ')}{step} {told}".rstrip()


def _advice(standing: RunStatus) -> str:
    if standing.running or standing.ended in ("finished", "accepted"):
        return ""
    place = shlex.quote(one_line(standing.folder, 500))
    return f"Go on with: evolsynth run {place}"
