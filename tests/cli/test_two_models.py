"""Who is asked where a command is given `--answerer` and `--judge`: scripted models by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted

PIPELINE = """
embedder: none
models: {answerer: from_the_file}
steps:
  - magpie: {n: 3, openings: [Tell me]}
  - respond
"""
made: dict[str, Scripted] = {}


def said(request: Request) -> str:
    return f" much about river {request.seed % 997} and how it came here."


@pytest.fixture(autouse=True)
def scripted(use_model: Callable[[Callable[..., LLM]], None], in_folder: Path) -> Path:
    made.clear()

    def open_one(name: str, **_: Any) -> LLM:
        return made.setdefault(name, Scripted(said, name=name, parameters=135_000_000))

    use_model(open_one)
    (in_folder / "pipe.yaml").write_text(PIPELINE)
    return in_folder


def asked() -> dict[str, int]:
    return {name: len(model.requests) for name, model in made.items() if model.requests}


def models_of(path: Path) -> set[tuple[str, str]]:
    lines = [whole_row(line)["provenance"] for line in path.read_text("utf-8").splitlines()]
    return {(how["instruction"]["model"], how["response"]["model"]) for how in lines}


def test_the_demo_has_an_answerer(
    scripted: Path, use_embedder: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    use_embedder(lambda: None)
    words = ["--model", "small", "--answerer", "large one", "--judge", "strict"]
    assert main(["demo", "-n", "10", "-o", "out", *words]) == 0
    assert set(asked()) == {"small", "large one"}
    told = " ".join(capsys.readouterr().out.split())
    assert "Loading small, large one, strict and the embedder" in told


def test_a_command_of_a_method_has_an_answerer(scripted: Path) -> None:
    words = ["--openings", "[Tell me]", "--no-gate", "--embedder", "none"]
    models = ["--model", "small", "--answerer", "large"]
    assert main(["magpie", "-n", "3", "-o", "rows.jsonl", *words, *models]) == 0
    assert models_of(scripted / "rows.jsonl") == {("small", "large")}


def test_evolve_asks_the_judge_whether_anything_was_gained(scripted: Path) -> None:
    (scripted / "seeds.jsonl").write_text('{"instruction": "Name a river of Asia."}\n')
    words = ["--ask-for-gain", "--prompts", "classic", "--no-gate", "--embedder", "none"]
    models = ["--model", "small", "--judge", "strict"]
    main(["evolve", "seeds.jsonl", "-o", "out.jsonl", *words, *models])
    assert set(made) == {"small", "strict"}


def test_preference_by_a_judge(scripted: Path) -> None:
    row = {"instruction": "Name a river.", "responses": ["The Oder.", "A river is the Elbe."]}
    (scripted / "rows.jsonl").write_text(json.dumps(row) + "\n")
    words = ["--score", "judge", "--model", "small", "--answerer", "large", "--judge", "strict"]
    main(["preference", "rows.jsonl", "-o", "out.jsonl", *words])
    assert set(made) == {"strict"}


def test_the_flag_wins_over_the_file(scripted: Path) -> None:
    assert main(["run", "pipe.yaml", "-o", "one", "--no-report"]) == 0
    assert set(asked()) == {"SmolLM2-135M-Instruct", "from_the_file"}
    made.clear()
    assert main(["run", "pipe.yaml", "-o", "two", "--answerer", "large", "--no-report"]) == 0
    assert set(asked()) == {"SmolLM2-135M-Instruct", "large"}


def test_a_run_that_is_gone_on_with_by_its_folder_has_the_same_models(scripted: Path) -> None:
    words = ["--model", "small", "--answerer", "large", "--judge", "strict", "--no-report"]
    assert main(["run", "pipe.yaml", "-o", "out", *words]) == 0
    before = (scripted / "out" / "accepted.jsonl").read_bytes()
    made.clear()
    assert main(["run", "out"]) == 0
    assert set(made) == {"small", "large"}
    assert asked() == {}
    assert (scripted / "out" / "accepted.jsonl").read_bytes() == before


def test_a_preview_has_an_answerer(scripted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "pipe.yaml", "--rows", "2", "--answerer", "large"]) == 0
    assert asked()["large"] == 2
    assert set(asked()) == {"SmolLM2-135M-Instruct", "large"}


@pytest.mark.parametrize("command", ["magpie", "self-instruct", "evolve", "respond", "run"])
def test_the_flags_are_in_the_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--answerer MODEL" in told
    assert "--judge MODEL" in told
