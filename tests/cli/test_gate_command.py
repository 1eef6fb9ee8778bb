"""`evolsynth gate` on rows from any tool, and `evolsynth gates`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.evaluation.gate.check import CHECKS
from evolsynth.evaluation.gate.settings import GateSettings, thresholds

ROWS: list[dict[str, Any]] = [
    {"instruction": "Name three large rivers of Europe.", "source": "a book"},
    {"instruction": "name three large rivers of Europe"},
    {"instruction": "Explain how bread rises.", "response": "I'm sorry, but I cannot help."},
    {"instruction": ""},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [whole_row(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_are_parted_and_the_counts_add_up(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    assert main(["gate", str(data), "-o", str(good), "--rejects", str(bad), "--no-embedder"]) == 0
    assert [row["source"] for row in lines(good)] == ["a book"]
    reasons = [row["verdict"]["reasons"][0] for row in lines(bad)]
    assert reasons == ["exact_duplicate", "refusal", "empty"]
    assert "4 rows = 1 accepted, 3 rejected, 0 failed." in capsys.readouterr().err


def test_accepted_rows_go_to_standard_output(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", str(data), "--no-embedder"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["instruction"] == ROWS[0]["instruction"]


def test_the_real_embedder_finds_a_paraphrase(tmp_path: Path) -> None:
    data, bad = tmp_path / "rows.jsonl", tmp_path / "bad.jsonl"
    texts = ("How do I bake bread without yeast?", "How can I bake a bread without any yeast?")
    data.write_text("".join(json.dumps({"instruction": t}) + "\n" for t in texts))
    good = tmp_path / "good.jsonl"
    assert main(["gate", str(data), "-o", str(good), "--rejects", str(bad)]) == 0
    assert [row["verdict"]["reasons"] for row in lines(bad)] == [["near_duplicate"]]


def test_settings_change_what_is_asked(data: Path, tmp_path: Path) -> None:
    settings, good = tmp_path / "gate.yaml", tmp_path / "good.jsonl"
    settings.write_text("skip: [exact_duplicate]\n")
    command = ["gate", str(data), "-o", str(good), "--settings", str(settings), "--no-embedder"]
    assert main(command) == 0
    assert len(lines(good)) == 2


def test_a_broken_line_is_one_sentence_and_keeps_what_was_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, good = tmp_path / "rows.jsonl", tmp_path / "good.jsonl"
    data.write_text(json.dumps(ROWS[0]) + "\n{broken\n")
    assert main(["gate", str(data), "-o", str(good), "--no-embedder"]) == 1
    said = capsys.readouterr().err
    assert f"{data}, line 2: not JSON" in said
    assert "Traceback" not in said
    assert len(lines(tmp_path / "good.partial.jsonl")) == 1
    assert not good.exists()


def test_settings_that_cannot_be_are_told_before_any_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, good = tmp_path / "gate.yaml", tmp_path / "good.jsonl"
    settings.write_text("near_duplicate: 7\n")
    assert main(["gate", str(data), "-o", str(good), "--settings", str(settings)]) == 1
    assert "near_duplicate is 7" in capsys.readouterr().err
    assert not list(tmp_path.glob("good*"))


def test_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps(ROWS[0]) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["gate", "-", "--no-embedder"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_all_checks_are_listed_with_their_thresholds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gates"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in CHECKS)
    assert all(threshold.name in said for threshold in thresholds())


def test_the_settings_file_that_is_printed_is_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gates", "--yaml"]) == 0
    (tmp_path / "gate.yaml").write_text(capsys.readouterr().out)
    assert GateSettings.read(tmp_path / "gate.yaml") == GateSettings()


def test_the_list_shows_what_a_settings_file_makes_of_the_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("min_words: 7\nskip: [refusal]\nalso: [no_response]\nlanguage: de\n")
    assert main(["gates", "--settings", str(path)]) == 0
    said = capsys.readouterr().out
    made = {line.split()[0]: line for line in said.splitlines() if line[:1].isalpha()}
    assert "no (skip)" in made["refusal"]
    assert "yes (also)" in made["no_response"]
    assert "if asked for" in made["high_ifd"]
    assert "min_words: 7" in made["too_short"]
    assert "language: de" in made["wrong_language"]


def test_an_unknown_check_in_the_settings_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("skip: [politeness]\n")
    assert main(["gates", "--settings", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"evolsynth: {path}: skip: there is no check 'politeness'. "
        "`evolsynth gates` lists those there are.\n"
    )


def test_a_field_of_the_wrong_type_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps({"instruction": 5}) + "\n")
    assert main(["gate", str(data), "--no-embedder"]) == 1
    assert f"{data}, line 2: field 'instruction'" in capsys.readouterr().err


def test_reasons_come_with_the_values_that_led_to_them(tmp_path: Path) -> None:
    data, bad = tmp_path / "rows.jsonl", tmp_path / "bad.jsonl"
    row = {"instruction": "Why does the sea rise at the coast?", "response": "The moon."}
    data.write_text(json.dumps(row) + "\n")
    good = tmp_path / "good.jsonl"
    assert main(["gate", str(data), "-o", str(good), "--rejects", str(bad), "--no-embedder"]) == 0
    (line,) = lines(bad)
    assert line["verdict"]["details"] == {
        "thin_answer": {"part": "response", "words": 2, "least": 15}
    }


def test_a_missing_file_is_told_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("evolsynth.evaluation.embed.minilm.MiniLM.load", refuse)
    assert main(["gate", str(tmp_path / "none.jsonl")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_accepted_responses_are_counted_by_what_they_stand_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rows.jsonl"
    demands = {"instruction": {"demands": [{"kind": "words_at_most", "n": 20}]}}
    poem = {"instruction": "Write a short poem about rain.", "response": "Rain falls on my roof."}
    fact = {"instruction": "Which river flows through Budapest?", "response": "The Danube."}
    rows = [poem | {"provenance": demands}, fact]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["gate", str(data), "--no-embedder", "-o", str(tmp_path / "good.jsonl")]) == 0
    assert "Accepted responses: 1 verified, 1 unverified." in capsys.readouterr().err
    settings = tmp_path / "gate.yaml"
    settings.write_text("least_tier: verified")
    assert main(["gate", str(data), "--no-embedder", "--settings", str(settings)]) == 0
    told = capsys.readouterr().err
    assert "2 rows = 1 accepted, 1 rejected, 0 failed." in told
    assert "Accepted responses: 1 verified." in told
    assert "1 unverified: Nothing that was checked vouches for the whole response." in told
