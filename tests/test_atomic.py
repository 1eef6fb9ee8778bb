"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evolsynth.atomic import write, writing, written
from evolsynth.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_texts_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    assert write(path, ["Größe\n", b"\xff", "\r\n"]) == 3
    assert path.read_bytes() == "Größe\n".encode() + b"\xff\r\n"
    assert names(path.parent) == ["a.txt"]
    assert write(path, []) == 0
    assert path.read_bytes() == b""


def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, ["old"])

    def broken() -> Iterator[str]:
        yield "new"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write(path, broken())
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_two_writers_of_one_place_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with written(path) as one, written(path) as other:
        assert one != other
        assert one.parent == other.parent == tmp_path
        assert one.name.startswith(".")
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the last to come to its end
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("place", ["file/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "full").mkdir(parents=True)
    before = names(tmp_path)
    with pytest.raises(InputError, match=rf"{place}: cannot be written \(.+\)\. Go away\.$"):
        write(tmp_path / place, ["a"], advice="Go away.")
    with pytest.raises(InputError, match="cannot be written"), writing(str(tmp_path / place)):
        pass
    assert [n for n in names(tmp_path) if ".partial" not in n] == before


def test_a_stream_that_breaks_off_stays_beside_its_place(tmp_path: Path) -> None:
    place = tmp_path / "new" / "rows.jsonl"

    def broken() -> None:
        with writing(str(place)) as tell:
            tell("one\n")
            raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        broken()
    assert names(place.parent) == ["rows.partial.jsonl"]
    assert (place.parent / "rows.partial.jsonl").read_text() == "one\n"
    with writing(str(place)) as tell:
        tell("two\n")
        assert not place.exists()
    assert place.read_text() == "two\n"
    assert names(place.parent) == ["rows.jsonl", "rows.partial.jsonl"]


@pytest.mark.parametrize("place", [None, "-"])
def test_standard_output_is_a_place_too(
    place: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with writing(place) as tell:
        tell("one\n")
    assert capsys.readouterr().out == "one\n"
