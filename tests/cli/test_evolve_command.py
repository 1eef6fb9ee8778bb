"""``evolsynth evolve``: rows in, evolutions and rejects out, and what it refuses."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from evolsynth.cli.evolve import weights_of

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError, RequestError
from evolsynth.llm.base import Request
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
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    __import__("evolsynth.cli.evolve")
    monkeypatch.setattr(sys.modules["evolsynth.cli.places"], "open_llm", Fake)


def seeds(folder: Path, *texts: str) -> str:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": t}) + "\n" for t in texts), "utf-8")
    return str(path)


def run(*arguments: str) -> int:
    return main(["evolve", "--no-embedder", *arguments])


def written(path: Path) -> list[Row]:
    return list(read_rows(path))


def test_each_row_is_followed_by_its_rounds_and_the_others_have_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = seeds(tmp_path, "Describe a large river.", "Describe the silence of a lake.")
    out, bad = tmp_path / "out.jsonl", tmp_path / "bad.jsonl"
    assert run(data, "-o", str(out), "--rejects", str(bad), "--rounds", "2") == 0
    rows = written(out)
    assert [row.round for row in rows] == [0, 1, 2, 0]
    assert rows[2].parents == (rows[1].id,)
    assert all(row.status == "accepted" for row in rows)
    refused = written(bad)
    assert [row.round for row in refused] == [1, 1]
    assert all(row.verdict and row.verdict.reasons for row in refused)
    told = capsys.readouterr().err
    assert "6 rows = 4 accepted, 2 rejected, 0 failed." in told
    assert "cut_off: The text stops before it is finished." in told


def test_the_last_good_evolution_alone_with_an_answer(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--rounds", "3", "--only-last", "--no-originals", "--answers"]
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
    assert run(data, "-o", str(out), "--rejects", str(bad)) == 1
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
        (["--rounds", "0"], "rounds is 0"),
        (["--candidates", "0"], "candidates is 0"),
        (["--operations", "deepen"], "no operation 'deepen'"),
        (["--operations", "deepening=much"], "'much' is no number"),
        (["--settings", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert run(seeds(tmp_path, "Describe a large river."), *options) == 1
    told = capsys.readouterr().err
    assert complaint in told
    assert "Traceback" not in told


def test_an_empty_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seeds(tmp_path)) == 1
    assert "there are no rows" in capsys.readouterr().err


def test_weights_are_read_from_one_text() -> None:
    assert weights_of("constraints=2, deepening") == {"constraints": 2.0, "deepening": 1.0}
    assert weights_of("") == {}
    with pytest.raises(InputError, match="no number"):
        weights_of("deepening=x")
