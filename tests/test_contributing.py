"""CONTRIBUTING.md: its three files work as they stand there, as a package of somebody else's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from another_python import commands_in
from written_rows import whole_row

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.S))
POINTS = re.search(r"```toml\n(.*?)```", PAGE, re.S)
QUIET = ("--log", "quiet", "--no-report")


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


def test_there_are_three_files_of_at_most_one_screen() -> None:
    assert sorted(FILES) == ["haiku.py", "parrot.py", "shouting.py"]
    assert all(len(text.splitlines()) < 45 for text in FILES.values())


def test_the_method_is_a_command_that_runs_on_the_back_end(package: Path, tmp_path: Path) -> None:
    rows, poems = tmp_path / "rows.jsonl", tmp_path / "poems.jsonl"
    rows.write_text('{"instruction": "Name a river."}\n', encoding="utf-8")
    command = ["haiku", str(rows), "-o", str(poems), "--lines", "5", "--model", "parrot:grey"]
    (done,) = commands_in([*command, *QUIET], first=package)
    assert done.returncode == 0, done.stderr
    (row,) = [whole_row(line) for line in poems.read_text("utf-8").splitlines()]
    assert row["haiku"] == "Write a poem of 5 lines about this: Name a river."


def test_they_say_their_options_everywhere(package: Path) -> None:
    code = "from evolsynth.pipeline import haiku; print(haiku(lines=4).parameters)"
    wrong = ["haiku", "x.jsonl", "--lines", "0"]
    words = (["--help"], ["haiku", "--help"], ["schema"], wrong, ["gates"], ["-c", code])
    listed, told, schema, refused, checks, step = commands_in(*words, first=package)
    assert "haiku" in listed.stdout, listed.stderr
    assert "--lines N" in told.stdout
    assert "of the poem (default: 3)" in told.stdout
    steps = json.loads(schema.stdout)["$defs"]["step"]["anyOf"][-1]["properties"]
    lines = steps["haiku"]["properties"]["lines"]
    assert lines == {"description": "Of the poem.", "type": "integer", "minimum": 1, "default": 3}
    assert refused.returncode == 2
    assert "--lines: it must be 1 or more." in refused.stderr
    assert "shouting" in checks.stdout, checks.stderr
    assert "most_capitals: 0.5" in checks.stdout
    assert step.stdout == "{'lines': 4}\n"


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
    (done,) = commands_in(["run", *places, *QUIET], first=package)
    assert done.returncode == 0, done.stderr
    (kept,) = [whole_row(line) for line in (tmp_path / "out" / "accepted.jsonl").open()]
    assert kept["haiku"].count("Write a poem of 2 lines") == 2
    (refused,) = [whole_row(line) for line in (tmp_path / "out" / "rejected.jsonl").open()]
    assert refused["verdict"]["reasons"] == ["shouting"]
    assert refused.get("haiku") is None  # it was looked at before a model was asked
