"""A data set on disk is read as a whole, or by its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolsynth.data.files import read_dataset
from evolsynth.errors import EngineError, InputError
from evolsynth.foreign import failure
from evolsynth.llm.backends import open_llm
from evolsynth.pipeline import load_pipeline
from evolsynth.rows import Row, Verdict, write_rows

ACCEPTED = Row.make("Name three rivers.", verdict=Verdict(accepted=True))
REJECTED = Row.make("ok").reject("too_short")
FAILED = Row.make("Boil an egg.", failure=failure("respond", EngineError("gone")))


def write(folder: Path, *rows: Row) -> None:
    for status in ("accepted", "rejected", "failed"):
        write_rows(folder / f"{status}.jsonl", (row for row in rows if row.status == status))


def test_a_folder_gives_the_rows_of_all_its_files(tmp_path: Path) -> None:
    write(tmp_path, FAILED, REJECTED, ACCEPTED)
    assert read_dataset(tmp_path) == [ACCEPTED, REJECTED, FAILED]


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


@pytest.mark.parametrize("name", ["n" * 3000, "a\0b"])
def test_a_name_that_nothing_can_have_is_no_such_file(name: str) -> None:
    with pytest.raises(InputError, match=r"no such file|File name too long"):
        read_dataset(name)
    with pytest.raises(InputError, match="no such file"):
        load_pipeline(name)
    with pytest.raises(InputError, match="no back end 'strange'"):
        open_llm(f"strange:{name}")
