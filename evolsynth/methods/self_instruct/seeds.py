"""The tasks that Self-Instruct begins with: those that ship, or a file of the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from evolsynth.data.files import read_objects
from evolsynth.errors import InputError

__all__ = ["LEAST_SEEDS", "SeedTask", "read_seeds", "shipped_seeds"]

#: So many examples are shown at once.
LEAST_SEEDS = 8

_SHIPPED = Path(__file__).with_name("seed_tasks.jsonl")


class SeedTask(NamedTuple):
    """A task written by a person, with one instance of it; ``input`` is empty where it needs none,
    ``output`` where none was given."""

    instruction: str
    input: str = ""
    output: str = ""
    is_classification: bool = False


@cache
def shipped_seeds() -> tuple[SeedTask, ...]:
    """71 varied tasks, 15 of them classifications, written for this project."""
    return read_seeds(_SHIPPED)


def read_seeds(path: str | os.PathLike[str]) -> tuple[SeedTask, ...]:
    """Tasks from a JSON Lines file: ``instruction``, and if known ``input``, ``output`` and
    ``is_classification``; or, as in the file of Self-Instruct's authors, ``instances``, a list of
    inputs and outputs, of which the first is taken.

    Raises:
        InputError: the file cannot be read, a line is no task, or there are fewer than 8.
    """
    seeds = tuple(_seed(data, f"{path}, line {number}") for number, data in read_objects(path))
    if len(seeds) < LEAST_SEEDS:
        raise InputError(
            f"{path}: {len(seeds)} seed tasks, and {LEAST_SEEDS} are shown at once. Add some, or "
            "leave the file out to use those that ship."
        )
    return seeds


def _seed(data: Mapping[str, Any], where: str) -> SeedTask:
    instances = data.get("instances")
    if isinstance(instances, list) and instances and isinstance(instances[0], dict):
        data = {**instances[0], **data}
    instruction = _text(data, "instruction", where)
    if not instruction:
        raise InputError(f"{where}, field 'instruction': there is no text. Give the task's words.")
    label = data.get("is_classification")
    if not isinstance(label, bool | None):
        raise InputError(f"{where}, field 'is_classification': give true or false.")
    return SeedTask(
        instruction,
        _text(data, "input", where),
        _text(data, "output", where),
        is_classification=bool(label),
    )


def _text(data: Mapping[str, Any], name: str, where: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where}, field '{name}': a text was expected.")
    return value.strip()
