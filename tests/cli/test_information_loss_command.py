"""`evolsynth information-loss` on pairs from any tool."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.cli.measures.information_loss import _SOME
from evolsynth.evaluation.information_loss.score import information_loss

PAIRS: list[dict[str, Any]] = [
    {
        "id": 7,
        "original": "Feed 12 hens before noon.",
        "evolved": "Feed 21 hens before noon.",
        "tags": ["farm", {"by": "Ömer"}],
    },
    {
        "original": "Name two birds.",
        "evolved": "Name two birds, and describe their songs.",
        "score": 0.1,
    },
    {
        "original": "列出3种水果,并说明它们的颜色和味道。",
        "evolved": "列出5种水果,并说明它们的颜色和味道。",
    },
]


def write(path: Path, pairs: list[dict[str, Any]]) -> Path:
    path.write_text(
        "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8"
    )
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.jsonl", PAIRS)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check(data: Path, *options: str) -> list[dict[str, Any]]:
    out = data.with_name("out.jsonl")
    assert main(["information-loss", str(data), "-o", str(out), "--no-embedder", *options]) == 0
    return lines(out)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a command that cannot be carried out: one line, without a traceback."""
    assert main(["information-loss", *arguments]) != 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


def test_each_line_gets_its_loss_in_order_and_keeps_its_fields(data: Path) -> None:
    found = check(data)
    assert len(found) == len(PAIRS)
    for given, line in zip(PAIRS, found, strict=True):
        assert list(line)[: len(given)] == list(given)
        assert {name: line[name] for name in given} == given
        assert list(line)[len(given) :][:3] == ["loss", "flagged", "lost"]
    assert [line["flagged"] for line in found] == [True, False, True]


def test_the_name_that_the_command_once_had_is_still_one(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["check", str(data), "-o", str(out), "--no-embedder"]) == 0
    assert len(out.read_text().splitlines()) == len(data.read_text().splitlines())


def test_a_line_tells_what_the_library_tells(data: Path) -> None:
    first, second, third = check(data)
    loss = information_loss(PAIRS[0]["original"], PAIRS[0]["evolved"])
    assert first["loss"] == loss.score
    assert first["lost"] == [
        {"text": "12 hens", "start": 5, "end": 12, "kind": "quantity", "became": "21"}
    ]
    assert (second["loss"], second["lost"]) == (0.0, [])
    assert "note" not in first
    assert third["note"].startswith("not English")


def test_other_characters_are_written_as_they_are(data: Path) -> None:
    check(data)
    text = data.with_name("out.jsonl").read_text(encoding="utf-8")
    assert "列出5种水果" in text
    assert "Ömer" in text


def test_half_a_surrogate_pair_goes_through_as_its_escape(tmp_path: Path) -> None:
    data = tmp_path / "pairs.jsonl"
    data.write_text(r'{"original": "Feed \ud83d 12 hens.", "evolved": "Feed 21 hens."}' + "\n")
    (line,) = check(data)
    assert line["original"] == "Feed \ud83d 12 hens."
    assert line["flagged"]


def test_how_many_were_flagged_and_of_what_is_told(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(data)
    said = capsys.readouterr().err
    assert "3 pairs: 2 flagged." in said
    assert "lost quantity" in said


def test_the_fields_have_any_names(tmp_path: Path) -> None:
    pair = {"seed": "Feed 12 hens.", "original": 3, "new text": "Feed 21 hens."}
    data = write(tmp_path / "pairs.jsonl", [pair])
    (line,) = check(data, "--original", "seed", "--evolved", "new text")
    assert line["flagged"]
    assert line["original"] == 3


def test_a_field_of_the_same_name_as_a_new_one_is_replaced(tmp_path: Path) -> None:
    data = write(tmp_path / "pairs.jsonl", [{**PAIRS[1], "loss": "old", "lost": None}])
    (line,) = check(data)
    assert (line["loss"], line["lost"]) == (0.0, [])


def test_the_threshold_decides_what_is_flagged(data: Path) -> None:
    assert [x["flagged"] for x in check(data, "--threshold", "1")] == [False, False, False]
    low = check(data, "--threshold", "0.01")
    assert [x["flagged"] for x in low] == [x["loss"] >= 0.01 for x in low]


@pytest.mark.parametrize("threshold", ["0", "-1", "1.5", "nan"])
def test_a_threshold_that_cannot_be_is_told_before_any_work(
    threshold: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    said = refused([str(data), "-o", str(out), f"--threshold={threshold}"], capsys)
    assert "--threshold is" in said
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ({"original": "Feed the hens."}, "the field 'evolved' is missing. Name the field that "
                                         "holds it: --evolved FIELD."),
        ({"evolved": "Feed the hens."}, "the field 'original' is missing. Name the field that "
                                        "holds it: --original FIELD."),
        ({"original": 12, "evolved": "x"}, "the field 'original' is no text."),
        ({"original": "x", "evolved": None}, "the field 'evolved' is no text."),
    ],
)  # fmt: skip
def test_a_missing_field_is_told_with_file_and_line(
    pair: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "pairs.jsonl", [PAIRS[0], pair])
    out = tmp_path / "out.jsonl"
    said = refused([str(data), "-o", str(out), "--no-embedder"], capsys)
    assert f"{data}, line 2: {words}" in said
    assert not out.exists()


def test_a_broken_line_and_a_missing_file_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "pairs.jsonl"
    data.write_text("{broken\n")
    assert f"{data}, line 1: not JSON" in refused([str(data), "--no-embedder"], capsys)
    assert "no such file" in refused([str(tmp_path / "none.jsonl"), "--no-embedder"], capsys)


def test_an_empty_file_gives_an_empty_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "pairs.jsonl", [])
    assert check(data) == []
    assert "0 pairs: 0 flagged." in capsys.readouterr().err


def test_standard_input_and_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(json.dumps(pair) + "\n" for pair in PAIRS)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["information-loss", "-", "--no-embedder"]) == 0
    said = capsys.readouterr()
    assert [json.loads(x)["flagged"] for x in said.out.splitlines()] == [True, False, True]
    assert "3 pairs" in said.err


def test_many_pairs_are_shared_out_and_stay_in_order(tmp_path: Path) -> None:
    many = [
        {
            "original": f"Feed {k} hens at the mill.",
            "evolved": f"Feed {k + k % 2} hens at the mill.",
        }
        for k in range(10, 10 + _SOME + 20)
    ]
    data = write(tmp_path / "pairs.jsonl", many)
    alone = check(data, "--workers", "1")
    assert check(data, "--workers", "2") == alone
    assert [x["original"] for x in alone] == [x["original"] for x in many]
    assert [x["flagged"] for x in alone] == [bool(k % 2) for k in range(10, 10 + _SOME + 20)]


@pytest.mark.real
def test_the_embedder_forgives_a_paraphrase(tmp_path: Path) -> None:
    pair = {
        "original": "How can I keep my houseplants alive while travelling?",
        "evolved": "What is a good way of watering indoor plants when one is away on a trip?",
    }
    data, out = write(tmp_path / "pairs.jsonl", [pair]), tmp_path / "out.jsonl"
    assert check(data)[0]["flagged"]
    assert main(["information-loss", str(data), "-o", str(out)]) == 0
    assert not lines(out)[0]["flagged"]


@pytest.mark.real
def test_the_model_is_asked_about_the_borderline_alone(tmp_path: Path) -> None:
    unsure = {
        "original": "Write a poem about red cars.",
        "evolved": "Write a poem about cars.",
    }
    data = write(tmp_path / "pairs.jsonl", [PAIRS[1], unsure])
    sure, asked = check(data, "--second-opinion")
    assert "note" not in sure
    assert asked["note"].startswith("second opinion")
    assert asked["loss"] != check(data)[1]["loss"]
