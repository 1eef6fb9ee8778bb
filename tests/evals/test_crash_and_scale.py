"""The programs that kill runs and count what a row costs: do they see what they should?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.crash.killing import Trial, undisturbed
from evolsynth.store.store import Store

ROWS = {"CRASH_ROWS": "12"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    place = tmp_path_factory.mktemp("whole")
    return undisturbed("scripted", place / "run", place / "log", ROWS)


def test_a_killed_run_ends_as_if_nobody_had_touched_it(
    tmp_path: Path, whole: tuple[dict[str, bytes], float]
) -> None:
    files, seconds = whole
    assert files["accepted.jsonl"]
    outcome = Trial("scripted", tmp_path / "run", seconds=seconds, whole=files, seed=1).go(ROWS)
    assert outcome.kills >= 2
    assert outcome.in_export == 1
    assert outcome.asked > 12
    assert (outcome.asked_again, outcome.never_stored) == (0, 0)
    assert outcome.same
    assert outcome.left == ()
    assert outcome.finished


@pytest.mark.slow
def test_what_goes_wrong_is_seen(tmp_path: Path, whole: tuple[dict[str, bytes], float]) -> None:
    """A run whose store forgets, and files that are not the same, are told."""
    files, seconds = whole
    trial = Trial("scripted", tmp_path / "run", seconds=seconds, whole=files, seed=1)
    assert trial.go(ROWS).asked_again == 0
    folder = tmp_path / "run"
    stored = trial._stored()
    with Store.open(folder, fresh=True):
        pass  # now the log has questions whose answers are nowhere
    assert len(set(trial._asked()) - trial._stored()) == len(set(trial._asked())) > 0
    assert stored
    other = Trial("scripted", tmp_path / "b", seconds=seconds, whole={}, seed=2).go(ROWS)
    assert not other.same


def test_scale_counts_time_and_memory(tmp_path: Path) -> None:
    place = tmp_path / "scale.json"
    assert main(["scale", "--rows", "400", "--json", str(place)]) == 0
    sizes = json.loads(place.read_text("utf-8"))["sizes"]
    assert [size["rows"] for size in sizes] == [40, 100, 400]
    for size in sizes:
        assert size["microseconds"] > 0
        assert size["memory_at_most"] >= size["memory_at_start"] > 10
        assert size["store_mib"] > 0
