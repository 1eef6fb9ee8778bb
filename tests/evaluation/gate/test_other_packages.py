"""A check of another package: a module and an entry point, and everything knows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
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


def said_by(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What another Python says that finds the package."""
    here = [str(folder), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(here)},
    )


def test_the_command_lists_it_and_rows_are_refused_by_it(package: Path) -> None:
    listed = said_by(package, "-m", "evolsynth", "gates")
    assert listed.returncode == 0, listed.stderr
    assert "shouts" in listed.stdout
    assert "most_capitals: 0.5" in listed.stdout
    rows = package / "rows.jsonl"
    asked = ["NAME THREE RIVERS OF EUROPE.", "Name three rivers of Asia."]
    rows.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in asked))
    rejects = package / "bad.jsonl"
    done = said_by(
        package, "-m", "evolsynth", "gate", str(rows), "--rejects", str(rejects), "--no-embed"
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["instruction"] for line in done.stdout.splitlines()] == asked[1:]
    assert whole_row(rejects.read_text())["verdict"]["reasons"] == ["shouts"]
    assert "shouts: The instruction is in capitals." in done.stderr


def test_its_threshold_is_a_setting(package: Path) -> None:
    printed = said_by(package, "-m", "evolsynth", "gates", "--yaml")
    assert "# Share of capitals that is let pass.\nmost_capitals: 0.5\n" in printed.stdout
    settings = package / "gate.yaml"
    settings.write_text("most_capitals: 2\n")
    told = said_by(package, "-m", "evolsynth", "gates", "--settings", str(settings))
    assert told.returncode == 1
    message = " ".join(told.stderr.split())
    assert "most_capitals is 2.0: it must be at least 0 and at most 1." in message


def test_the_schema_and_the_generated_tables_have_it(package: Path) -> None:
    schema = json.loads(said_by(package, "-m", "evolsynth", "schema").stdout)
    assert schema["$defs"]["GateSettings"]["properties"]["most_capitals"] == {
        "type": "number",
        "default": 0.5,
        "minimum": 0,
        "maximum": 1,
        "description": "Share of capitals that is let pass.",
    }
    code = (
        "from evals.tables import checks, reasons; from evolsynth.findings import advise;"
        "print(*checks(), *reasons(), advise('shouts'), sep='\\n')"
    )
    tables = said_by(package, "-c", code).stdout
    assert "| `shouts` | instruction | yes | `most_capitals` 0.5 | all |  |" in tables
    assert "| `shouts` | The instruction is in capitals. |" in tables
    assert tables.endswith("Take seeds in small letters.\n")
