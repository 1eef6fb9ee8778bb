"""What to do next is said with no command, where a command was written wrongly, and at the end."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from evolsynth.cli.commands import COMMANDS
from evolsynth.cli.first.next_step import BEGIN, welcome
from evolsynth.cli.main import _parser, main


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_without_a_command_it_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    told = said([], capsys)
    assert told == f"{welcome()}\n"
    assert max(map(len, told.splitlines())) <= 100


def test_the_help_of_all_ends_with_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.endswith(BEGIN)


@pytest.mark.parametrize("line", re.findall(r"^  evolsynth (.*?)(?:   .*)?$", BEGIN, re.M))
def test_each_way_to_begin_is_a_command(line: str) -> None:
    words = shlex.split(line)
    assert words[0] in COMMANDS
    _parser(words[0]).parse_args(words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["magpi"], "there is no command 'magpi'.\nDid you mean magpie?\nSee: evolsynth --help"),
        (["\x1b[2J"], "there is no command '\\x1b[2J'.\nSee: evolsynth --help"),
        (["magpie", "--topik", "x"], "--topik x\nDid you mean --topic?\nSee: evolsynth magpie -"),
        (["gate", "a", "--rejcts", "b"], "Did you mean --rejects?\nSee: evolsynth gate --help"),
        (["report", "a", "--xyzzy"], "unrecognized arguments: --xyzzy\nSee: evolsynth report -"),
        (["run"], "usage: evolsynth run PIPELINE [options]\n"),
        (["evolve"], "usage: evolsynth evolve IN ... [-o FILE] [options]\n"),
        (["models", "push"], "invalid choice: 'push'"),
    ],
)
def test_what_was_meant_is_guessed_and_where_to_look_is_said(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said(words, capsys)
    assert told in shown
    assert len(shown.splitlines()) <= 5  # not all flags that there are


def test_a_run_that_ends_says_what_its_rows_are_good_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text("embedder: none\nsteps:\n  - computed: {n: 3}\n")
    assert main(["run", "p.yaml", "-o", "my runs/a", "--no-report"]) == 0
    told = capsys.readouterr().err
    assert "evolsynth export 'my runs/a' --format messages -o train.jsonl" in told
    assert main(["export", "my runs/a", "--format", "messages", "-o", "train.jsonl"]) == 0
    assert "Open the report" not in told


def test_a_run_without_an_accepted_row_says_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"instruction": "a", "response": "b"}\n')
    (tmp_path / "p.yaml").write_text(
        "embedder: none\nsteps:\n  - load: {data: rows.jsonl}\n  - gate\n", encoding="utf-8"
    )
    assert main(["run", "p.yaml", "-o", "out", "--no-report"]) == 0
    told = capsys.readouterr().err
    assert "No row was accepted: change what rejects most" in told
    assert "->" in told
    assert "evolsynth export" not in told


def test_a_run_with_a_file_for_a_trainer_needs_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(
        "embedder: none\nsteps:\n  - computed: {n: 3}\n"
        "outputs:\n  - {format: messages, output: train.jsonl}\n"
    )
    assert main(["run", "p.yaml", "-o", "out", "--no-report"]) == 0
    assert "evolsynth export" not in capsys.readouterr().err
