"""What a row cannot hold, a file that goes and a pipe that is slow are told in a sentence."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.lines import TextField
from evolsynth.data import origin
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.rows import Row

DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]

UNWRITABLE = [b"abc", {1}, object(), 10**5000, DEEP, {5: 6, None: 7}]


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: type(value).__name__)
def test_a_row_that_json_cannot_hold_is_refused_when_it_is_made(value: Any) -> None:
    with pytest.raises(InputError, match="cannot be written as JSON"):
        Row.make("Name three rivers.", extra={"x": value})


@pytest.mark.parametrize("value", UNWRITABLE[2:-1], ids=lambda value: type(value).__name__)
def test_or_when_it_is_written(value: Any) -> None:
    row = Row.make("Name three rivers.").replace(extra={"x": value})
    with pytest.raises(InputError, match=f"(?s)row {row.id}: it cannot be written as JSON"):
        row.to_json()


def test_numbers_beyond_json_beside_good_ones_are_null() -> None:
    row = Row.make("Name a lake.", extra={"x": [float("inf"), 1.5, float("nan")], "big": 10**30})
    assert json.loads(row.to_json())["x"] == [None, 1.5, None]
    assert Row.from_dict(json.loads(row.to_json())).extra["big"] == 10**30


def _deep_settings(folder: Path) -> None:
    (folder / "gate.yaml").write_text("[" * 3000 + "]" * 3000)
    GateSettings.read(folder / "gate.yaml")


def _large_score(folder: Path) -> None:
    path = folder / "rows.jsonl"
    path.write_text('{"instruction": "Name a lake.", "s": %s}\n' % ("9" * 400))
    TextField(str(path), "instruction", "s")


def _large_id(folder: Path) -> None:
    Row.from_dict({"id": 10**5000})


@pytest.mark.parametrize(
    ("give", "told"),
    [
        (_deep_settings, "gate.yaml: nested too deeply"),
        (_large_score, "line 1: 's' is beyond the largest number"),
        (_large_id, "field 'id': a number of too many digits"),
    ],
)
def test_what_is_too_large_or_too_deep_is_told(
    tmp_path: Path, give: Callable[[Path], None], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        give(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"instruction": "Name a lake."}\n'),
        ("a.csv", "instruction\nName a lake.\n"),
        ("a.json", '[{"instruction": "Name a lake."}]'),
    ],
)
def test_a_file_that_goes_before_it_is_counted_is_told(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    source = origin(str(path))
    path.unlink()
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        source.count()


def test_a_pipe_that_is_written_to_again_loses_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.jsonl"
    os.mkfifo(pipe)

    def write(text: str, wait: float) -> threading.Thread:
        def work() -> None:
            with pipe.open("w") as file:
                time.sleep(wait)  # it is open to write, and nothing has come
                file.write(text)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    for name, wait in (("lake", 0.0), ("hill", 0.2)):
        writer = write(json.dumps({"instruction": f"Name a {name}."}) + "\n", wait)
        time.sleep(0.1)  # it waits for a reader
        assert [row.instruction for row in origin(str(pipe))] == [f"Name a {name}."]
        writer.join(5)
