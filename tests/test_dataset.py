"""A data set on disk: nothing made is lost, and no old file passes for new."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.dataset import DatasetWriter, read_dataset
from evolsynth.errors import EngineError, InputError
from evolsynth.rows import Row, Verdict, read_rows
from evolsynth.streams import failure

ACCEPTED = Row.make("Name three rivers.", verdict=Verdict(accepted=True))
REJECTED = Row.make("ok").reject("too_short")
FAILED = Row.make("Boil an egg.", failure=failure("respond", EngineError("gone")))
PENDING = Row.make("Write a toast.")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def write(folder: Path, *rows: Row) -> DatasetWriter:
    with DatasetWriter(folder) as writer:
        for row in rows:
            writer.add(row)
    return writer


def test_each_row_goes_to_the_file_of_its_status(tmp_path: Path) -> None:
    writer = write(tmp_path / "a" / "b", ACCEPTED, REJECTED, FAILED, PENDING, REJECTED)
    folder = tmp_path / "a" / "b"
    assert names(folder) == ["accepted.jsonl", "failed.jsonl", "pending.jsonl", "rejected.jsonl"]
    assert list(read_rows(folder / "accepted.jsonl")) == [ACCEPTED]
    assert list(read_rows(folder / "rejected.jsonl")) == [REJECTED, REJECTED]
    assert writer.counts == {"accepted": 1, "rejected": 2, "failed": 1, "pending": 1}


def test_accepted_and_rejected_are_there_even_if_empty(tmp_path: Path) -> None:
    write(tmp_path)
    assert names(tmp_path) == ["accepted.jsonl", "rejected.jsonl"]
    assert read_dataset(tmp_path) == []


def test_a_row_is_on_disk_as_soon_as_it_is_added(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        writer.add(ACCEPTED)
        assert list(read_rows(tmp_path / "accepted.partial.jsonl")) == [ACCEPTED]


def test_an_exception_keeps_the_partial_files_and_the_earlier_run(tmp_path: Path) -> None:
    write(tmp_path, PENDING, REJECTED)

    def broken() -> None:
        with DatasetWriter(tmp_path) as writer:
            writer.add(ACCEPTED)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert list(read_rows(tmp_path / "accepted.partial.jsonl")) == [ACCEPTED]
    assert list(read_rows(tmp_path / "rejected.jsonl")) == [REJECTED]
    assert list(read_rows(tmp_path / "pending.jsonl")) == [PENDING]


def test_a_finished_run_takes_the_place_of_all_that_was_there(tmp_path: Path) -> None:
    """An old failed.jsonl beside new rows would be counted with them."""
    write(tmp_path, ACCEPTED, FAILED, PENDING)
    (tmp_path / "failed.partial.jsonl").write_text("left by a killed run", encoding="utf-8")
    write(tmp_path, REJECTED)
    assert names(tmp_path) == ["accepted.jsonl", "rejected.jsonl"]
    assert read_dataset(tmp_path) == [REJECTED]


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine", encoding="utf-8")
    write(tmp_path, ACCEPTED)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"nothing can be written.*Choose another"):
            DatasetWriter(folder).__enter__()


def test_a_file_that_is_in_the_way_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "accepted.jsonl").mkdir()
    with pytest.raises(InputError, match="accepted"):
        write(tmp_path, ACCEPTED)


def test_a_disk_that_is_full_says_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with DatasetWriter(tmp_path) as writer:
        monkeypatch.setitem(writer._open, "accepted", full.open("w", encoding="utf-8"))
        with pytest.raises(InputError, match=r"No space left.*make room"):
            writer.add(ACCEPTED)
        assert writer.counts["accepted"] == 0
        monkeypatch.undo()


# Reading ------------------------------------------------------------------------------------------


def test_a_folder_gives_the_rows_of_all_its_files(tmp_path: Path) -> None:
    write(tmp_path, PENDING, FAILED, REJECTED, ACCEPTED)
    assert read_dataset(tmp_path) == [ACCEPTED, REJECTED, FAILED, PENDING]


def test_a_file_gives_its_rows(tmp_path: Path) -> None:
    write(tmp_path, ACCEPTED, REJECTED)
    assert read_dataset(tmp_path / "rejected.jsonl") == [REJECTED]


def test_a_folder_without_a_data_set_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no accepted\.jsonl or rejected\.jsonl"):
        read_dataset(tmp_path)


def test_no_such_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_dataset(tmp_path / "none")


def test_a_bad_line_in_a_folder_is_named_with_its_file(tmp_path: Path) -> None:
    write(tmp_path, ACCEPTED)
    (tmp_path / "rejected.jsonl").write_text("{}\nnonsense\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rejected\.jsonl, line 2: not JSON"):
        read_dataset(tmp_path)
