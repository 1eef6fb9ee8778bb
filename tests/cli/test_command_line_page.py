"""docs/command-line.md: exit codes, what is said to programs, and what stands in a pipe."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hashed_words import Hashed
from rich.text import Text

from evolsynth.cli.main import main
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.watch import error_console
from evolsynth.errors import InputError, Misread, RunStopped, StoreError
from evolsynth.evaluation.gate.check import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
CODES = PAGE.partition("<!-- exit codes -->")[2].partition("<!-- end of exit codes -->")[0]
GOOD = {"instruction": "Name two rivers of France.", "response": "The Loire and the Seine."}
BAD = {"instruction": "Name two rivers of France.", "response": ""}


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | int], int]:
    """The exit status of a command that ends so."""

    def end(how: BaseException | int) -> int:
        def checks() -> Any:
            if isinstance(how, int):
                return iter(())
            raise how

        monkeypatch.setattr("evolsynth.cli.doctor.checks", checks)
        return main(["doctor"])

    return end


#: What ends a command with each code.
ENDS: dict[int, list[BaseException]] = {
    1: [InputError("No."), StoreError("Full."), OSError("No."), MemoryError()],
    2: [Misread("Of another form.")],
    129: [RunStopped("Stopped.", "SIGHUP")],
    130: [RunStopped("Stopped.", "SIGINT"), KeyboardInterrupt()],
    141: [BrokenPipeError()],
    143: [RunStopped("Stopped.", "SIGTERM")],
}


def test_the_table_has_every_code_that_there_is() -> None:
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", CODES, re.M)] == [0, *ENDS]


@pytest.mark.parametrize(("code", "how"), [(c, how) for c, many in ENDS.items() for how in many])
def test_what_ends_a_command_gives_its_code(
    code: int, how: BaseException, ending: Callable[[BaseException | int], int]
) -> None:
    if isinstance(how, BrokenPipeError):  # standard output is let go, which is pytest's here
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("evolsynth.cli.main._let_go", lambda: None)
            assert ending(how) == code
    else:
        assert ending(how) == code


def test_all_that_is_done_is_0_and_a_slip_of_the_pen_2(
    ending: Callable[[BaseException | int], int],
) -> None:
    assert ending(0) == 0
    for words in ([], ["doctor", "--xyzzy"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2


def test_a_run_with_failed_rows_is_1_and_one_that_its_budget_ended_0(in_folder: Path) -> None:
    (in_folder / "own.py").write_text(
        "from evolsynth.pipeline import computed, step\n"
        "@step\n"
        "async def broken(row):\n"
        "    raise ValueError('no')\n"
        "bad = computed(n=3) >> broken()\n"
        "good = computed()\n",
        encoding="utf-8",
    )
    quiet = ["--no-report", "--log", "quiet", "--embedder", "none"]
    assert main(["run", "own.py:bad", "--breaker", "0", *quiet]) == 1
    assert main(["run", "own.py:good", "--accepted", "2", *quiet]) == 0


# For programs -------------------------------------------------------------------------------------


def fields_of(command: str) -> set[str]:
    """What the page says that a command tells."""
    line = re.search(rf"^\| `{command}` \| (.*) \|$", PAGE, re.M)
    assert line is not None
    return set(re.findall(r"`(\w+)`", line[1].partition(" with ")[0]))


@pytest.fixture
def rows(in_folder: Path, use_embedder: Callable[[Callable[[], Any]], None]) -> Path:
    use_embedder(Hashed)
    path = in_folder / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (GOOD, BAD)), encoding="utf-8")
    own = "from evolsynth.pipeline import computed, gate\npipe = computed(n=3) >> gate()\n"
    (in_folder / "own.py").write_text(own, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("gate", ["rows.jsonl", "--no-embedder", "-o", "out.jsonl"]),
        ("dedup", ["rows.jsonl", "--method", "exact", "-o", "out.jsonl"]),
        ("export", ["rows.jsonl", "-o", "out.jsonl"]),
        ("doctor", []),
        ("gates", []),
        ("report", ["rows.jsonl", "-o", "page.html"]),
        ("run", ["own.py:pipe", "--log", "quiet", "--no-report", "--embedder", "none"]),
        ("preview", ["own.py:pipe", "--embedder", "none"]),
    ],
)
def test_a_command_tells_a_program_what_the_page_says(
    command: str,
    words: list[str],
    rows: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.cli.doctor.checks", lambda: iter(()))
    assert main([command, *words, "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert set(told) == fields_of(command)
    assert out.count("\n") == 1
    assert out.isascii()
    assert err == ""


def test_where_rows_go_to_standard_output_the_counts_go_beside(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "rows.jsonl", "--no-embedder", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["instruction"] for line in out.splitlines()] == [GOOD["instruction"]]
    told = json.loads(err)
    assert (told["rows"], told["accepted"], told["rejected"]) == (2, 1, 1)
    assert sum(told["reasons"].values()) >= 1


def test_what_a_run_came_to_is_told_with_the_command_that_goes_on(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del rows
    quiet = ["--log", "quiet", "--no-report", "--embedder", "none", "--json"]
    assert main(["run", "own.py:pipe", "-o", "mine", *quiet]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ended"] == "finished"
    assert told["planned"] == 3 == told["accepted"] + told["rejected"] + told["failed"]
    assert sum(told["tiers"].values()) == told["accepted"]
    assert [step["step"] for step in told["steps"]] == ["computed", "gate"]
    assert told["again"] == f"evolsynth run {told['folder']}"
    accepted = Path(told["files"]["accepted"]).read_text("utf-8").splitlines()
    assert len(accepted) == told["accepted"]


def test_a_methods_command_tells_beside_its_rows(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del rows
    quiet = ["--log", "quiet", "--no-report", "--embedder", "none", "--json"]
    assert main(["computed", "-n", "3", "--all", *quiet]) == 0
    out, err = capsys.readouterr()
    told = json.loads(err)
    assert len(out.splitlines()) == 3 == told["planned"]
    assert (told["folder"], told["again"]) == (None, None)
    assert main(["computed", "-n", "3", "-o", "rows.out.jsonl", *quiet]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"]["accepted"] == "rows.out.jsonl"
    assert told["again"].startswith("evolsynth computed -n 3 -o rows.out.jsonl")


def test_a_preview_tells_its_rows_and_what_a_run_would_take(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del rows
    assert main(["preview", "own.py:pipe", "--embedder", "none", "--json", "--accepted", "9"]) == 0
    told = json.loads(capsys.readouterr().out)
    made, checked = told["steps"]
    assert [row["instruction"] for row in made["rows"]] == [
        row["instruction"] for row in checked["rows"]
    ]
    assert told["wanted"] == 9
    assert 0 <= told["estimate"]["yield_low"] <= told["estimate"]["yield_high"] <= 1


def test_a_live_report_has_nothing_to_tell_a_program(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del rows
    assert main(["report", "mine", "--live", "--json"]) == 1
    assert "Leave out --json" in capsys.readouterr().err


def test_the_checks_as_json_are_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gates", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["checks"]
    assert {one["check"] for one in told} == set(CHECKS)


# Colours ------------------------------------------------------------------------------------------


def drawn(**about: Any) -> str:
    file = io.StringIO()
    Screen(file=file, **about).print(Text("red", style="red on blue"))
    return file.getvalue()


def test_nothing_is_coloured_in_a_pipe_or_where_somebody_wants_no_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor"}
    assert "\x1b[31;44m" in drawn(**shown)
    assert drawn() == "red\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert drawn(**shown) == "red\n"
    assert error_console().no_color
