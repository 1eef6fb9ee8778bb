"""How a run ended, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Mapping
from typing import Any

from evolsynth.errors import RunStopped
from evolsynth.pipeline.run.plan import RunOptions
from evolsynth.pipeline.run.state import Budget, End, RunState
from evolsynth.streams import abandoned

__all__ = ["BY_CLOCK", "ended_by", "facts_of", "how_ended", "stopped_text"]

#: Ends that do not come with a row, by the reason for which a run stops.
BY_CLOCK: Mapping[str, End] = {
    "minutes": "minutes",
    "max_tokens": "max_tokens",
    "max_cost": "max_cost",
}


def facts_of(state: RunState, seed: int, ended: End, whole: bool) -> dict[str, Any]:
    """What a report tells of a run; ``whole`` says that it shows all rows and no sample."""
    seconds, cost, read = state.seconds, state.cost, state.spending.tokens()
    # a sample's rows, or those of earlier attempts, by this attempt's seconds are no pace
    paced = whole and not state.tokens_found
    facts: dict[str, Any] = {
        "models": {model.name: dict(model.provenance) for _, model in state.asked},
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "seed": seed,
        "ended": ended,
        "seconds" if paced else "seconds of this attempt": round(seconds, 1),
        "tokens written": state.tokens,
        "tokens found in the store": state.tokens_found,
        "tokens written per second": round(state.tokens / max(seconds, 1e-9)),
    }
    if cost is not None:
        facts |= {
            "cost of all attempts": cost,
            "cost of an accepted row": cost / state.accepted if state.accepted else None,
            "tokens paid for, read and written": f"{read.read:,} and {read.written:,}",
        }
    return facts


def stopped_text(state: RunState, reason: str, options: RunOptions) -> str:
    """A sentence on a run that a signal has stopped, and how it goes on."""
    busy = " and ".join(f"'{counts.name}'" for counts in state.counts if counts.running)
    deaf = f" What {busy} was doing did not end, and was left." if abandoned() else ""
    short = "" if options.command is None else f", or: evolsynth run {state.folder}"
    return (
        f"Stopped ({reason}). {state.accepted} accepted, {state.rejected} rejected and "
        f"{state.failed} failed rows, and every answer of the model, are kept"
        + (f" in {state.folder}. Go on with the same command{short}." if state.folder else ".")
        + deaf
    )


def ended_by(state: RunState, budget: Budget) -> End | None:
    """Whether a row that came out was the last."""
    if budget.accepted is not None and state.accepted >= budget.accepted:
        return "accepted"
    if budget.max_attempts is not None and state.total >= budget.max_attempts:
        return "max_attempts"
    if budget.stall is not None and state.since_accepted >= budget.stall:
        return "stalled"
    return None


def how_ended(error: BaseException) -> str:
    """How the store remembers the end of a run that an error has ended."""
    if isinstance(error, RunStopped):
        return f"stopped: {error.reason}"
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "stopped: cancelled"
    return f"failed: {type(error).__name__}: {error}"
