"""docs/progress.md names every field of the JSON events."""

from __future__ import annotations

from pathlib import Path

from simulated_run import simulate

from evolsynth.cli.progress.pace import Pace
from evolsynth.cli.progress.watch import NUMBERED, numbers

PAGE = (Path(__file__).parents[2] / "docs" / "progress.md").read_text(encoding="utf-8")


def test_every_field_and_every_event_is_on_the_page() -> None:
    state = next(simulate(expected=5))
    fields = numbers(state, Pace(state, 0.0))
    for name in (*fields, *fields["steps"][0], *NUMBERED):
        assert f"`{name}`" in PAGE, name
