"""How a run stands, in words: for log lines, and below the table on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from evolsynth.cli.progress.pace import Pace
from evolsynth.cli.progress.phrases import counted, duration, one_line, roughly
from evolsynth.pipeline.run.watch import Seen, StepSeen, attempts

__all__ = ["Teller", "left_text", "line", "outcome_text", "pace_text", "planned", "step_text"]

_EACH = 3  # failed rows told for one step and one error
_ALL = 12  # and in all


def planned(step: StepSeen) -> int:
    """Rows of a step, wherever they are now."""
    return step.came + step.made - step.used


def outcome_text(state: Seen) -> str:
    """``38 accepted of 120, 12 rejected, 1 failed``."""
    wanted = state.budget.accepted
    accepted = f"{counted(state.accepted)} accepted"
    parts = [
        accepted if wanted is None else f"{accepted} of {counted(wanted)}",
        f"{counted(state.rejected)} rejected",
    ]
    if state.failed:
        parts.append(f"{counted(state.failed)} failed")
    return ", ".join(parts)


def pace_text(pace: Pace) -> str:
    """``412 tokens/s (390 over all), 24.1 accepted/min``; empty at the very beginning."""
    parts = []
    now, overall = pace.tokens_per_second_now, pace.tokens_per_second
    if overall:
        parts.append(f"{now or 0:,.0f} tokens/s ({overall:,.0f} over all)")
    if pace.accepted_per_minute:
        parts.append(f"{pace.accepted_per_minute:,.1f} accepted/min")
    return ", ".join(parts)


def left_text(state: Seen, pace: Pace) -> str:
    """``about 3 min left for 120 accepted``; empty until enough is known."""
    if pace.replaying:
        return "reading answers that were stored before"
    told = pace.forecast
    if told is None:
        return ""
    limits, left = state.budget, f"{roughly(told.seconds)} left"
    options = {
        "minutes": f" (--minutes {limits.minutes or 0:g})",
        "tokens": f" (--max-tokens {limits.max_tokens})",
        "attempts": f" (--max-attempts {limits.max_attempts})",
    }
    if told.until == "accepted":
        return f"{left} for {counted(limits.accepted or 0)} accepted"
    left += options.get(told.until, "")
    if told.accepted is None:
        return left
    short = limits.accepted is not None and told.accepted < limits.accepted
    of = f" of the {counted(limits.accepted or 0)}" if short else ""
    return f"{left}, then about {counted(told.accepted)}{of} accepted"


def line(state: Seen, pace: Pace) -> str:
    """All of it in one line."""
    running = ", ".join(
        f"{one_line(step.name, 24)} {counted(step.running)}"
        for step in state.counts
        if step.running
    )
    parts = [outcome_text(state), pace_text(pace), running and f"under way: {running}"]
    parts.append(left_text(state, pace))
    return f"{duration(pace.seconds)}: {'; '.join(part for part in parts if part)}"


def step_text(step: StepSeen) -> str:
    """What became of the rows of a step that has ended."""
    parts = [f"{counted(step.left)} went on"]
    parts += [f"{counted(step.rejected)} rejected"] if step.rejected else []
    parts += [f"{counted(step.failed)} failed"] if step.failed else []
    rows = planned(step)
    unit = "row" if rows == 1 else "rows"
    return f"{one_line(step.name, 40)} is done: {counted(rows)} {unit}, {', '.join(parts)}."


class Teller:
    """Says what happens in sentences; of failures that are all alike, only the first few."""

    def __init__(self) -> None:
        self._failures: Counter[tuple[str, str]] = Counter()
        self._told, self._hushed = 0, False

    def tell(self, kind: str, data: Mapping[str, Any], state: Seen | None) -> str:
        """A sentence on an event, or an empty text where it says nothing new."""
        if kind in ("failed_row", "retry"):
            return self._failure(kind, data)
        if kind == "step":
            steps = () if state is None else state.counts
            step = next((s for s in steps if s.name == data.get("step")), None)
            return "" if step is None else step_text(step)
        if data.get("message"):
            return one_line(data["message"], 500)
        if kind == "stopping":
            return _stopping(str(data.get("reason") or ""))
        if kind == "stopped":
            return "Stopped. What was made is kept; the same command goes on from here."
        if kind in ("begin", "progress", "finished"):
            return ""  # the line on how it stands says more
        told = ", ".join(f"{name} {one_line(value, 80)}" for name, value in data.items())
        return f"{one_line(kind, 40).replace('_', ' ')}{': ' if told else ''}{told}"

    def _failure(self, kind: str, data: Mapping[str, Any]) -> str:
        step, error = str(data.get("step") or "a step"), str(data.get("error") or "an error")
        self._failures[kind + step, error] += 1
        if self._failures[kind + step, error] > _EACH or self._told >= _ALL:
            if self._hushed:
                return ""
            self._hushed = True
            return "More like this are only counted from here on."
        self._told += 1
        what = "A row failed" if kind == "failed_row" else "Asked again"
        why = f": {one_line(data['message'], 300)}" if data.get("message") else "."
        row = f", row {one_line(data['row'], 40)}" if data.get("row") else ""
        return f"{what} in {one_line(step, 40)}{row} ({one_line(error, 60)}){why}"


def _stopping(reason: str) -> str:
    limits = {"minutes": "its minutes are over", "max_tokens": "its tokens are used up"}
    if reason in limits:
        return f"Ending: {limits[reason]}. Nothing new is asked, what finishes now is kept."
    return (
        "Stopping: nothing new is asked, what finishes within 5 s is kept. Ctrl-C again stops at "
        "once."
    )


def ended(state: Seen) -> str:
    """``51 rows = 38 accepted + 12 rejected + 1 failed``."""
    parts = (state.accepted, state.rejected, state.failed)
    words = ("accepted", "rejected", "failed")
    told = " + ".join(f"{counted(n)} {word}" for n, word in zip(parts, words, strict=True))
    return f"{counted(attempts(state))} rows = {told}"
