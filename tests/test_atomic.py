"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
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


def test_half_a_surrogate_pair_comes_as_its_escape(tmp_path: Path) -> None:
    """As JSON and YAML have it; a text that somebody has cut in two is no reason to lose a file."""
    path = tmp_path / "a.json"
    assert write(path, ['"a \ud83d bay", ', '"\U0001f30a"']) == 2
    assert path.read_bytes() == b'"a \\ud83d bay", "\xf0\x9f\x8c\x8a"'
    with writing(str(path)) as tell:
        tell('"\udcff"')
    assert path.read_bytes() == b'"\\udcff"'


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


# Names --------------------------------------------------------------------------------------------


def broken_off(place: Path, text: str = "one\n") -> RuntimeError:
    def broken() -> None:
        with writing(str(place)) as tell:
            tell(text)
            raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError) as told:
        broken()
    return told.value


def test_a_broken_off_file_takes_nobody_elses_name_and_says_where_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "rows.partial.jsonl"
    mine.write_text("mine")
    for name in ("rows.partial-2.jsonl", "rows.partial-3.jsonl"):
        error = broken_off(tmp_path / "rows.jsonl")
        assert error.__notes__ == [f"What was written before is kept in {tmp_path / name}."]
        assert (tmp_path / name).read_text() == "one\n"
    assert mine.read_text() == "mine"


def test_nothing_is_kept_where_nothing_was_written(tmp_path: Path) -> None:
    assert not hasattr(broken_off(tmp_path / "rows.jsonl", ""), "__notes__")
    assert names(tmp_path) == []


def test_a_name_without_room_for_more_is_still_kept(tmp_path: Path) -> None:
    place = tmp_path / f"{'ä' * 124}.jsonl"
    error = broken_off(place)
    (kept,) = tmp_path.iterdir()
    assert str(kept) in error.__notes__[0]
    with writing(str(place)) as tell:
        tell("two\n")
    assert place.read_text() == "two\n"


def test_what_is_being_written_is_hidden_and_there_for_who_is_killed(tmp_path: Path) -> None:
    with writing(str(tmp_path / "rows.jsonl")) as tell:
        tell("one\n")
        (part,) = tmp_path.iterdir()
        assert part.name.startswith(".rows.jsonl.")
        assert part.read_text() == "one\n"


def test_an_error_of_the_source_is_not_told_as_one_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing(str(tmp_path / "rows.jsonl")):
        (tmp_path / "source").read_text()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("", "the path is empty"),
        ("a\0b", "no path has a NUL character"),
        ("x" * 300, "File name too long"),
        ("loop", "Too many levels of symbolic links"),
        (".", "Is a directory"),
    ],
)
def test_a_path_that_cannot_be_is_a_sentence(
    place: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(InputError, match=why), writing(place):
        pass
    with pytest.raises(InputError, match=why):
        write(place, ["a"])
    assert names(tmp_path) == ["loop"]


# What is there already ----------------------------------------------------------------------------


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    far, link, none = tmp_path / "far" / "a.txt", tmp_path / "link", tmp_path / "none"
    far.parent.mkdir()
    far.write_text("old")
    link.symlink_to(far)
    none.symlink_to("made.txt")
    for place in (link, none):
        write(place, ["new"])
        assert place.is_symlink()
        assert place.read_text() == "new"
    assert far.read_text() == "new"
    assert names(tmp_path) == ["far", "link", "made.txt", "none"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "a.txt"
    place.touch()
    place.chmod(mode)
    write(place, ["new"])
    assert stat.S_IMODE(place.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    place.write_text("old")
    place.chmod(0o444)
    with pytest.raises(InputError, match="Permission denied"):
        write(place, ["new"])
    assert place.read_text() == "old"


@pytest.mark.parametrize("way", ["itself", "link", "descriptor"])
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path, way: str) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    place = {"itself": pipe, "link": link, "descriptor": f"/dev/fd/{writer}"}[way]
    try:
        with writing(str(place)) as tell:
            tell("one\n")
            assert os.read(reader, 100) == b"one\n"  # at once
        assert write(str(place), ["two"]) == 1
        assert os.read(reader, 100) == b"two"
    finally:
        os.close(reader)
        os.close(writer)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["link", "pipe"]


def test_a_device_stays_one(tmp_path: Path, device: Callable[[str], Path]) -> None:
    link, null = tmp_path / "null", device("null")
    link.symlink_to(null)
    for place in (str(null), str(link)):
        with writing(place) as tell:
            tell("one\n")
        write(place, ["two"])
    assert null.is_char_device()
    assert link.is_symlink()
    assert names(null.parent) == names(tmp_path) == ["null"]
    full = str(device("full"))
    with pytest.raises(InputError, match="No space left on device"), writing(full) as tell:
        tell("one\n")


def test_what_goes_to_a_descriptor_of_a_file_is_added_where_it_stands(tmp_path: Path) -> None:
    """As ``-o /dev/stdout >> log``: neither replaced nor cut."""
    path = tmp_path / "log"
    path.write_text("before\n")
    with path.open("a") as file:
        write(f"/dev/fd/{file.fileno()}", ["one\n"])
        write(f"/proc/self/fd/{file.fileno()}", ["two\n"])
    assert path.read_text() == "before\none\ntwo\n"


def test_a_reader_that_has_gone_is_told_as_such(tmp_path: Path) -> None:
    read, number = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError), writing(f"/dev/fd/{number}") as tell:
        tell("one\n")
    os.close(number)
