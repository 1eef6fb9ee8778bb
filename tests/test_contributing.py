"""CONTRIBUTING.md: its three files work as they stand there, as a package of somebody else's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from written_rows import whole_row

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.S))
POINTS = re.search(r"```toml\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files, installed beside evolsynth."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    about = folder / "added-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    assert POINTS is not None
    points = re.sub(r'project\.entry-points\."(.*?)"', r"\1", POINTS[1]).replace('"', "")
    (about / "entry_points.txt").write_text(points)
    return folder


def python(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Another Python, which finds the package."""
    places = [str(package), os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[1])]
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )


def test_there_are_three_files_of_at_most_one_screen() -> None:
    assert sorted(FILES) == ["haiku.py", "parrot.py", "shouting.py"]
    assert all(len(text.splitlines()) < 45 for text in FILES.values())


def test_the_method_is_a_command_that_runs_on_the_back_end(package: Path, tmp_path: Path) -> None:
    rows, poems = tmp_path / "rows.jsonl", tmp_path / "poems.jsonl"
    rows.write_text('{"instruction": "Name a river."}\n', encoding="utf-8")
    done = python(
        package, "-m", "evolsynth", "haiku", str(rows), "-o", str(poems), "--lines", "5",
        "--model", "parrot:grey", "--log", "quiet", "--no-report",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = [whole_row(line) for line in poems.read_text("utf-8").splitlines()]
    assert row["haiku"] == "Write a poem of 5 lines about this: Name a river."


def test_the_method_says_its_options_everywhere(package: Path) -> None:
    listed = python(package, "-m", "evolsynth", "--help")
    assert "haiku" in listed.stdout, listed.stderr
    told = python(package, "-m", "evolsynth", "haiku", "--help")
    assert "--lines N" in told.stdout
    assert "of the poem (default: 3)" in told.stdout
    schema = json.loads(python(package, "-m", "evolsynth", "schema").stdout)
    steps = schema["$defs"]["step"]["anyOf"][-1]["properties"]
    lines = steps["haiku"]["properties"]["lines"]
    assert lines == {"description": "Of the poem.", "type": "integer", "minimum": 1, "default": 3}
    wrong = python(package, "-m", "evolsynth", "haiku", "x.jsonl", "--lines", "0")
    assert wrong.returncode == 2
    assert "--lines: it must be 1 or more." in wrong.stderr


def test_all_three_work_in_a_yaml_file(package: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"instruction": "NAME A RIVER OF ASIA."}\n{"instruction": "Name a lake of Asia."}\n'
    )
    (tmp_path / "poems.yaml").write_text(
        "embedder: none\n"
        "models: {default: {model: 'parrot:grey', times: 2}}\n"
        "steps:\n - load: {data: rows.jsonl}\n - haiku: {lines: 2}\n"
        " - gate: {settings: {most_capitals: 0.6}}\n"
    )
    places = [str(tmp_path / "poems.yaml"), "-o", str(tmp_path / "out")]
    done = python(package, "-m", "evolsynth", "run", *places, "--log", "quiet", "--no-report")
    assert done.returncode == 0, done.stderr
    (kept,) = [whole_row(line) for line in (tmp_path / "out" / "accepted.jsonl").open()]
    assert kept["haiku"].count("Write a poem of 2 lines") == 2
    (refused,) = [whole_row(line) for line in (tmp_path / "out" / "rejected.jsonl").open()]
    assert refused["verdict"]["reasons"] == ["shouting"]
    assert refused.get("haiku") is None  # it was looked at before a model was asked


def test_the_check_is_listed_with_its_threshold(package: Path) -> None:
    listed = python(package, "-m", "evolsynth", "gates")
    assert "shouting" in listed.stdout, listed.stderr
    assert "most_capitals: 0.5" in listed.stdout
    code = "from evolsynth.pipeline import haiku; print(haiku(lines=4).parameters)"
    assert python(package, "-c", code).stdout == "{'lines': 4}\n"
