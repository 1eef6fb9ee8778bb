"""What docs/pipelines.md shows runs as written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth import read_rows
from evolsynth.cli.main import _parser
from evolsynth.pipeline import read_pipeline
from evolsynth.pipeline.run.run import RunOptions
from evolsynth.pipeline.run.state import Budget
from evolsynth.pipeline.steps import STEPS

Blocks = Callable[..., list[str]]
PAGE = (Path(__file__).parent.parent.parent / "docs" / "pipelines.md").read_text("utf-8")


def test_the_python_runs_as_written(
    read_through: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    read_through("pipelines")
    said = re.search(
        r"finished (\d+) planned = (\d+) accepted \+ (\d+) rejected \+ (\d+) failed",
        capsys.readouterr().out,
    )
    assert said
    planned, *parts = map(int, said.groups())
    assert planned == sum(parts) == 6  # two seeds with two evolutions each
    for row in read_rows("runs/branches/accepted.jsonl"):
        assert len(row.extra["responses"]) == 2
    own = list(read_rows("runs/own/accepted.jsonl"))
    assert [row.instruction for row in own] == [
        "What is Rome known for?",
        "What is Oslo known for?",
        "What is Lima known for?",
    ]
    assert all(row.extra["words"] >= 8 and row.extra["short"] for row in own)
    assert {path.name for path in Path("runs/own").iterdir()} == {
        "accepted.jsonl",
        "rejected.jsonl",
        "report.html",
        "run.sqlite",
        "run.lock",
        "owner.json",
    }


def test_the_yaml_is_a_pipeline_that_fits_together(page_blocks: Blocks, tmp_path: Path) -> None:
    text, *_ = page_blocks("pipelines", "yaml")
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "Name a lake."}\n', encoding="utf-8")
    step = next(code for code in page_blocks("pipelines") if "@step" in code)
    count = step[: step.index("@step(needs={")]
    (tmp_path / "steps.py").write_text(count, encoding="utf-8")
    pipe = read_pipeline(tmp_path / "pipeline.yaml")
    pipe.check()
    names = [node.name for node in pipe.nodes()]
    assert names == ["load", "evolve", "respond", "big_answers", "merge", "count", "gate"]
    assert (pipe.name, pipe.seed) == ("chapter", 7)


def test_every_command_is_one(page_blocks: Blocks) -> None:
    (shown,) = page_blocks("pipelines", "console")
    commands = [line.removeprefix("$ evolsynth ") for line in shown.splitlines()]
    assert len(commands) >= 7
    for command in commands:
        words = shlex.split(command)
        _parser(words[0]).parse_args(words)


def test_every_step_has_its_line() -> None:
    for name in STEPS:
        assert f"`{name}(" in PAGE


def test_every_budget_has_its_line() -> None:
    for name in Budget.__struct_fields__:
        assert f"| `--{name.replace('_', '-')} " in PAGE
    assert f"`--stall N` ({RunOptions().stall}; 0: never)" in PAGE
    assert f"{RunOptions().breaker} failed rows in a row (`--breaker`" in PAGE
    retry = RunOptions().retry
    assert (retry.attempts, retry.pause(1), retry.pause(2)) == (3, 0.5, 1.0)
    assert RunOptions().grace == 5.0
