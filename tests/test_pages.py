"""What the README and the pages of docs/ show: commands that there are, code that runs as marked.

A block of Python after a line ``<!-- runs -->`` runs as it stands, in an empty folder, with the
real embedder; all such blocks of a page share their names. Blocks with other marks, and pages that
need a model's answers, have tests of their own.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from evolsynth.cli.main import _parser

ROOT = Path(__file__).parent.parent
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}


def marked(text: str) -> list[str]:
    """The blocks of a page that are to run as they stand."""
    return re.findall(r"<!-- runs -->\n```python\n(.*?)```", text, re.S)


def commands(text: str) -> list[str]:
    """All that a page shows typed after ``$ evolsynth``; lines that end in ``\\`` go on."""
    shown = re.findall(r"^\$ evolsynth ((?:.*\\\n)*.*)$", text, re.M)
    return [command.replace("\\\n", " ") for command in shown]


COMMANDS = [(page, command) for page, text in PAGES.items() for command in commands(text)]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_on_a_page_is_one(page: str, command: str) -> None:
    words = shlex.split(re.sub(r"\$\(.*\)", "words", command), comments=True)
    if ">" in words:
        words = words[: words.index(">")]  # the shell's
    _parser(words[0]).parse_args(words)


def test_there_are_commands_and_marked_blocks_at_all() -> None:
    assert len(COMMANDS) > 30
    assert sum(len(marked(text)) for text in PAGES.values()) >= 4


@pytest.mark.real
@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if marked(text)])
def test_marked_blocks_run_as_written(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page}
    for number, code in enumerate(marked(PAGES[page]), 1):
        exec(compile(code, f"{page}, marked block {number}", "exec"), names)
    assert capsys.readouterr().out
