"""The report of a run: what a data set's report has, and the pipeline with its counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evolsynth.evaluation.embed.base import Embedder
from evolsynth.pipeline.draw.labels import outline
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.state import RunState
from evolsynth.report.build import write_report
from evolsynth.rows import Row
from evolsynth.store.store import Store

__all__ = ["SAMPLE", "report_run", "sample_rows"]

#: Rows that the report looks at; of more, as many evenly spread over the plan.
SAMPLE = 2000


def sample_rows(store: Store, total: int) -> list[Row]:
    """At most `SAMPLE` rows, evenly spread over the plan, whatever became of them."""
    every = max(1, -(-total // SAMPLE))
    lines = store.rows("accepted", "pending", "rejected", "failed")
    return [Row.from_dict(json.loads(line)) for n, line in enumerate(lines) if n % every == 0]


def report_run(
    folder: Path,
    rows: Sequence[Row],
    pipeline: Pipeline,
    state: RunState,
    *,
    embedder: Embedder | None,
    facts: Mapping[str, Any],
) -> Path:
    """Write ``report.html`` and return its path.

    Raises:
        InputError: it cannot be written.
    """
    title = f"evolsynth: {pipeline.name}"
    if len(rows) < state.total:
        title += f" (a sample of {len(rows):,} of {state.total:,} rows)"
    return write_report(
        folder / "report.html",
        rows,
        embedder=embedder,
        title=title,
        run=facts,
        pipeline=outline(pipeline, state.counts),
        steps=state.counts,
    )
