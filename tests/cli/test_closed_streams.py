"""Standard streams, signals and foreign text: a sentence and a status, whatever happens to them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.cli.progress.screen import Screen, shown

EVOLSYNTH = f"{sys.executable} -m evolsynth"
BAD = ("Traceback", "Exception ignored")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    texts = (f"Name three rivers of land {n} and say where each begins." for n in range(200))
    path.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in texts))
    return path


@pytest.fixture
def full(device: Callable[[str], Path]) -> Path:
    """A device that is always full."""
    return device("full")


def shell(command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True, text=True, timeout=60, check=False, **more,
    )  # fmt: skip
    assert not any(word in ran.stderr for word in BAD), ran.stderr
    return ran


@pytest.mark.parametrize(
    ("buffered", "words"),
    [
        ("", "gate {} --no-embedder"),
        ("", "schema"),
        ("", "--help"),
        ("PYTHONUNBUFFERED=1 ", "gate {} --no-embedder"),
        pytest.param("", "gates", marks=pytest.mark.slow),
        pytest.param("PYTHONUNBUFFERED=1 ", "schema", marks=pytest.mark.slow),
        pytest.param("PYTHONUNBUFFERED=1 ", "gates", marks=pytest.mark.slow),
        pytest.param("PYTHONUNBUFFERED=1 ", "--help", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_behind_standard_output(
    buffered: str, words: str, data: Path, full: Path
) -> None:
    ran = shell(f"{buffered}{EVOLSYNTH} {words.format(data)} > {full}")
    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr
    assert ran.stderr.count("evolsynth: ") == 1


@pytest.mark.parametrize(
    "words",
    [
        "gate {} --no-embedder",
        "--version",
        pytest.param("schema", marks=pytest.mark.slow),
    ],
)
def test_standard_output_is_closed(words: str, data: Path) -> None:
    ran = shell(f"{EVOLSYNTH} {words.format(data)} >&-")
    assert ran.returncode == 1
    assert "Bad file descriptor" in ran.stderr


def test_a_closed_stream_gives_its_number_to_no_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ran = shell(f"{EVOLSYNTH} gate {data} --no-embedder -o {out} >&- 2>&- <&-")
    assert ran.returncode == 0
    assert len(out.read_text().splitlines()) == 200
    assert all(whole_row(line)["verdict"] for line in out.open())


def test_standard_input_is_closed() -> None:
    ran = shell(f"{EVOLSYNTH} gate - --no-embedder <&-")
    assert ran.returncode == 1
    assert "cannot be read" in ran.stderr


def test_messages_that_nobody_can_read_end_nothing(data: Path, full: Path) -> None:
    for stderr in ("2>&-", f"2> {full}"):
        ran = shell(f"{EVOLSYNTH} gate {data} --no-embedder {stderr}")
        assert ran.returncode == 0
        assert len(ran.stdout.splitlines()) == 200


@pytest.mark.parametrize(
    "words",
    ["gate {} --no-embedder", "schema", pytest.param("gates", marks=pytest.mark.slow)],
)
def test_head_ends_a_command_quietly(words: str, data: Path) -> None:
    ran = shell(f"{EVOLSYNTH} {words.format(data)} | head -c 1")
    assert len(ran.stdout) == 1
    assert ran.returncode in (0, 141)  # all of it may have been taken already
    assert "evolsynth:" not in ran.stderr


def test_a_process_substitution_is_written_to(data: Path, tmp_path: Path) -> None:
    ran = shell(f"{EVOLSYNTH} gate {data} --no-embedder -o >(cat > {tmp_path}/out.jsonl)")
    assert ran.returncode == 0
    end = time.monotonic() + 20
    out = tmp_path / "out.jsonl"
    while time.monotonic() < end and len(out.read_text().splitlines()) < 200:
        time.sleep(0.05)
    assert len(out.read_text().splitlines()) == 200


def test_no_folder_for_temporary_files(data: Path, tmp_path: Path) -> None:
    """One that is full or missing; Python then looks in the working folder, which here is gone."""
    code = (
        "import sys, tempfile\nfrom evolsynth.cli.main import main\n"
        "tempfile._candidate_tempdir_list = lambda: ['/nowhere']\nsys.exit(main())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "dedup", "-", "--method", "exact"],
        input=data.read_text(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "Set TMPDIR to a folder that can be written" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_error_of_the_system_that_nobody_expected_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error", "a\x1b[31m.jsonl")

    monkeypatch.setattr("evolsynth.cli.doctor.checks", broken)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("evolsynth: a[U+001B][31m.jsonl: Input/output error.")
    monkeypatch.setattr("evolsynth.cli.doctor.checks", lambda: (_ for _ in ()).throw(MemoryError))
    assert main(["doctor"]) == 1
    assert "not enough memory" in capsys.readouterr().err


# Signals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_written_and_says_so(
    number: signal.Signals, status: int, data: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "evolsynth", "gate", "-", "--no-embedder",
         "-o", str(tmp_path / "out.jsonl")],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(data.read_text())
    process.stdin.flush()  # and does not end
    end = time.monotonic() + 60
    while time.monotonic() < end and not any(
        part.stat().st_size for part in tmp_path.glob(".out.jsonl.*.part")
    ):
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status
    kept = tmp_path / "out.partial.jsonl"
    said = said.removeprefix("evolsynth gate is at work ...\n")  # on a busy machine
    assert said == f"evolsynth: stopped.\nWhat was written before is kept in {kept}.\n"
    assert kept.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.partial.jsonl"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "module", ["evolsynth.errors", "argparse", "evolsynth.atomic", "rich.table"]
)
def test_a_signal_that_comes_while_modules_are_loaded(
    number: signal.Signals, module: str, data: Path
) -> None:
    code = f"""
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {int(number)})
from evolsynth.cli.main import run
sys.modules.pop({module!r}, None)
sys.meta_path.insert(0, Finder())
run()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, "gate", str(data), "--no-embedder"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = ran.stderr.removeprefix("evolsynth gate is at work ...\n")  # on a busy machine
    assert said == "evolsynth: stopped.\n"
    assert ran.returncode == 128 + number


def test_two_commands_with_one_output_leave_a_whole_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    words = [sys.executable, "-m", "evolsynth", "gate", str(data), "--no-embedder", "-o", str(out)]
    both = [subprocess.Popen(words, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(out.read_text().splitlines()) == 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


# Foreign text -------------------------------------------------------------------------------------


def test_control_characters_are_shown_and_lines_stay_lines() -> None:
    assert shown("a\x1b[2J\x07\r\x9b\u202eb\nc\td\udc80") == (
        "a[U+001B][2J[U+0007][U+000D][U+009B][U+202E]b\nc\td[U+DC80]"
    )


def test_nothing_that_is_printed_steers_the_terminal() -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=60)
    table = Table("a\x1b]0;title\x07")
    table.add_row("b\x1b[2J", style="red")
    screen.print(table, "c\x1b[31m")
    said = out.getvalue()
    assert "\x1b[2J" not in said
    assert "\x1b]0" not in said
    assert "b[U+001B]" in said  # cut to the width of the name as it was
    assert "c[U+001B]" in said
    assert "\x1b[31m" in said  # rich's own


@pytest.mark.parametrize("name", ["no\x1b[31m.jsonl", "no\r.jsonl", os.fsdecode(b"no\xff.jsonl")])
@pytest.mark.parametrize(
    "command", ["gate", "dedup", "status", "run", "report", "rescue", "evolve"]
)
def test_names_that_are_told_are_harmless(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, name]) == 1
    said = capsys.readouterr().err
    assert "[U+" in said
    assert shown(said) == said


def test_flags_that_are_told_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gates", "\x1b[31m"])
    assert ended.value.code == 2
    assert "\x1b" not in capsys.readouterr().err
