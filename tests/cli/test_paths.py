"""What a command reads, and what it writes: compared as files before anything is opened."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from evolsynth.atomic import check_apart
from evolsynth.cli.commands import COMMANDS
from evolsynth.cli.flags import check_paths
from evolsynth.cli.main import _parser, main
from evolsynth.cli.methods import method_summaries
from evolsynth.errors import InputError
from evolsynth.pipeline import gate, load
from evolsynth.rows import Row, write_rows

ALL = [*COMMANDS, *method_summaries()]
#: Flags that are written, whatever the command.
WRITTEN = {"output", "rejects", "duplicates", "json", "folder", "cache"}


whole = cache(_parser)


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    (commands,) = (a.choices for a in whole(command)._actions if isinstance(a.choices, dict))
    parser: argparse.ArgumentParser = commands[command]
    return parser


def paths_of(command: str) -> dict[str, tuple[str, str | None]]:
    """The name of each path of a command, and whether it is a file or a folder that is written."""
    declared = parser_of(command).get_default("paths") or {}
    return {dest: (name, writes) for dest, (name, writes, _) in declared.items()}


def words_of(command: str, place: str) -> list[str]:
    """The command with this input, and with all that must be given."""
    words = [command]
    for action in parser_of(command)._actions:
        if not action.option_strings and action.dest != "folder":
            words.append(next(iter(action.choices)) if action.choices else place)
        elif action.required and action.option_strings:
            words += [action.option_strings[0], "1"]
    return words


@pytest.mark.parametrize("command", ALL)
def test_every_path_of_every_command_is_declared_as_read_or_written(command: str) -> None:
    declared = paths_of(command)
    for action in parser_of(command)._actions:
        name = action.dest.rpartition(".")[2]
        if action.metavar in ("FILE", "DIR", "PATH"):
            assert action.dest in declared, f"{command} {action.dest}"
        if action.dest in declared:
            written = name in WRITTEN and action.option_strings
            assert bool(declared[action.dest][1]) == bool(written), f"{command} {action.dest}"


BOTH = [
    (command, name)
    for command in ALL
    if len(words_of(command, "x")) > 1
    for name, writes in paths_of(command).values()
    if writes in ("file", "rows")
]
SPELLINGS: dict[str, Callable[[Path], str]] = {
    "the same": str,
    "another way": lambda path: os.path.relpath(path.parent) + "/.//" + path.name,
    "a link": lambda path: str(path.with_name("link.jsonl")),
    "a link to a link": lambda path: str(path.with_name("links.jsonl")),
    "another name": lambda path: str(path.with_name("hard.jsonl")),
    "a linked folder": lambda path: str(path.parent / "here" / path.name),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text('{"instruction": "Name three rivers of Europe."}\n')
    path.with_name("link.jsonl").symlink_to(path)
    path.with_name("links.jsonl").symlink_to("link.jsonl")
    path.with_name("hard.jsonl").hardlink_to(path)
    (tmp_path / "here").symlink_to(tmp_path)
    return path


def test_there_are_commands_to_be_tested() -> None:
    assert {("gate", "--rejects"), ("dedup", "--duplicates"), ("evolve", "-o")} <= set(BOTH)
    assert {("diversity", "--json"), ("evolve", "--cache"), ("run", "--cache")} <= set(BOTH)


@pytest.mark.parametrize(("command", "flag"), BOTH)
def test_no_command_writes_over_its_input(command: str, flag: str, data: Path) -> None:
    for spelling in SPELLINGS.values():
        words = [*words_of(command, str(data)), flag, spelling(data)]
        with pytest.raises(InputError, match=f"^{flag}.* is the file that is read"):
            check_paths(whole(command).parse_args(words))


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_file_is_one_by_whatever_name(
    spelling: Callable[[Path], str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = data.read_bytes()
    assert main(["gate", str(data), "--rejects", spelling(data), "--no-embedder"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("evolsynth: --rejects")
    assert "its rows would be lost. Choose another place." in said.err
    assert said.out == ""
    assert data.read_bytes() == before
    assert len(list(data.parent.iterdir())) == 5  # nothing was begun


@pytest.mark.parametrize("other", ["x.jsonl", "./x.jsonl", "X.jsonl", "here/x.jsonl", "dangling"])
def test_two_outputs_are_not_one_also_where_they_are_not_there_yet(
    other: str, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(data.parent)
    Path("dangling").symlink_to("x.jsonl")
    command = ["gate", "in.jsonl", "--no-embedder", "-o", "x.jsonl", "--rejects", other]
    assert main(command) == 1
    assert "-o and --rejects are one place" in capsys.readouterr().err
    assert not Path("x.jsonl").exists()


def test_a_pattern_and_a_value_from_a_file_are_read_too(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = str(data.parent / "i*.jsonl")
    assert main(["gate", pattern, "-o", str(data), "--no-embedder"]) == 1
    assert "is the file that is read" in capsys.readouterr().err
    prompt = data.with_name("prompt.txt")
    prompt.write_text("Be brief.")
    words = ["magpie", "-n", "1", "--system-prompt", f"@{prompt}", "-o", str(prompt)]
    assert main(words) == 1
    assert prompt.read_text() == "Be brief."


def test_a_report_does_not_go_over_the_data_set(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted = data.rename(data.with_name("accepted.jsonl"))
    assert main(["report", str(data.parent), "-o", str(accepted)]) == 1
    assert "is the file that is read" in capsys.readouterr().err


def test_an_empty_path_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", str(data), "--no-embedder", "-o", ""]) == 1
    assert capsys.readouterr().err == "evolsynth: -o: the path is empty. Give one.\n"


@pytest.mark.parametrize("redirected", [">> in.jsonl", "-o /dev/stdout >> in.jsonl"])
def test_standard_output_is_not_sent_into_the_input(data: Path, redirected: str) -> None:
    before = data.read_bytes()
    redirected = redirected.replace("in.jsonl", str(data))
    command = f"{sys.executable} -m evolsynth gate {data} --no-embedder {redirected}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert "is the file that is read" in ran.stderr
    assert data.read_bytes() == before


def test_devices_may_be_used_as_often_as_one_likes(device: Callable[[str], Path]) -> None:
    null = str(device("null"))
    check_apart([null], [("-o", null), ("--rejects", null)])
    with pytest.raises(InputError, match="-o and --rejects are one place, standard output"):
        check_apart([], [("-o", "-"), ("--rejects", "-")])


# Python -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["accepted.jsonl", "accepted.partial.jsonl", "rejected.jsonl"])
def test_a_run_does_not_write_over_what_it_reads(name: str, tmp_path: Path) -> None:
    own = tmp_path / name
    write_rows(own, [Row.make("Name three rivers of Europe.")])
    before = own.read_bytes()
    with pytest.raises(InputError, match=rf"run's own file.*is the file that is read.*{name}"):
        asyncio.run((load(own) >> gate()).run(str(tmp_path), embedder="none"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert own.read_bytes() == before


def test_a_file_can_be_written_from_its_own_rows(tmp_path: Path) -> None:
    """Read to its end before it is replaced, however many rows there are."""
    from evolsynth.data.files import read_rows

    path = tmp_path / "rows.jsonl"
    rows = [Row.make(f"Name {n} rivers of Europe.") for n in range(2000)]
    write_rows(path, rows)
    assert write_rows(path, read_rows(path)) == 2000
    assert list(read_rows(path)) == rows


@pytest.mark.parametrize(
    "name",
    [
        "kept.csv",
        "kept.TSV",
        "kept.parquet",
        "kept.FEATHER",
        "kept.arrow",
        "kept.jsonl.gz",
        "kept.zst",
    ],
)
def test_rows_go_to_no_name_that_is_read_as_something_else(
    name: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", str(data), "--no-embedder", "-o", str(tmp_path / name)]) == 1
    assert "rows are written as JSON Lines" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
