"""`evolsynth score` and `evolsynth select`: scores stay on the row, order and fields are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.cli.measures.score import scored
from evolsynth.cli.select import select
from evolsynth.data.files import read_rows
from evolsynth.data.open import file_origin
from evolsynth.errors import InputError
from evolsynth.evaluation.scores.selection import select as select_rows
from evolsynth.llm.base import Prompt, Score, TokenLogprob
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINES: list[dict[str, Any]] = [
    {"source": "a book", "instruction": "Name a river.", "response": "The Oder.", "n": 1},
    {"instruction": "Name a hill.", "response": "The Brocken.", "scores": {"mine": 2}, "id": 7},
    {"instruction": "", "verdict": {"accepted": False, "reasons": ["empty"]}},
]


class Scoring(Scripted):
    """Finds an answer likelier after a river than by itself; a level n with the n-th weight."""

    def __init__(self) -> None:
        super().__init__([])

    async def score(self, prompt: Prompt, continuation: str | Prompt) -> Score:
        text = str(continuation).strip()
        value = math.log(int(text) / 21) if text.isdecimal() else -2.0
        if "river" in str(prompt) and not text.isdecimal():
            value = -1.0
        return Score(logprobs=(TokenLogprob(0, b"x", value),), prompt_tokens=1)


def written(folder: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [whole_row(line) for line in path.read_text(encoding="utf-8").splitlines()]


# score


async def score_lines(path: Path, **which: bool) -> tuple[list[dict[str, Any]], tuple[int, int]]:
    out: list[str] = []
    asked = {"by_ifd": False, "by_judge": False, **which}
    counts = await scored(file_origin(str(path)), Scoring(), out.append, **asked)
    return [whole_row(line) for line in out], counts


async def test_scores_are_added_and_all_else_stays(tmp_path: Path) -> None:
    out, counts = await score_lines(written(tmp_path, LINES), by_ifd=True, by_judge=True)
    assert [o["scores"].get("ifd") for o in out] == [0.3679, 1.0, None]
    assert out[0]["scores"]["quality"] == out[1]["scores"]["quality"] == 4.3333
    assert out[1]["scores"]["mine"] == 2
    for line, now in zip(LINES, out, strict=True):
        assert {k: v for k, v in now.items() if k not in ("scores", "provenance")} == {
            k: v for k, v in line.items() if k != "scores"
        }
    assert "provenance" not in out[2], "a rejected row is handed on as it is"
    assert counts == (3, 1)


async def test_a_line_without_a_response_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, [LINES[0], {"instruction": "Name a lake."}])
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2: field 'response' is missing"):
        await score_lines(path, by_ifd=True)


async def test_a_line_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, [LINES[0], {"instruction": 5, "response": "Five."}])
    with pytest.raises(InputError, match=r"line 2: field 'instruction'"):
        await score_lines(path, by_judge=True)


def test_nothing_to_score_is_told_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, LINES)
    assert main(["score", str(path), "-o", str(tmp_path / "out.jsonl")]) == 1
    assert "Give --ifd, --judge, or both" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.real
def test_the_command_scores_with_the_real_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path, LINES), tmp_path / "out.jsonl"
    assert main(["score", str(path), "-o", str(out), "--ifd"]) == 0
    assert [sorted(o["scores"]) for o in read(out)] == [
        ["ifd", "perplexity", "perplexity_alone"],
        ["ifd", "mine", "perplexity", "perplexity_alone"],
        [],
    ]
    assert "3 rows, 1 without all of their scores" in capsys.readouterr().err


# select


class Angles:
    """Embeds a text that is a number as the direction of so many degrees."""

    name = "angles"

    def load(self) -> None:
        pass

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def line(degrees: int, complexity: float, quality: float, **more: Any) -> dict[str, Any]:
    scores = {"complexity": complexity, "quality": quality}
    return {"id": f"d{degrees}", "instruction": str(degrees), "scores": scores, **more}


CHOICE = [
    line(0, 2, 2, topic="ä"),
    line(5, 3, 3, topic="b"),
    line(90, 1, 5),
    line(180, 6, 6, verdict={"accepted": False, "reasons": ["refusal"]}),
    line(270, 1, 1),
]


@pytest.fixture
def angles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolsynth.cli.select.MiniLM", Angles)


@pytest.mark.usefixtures("angles")
def test_the_best_are_written_best_first_and_the_others_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, best, others = written(tmp_path, CHOICE), tmp_path / "best.jsonl", tmp_path / "no.jsonl"
    select(str(path), output=str(best), rows=2, rejects=str(others))
    assert [(o["id"], o["scores"]["selection"]) for o in read(best)] == [("d5", 9), ("d90", 5)]
    assert read(best)[0]["topic"] == "b"
    left = [(o["id"], o["verdict"]["reasons"]) for o in read(others)]
    assert left == [("d0", ["not_selected"]), ("d180", ["refusal"]), ("d270", ["not_selected"])]
    assert read(others)[0]["topic"] == "ä"
    assert "5 rows = 2 selected + 3 left" in capsys.readouterr().err


@pytest.mark.usefixtures("angles")
def test_the_file_and_the_list_give_the_same_choice(tmp_path: Path) -> None:
    path, best, others = written(tmp_path, CHOICE), tmp_path / "best.jsonl", tmp_path / "no.jsonl"
    for n in (1, 3, 9):
        select(str(path), output=str(best), rows=n, rejects=str(others))
        chosen, left = select_rows(read_rows(path), n, embedder=Angles())
        assert [o["id"] for o in read(best)] == [row.id for row in chosen]
        assert [o["verdict"]["reasons"] for o in read(others)] == [
            list(row.verdict.reasons) for row in left if row.verdict
        ]


def test_rows_whose_instruction_hinders_are_not_chosen_by_ifd() -> None:
    """Or those that do not belong together would come first: theirs is the highest IFD."""
    rows = [Row.make(str(i * 90), scores={"ifd": x}) for i, x in enumerate((0.4, 1.2, 0.8))]
    chosen, left = select_rows(rows, 3, embedder=Angles(), by=["ifd"])
    assert [row.scores["ifd"] for row in chosen] == [0.8, 0.4]
    assert [row.verdict.reasons for row in left if row.verdict] == [("high_ifd",)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--by", "beauty"], r"line 1: Row d0 has no score 'beauty'"),
        (["-n", "0"], "n is 0"),
        (["--distance", "7"], "most_similar is 7"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(
    more: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.evaluation.embed.minilm.MiniLM.load", lambda _: None)
    command = ["select", str(written(tmp_path, CHOICE)), "-n", "1", *more]
    assert main(command) == 1
    assert words in capsys.readouterr().err


def test_standard_input_cannot_be_read_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", "-", "-n", "1"]) == 1
    assert "cannot be standard input" in capsys.readouterr().err


def test_a_missing_file_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["score", str(tmp_path / "none.jsonl"), "--ifd"]) == 1
    assert "no such file" in capsys.readouterr().err
