"""Pipelines: steps, ``>>`` between them, and runs that lose no row.

>>> from evolsynth.pipeline import evolve, gate, load, respond
>>> pipe = load("seeds.jsonl") >> evolve(rounds=3) >> respond() >> gate()
>>> asyncio.run(pipe.run("runs/mine"))

The names here are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolsynth.pipeline.graph import Pipeline, Step
    from evolsynth.pipeline.makers import step
    from evolsynth.pipeline.run.run import RunOptions
    from evolsynth.pipeline.run.state import Budget, RunResult, RunState
    from evolsynth.pipeline.run.watch import RunWatch
    from evolsynth.pipeline.steps import (
        bootstrap_tasks,
        evol_instruct,
        evolve,
        gate,
        generate,
        generate_rows,
        group,
        keep_columns,
        load,
        magpie,
        merge,
        preference,
        rename,
        respond,
        self_instruct,
    )
    from evolsynth.pipeline.yaml.load import load_pipeline, read_pipeline, write_yaml
    from evolsynth.store.cached_llm import Retry

_HOMES = {
    "Budget": "run.state",
    "Pipeline": "graph",
    "Retry": "@evolsynth.store.cached_llm",
    "RunOptions": "run.run",
    "RunResult": "run.state",
    "RunState": "run.state",
    "RunWatch": "run.watch",
    "Step": "graph",
    "bootstrap_tasks": "steps",
    "evol_instruct": "steps",
    "evolve": "steps",
    "gate": "steps",
    "generate": "steps",
    "generate_rows": "steps",
    "group": "steps",
    "keep_columns": "steps",
    "load": "steps",
    "load_pipeline": "yaml.load",
    "magpie": "steps",
    "merge": "steps",
    "preference": "steps",
    "read_pipeline": "yaml.load",
    "rename": "steps",
    "respond": "steps",
    "self_instruct": "steps",
    "step": "makers",
    "write_yaml": "yaml.load",
}

__all__ = [
    "Budget",
    "Pipeline",
    "Retry",
    "RunOptions",
    "RunResult",
    "RunState",
    "RunWatch",
    "Step",
    "bootstrap_tasks",
    "evol_instruct",
    "evolve",
    "gate",
    "generate",
    "generate_rows",
    "group",
    "keep_columns",
    "load",
    "load_pipeline",
    "magpie",
    "merge",
    "preference",
    "read_pipeline",
    "rename",
    "respond",
    "self_instruct",
    "step",
    "write_yaml",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'evolsynth.pipeline' has no attribute '{name}'")
    place = f"evolsynth.pipeline.{home}" if home[0] != "@" else home[1:]
    return getattr(importlib.import_module(place), name)


def __dir__() -> list[str]:
    return __all__
