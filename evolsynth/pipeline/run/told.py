"""What a run writes down of itself for its report, and the report made of it: at the run's end, by
`evolsynth report`, and while it runs."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.labels import outlined, sketch
from evolsynth.pipeline.run.state import RunState
from evolsynth.rows import Row
from evolsynth.store.status import AGAIN, RunStatus, StepCounts, read_status, stored_values
from evolsynth.store.store import Store

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder
    from evolsynth.report.build import Live

__all__ = ["note_facts", "note_pipeline", "page_of"]

#: Where a run that was killed, or still runs, stands in the table of its facts.
_RUNS, _BROKEN = "not yet: it runs", "it broke off without saying why"


def note_pipeline(store: Store, pipeline: Pipeline) -> None:
    """Write down the pipeline's picture, at the run's beginning."""
    store.set("pipeline", pipeline.name)
    store.set("sketch", sketch(pipeline))
    store.set("facts", None)
    store.set("steered", None)
    store.set("workers", None)


def note_facts(store: Store, state: RunState, seed: int, ended: str | None) -> None:
    """Write down how the run stands: its counts, and what its report tells of it."""
    store.put_steps(state.refresh())
    store.set("tiers", dict(state.tiers))
    store.set("facts", _facts(state, seed, ended))
    if state.pool is not None:
        store.set("workers", msgspec.to_builtins(state.pool.standing()))
    if state.steerer is not None:
        store.set("steered", list(state.steerer.told()))


def _facts(state: RunState, seed: int, ended: str | None) -> dict[str, Any]:
    seconds, cost, read = state.seconds, state.cost, state.spending.tokens()
    facts: dict[str, Any] = {
        "models": {m.name: dict(m.provenance) for m in state.models if m is not None},
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "seed": seed,
        "ended": ended,
        "seconds": round(seconds, 1),
        "tokens written": state.tokens,
        "tokens found in the store": state.tokens_found,
        "tokens written per second": round(state.tokens / max(seconds, 1e-9)),
    }
    if state.pool is not None:
        by_node = Counter[str]()
        for one in state.pool.standing():
            by_node[one.node] += one.answers
        told = (f"{node}: {answers:,}" for node, answers in sorted(by_node.items()))
        facts["answers of Ray's workers, by node"] = ", ".join(told)
    if cost is not None:
        facts |= {
            "cost of all attempts": cost,
            "cost of an accepted row": cost / state.accepted if state.accepted else None,
            "tokens paid for, read and written": f"{read.read:,} and {read.written:,}",
        }
    return facts


def page_of(
    folder: Path,
    rows: Sequence[Row],
    *,
    total: int,
    embedder: Embedder | None,
    ended: bool = False,
    live: Live | None = None,
) -> str:
    """The report on a run as an HTML page, with what the run has written down of itself.

    Args:
        folder: the run's.
        rows: all of them, or a sample.
        total: how many rows have come out.
        embedder: see `build_report`.
        ended: the run is at its end, and has this report made itself.
        live: how the page is kept up to date.

    Raises:
        InputError: there is no run in the folder.
        StoreError: its store cannot be read.
    """
    from evolsynth.report.build import build_report

    names = ("pipeline", "sketch", "facts", "steered", "steps", "command")
    told, standing = stored_values(folder, *names), read_status(folder)
    title = f"evolsynth: {told['pipeline'] or folder.name}"
    if len(rows) < total:
        title += f" (a sample of {len(rows):,} of {total:,} rows)"
    steps = _steps(told["steps"])
    return build_report(
        rows,
        embedder=embedder,
        title=title,
        run=_shown(told, standing, folder, whole=len(rows) == total, ended=ended),
        pipeline=_picture(told["sketch"], steps),
        steps=steps,
        steered=[str(line) for line in told["steered"] or ()],
        live=live,
    )


def _shown(
    told: Mapping[str, Any], standing: RunStatus, folder: Path, *, whole: bool, ended: bool
) -> dict[str, Any]:
    """The facts as the page has them; of a run that has not come so far, those of its status."""
    command, facts = "", told["facts"]
    if told["command"]:  # a run that a Python program began has none
        from evolsynth.store.command import again

        command = again(told["command"], str(folder))
    if not isinstance(facts, dict):
        seconds = max(0.0, standing.seen - standing.started)
        facts = {"seconds": round(seconds, 1), "tokens written": standing.tokens, "ended": None}
    if not ended:
        facts = facts | {"ended": _RUNS if standing.running else standing.ended or _BROKEN}
    # a sample's rows, or those of earlier attempts, by this attempt's seconds are no pace
    found = facts.get("tokens found in the store") or any(step.found for step in standing.steps)
    names = {} if whole and not found else {"seconds": "seconds of this attempt"}
    shown = {names.get(name, name): value for name, value in facts.items() if value != {}}
    return {AGAIN: command, **shown} if command else shown


def _steps(told: Any) -> list[StepCounts]:
    try:
        return msgspec.convert(told or [], list[StepCounts])
    except msgspec.ValidationError:  # damaged: the rest can be told all the same
        return []


def _picture(told: Any, steps: Sequence[StepCounts]) -> Sequence[Any]:
    try:
        return outlined(told or [], steps) if isinstance(told, list) else []
    except InputError:
        return []
