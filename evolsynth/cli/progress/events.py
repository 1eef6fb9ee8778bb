"""A run's events as JSON, one object a line; docs/progress.md says what the fields mean."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evolsynth.cli.progress.pace import Pace
from evolsynth.pipeline.run.watch import Seen, StepSeen

__all__ = ["NUMBERED", "as_line", "numbers", "step_numbers"]

#: Events that carry all the numbers of the run.
NUMBERED = frozenset({"begin", "progress", "stopping", "stopped", "finished", "end"})


def as_line(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The event as one line; its own name and time cannot be taken by its data."""
    fields = {"event": kind, "at": at.astimezone(UTC).isoformat(timespec="milliseconds")}
    rest = {str(name): _plain(value) for name, value in data.items() if name not in fields}
    # All beyond ASCII is escaped: a line stays one line, and half a character can be written.
    return json.dumps(fields | rest)


def numbers(state: Seen, pace: Pace) -> dict[str, Any]:
    """How the run stands."""
    told = pace.forecast
    return {
        "seconds": round(pace.seconds, 1),
        "planned": state.planned,
        "expected": state.expected,
        "wanted": state.budget.accepted,
        "accepted": state.accepted,
        "rejected": state.rejected,
        "failed": state.failed,
        "asked": sum(step.asked for step in state.counts),
        "found": sum(step.found for step in state.counts),
        "tokens": state.tokens,
        "tokens_found": state.tokens_found,
        "tokens_per_second": _rounded(pace.tokens_per_second_now),
        "tokens_per_second_overall": _rounded(pace.tokens_per_second),
        "accepted_per_minute": _rounded(pace.accepted_per_minute),
        "seconds_left": None if told is None else round(told.seconds, 1),
        "left_until": None if told is None else told.until,
        "accepted_then": None if told is None else told.accepted,
        "steps": [step_numbers(step) for step in state.counts],
    }


def step_numbers(step: StepSeen) -> dict[str, Any]:
    """How one step stands."""
    return {
        "step": step.name,
        "kind": step.kind,
        "planned": step.came + step.made - step.used,
        "came": step.came,
        "made": step.made,
        "used": step.used,
        "running": step.running,
        "left": step.left,
        "rejected": step.rejected,
        "failed": step.failed,
        "asked": step.asked,
        "found": step.found,
        "tokens": step.tokens,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


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
