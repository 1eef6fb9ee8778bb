"""What a run came to: its counts, its speed, its reasons, its files, and how to go on."""

# ruff: noqa: D102 - what the protocol's attributes mean stands at what it is a protocol of

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evolsynth.cli.progress.phrases import counted, duration, one_line
from evolsynth.findings import advise, explain
from evolsynth.pipeline.run.advice import advise_failure
from evolsynth.pipeline.run.watch import Seen, attempts

__all__ = ["Ended", "summarise"]

_REASONS = 5


class Ended(Protocol):
    """What `summarise` reads of a run's result."""

    @property
    def folder(self) -> Path | None: ...
    @property
    def ended(self) -> str: ...
    @property
    def state(self) -> Seen: ...
    @property
    def files(self) -> Mapping[str, Path]: ...


def summarise(result: Ended, console: Console, *, again: str | None = None) -> None:
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
    early = _why(result.ended, state)
    _reasons(console, state, advised=early is not None)
    if result.files:
        console.print(Text("Files"))
        width = max(len(name) for name in result.files)
        for name, path in result.files.items():
            _whole(console, f"{one_line(name):{width}}  {one_line(path, 500)}")
    if early is not None:
        _print(console, Text(early, style="bold"))
        command = again or f"evolsynth run {shlex.quote(str(result.folder))}"
        if result.folder is None and again is None:
            return
        if result.ended == "failed":
            _print(console, Text("Once the cause is mended, this goes on from here:"))
        else:
            _print(console, Text("This goes on from here, and asks nothing twice:"))
        _whole(console, one_line(command, 2000))


def _table(state: Seen, *, narrow: bool) -> Table:
    table = Table(
        title="planned = accepted + rejected + failed",
        title_justify="left",
        box=None if narrow else box.HEAVY_HEAD,
        padding=(0, 1, 0, 0) if narrow else (0, 1),
    )
    table.add_column("step", overflow="fold")
    under_way = any(step.running for step in state.counts)
    heads = ("planned", "accepted", "rejected", "failed", *(["unfinished"] if under_way else []))
    for head in heads:
        table.add_column(head, justify="right")
    for step in state.counts:
        settled = [step.left, step.rejected, step.failed]
        numbers = [sum(settled), *settled]
        numbers += [step.running] if under_way else []
        table.add_row(Text(one_line(step.name, 60)), *map(counted, numbers))
    numbers = [attempts(state), state.accepted, state.rejected, state.failed]
    numbers += [sum(step.running for step in state.counts)] if under_way else []
    table.add_section()
    table.add_row("all", *map(counted, numbers), style="bold")
    return table


def _speed(state: Seen) -> str:
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


def _reasons(console: Console, state: Seen, *, advised: bool) -> None:
    """The commonest reasons and errors, and, where it matters, what to change about each."""
    for title, counts, of, told, advice in (
        ("Rejected most often", state.reasons, state.rejected, explain, advise),
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


def _why(ended: str, state: Seen) -> str | None:
    """Why it ended before all was done; None where nothing is left to do."""
    limits = state.budget
    told = f"{counted(state.accepted)} accepted"
    if limits.accepted is not None:
        told += f" of the {counted(limits.accepted)} asked for"
    reasons = {
        "minutes": f"It ended after its {limits.minutes or 0:g} minutes, with {told}. Give "
        "--minutes more, or leave it out.",
        "max_tokens": f"It ended after {counted(limits.max_tokens or 0)} tokens, with {told}. "
        "Raise --max-tokens, or leave it out.",
        "max_attempts": f"It ended after {counted(limits.max_attempts or 0)} attempts, with "
        f"{told}. Raise --max-attempts, or change what rejects most.",
        "stalled": f"It ended because none of the last {counted(limits.stall or 0)} attempts was "
        f"accepted, with {told}. Change what rejects most.",
        "stopped": f"It was stopped, with {told}.",
        "failed": f"It was broken off by an error, with {told}.",
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
