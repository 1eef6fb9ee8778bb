"""Prices, a cost limit and batches on the command line and in YAML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evolsynth.cli.main import main

#: Each answer of two words costs 1.
ONE = "500000"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.jsonl").write_text('"The Rhine."\n"The Elbe."\n', encoding="utf-8")
    rows = [json.dumps({"instruction": f"Name the {i}. river of Europe."}) for i in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    path = tmp_path / "line.yaml"
    path.write_text(
        "embedder: none\n"
        "models: {default: {model: 'scripted:answers.jsonl', concurrency: 2}}\n"
        "steps: [{load: {data: rows.jsonl}}, respond]\n",
        encoding="utf-8",
    )
    return path


def priced(pipeline: Path, prices: str) -> Path:
    text = pipeline.read_text("utf-8").replace("concurrency: 2", f"concurrency: 2, {prices}")
    pipeline.write_text(text, encoding="utf-8")
    return pipeline


def run(*words: object) -> int:
    return main([*map(str, words), "--log", "plain"])


def cost_of(folder: str, capsys: pytest.CaptureFixture[str]) -> float | None:
    capsys.readouterr()
    assert main(["status", folder, "--json"]) == 0
    cost: float | None = json.loads(capsys.readouterr().out)["cost"]
    return cost


def test_prices_are_given_as_flags(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", pipeline, "-o", "out", "--no-report", "--price-out", ONE) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "Cost: 8.00, 1.00 for each accepted row" in told
    assert cost_of("out", capsys) == 8.0


def test_prices_are_given_in_yaml(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    priced(pipeline, f"price_in: 0, price_out: {ONE}")
    assert run("run", pipeline, "-o", "out", "--no-report") == 0
    assert cost_of("out", capsys) == 8.0


def test_a_price_that_is_none_is_told_with_its_place(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    priced(pipeline, "price_out: -1")
    assert run("run", pipeline, "-o", "out") == 1
    assert "models.default.price_out" in capsys.readouterr().err


def test_a_cost_limit_ends_the_run_which_goes_on_by_its_folder_with_its_prices(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", pipeline, "-o", "out", "--no-report", "--price-out", ONE, "--max-cost", "3")
    assert run(*words) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "Ending: its money is spent." in told
    assert "It ended at its limit of cost, 3.00" in told
    first = cost_of("out", capsys)
    assert first is not None
    assert 3 <= first <= 4
    assert run("run", "out") == 0  # the same limit
    assert cost_of("out", capsys) == first
    assert run("run", "out", "--max-cost", "100") == 0
    assert cost_of("out", capsys) == 8.0


def test_a_cost_limit_without_prices_is_refused(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", pipeline, "-o", "out", "--max-cost", "3") == 1
    assert "no model of the run has a price" in capsys.readouterr().err
    assert not Path("out/run.sqlite").exists()


def test_batches_where_no_model_takes_them_are_refused(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", pipeline, "-o", "out", "--batch") == 1
    assert "No model of this run takes batches" in capsys.readouterr().err
    priced(pipeline, "batch: true")
    assert run("run", pipeline, "-o", "other") == 1
    assert "takes no batches. Leave out its `batch`" in capsys.readouterr().err


def test_a_preview_tells_what_it_would_cost(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("preview", pipeline, "--rows", "2", "--price-out", ONE, "--accepted", "100") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "a cost of 2.00" in told
    assert "Cost of 100 accepted rows: 100.00 to" in told
    assert "Cost of all 8 rows of the sources: about 8.00." in told


def test_the_json_lines_tell_the_cost(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", str(pipeline), "-o", "out", "--no-report", "--log", "json"]
    assert main([*words, "--price-out", ONE]) == 0
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (last["event"], last["cost"]) == ("end", 8.0)
    assert [step["cost"] for step in last["steps"]] == [0.0, 8.0]
