"""The files of a run's data set: whole or not there, and none of an older run among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.data.files import read_dataset, read_rows
from evolsynth.errors import EngineError, InputError
from evolsynth.foreign import failure
from evolsynth.pipeline.run.export import export, remove_partial
from evolsynth.rows import Row, Verdict
from evolsynth.store.store import Store

ACCEPTED = Row.make("Name three rivers.", verdict=Verdict(accepted=True))
REJECTED = Row.make("ok").reject("too_short")
FAILED = Row.make("Boil an egg.", failure=failure("respond", EngineError("gone")))
PENDING = Row.make("Write a toast.")


def data_set(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".jsonl")


def write(folder: Path, *rows: Row, partial: bool = False) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    with Store.open(None) as store:
        for seq, row in enumerate(rows):
            store.put_row(seq, row, step=None)
        store.flush()
        return export(store, folder, partial=partial)


def test_each_row_goes_to_the_file_of_its_status_and_undecided_ones_to_the_accepted(
    tmp_path: Path,
) -> None:
    files = write(tmp_path, ACCEPTED, REJECTED, FAILED, PENDING)
    assert data_set(tmp_path) == ["accepted.jsonl", "failed.jsonl", "rejected.jsonl"]
    assert list(read_rows(files["accepted"])) == [ACCEPTED, PENDING]
    assert list(read_rows(files["rejected"])) == [REJECTED]
    assert list(read_rows(files["failed"])) == [FAILED]
    assert read_dataset(tmp_path) == [ACCEPTED, PENDING, REJECTED, FAILED]


def test_accepted_and_rejected_are_there_even_if_empty(tmp_path: Path) -> None:
    assert set(write(tmp_path)) == {"accepted", "rejected"}
    assert data_set(tmp_path) == ["accepted.jsonl", "rejected.jsonl"]


def test_an_old_failed_file_goes_where_nothing_failed(tmp_path: Path) -> None:
    """It would be counted with the new rows."""
    write(tmp_path, ACCEPTED, FAILED)
    write(tmp_path, REJECTED)
    assert data_set(tmp_path) == ["accepted.jsonl", "rejected.jsonl"]
    assert read_dataset(tmp_path) == [REJECTED]


def test_what_a_stopped_run_writes_stands_beside_the_files_of_the_last_whole_one(
    tmp_path: Path,
) -> None:
    write(tmp_path, ACCEPTED)
    write(tmp_path, PENDING, REJECTED, partial=True)
    (tmp_path / "mine.jsonl").touch()
    assert read_dataset(tmp_path) == [ACCEPTED]
    assert list(read_rows(tmp_path / "accepted.partial.jsonl")) == [PENDING]
    remove_partial(tmp_path)
    assert data_set(tmp_path) == ["accepted.jsonl", "mine.jsonl", "rejected.jsonl"]


def test_what_is_in_the_way_is_told_and_nothing_unfinished_is_left(tmp_path: Path) -> None:
    (tmp_path / "accepted.jsonl").mkdir()
    with pytest.raises(InputError, match=r"accepted\.jsonl: cannot be written.*run's store"):
        write(tmp_path, ACCEPTED)
    assert [path.name for path in tmp_path.iterdir()] == ["accepted.jsonl"]
