"""`evolsynth diversity`: tables for people, JSON for programs, and what it says about itself."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evolsynth.cli.measures.diversity as command
from evolsynth.cli.main import main

THINGS = ("bread", "comets", "violins", "taxes", "roses", "chess")


class Quick:
    """In place of MiniLM: a fixed random direction for each word, and the same as "static"."""

    def __init__(self, name: str = "all-MiniLM-L6-v2") -> None:
        self.name = name

    def rough(self) -> Quick:
        return Quick("static")

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        x = np.array([[self._word(w) for w in text.split()][:4] for text in texts]).sum(axis=1)
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)

    @staticmethod
    def _word(word: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.random.default_rng(list(word.encode())).normal(size=16)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MiniLM", Quick)


def write(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def asked(count: int, things: Sequence[str] = THINGS, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"instruction": f"Explain {things[i % len(things)]} number {i}.", **fields}
        for i in range(count)
    ]


def test_tables_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = write(
        tmp_path / "own.jsonl",
        [*asked(40, THINGS[:3], method="magpie"), *asked(30, method="evol_instruct", round=1)],
    )
    reference = write(tmp_path / "reference.jsonl", asked(90))
    assert main(["diversity", own, "--reference", reference]) == 0
    said = capsys.readouterr().out
    assert "70 unchecked rows measured." in said
    assert "At 30 rows each" in said
    assert "explain" in said
    assert "Vectors: MiniLM." in said
    assert "draws without replacement" in said
    assert "±" in said


def test_json_for_programs_is_the_only_thing_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write(tmp_path / "own.jsonl", asked(40))
    assert main(["diversity", own, "--json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["whole"]["rows"] == 40
    assert report["groups"][0]["figures"]["vendi"]["low"] > 0
    assert "Vectors: MiniLM." in said.err
    assert main(["diversity", own, "--json", str(tmp_path / "a" / "out.json")]) == 0
    assert json.loads((tmp_path / "a" / "out.json").read_text()) == report
    assert "40 unchecked rows" in capsys.readouterr().out


def test_thin_clusters_can_steer_a_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write(tmp_path / "own.jsonl", asked(90, THINGS[:3]))
    reference = write(tmp_path / "reference.jsonl", asked(120))
    assert main(["diversity", own, "--reference", reference, "--json"]) == 0
    thin = json.loads(capsys.readouterr().out)["thin"]
    assert {word for one in thin for word in one["words"]} & set(THINGS[3:])
    assert all(one["missing"] > 0 and one["reference_examples"] for one in thin)


def test_many_rows_get_static_vectors_unless_asked_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_MINILM_TO", 30)
    own = write(tmp_path / "own.jsonl", asked(40))
    assert main(["diversity", own, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["embedder"] == "static"
    assert "static, made from MiniLM, as there are 40 different texts" in said.err
    assert main(["diversity", own, "--json", "--embedder", "minilm"]) == 0
    assert json.loads(capsys.readouterr().out)["embedder"] == "all-MiniLM-L6-v2"


def test_only_accepted_rows_count_and_the_others_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = {"accepted": True}, {"accepted": False, "reasons": ["too_short"]}
    own = write(tmp_path / "own.jsonl", [*asked(25, verdict=good), *asked(5, verdict=bad)])
    assert main(["diversity", own]) == 0
    assert "25 accepted rows measured (left out 5 rejected)." in capsys.readouterr().out
    assert main(["diversity", own, "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"]["rows"] == 30


def test_other_fields_and_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"prompt": f"Name {i} kinds of tea.", "tool": "ab"[i % 2]} for i in range(50)]
    own = write(tmp_path / "own.jsonl", rows)
    assert main(["diversity", own, "--field", "prompt", "--by", "tool", "--json"]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [group["name"] for group in groups] == ["all", "tool a", "tool b"]


def test_markup_in_texts_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = asked(30) + [
        {"instruction": f"Explain [red]{i} [/bold] it.", "method": "[x]"} for i in range(30)
    ]
    assert main(["diversity", write(tmp_path / "own.jsonl", rows)]) == 0
    assert "[x]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ('{"instruction": "a b"}\n{broken\n', [], "line 2: not JSON"),
        ('{"text": "a b"}\n', [], "no row has a text in its field 'instruction'"),
        ("", [], "there is no row to measure (empty file)"),
        (
            '{"instruction": "a", "verdict": {"accepted": false}}\n',
            [],
            "there is no row to measure (1 rejected)",
        ),
        ('{"instruction": "a b"}\n', ["--reference", "no-such.jsonl"], "no-such.jsonl: no such"),
    ],
)
def test_bad_input_is_one_sentence(
    content: str,
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(content, encoding="utf-8")
    assert main(["diversity", str(path), *arguments]) == 1
    said = capsys.readouterr().err
    assert words.casefold() in said.casefold()
    assert "Traceback" not in said


def test_standard_input_is_read_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(json.dumps(row) + "\n" for row in asked(30))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["diversity", "-"]) == 0
    assert "30 unchecked rows" in capsys.readouterr().out
    assert main(["diversity", "-", "--reference", "-"]) == 1
    assert "Both files are standard input" in capsys.readouterr().err
