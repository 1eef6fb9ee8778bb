"""docs/computed.md: its commands and its code run, and its tables are true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.evaluation.problems.problem import PROBLEMS
from evolsynth.evaluation.spoiling.spoiler import SPOILERS
from evolsynth.prompts import prompt_lists

PAGE = (Path(__file__).parents[2] / "docs" / "computed.md").read_text(encoding="utf-8")
TEXT = "The old mill stands beside the river, and it was built by two brothers in March."


def test_the_tables_are_as_the_registries_are() -> None:
    sets = []
    for name in (one for one in PROBLEMS if not PROBLEMS[one].foreign):
        found = prompt_lists(f"computed/{name}").items()
        n = sum(len(lines) for section, lines in found if ":" not in section)
        sets.append(f"| `{name}` | {PROBLEMS[name].about} | {n} |")
    assert "<!-- sets -->\n" + "\n".join(sets) + "\n<!-- end" in PAGE
    ways = [f"| `{name}` | {SPOILERS[name].about} |" for name in SPOILERS]
    assert "<!-- spoilers -->\n" + "\n".join(ways) + "\n<!-- end" in PAGE
    assert all(f"`{name}`" in PAGE for name in PROBLEMS)


def test_the_commands_run(in_folder: Path) -> None:
    (in_folder / "texts.jsonl").write_text(json.dumps({"input": TEXT}) + "\n", encoding="utf-8")
    for command in re.findall(r"```bash\nevolsynth (.*)\n```", PAGE):
        if "--model" not in command:
            assert main(command.split()) == 0
    problems = Path("problems.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(problems) > 12
    assert all(whole_row(line)["verdict"]["tier"] == "verified" for line in problems)
    mended = Path("mended.jsonl").read_text(encoding="utf-8").splitlines()
    assert mended
    assert all(json.loads(line)["response"] == TEXT for line in mended)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.S))
def test_the_code_runs(code: str, shown_by: Callable[[str], str]) -> None:
    assert "%" in shown_by(code)


def test_a_set_that_there_is_not_is_told_in_one_sentence(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["computed", "-n", "1", "--no-gate", "--sets", "percnt"]) != 0
    said = capsys.readouterr().err
    assert "Did you mean 'percent'" in said
    assert "Traceback" not in said
