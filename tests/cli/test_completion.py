"""Completion in a shell: made of the flags that the parser has, and tried in bash itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evolsynth.cli.commands import COMMANDS
from evolsynth.cli.first import completion
from evolsynth.cli.first.completion import Command, commands
from evolsynth.cli.main import _parser, main
from evolsynth.cli.methods import method_summaries


@pytest.fixture(scope="module")
def known() -> dict[str, Command]:
    return {one.name: one for one in commands()}


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory, known: dict[str, Command]) -> Path:
    """The script, as a shell would load it."""
    path = tmp_path_factory.mktemp("completion") / "evolsynth"
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("sys.stdout.write", written.append)
        patch.setattr(completion, "commands", known.values)  # which takes seconds to find
        assert main(["completion", "bash"]) == 0
    path.write_text("".join(written), encoding="utf-8")
    return path


def test_every_command_is_there_with_the_flags_that_it_takes(known: dict[str, Command]) -> None:
    assert set(known) == {*COMMANDS, *method_summaries()}
    told = {name: flag for flag in known["magpie"].flags for name in flag.names}
    assert told["--topic"].takes == "value"
    assert told["--rejects"].takes == "file"
    assert told["--folder"].takes == "folder"
    assert told["--no-gate"].takes == "none"
    assert told["--log"].words == ("auto", "plain", "json", "quiet")
    assert known["status"].places[0].takes == "folder"
    assert all(one.about for one in known.values())


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers behind these words; the last is the one that is being typed."""
    line = " ".join(f"'{word}'" for word in words)
    code = (
        f"source '{script}'; COMP_WORDS=({line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ));"
        ' _evolsynth; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-uc", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["evolsynth", "mag"], ["magpie"]),
        (["evolsynth", "magpie", "--top"], ["--topic"]),
        (["evolsynth", "magpie", "--log", "j"], ["json"]),
        (["evolsynth", "completion", ""], ["bash", "zsh", "fish"]),
        (["evolsynth", "gate", "--rejects", "b"], []),  # bash's own: names of files
        (["evolsynth", "gate", ""], []),
        (["evolsynth", "nonsense", "--x"], []),
    ],
)
def test_bash_offers_what_there_is(bash: Path, words: list[str], offered: list[str]) -> None:
    assert completed(bash, *words) == offered


def test_all_that_bash_offers_is_a_flag(bash: Path, known: dict[str, Command]) -> None:
    offered = completed(bash, "evolsynth", "report", "-")
    assert offered
    assert set(offered) == {name for flag in known["report"].flags for name in flag.names}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_every_command_and_flag_and_quotes_that_close(
    shell: str,
    known: dict[str, Command],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shells are not on every machine, so only their text is looked at."""
    monkeypatch.setattr(completion, "commands", known.values)
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for line in text.splitlines():
        assert line.count("'") % 2 == 0, line
    for one in known.values():
        assert one.name in text
        for flag in one.flags:
            name = flag.names[-1]
            assert (
                name if shell == "zsh" else f"-l {name[2:]}" if name[1] == "-" else name
            ) in text


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "tcsh"])
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
    assert _parser("completion")
