"""Pipelines: steps, ``>>`` between them, and runs that lose no row.

>>> from evolsynth.pipeline import evolve, gate, load, respond
>>> pipe = load("seeds.jsonl") >> evolve(rounds=3) >> respond() >> gate()
>>> asyncio.run(pipe.run("runs/mine"))

Every step can be imported from here by its name, those of other packages too. All names are
imported when first used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evolsynth.doing import watcher
from evolsynth.pipeline.graph import DEEDS, Pipeline, Step

if TYPE_CHECKING:
    from evolsynth.pipeline.makers import StepMaker, step
    from evolsynth.pipeline.run.preview import Preview
    from evolsynth.pipeline.run.run import RunOptions
    from evolsynth.pipeline.run.state import Budget, RunResult, RunState, RunWatch
    from evolsynth.pipeline.steer import Steer
    from evolsynth.pipeline.yaml.load import load_pipeline, read_pipeline, write_yaml
    from evolsynth.store.cached_llm import Retry

    def __getattr__(name: str) -> StepMaker: ...


_HOMES = {
    "Budget": "pipeline.run.state",
    "Retry": "store.cached_llm",
    "RunOptions": "pipeline.run.run",
    "RunResult": "pipeline.run.state",
    "RunState": "pipeline.run.state",
    "RunWatch": "pipeline.run.state",
    "Steer": "pipeline.steer",
    "load_pipeline": "pipeline.yaml.load",
    "read_pipeline": "pipeline.yaml.load",
    "step": "pipeline.makers",
    "write_yaml": "pipeline.yaml.load",
}

__all__ = ["Budget", "Pipeline", "Retry", "RunOptions", "RunResult", "RunState", "RunWatch"]
__all__ += ["Steer", "Step", "load_pipeline", "read_pipeline", "step", "write_yaml"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is not None:
            return getattr(importlib.import_module(f"evolsynth.{home}"), name)
        if not name.startswith("_"):
            from evolsynth.pipeline.steps import STEPS

            if name in STEPS:
                return STEPS[name]
        raise AttributeError(f"module 'evolsynth.pipeline' has no attribute '{name}'")


async def _run(pipeline: Pipeline, folder: str, options: Mapping[str, Any]) -> RunResult:
    from evolsynth.pipeline.run.run import RunOptions, run

    if "watch" not in options:
        options = {**options, "watch": watcher()}
    return await run(pipeline, folder, RunOptions.of(options))


async def _preview(pipeline: Pipeline, rows: int, options: Mapping[str, Any]) -> Preview:
    from evolsynth.pipeline.run.preview import preview
    from evolsynth.pipeline.run.run import RunOptions

    return await preview(pipeline, rows=rows, options=RunOptions.of(options))


def _check(pipeline: Pipeline) -> None:
    from evolsynth.pipeline.columns import check_columns

    check_columns(pipeline)


def _draw(pipeline: Pipeline, path: str | None) -> str:
    from evolsynth.pipeline.draw.draw import draw

    return draw(pipeline, path)


DEEDS |= {"run": _run, "preview": _preview, "check": _check, "draw": _draw}


def __dir__() -> list[str]:
    from evolsynth.pipeline.steps import STEPS

    return [*__all__, *STEPS]
