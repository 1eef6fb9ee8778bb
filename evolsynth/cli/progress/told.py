"""What came of a command, as JSON for a program, where its sentences are for people."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from json import dumps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolsynth.pipeline.run.state import RunResult

__all__ = ["as_line", "goes_on", "run_told", "tell_json"]


def tell_json(told: Mapping[str, Any], *, output: str | None = None) -> None:
    """One object in a line on standard output; where rows go there (``output`` is ``-``), on
    standard error. ASCII only, so that any terminal and any text will do."""
    file = sys.stderr if output == "-" else sys.stdout
    file.write(dumps(_plain(told)) + "\n")
    file.flush()


def as_line(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The event as one line; its own name and time cannot be taken by its data."""
    fields = {"event": kind, "at": at.astimezone(UTC).isoformat(timespec="milliseconds")}
    rest = {str(name): _plain(value) for name, value in data.items() if name not in fields}
    # All beyond ASCII is escaped: a line stays one line, and half a character can be written.
    return dumps(fields | rest)


def _plain(value: Any) -> Any:
    """As something that JSON has; what it has not is told as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def run_told(result: RunResult, again: str | None = None) -> dict[str, Any]:
    """What a run came to.

    Args:
        result: the run's.
        again: the command that goes on with it; by default one that names its folder.
    """
    from evolsynth.cli.progress.watch import step_numbers

    state = result.state
    wanted = ("planned", "accepted", "rejected", "failed", "tokens", "tokens_found", "cost")
    told: dict[str, Any] = {"ended": result.ended, "wanted": state.budget.accepted}
    told |= {name: getattr(state, name) for name in wanted}
    told |= {name: sum(getattr(step, name) for step in state.counts) for name in ("asked", "found")}
    told |= {"seconds": round(state.seconds, 1), "tiers": dict(state.tiers)}
    told |= {"reasons": dict(state.reasons), "errors": dict(state.errors)}
    told["steps"] = [step_numbers(step) for step in state.counts]
    told["folder"] = None if result.folder is None else str(result.folder)
    told["files"] = {name: str(path) for name, path in result.files.items()}
    return told | {"again": goes_on(result, again)}


def goes_on(result: RunResult, again: str | None) -> str | None:
    """The command that goes on with a run: what was typed, or one that names its folder; None where
    it has neither."""
    if again is not None or result.folder is None:
        return again
    return shlex.join(("evolsynth", "run", str(result.folder)))
