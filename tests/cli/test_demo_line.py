"""What `evolsynth demo` puts into its pipeline."""

from __future__ import annotations

from typing import Any

import yaml

from evolsynth.cli.demo import line
from evolsynth.methods.grounded.kind import KINDS
from evolsynth.pipeline.yaml.write import write_yaml


def kinds_in(part: Any) -> set[str]:
    """The names of all kinds of tasks that any step of a pipeline is given."""
    if isinstance(part, dict):
        given = part.get("kinds") or {}
        return set(given).union(*(kinds_in(value) for value in part.values()))
    return set().union(*map(kinds_in, part)) if isinstance(part, list) else set()


def test_a_small_model_is_asked_for_no_kind_of_task_that_it_cannot_do() -> None:
    made = kinds_in(yaml.safe_load(write_yaml(line(["texts"], 100))))
    assert made == {name for name, one in KINDS.items() if not one.asks}


def test_a_model_of_the_users_is_asked_for_all_kinds() -> None:
    made = kinds_in(yaml.safe_load(write_yaml(line(["texts"], 100, asks=True))))
    assert made == set(KINDS)
