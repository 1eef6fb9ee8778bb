"""``evolsynth run`` and ``evolsynth preview``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from evolsynth.cli.preview import show_preview
from evolsynth.cli.progress.summary import summarise
from evolsynth.cli.progress.watch import WatchKind, error_console, watcher
from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.preview import preview
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.yaml.load import load_pipeline, set_parameters
from evolsynth.store.cached_llm import Retry
from evolsynth.store.status import stored_value

__all__ = ["preview_pipeline", "run_pipeline"]

#: Options that belong to a run and are used again when it goes on by its folder's name.
_KEPT = ("llm", "seed", "accepted", "max_tokens", "max_attempts", "stall", "cache", "concurrency",
         "breaker", "embed", "report")  # fmt: skip


def run_pipeline(
    spec: str,
    output: str | None,
    *,
    parameters: Sequence[str],
    log: WatchKind,
    retries: int,
    **options: Any,
) -> int:
    """Run it; the exit status: 1 if a row failed or the run stalled."""
    if Path(spec).is_dir():
        spec, output, parameters, options = _gone_on(spec, output, parameters, options)
    pipeline = _pipeline(spec, parameters)
    folder = output or f"runs/{pipeline.name}"
    for name in ("llm", "cache"):  # the same from any folder
        if options[name] is not None and (name == "cache" or Path(options[name]).exists()):
            options[name] = str(Path(options[name]).absolute())
    command = {
        "spec": _absolute(spec),
        "parameters": list(parameters),
        "options": {name: value for name, value in options.items() if name in _KEPT},
    }
    if not options.pop("embed"):
        options["embedder"] = None
    for name, usual in (("stall", 1000), ("breaker", 20)):
        options[name] = usual if options[name] is None else options[name] or None
    console = error_console()
    result = asyncio.run(
        run(
            pipeline,
            folder,
            RunOptions(
                **options,
                retry=Retry(attempts=1 + retries),
                watch=watcher(log, console),
                command=command,
            ),
        )
    )
    if log not in ("json", "quiet"):
        summarise(result, console)
    return 1 if result.state.failed or result.ended == "stalled" else 0


def preview_pipeline(
    spec: str,
    *,
    parameters: Sequence[str],
    rows: int,
    accepted: int | None,
    embed: bool,
    **options: Any,
) -> int:
    """Show what a few rows become; the exit status."""
    pipeline = _pipeline(spec, parameters)
    if not embed:
        options["embedder"] = None
    console = Console(soft_wrap=True)
    made = asyncio.run(preview(pipeline, rows=rows, options=RunOptions(**options, report=False)))
    show_preview(made, console, n=accepted or 100)
    return 0


def _pipeline(spec: str, parameters: Sequence[str]) -> Pipeline:
    pipeline = load_pipeline(spec)
    return set_parameters(pipeline, parameters) if parameters else pipeline


def _gone_on(
    folder: str, output: str | None, parameters: Sequence[str], options: dict[str, Any]
) -> tuple[str, str, Sequence[str], dict[str, Any]]:
    """What the run in a folder was started with; options that are given now come first."""
    command = stored_value(folder, "command")
    if not isinstance(command, dict) or "spec" not in command:
        raise InputError(
            f"{folder}: there is no run to go on with. Give the pipeline: evolsynth run "
            f"pipeline.yaml -o {folder}"
        )
    before = command["options"]
    unsaid: dict[str, Any] = {"embed": True, "report": True}
    merged = {
        name: before.get(name, value) if name in _KEPT and value == unsaid.get(name) else value
        for name, value in options.items()
    }
    return command["spec"], output or folder, parameters or command["parameters"], merged


def _absolute(spec: str) -> str:
    """The same pipeline from any folder."""
    path, colon, name = spec.rpartition(":")
    if not colon:
        return str(Path(spec).absolute())
    return f"{Path(path).absolute()}:{name}" if path.endswith(".py") else spec
