"""`evolsynth dedup`: what it writes where, and what it says to input that cannot be used."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main

RIVERS = "Name three large rivers of Europe, and say in one sentence where each of them begins."
ROWS: list[dict[str, Any]] = [
    {"id": "a", "instruction": RIVERS, "source": "a book", "odd": [1, {"x": None}], "score": 2},
    {"instruction": "Explain how bread rises.", "score": 1, "scores": {"quality": 0.5}},
    {"id": "c", "instruction": RIVERS.upper(), "score": 5},
    {"id": "d", "instruction": RIVERS.replace("large", "big"), "score": 3},
]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "rows.jsonl", ROWS)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_that_stay_are_untouched_and_in_order(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["dedup", str(data), "-o", str(out), "--method", "minhash"]) == 0
    wanted = data.read_bytes().splitlines(keepends=True)[:2]
    assert out.read_bytes() == b"".join(wanted)


def test_duplicates_say_what_they_lost_to(data: Path, tmp_path: Path) -> None:
    out, gone = tmp_path / "out.jsonl", tmp_path / "gone.jsonl"
    command = ["dedup", str(data), "-o", str(out), "--duplicates", str(gone)]
    assert main([*command, "--method", "minhash"]) == 0
    exact, near = lines(gone)
    assert exact == {
        "line": 3,
        "kind": "exact",
        "similarity": 1.0,
        "kept_line": 1,
        "matched_line": 1,
        "cluster": 1,
        "kept_id": "a",
        "kept": RIVERS,
        "row": ROWS[2],
    }
    assert (near["line"], near["kind"], near["row"]) == (4, "near", ROWS[3])
    assert 0.8 <= near["similarity"] < 1


def test_the_best_stays_by_a_field_or_a_score(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = ["dedup", str(data), "-o", str(out), "--method", "minhash", "--keep", "best"]
    assert main([*command, "--score", "score"]) == 0
    assert [row.get("id") for row in lines(out)] == [None, "c"]
    rows = [{"instruction": RIVERS, "scores": {"q": q}} for q in (0.1, 0.9, 0.9)]
    assert main([*command, "--score", "q"]) == 1  # the file has no such score
    again = [str(written(data, rows)) if part == str(data) else part for part in command]
    assert main([*again, "--score", "q"]) == 0
    assert lines(out) == [rows[1]]


def test_other_fields_and_methods(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": RIVERS}, {"prompt": RIVERS.replace("large", "big")}, {"prompt": RIVERS}]
    data = written(tmp_path / "rows.jsonl", rows)
    assert main(["dedup", str(data), "--field", "prompt", "--method", "exact"]) == 0
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == rows[:2]
    assert "3 rows = 2 kept, 1 duplicates (1 exact)" in said.err


def test_a_template_with_other_numbers_goes_only_if_asked(tmp_path: Path) -> None:
    texts = (
        "5 apples cost 2 dollars. What do 20 cost?",
        "7 pears cost 3 dollars. What do 14 cost?",
    )
    data = written(tmp_path / "rows.jsonl", [{"instruction": text} for text in texts])
    out = tmp_path / "out.jsonl"
    command = ["dedup", str(data), "-o", str(out), "--method", "minhash"]
    assert main(command) == 0
    assert len(lines(out)) == 2
    assert main([*command, "--same-template"]) == 0
    assert len(lines(out)) == 1


@pytest.mark.real
def test_paraphrases_go_by_the_real_embedder(tmp_path: Path) -> None:
    texts = ("How do I bake bread without yeast?", "How can I bake a bread without any yeast?")
    data = written(tmp_path / "rows.jsonl", [{"instruction": text} for text in texts])
    out, gone = tmp_path / "out.jsonl", tmp_path / "gone.jsonl"
    assert main(["dedup", str(data), "-o", str(out), "--duplicates", str(gone)]) == 0
    assert [row["kind"] for row in lines(gone)] == ["semantic"]


def test_workers_change_no_byte(tmp_path: Path) -> None:
    rows = [{"instruction": f"{RIVERS} {'word ' * (k % 3)}{chr(97 + k % 26)}"} for k in range(300)]
    data = written(tmp_path / "rows.jsonl", rows)
    found = []
    for workers in ("1", "2"):
        out, gone = tmp_path / f"out{workers}.jsonl", tmp_path / f"gone{workers}.jsonl"
        command = ["dedup", str(data), "-o", str(out), "--duplicates", str(gone)]
        assert main([*command, "--method", "minhash", "--workers", workers]) == 0
        found.append((out.read_bytes(), gone.read_bytes()))
    assert found[0] == found[1]
    assert found[0][1]


def test_blank_lines_a_bom_crlf_and_half_a_surrogate_pair(tmp_path: Path) -> None:
    data, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    first, second = b'{"instruction": "caf\xc3\xa9"}', b'{"instruction": "broken \\ud83d"}'
    data.write_bytes(b"\xef\xbb\xbf" + first + b"\r\n\n  \n" + second + b"\n" + second)
    assert main(["dedup", str(data), "-o", str(out), "--method", "minhash"]) == 0
    assert out.read_bytes() == first + b"\n" + second + b"\n"
    gone = tmp_path / "gone.jsonl"
    again = ["dedup", str(data), "-o", str(out), "--duplicates", str(gone), "--method", "exact"]
    assert main(again) == 0
    (lost,) = lines(gone)
    assert lost["kept"] == lost["row"]["instruction"] == "broken \ud83d"


def test_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 2 * (json.dumps(ROWS[0]) + "\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["dedup", "-", "--method", "exact"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    data, out = written(tmp_path / "rows.jsonl", []), tmp_path / "out.jsonl"
    assert main(["dedup", str(data), "-o", str(out), "--method", "minhash"]) == 0
    assert out.read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ('{"text": "a"}', (), "line 1: no field 'instruction'. It has text. Name with --field"),
        ('{"instruction": 5}', (), "line 1: the field 'instruction' holds no text"),
        ('{"instruction": "a"}\n[1]', (), "line 2: a JSON object was expected"),
        ('{"instruction": "a"}\n{oops', (), "line 2: not JSON"),
        ('{"instruction": "a"}', ("--keep", "best"), "--keep best needs --score"),
        ('{"instruction": "a"}', ("--score", "q"), "--score needs --keep best"),
        ('{"instruction": "a"}', ("--keep", "best", "--score", "q"), "line 1: no number 'q'"),
        ('{"instruction": "a"}', ("--threshold", "7"), "The threshold is 7"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_with_its_line(
    content: str,
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    data.write_text(content + "\n")
    assert main(["dedup", str(data), "-o", str(out), "--method", "minhash", *options]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not out.exists()


def test_no_such_file_and_text_that_is_not_utf_8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", str(tmp_path / "none.jsonl"), "--method", "exact"]) == 1
    assert "no such file" in capsys.readouterr().err
    data = tmp_path / "rows.jsonl"
    data.write_bytes(b'{"instruction": "caf\xe9"}\n')
    assert main(["dedup", str(data), "--method", "exact"]) == 1
    assert "line 1: not" in capsys.readouterr().err


def test_the_input_is_never_written_over(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = data.read_bytes()
    assert main(["dedup", str(data), "-o", str(data), "--method", "exact"]) == 1
    assert "-o is the file that is read" in capsys.readouterr().err
    assert data.read_bytes() == before


def test_rows_and_duplicates_do_not_go_to_one_place(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dedup", str(data), "--duplicates", "-", "--method", "exact"]) == 1
    said = capsys.readouterr()
    assert "-o and --duplicates are one place, standard output" in said.err
    assert said.out == ""


def test_one_task_for_two_texts_is_no_duplicate(tmp_path: Path) -> None:
    title, mills = "Give the passage a title.", ("Arbor ground rye.", "Dunn ground oats.")
    rows = [
        {"instruction": title, "input": mills[0]},
        {"instruction": title, "input": mills[1]},
        {"instruction": f"{title}\n\n{mills[0]}", "input": mills[0]},
        {"instruction": title, "context": mills[1].upper()},
        {"instruction": title, "input": ""},
    ]
    data, out = written(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl"
    for method in ("exact", "minhash"):
        assert main(["dedup", str(data), "-o", str(out), "--method", method]) == 0
        assert lines(out) == [rows[0], rows[1], rows[4]]
    command = ["dedup", str(data), "-o", str(out), "--method", "exact", "--field", "input"]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    assert main(command) == 0
    assert lines(out) == rows[:2]
