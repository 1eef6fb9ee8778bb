"""A check of another package: a module and an entry point, and everything knows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from another_python import commands_in
from written_rows import whole_row

_MODULE = '''
from typing import Annotated
import msgspec
from evolsynth.evaluation.gate.check import Case, check
from evolsynth.findings import Finding

@check(
    "shouts",
    "instruction",
    cost="text",
    sentence="The instruction is in capitals.",
    advice="Take seeds in small letters.",
)
def shouts(case: Case, *, most_capitals: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5):
    """Found where too many letters are capitals.

    Args:
        most_capitals: Share of capitals that is let pass.
    """
    share = sum(c.isupper() for c in case.text) / max(len(case.text), 1)
    return Finding("shouts", {"share": round(share, 2)}) if share > most_capitals else None
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "loud.py").write_text(_MODULE, encoding="utf-8")
    about = tmp_path / "loud-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[evolsynth.checks]\nloud = loud\n")
    return tmp_path


def test_a_process_that_finds_it_knows_it_everywhere(package: Path) -> None:
    rows, rejects, settings = (package / n for n in ("rows.jsonl", "bad.jsonl", "gate.yaml"))
    asked = ["NAME THREE RIVERS OF EUROPE.", "Name three rivers of Asia."]
    rows.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in asked))
    settings.write_text("most_capitals: 2\n")
    tables = (
        "from evals.tables import checks, reasons; from evolsynth.findings import advise;"
        "print(*checks(), *reasons(), advise('shouts'), sep='\\n')"
    )
    listed, done, printed, told, schema, shown = commands_in(
        ["gates"],
        ["gate", str(rows), "--rejects", str(rejects), "--no-embed"],
        ["gates", "--yaml"],
        ["gates", "--settings", str(settings)],
        ["schema"],
        ["-c", tables],
        first=package,
    )
    assert listed.returncode == 0, listed.stderr
    assert "shouts" in listed.stdout
    assert "most_capitals: 0.5" in listed.stdout
    # rows are refused by it
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["instruction"] for line in done.stdout.splitlines()] == asked[1:]
    assert whole_row(rejects.read_text())["verdict"]["reasons"] == ["shouts"]
    assert "shouts: The instruction is in capitals." in done.stderr
    # its threshold is a setting
    assert "# Share of capitals that is let pass.\nmost_capitals: 0.5\n" in printed.stdout
    assert told.returncode == 1
    message = " ".join(told.stderr.split())
    assert "most_capitals is 2.0: it must be at least 0 and at most 1." in message
    # it is in the schema and in the tables
    assert json.loads(schema.stdout)["$defs"]["GateSettings"]["properties"]["most_capitals"] == {
        "type": "number",
        "default": 0.5,
        "minimum": 0,
        "maximum": 1,
        "description": "Share of capitals that is let pass.",
    }
    assert "| `shouts` | instruction | yes | `most_capitals` 0.5 | all |  |" in shown.stdout
    assert "| `shouts` | The instruction is in capitals. |" in shown.stdout
    assert shown.stdout.endswith("Take seeds in small letters.\n")
