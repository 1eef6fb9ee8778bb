"""``evolsynth evolve``: rows in, evolutions and rejects out, and what it refuses."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import RequestError
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.rows import Row


def answer(request: Request) -> Answer:
    """A demand with a number in it; nothing for requests about silence, an error for storms."""
    prompt = str(request.prompt)
    if not request.prefix:
        return "There are many, and each has a story that fishermen tell when evenings are long."
    if "silence" in prompt:
        return ""
    if "storm" in prompt:
        return RequestError("The request has 2,000 tokens; the context holds 1,024.")
    return f" what the {request.seed} farmers on its banks need most."


class Fake(Scripted):
    """Stands in for LlamaCpp."""

    def __init__(self, model: str) -> None:
        super().__init__(answer, name=model, parameters=135_000_000)


@pytest.fixture(autouse=True)
def fake(use_model: Callable[[Callable[..., LLM]], None]) -> None:
    use_model(Fake)


def seeds(folder: Path, *texts: str) -> str:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": t}) + "\n" for t in texts), "utf-8")
    return str(path)


def run(*arguments: str) -> int:
    return main(["evolve", "--embedder", "none", *arguments])


def written(path: Path) -> list[Row]:
    return list(read_rows(path))


def test_each_row_is_followed_by_its_rounds_and_the_others_have_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = seeds(tmp_path, "Describe a large river.", "Describe the silence of a lake.")
    out, bad = tmp_path / "out.jsonl", tmp_path / "bad.jsonl"
    by_model = ["--no-demands", "--rounds", "2"]
    assert run(data, "-o", str(out), "--rejects", str(bad), *by_model) == 0
    rows = written(out)
    assert [row.round for row in rows] == [0, 1, 2, 0]
    assert rows[2].parents == (rows[1].id,)
    assert all(row.status == "accepted" for row in rows)
    refused = written(bad)
    assert [row.round for row in refused] == [1, 1]
    assert all(row.verdict and row.verdict.reasons for row in refused)
    told = capsys.readouterr().err
    assert "6 rows = 4 accepted + 2 rejected + 0 failed" in told
    assert "The text stops before it is finished." in told


def test_the_last_good_evolution_alone_with_an_answer(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--rounds", "3", "--no-store-evolutions", "--generate-answers"]
    options += ["--no-include-original-instruction", "--no-demands"]
    assert run(seeds(tmp_path, "Describe a large river."), "-o", str(out), *options) == 0
    (row,) = written(out)
    assert row.round == 3
    assert row.response is not None
    assert "fishermen" in row.response


def test_rows_come_from_a_pipe_and_go_to_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"instruction": "Describe a large river.", "mine": 7}).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(line)))
    assert run("-", "--candidates", "1") == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [row["round"] for row in lines] == [0, 1]
    assert lines[0]["mine"] == 7


def test_a_row_that_the_model_cannot_read_fails_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = seeds(tmp_path, "Describe a storm.", "Describe a large river.")
    out, bad = tmp_path / "out.jsonl", tmp_path / "bad.jsonl"
    assert run(data, "-o", str(out), "--rejects", str(bad), "--no-demands") == 1
    assert [row.round for row in written(out)] == [0, 0, 1]
    (failed,) = written(bad)
    assert failed.failure is not None
    assert "2,000 tokens" in failed.failure.message
    assert "2,000 tokens" in capsys.readouterr().err


def test_a_bad_line_ends_the_run_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(seeds(tmp_path, "Describe a large river.", ""))
    assert run(str(data), "-o", str(tmp_path / "out.jsonl")) == 1
    told = capsys.readouterr().err
    assert "seeds.jsonl, line 2" in told
    assert "instruction" in told
    assert not (tmp_path / "out.jsonl").exists()


def test_a_bad_line_is_a_reject_where_the_user_wants_the_rest(tmp_path: Path) -> None:
    data = Path(seeds(tmp_path, "Describe a large river."))
    data.write_text("{broken\n" + data.read_text("utf-8"), "utf-8")
    out, bad = tmp_path / "out.jsonl", tmp_path / "bad.jsonl"
    assert run(str(data), "-o", str(out), "--rejects", str(bad), "--skip-bad") == 1
    assert [row.round for row in written(out)] == [0, 1]
    (failed,) = written(bad)
    assert failed.failure is not None
    assert "line 1" in failed.failure.message


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--operations", "deepen"], "no operation 'deepen'"),
        (["--gate", "nowhere.yaml"], "nowhere.yaml"),
        (["--prompts", "classic", "--columns", "x"], "instruction"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert run(seeds(tmp_path, "Describe a large river."), *options) == 1
    told = capsys.readouterr().err
    assert complaint in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--rounds", "0"], "argument --rounds: it must be 1 or more."),
        (["--candidates", "0"], "argument --candidates: it must be 1 or more."),
        (["--operations", "deepening=much"], "argument --operations: 'much' is no number"),
        (["--good-enough", "2"], "argument --good-enough: it must be 1.0 or less."),
        (["--prompts", "large"], "argument --prompts: "),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(seeds(tmp_path, "Describe a large river."), *options)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_an_empty_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seeds(tmp_path)) == 1
    assert "there are no rows" in capsys.readouterr().err


def test_without_rows_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    assert "IN" in capsys.readouterr().err


def test_several_files_are_read_one_behind_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = (
        seeds(tmp_path, "Describe a river."),
        seeds(tmp_path / "a", "Describe a large sea."),
    )
    out = tmp_path / "out.jsonl"
    assert run(one, other, "-o", str(out), "--candidates", "1", "--all") == 0
    originals = [row.instruction for row in written(out) if row.round == 0]
    assert sorted(map(str, originals)) == ["Describe a large sea.", "Describe a river."]


def test_operations_are_weighed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--operations", "deepening=2", "--rounds", "3", "--all"]
    assert run(seeds(tmp_path, "Describe a large river."), "-o", str(out), *options) == 0
    operations = {row.provenance["instruction"]["operation"] for row in written(out) if row.round}
    assert operations == {"deepening"}


def test_a_text_file_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "seed.txt").write_text("Describe a large river.", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    options = ["--fields", "{input: instruction}", "--candidates", "1", "--all"]
    assert run(str(tmp_path / "seed.txt"), "-o", str(out), *options) == 0
    assert written(out)[0].instruction == "Describe a large river."
