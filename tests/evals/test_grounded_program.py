"""The program that makes grounded tasks of a folder: its rows, what it counts, what was read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.grounded import READINGS, measure, readings, texts
from evolsynth.errors import InputError
from evolsynth.llm.scripted import Scripted

MILL = """# Hallow Mill

Hallow Mill stands on the river Tarn. In 1881 a fire destroyed the roof.

## The wheel

The wheel is 6 metres wide. Anna Lund repaired the wheel in 1903.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mill.md").write_text(MILL)
    (tmp_path / "ferry.txt").write_text("A crossing takes 12 minutes and costs 4 crowns.")
    (tmp_path / "picture.png").write_bytes(b"no text")
    return tmp_path


def test_each_section_of_a_folder_is_a_row(folder: Path) -> None:
    rows = list(texts(folder))
    told = [(row.extra["source"], row.extra["title"], row.extra["heading"]) for row in rows]
    assert told == [
        ("ferry.txt", "ferry", ""),
        ("mill.md", "Hallow Mill", ""),
        ("mill.md", "Hallow Mill", "The wheel"),
    ]
    assert str(rows[2].input).startswith("The wheel is 6 metres wide.")


def test_a_folder_without_texts_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files that end in"):
        list(texts(tmp_path))


async def test_it_counts_what_was_tried_good_and_taken(folder: Path) -> None:
    wanted = {"year": 1.0, "how_much": 1.0}
    made, rows, seconds = await measure(Scripted([]), list(texts(folder)), wanted, each=3, seed=1)
    by_kind = {one.kind: one for one in made}
    assert (by_kind["year"].tried, by_kind["year"].good, by_kind["year"].taken) == (2, 2, 2)
    assert by_kind["how_much"].taken == sum(
        row.provenance["instruction"]["kind"] == "how_much" for row in rows if row.response
    )
    assert seconds > 0


def test_readings_are_counted_by_their_texts(tmp_path: Path) -> None:
    lines = [
        {"texts": "old", "instruction_good": True, "keep": True},
        {"texts": "old", "instruction_good": True, "keep": False},
        {"texts": "new", "instruction_good": False, "keep": False},
    ]
    file = tmp_path / "read.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    found = [(one.texts, one.rows, one.questions, one.kept) for one in readings(file)]
    assert found == [("old", 2, 2, 1), ("new", 1, 0, 0)]


def test_what_was_read_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    found = readings(READINGS)
    assert main(["grounded", "--readings"]) == 0
    assert f"{found[0].rows} rows" in capsys.readouterr().out
    assert sum(one.rows for one in found) >= 150
    assert all(one.kept <= one.questions <= one.rows for one in found)
