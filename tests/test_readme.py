"""What the README shows must run as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evolsynth.data.files import read_rows
from evolsynth.llm.llamacpp.quantise import QUANTISATIONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def script(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", README, re.S)
    assert found, f"the README marks its script with <!-- {name} -->"
    return found[1]


#: Behind the script: how much of the package it loaded.
_COUNTED = """
import sys
print(sum(name.startswith("evolsynth") for name in sys.modules), "modules")
"""
MOST_MODULES = 160


def said_by_a_new_users_try(folder: Path) -> str:
    """Copy, run, look at what it says."""
    path = folder / "mine.py"
    path.write_text(script("script") + _COUNTED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["script", "generators"])
def test_a_script_has_at_most_fifteen_lines(name: str) -> None:
    assert len(script(name).strip().splitlines()) <= 15


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.real
def test_the_script_runs_as_written(tmp_path: Path) -> None:
    said = said_by_a_new_users_try(tmp_path)
    counts = re.search(r"(\d+) of (\d+) rows accepted", said)
    assert counts, said
    loaded = re.search(r"(\d+) modules", said)
    assert loaded is not None
    assert int(loaded[1]) <= MOST_MODULES
    folder = tmp_path / "runs" / "first"
    rows = list(read_rows(folder / "accepted.jsonl"))
    assert len(rows) == int(counts[1]) <= int(counts[2]) == 6
    assert all(row.instruction and row.response for row in rows)
    assert (folder / "report.html").exists()


@pytest.mark.real
def test_the_generators_run_as_written(shown_by: Callable[[str], str]) -> None:
    lines = shown_by(script("generators")).splitlines()
    assert 2 <= len([s for s in lines if s.startswith(("accepted", "rejected"))]) <= 4


@pytest.mark.real
def test_the_script_of_the_engine_page_runs_as_written(
    page_blocks: Callable[[str], list[str]], shown_by: Callable[[str], str]
) -> None:
    first, second, usage = shown_by(page_blocks("engine")[0]).splitlines()
    assert first in (" yes", " no")
    assert float(second) > 1
    assert "prefix_hits=1" in usage


def test_every_quantisation_is_on_the_engine_page() -> None:
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    for name, q in QUANTISATIONS.items():
        assert f"| {name} | {q.bits:g} | {q.good_for} |" in page


@pytest.mark.real
def test_the_script_of_the_evaluation_page_runs_as_written(
    page_blocks: Callable[[str], list[str]], shown_by: Callable[[str], str]
) -> None:
    scores, statuses = shown_by(page_blocks("evaluation")[0]).splitlines()
    assert re.fullmatch(r"\[[\d.]+, [\d.]+, [\d.]+\] 2", scores)
    assert statuses == "['accepted', 'accepted']"
