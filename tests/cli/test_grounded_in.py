"""`evolsynth gate rows.jsonl --grounded-in FIELD|FOLDER`: rows of others beside their texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from written_rows import whole_row

from evolsynth.cli.main import main

KILN = (
    "The lime kiln of Sorrel Bay was built in 1808. It burned shells that women gathered on the "
    "beach. The kiln went cold in 1862, because the railway brought cheaper lime."
)
ORCHARD = (
    "The orchard of Haddon has 140 old pear trees. Pigs eat the fallen fruit, and a cider maker "
    "buys the rest. Nobody has pruned the trees since 1990."
)
ROWS: list[dict[str, Any]] = [
    {"id": "a", "instruction": "When was the kiln built?", "response": "It was built in 1808."},
    {"id": "b", "instruction": "What did the kiln burn?", "response": "The kiln burned oak wood."},
    {
        "id": "c",
        "instruction": "What do the pigs eat?",
        "response": "The pigs eat the fallen fruit.",
    },
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    texts = [KILN, KILN, ORCHARD]
    rows = [{**row, "passage": text} for row, text in zip(ROWS, texts, strict=True)]
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "bare.jsonl", ROWS)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "kiln.txt").write_text(KILN, encoding="utf-8")
    (tmp_path / "texts" / "orchard.txt").write_text(ORCHARD, encoding="utf-8")
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def gated(place: Path, name: str, where: str, *more: str) -> dict[str, dict[str, Any]]:
    good, bad = place / "good.jsonl", place / "bad.jsonl"
    given = [str(place / name), "-o", str(good), "--rejects", str(bad), "--grounded-in", where]
    assert main(["gate", *given, *more]) == 0
    lines = [line for path in (good, bad) for line in path.read_text().splitlines()]
    return {row["id"]: row for row in map(whole_row, lines)}


def test_each_row_beside_the_text_in_its_field(place: Path) -> None:
    found = gated(place, "rows.jsonl", "passage", "--no-embedder")
    assert [found[i]["verdict"]["accepted"] for i in "abc"] == [True, False, True]
    assert found["b"]["verdict"]["reasons"] == ["unsupported"]
    (word, *_) = found["b"]["verdict"]["details"]["unsupported"]["words"]
    assert word["text"] in ("oak", "wood")
    assert [one["text"] for one in found["c"]["evidence"]] == [
        "Pigs eat the fallen fruit, and a cider maker buys the rest."
    ]


def test_rows_come_back_as_they_were_but_for_verdict_and_evidence(place: Path) -> None:
    found = gated(place, "rows.jsonl", "passage", "--no-embedder")
    plain = gated_alone(place)
    for name, row in found.items():
        row = {k: v for k, v in row.items() if k not in ("evidence", "verdict")}
        assert row == {k: v for k, v in plain[name].items() if k != "verdict"}


def gated_alone(place: Path) -> dict[str, dict[str, Any]]:
    good, bad = place / "alone.jsonl", place / "alone_bad.jsonl"
    data = str(place / "rows.jsonl")
    assert main(["gate", data, "-o", str(good), "--rejects", str(bad), "--no-embedder"]) == 0
    lines = [line for path in (good, bad) for line in path.read_text().splitlines()]
    return {row["id"]: row for row in map(whole_row, lines)}


def test_each_row_beside_the_best_passage_of_a_folder(place: Path) -> None:
    found = gated(place, "bare.jsonl", str(place / "texts"), "--no-embedder")
    assert [found[i]["verdict"]["accepted"] for i in "abc"] == [True, False, True]
    assert [found[i]["source"] for i in "abc"] == ["kiln.txt", "kiln.txt", "orchard.txt"]
    assert all("input" not in row for row in found.values())


def test_the_real_embedder_finds_the_passage(place: Path) -> None:
    found = gated(place, "bare.jsonl", str(place / "texts"))
    assert [found[i]["source"] for i in "abc"] == ["kiln.txt", "kiln.txt", "orchard.txt"]
    assert [found[i]["verdict"]["accepted"] for i in "abc"] == [True, False, True]


def test_the_texts_may_be_pages(place: Path) -> None:
    """Whatever `evolsynth texts` reads."""
    kiln = place / "texts" / "kiln.txt"
    page = f"<title>Kiln</title><nav>Home</nav><main><p>{kiln.read_text()}</p></main>"
    (place / "texts" / "kiln.html").write_text(page)
    kiln.unlink()
    found = gated(place, "bare.jsonl", str(place / "texts"))
    assert [found[i]["source"] for i in "abc"] == ["kiln.html", "kiln.html", "orchard.txt"]
    assert [found[i]["verdict"]["accepted"] for i in "abc"] == [True, False, True]


@pytest.mark.parametrize("where", ["no_such_field", "texts/none"])
def test_neither_a_field_nor_a_folder(
    place: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", str(place / "rows.jsonl"), "--grounded-in", where]) != 0
    said = capsys.readouterr().err
    assert where in said
    assert "Traceback" not in said


def test_rows_that_lack_the_text_are_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place / "some.jsonl", [{**ROWS[0], "passage": KILN}, ROWS[1], {**ROWS[2], "passage": 7}])
    found = gated(place, "some.jsonl", "passage", "--no-embedder")
    assert "2 rows have no text in 'passage' to stand in." in capsys.readouterr().err
    assert found["b"]["verdict"]["accepted"]
