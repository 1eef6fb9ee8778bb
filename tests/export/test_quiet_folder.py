"""A folder for `datasets` is made without that package's bars, which move the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.cli.main import main
from evolsynth.rows import Row, write_rows


def test_nothing_moves_the_cursor(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    datasets = pytest.importorskip("datasets")
    write_rows(tmp_path / "rows.jsonl", [Row.make("Name a bay.", response="The Bay of Fundy.")])
    shown = datasets.is_progress_bar_enabled()
    command = ["export", str(tmp_path / "rows.jsonl"), "--format", "hf"]
    assert main([*command, "-o", str(tmp_path / "data")]) == 0
    told = capfd.readouterr().err
    assert "\r" not in told
    assert "%" not in told
    assert datasets.is_progress_bar_enabled() == shown, "it is as it was afterwards"
