"""docs/architecture.md: the way it sends a reader is there, and short enough for an afternoon."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WAY = re.findall(r"^\d+\. `(\S+)`", PAGE.partition("<!-- way -->")[2], re.M)
FOLDER = 20


def test_a_row_can_be_followed_in_an_afternoon() -> None:
    assert 8 <= len(WAY) <= 12
    assert sum(len((ROOT / file).read_text("utf-8").splitlines()) for file in WAY) <= 4000


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:\w+/)+\w*\.?\w*)`", PAGE))))
def test_every_place_that_is_named_is_there(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "evolsynth" / path).exists(), path


def test_no_folder_is_too_full_to_be_looked_through() -> None:
    folders = [path for path in (ROOT / "evolsynth").rglob("*") if path.is_dir()]
    assert max(len(list(folder.glob("*.py"))) for folder in folders) <= FOLDER
