"""``evolsynth init``: with flags and with questions, from each of four beginnings to rows."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docs_pages import scripted
from hashed_words import Hashed

from evolsynth.cli.first.project import PIPELINE, Wishes, command_of, files_of
from evolsynth.cli.main import main
from evolsynth.errors import InputError
from evolsynth.export.format import EXPORTS
from evolsynth.llm.base import LLM
from evolsynth.pipeline.yaml.load import read_pipeline

TEXT = (
    "The mill by the river was built in 1874 by a farmer named Anna Holt. It had three floors and "
    "two stones, and it ground the corn of nine villages for sixty years. In 1934 a flood took its "
    "wheel away, and the house became a school.\n"
)
ROWS = [{"instruction": f"Why do {name} sleep in winter?"} for name in ("bears", "bats", "bees")]


@pytest.fixture(autouse=True)
def quick(
    in_folder: Path,
    use_model: Callable[[Callable[[str], LLM]], None],
    use_embedder: Callable[[Callable[[], Any]], None],
) -> None:
    use_model(scripted)
    use_embedder(Hashed)
    (in_folder / "notes").mkdir()
    (in_folder / "notes" / "mill.md").write_text(TEXT, encoding="utf-8")
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    (in_folder / "mine.jsonl").write_text(lines, encoding="utf-8")


FROM = {
    "nothing": [],
    "subject": ["--subject", "bees: their {{ wax }}"],
    "texts": ["--texts", "notes"],
    "rows": ["--data", "mine.jsonl"],
}


def terminal(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Somebody at a terminal, who types these lines and then hangs up."""
    typed = io.StringIO("".join(f"{answer}\n" for answer in answers))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", typed)


# With flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FROM)
def test_each_beginning_gives_a_project_and_shows_its_first_rows(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "new", *FROM[kind], "-n", "5"]) == 0
    shown = capsys.readouterr()
    assert "In all" in shown.out
    assert "rows = " in shown.out
    assert "accepted + " in shown.out
    assert "  cd new\n  evolsynth run pipeline.yaml" in shown.err
    made = {path.name for path in Path("new").iterdir()}
    assert made == {PIPELINE, "README.md", ".gitignore"}
    assert len(Path("new/README.md").read_text("utf-8").splitlines()) <= 4
    assert Path("new/.gitignore").read_text("utf-8") == "runs/\n"


@pytest.mark.parametrize("trainer", ["dpo", "grpo"])
@pytest.mark.parametrize("kind", ["subject", "rows"])
def test_what_is_written_runs_into_a_file_for_its_trainer(
    kind: str, trainer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["init", "new", *FROM[kind], "-n", "2", "--trainer", trainer, "--no-preview"]
    assert main(said) == 0
    monkeypatch.chdir("new")
    assert main(["run", PIPELINE, "--accepted", "2", "--no-report", "--log", "quiet"]) == 0
    lines = Path("runs/new/train.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2
    wanted = {"dpo": {"prompt", "chosen", "rejected"}, "grpo": {"prompt", "answer"}}
    assert set(json.loads(lines[0])) == wanted[trainer]


@pytest.mark.parametrize("trainer", list(EXPORTS))
@pytest.mark.parametrize("kind", FROM)
@pytest.mark.parametrize("model", ["SmolLM2-135M-Instruct", "ollama:qwen3:4b"])
def test_all_that_can_be_wished_for_fits_together(kind: str, trainer: str, model: str) -> None:
    beginnings: dict[str, dict[str, Any]] = {
        "nothing": {},
        "subject": {"subject": 'wax: {% and %} "honey" # no'},
        "texts": {"texts": ("notes",)},
        "rows": {"data": "mine.jsonl"},
    }
    given = beginnings[kind]
    wishes = Wishes(name="on", model=model, rows=7, trainer=trainer, **given)
    for name, text in files_of(wishes, Path("far/away")).items():
        path = Path("far/away") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        assert max(map(len, text.splitlines())) < 260
    pipeline = read_pipeline("far/away/pipeline.yaml")
    pipeline.check()
    assert pipeline.name == "on"
    assert pipeline.models["default"] == model
    assert [output.format for output in pipeline.outputs] == [trainer]
    ends = {"rows": "load", "texts": "texts"}
    assert pipeline.nodes()[0].step.kind == ends.get(kind, pipeline.nodes()[0].step.kind)


def test_texts_are_counted_by_the_pipeline_and_other_rows_by_the_run() -> None:
    assert command_of(Wishes(name="a", texts=("notes",))) == "evolsynth run pipeline.yaml"
    assert "--accepted 9" in command_of(Wishes(name="a", rows=9))
    few = files_of(Wishes(name="a", texts=("notes",), rows=40, passages=20), Path())[PIPELINE]
    assert "each: 4}" in few  # half as many again as are wanted, and one
    assert "spread: {n: 40}" in few


# What cannot be -----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
def test_a_text_whose_name_is_no_utf_8_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes/mill.md").rename("notes/\udcffmill.md")
    assert main(["init", "new", "--texts", "notes/\udcffmill.md", "-n", "5"]) == 0
    assert "In all" in capsys.readouterr().out
    first = read_pipeline("new/pipeline.yaml").nodes()[0].step.parameters
    assert Path(first["paths"][0]).resolve() == Path("notes/\udcffmill.md").resolve()


@pytest.mark.parametrize("name", [PIPELINE, "README.md", ".gitignore"])
def test_nothing_is_overwritten(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("new").mkdir()
    (Path("new") / name).write_text("mine", encoding="utf-8")
    assert main(["init", "new"]) == 1
    assert "is there already, and nothing is overwritten" in capsys.readouterr().err
    assert [path.read_text("utf-8") for path in Path("new").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--subject", "bees", "--data", "mine.jsonl"], "--subject and --data exclude each other"),
        (["--subject", "  "], "The subject is empty"),
        (["--texts", "nowhere"], "nowhere"),
        (["--data", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--trainer", "dop"], "Did you mean 'dpo'?"),
        (["--model", "olama:x"], "olama"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # models by their names again
    assert main(["init", "new", *flags]) == 1
    assert said in capsys.readouterr().err
    assert not Path("new").exists()


def test_a_file_in_the_place_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "mine.jsonl"]) == 1
    assert "mine.jsonl: this is a file" in capsys.readouterr().err


def test_a_preview_that_fails_leaves_the_project(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> int:
        raise InputError("No such model.")

    monkeypatch.setattr("evolsynth.cli.preview.preview_command", broken)
    assert main(["init", "new"]) == 1
    assert "The project is written all the same" in capsys.readouterr().err
    assert Path("new", PIPELINE).exists()


# With questions -----------------------------------------------------------------------------------


def test_four_questions_with_their_defaults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(monkeypatch, "", "", "", "")
    assert main(["init", "new", "--no-preview"]) == 0
    asked = capsys.readouterr().err
    for question in ("From what?", "Which model?", "How many rows? [100]", "For which trainer?"):
        assert question in asked
    assert "--accepted 100" in asked
    assert "evolsynth preview pipeline.yaml" in asked


@pytest.mark.parametrize(
    ("answers", "held"),
    [
        (["subject", "bees", "m.gguf", "7", "kto"], ["topic: bees", "m.gguf", "kto", "ted 7"]),
        (["3", "notes", "", "9", "2"], ["../notes", "spread: {n: 9}", "alpaca"]),
        (["4", "mine.jsonl", "", "", "prompt-completion"], ["../mine.jsonl", "prompt-completion"]),
        (["9", "x", "2", "", "bees", "", "0", "-1", "many", "5", ""], ["topic: bees", "ted 5"]),
    ],
)
def test_answers_by_number_or_name_and_again_where_they_cannot_be(
    answers: list[str], held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(monkeypatch, *answers)
    assert main(["init", "new", "--no-preview"]) == 0
    text = Path("new", PIPELINE).read_text("utf-8")
    assert [part for part in held if part not in text] == []


def test_what_a_flag_says_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(monkeypatch, "12")
    flags = ["--subject", "bees", "--model", "SmolLM2-135M-Instruct", "--trainer", "alpaca"]
    assert main(["init", "new", "--no-preview", *flags]) == 0
    asked = capsys.readouterr().err
    assert "How many rows?" in asked
    assert "From what?" not in asked
    assert "Which model?" not in asked


def test_nobody_is_asked_without_a_terminal_or_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    assert main(["init", "one", "--no-preview"]) == 0
    terminal(monkeypatch, "2")
    assert main(["init", "two", "--no-preview", "--no-ask"]) == 0
    assert "?" not in capsys.readouterr().err


def test_who_hangs_up_has_nothing_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(monkeypatch, "1")
    assert main(["init", "new"]) == 1
    assert "evolsynth init --help" in capsys.readouterr().err
    assert not Path("new").exists()
