"""`python -m evals information-loss`: its figures on hand-made values, its input, its output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.__main__ import main
from evals.information_loss import NOISE, OWN, auroc, read_pairs, table
from evolsynth.errors import InputError

PAIRS: list[dict[str, Any]] = [
    {
        "original": "Feed 12 hens before noon.",
        "evolved": "Feed 21 hens before noon.",
        "label": "altered",
        "kind": "number changed",
        "lost": [{"text": "12", "kind": "number", "became": "21"}],
        "split": "a",
    },
    {
        "original": "Name two birds of the marsh. Why do they sing before sunrise?",
        "evolved": "Name two birds of the marsh.",
        "label": "lost",
        "kind": "question dropped",
        "lost": [
            {"text": "Why do they sing before sunrise?", "kind": "sub-question", "became": None}
        ],
        "split": "b",
    },
    {
        "original": "Feed 12 hens before noon.",
        "evolved": "Before noon, feed a dozen hens.",
        "label": "kept",
        "kind": "paraphrase",
        "split": "a",
    },
    {
        "original": "Name two birds of the marsh. Why do they sing before sunrise?",
        "evolved": "Name two birds of the marsh. Why do they sing before sunrise? Answer in rhyme.",
        "label": "kept",
        "kind": "constraint added",
        "split": "b",
    },
]


def write(path: Path, pairs: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.jsonl", PAIRS)


# Figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("higher", "lower", "value"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.0, 1.0], [0.0, 0.0, 1.0], 7 / 12),  # 2 of 6 above, 3 ties
        ([0.3, 0.7], [0.5], 0.5),
    ],
)
def test_auroc_counts_pairs_in_order_and_ties_as_half(
    higher: list[float], lower: list[float], value: float
) -> None:
    assert auroc(np.array(higher), np.array(lower)) == pytest.approx(value)


VALUES = st.lists(st.integers(0, 5), min_size=1, max_size=20)


@given(VALUES, VALUES)
def test_auroc_is_the_mean_over_all_pairs(one: list[int], other: list[int]) -> None:
    a, b = np.array(one, dtype=float), np.array(other, dtype=float)
    by_hand = np.mean([(x > y) + (x == y) / 2 for x in one for y in other])
    assert auroc(a, b) == pytest.approx(by_hand)
    assert auroc(a, b) + auroc(b, a) == pytest.approx(1)


def test_the_table_has_a_line_for_each_group_that_can_be_told_apart() -> None:
    group = {
        "name": "own: kept / lost", "kept": 40, "others": 30, "auroc": 0.9125,
        "auroc_matched": None, "false_alarms": 0.05, "caught": 0.8,
    }  # fmt: skip
    found = {
        "groups": [group, {"name": "empty", "kept": 3, "others": 0}],
        "noise": {"lower case": 0.0, "framed": 0.01},
        "spans": {"marked": 20, "inside": 0.9, "share_of_text": 0.125},
        "speed": {"pairs": 9, "words": 60.4, "workers": 2, "facts": 2000.4, "embeddings": 61.7},
    }
    first, own, noise, spans, speed = table(found).splitlines()
    assert "AUROC" in first
    assert own.split()[-6:] == ["40", "30", "0.912", "-", "5.0%", "80.0%"]
    assert noise == "noise flagged, at most: 1.0% (lower case, framed)"
    assert "90.0% of 20" in spans
    assert speed.endswith("facts 2000, embeddings 62")
    assert "spans hold" not in table({**found, "spans": None})


def test_each_kind_of_noise_changes_something_and_no_word() -> None:
    text = (
        'Now, do not say "sorry" - the baker\'s words... Why is it so?\nExplain it quietly please.'
    )
    for name, change in NOISE.items():
        noisy = change(text)
        assert noisy != text, name
        assert abs(len(noisy.split()) - len(text.split())) <= 2, name


# Input --------------------------------------------------------------------------------------------


def test_pairs_are_read(data: Path) -> None:
    pairs = read_pairs(data)
    assert [pair.is_kept for pair in pairs] == [False, False, True, True]
    assert pairs[0].lost[0].text == "12"
    assert pairs[2].lost == []


def test_our_own_pairs_are_read() -> None:
    assert [len(read_pairs(path)) > 800 for path in OWN] == [True, True, True]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"original": "x", "label": "kept"}', "line 2: Object missing required field `evolved`"),
        ('{"original": 1, "evolved": "x", "label": "kept"}', "line 2: Expected `str`, got `int`"),
        ('{"original": "x", "evolved": "x", "label": "good"}', "line 2: the label is 'good'. Give"),
        ("{", "line 2: not JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_told(line: str, words: str, data: Path) -> None:
    data.write_text(json.dumps(PAIRS[0]) + "\n" + line + "\n")
    with pytest.raises(InputError, match=r"pairs\.jsonl") as refusal:
        read_pairs(data)
    assert words in str(refusal.value)


def test_a_file_without_pairs_is_told(data: Path) -> None:
    data.write_text("\n")
    with pytest.raises(InputError, match="there are no pairs in it"):
        read_pairs(data)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "none.jsonl"], "none.jsonl: no such file"),
        (["--split", "z"], "--split z: no pair is of this half."),
        (["--workers", "0"], "'0' is not a whole number from 1"),
        (["--json", "."], "that is a folder"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["information-loss", "--no-embedder", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


# Runs ---------------------------------------------------------------------------------------------


def measured(data: Path, *options: str) -> dict[str, Any]:
    out = data.with_name("out.json")
    arguments = ["--data", str(data), "--json", str(out), "--no-embedder", "--no-speed", *options]
    assert main(["information-loss", *arguments]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_a_run_writes_all_figures_and_prints_a_table(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured(data)
    assert (found["pairs"], found["threshold"]) == (4, 0.5)
    groups = {group["name"]: group for group in found["groups"]}
    assert set(groups) == {
        "own: kept / lost", "own: kept / altered", "own: kept / all others", "all",
    }  # fmt: skip
    assert (groups["all"]["kept"], groups["all"]["others"]) == (2, 2)
    assert (groups["all"]["auroc"], groups["all"]["false_alarms"]) == (1.0, 0.0)
    assert groups["all"]["caught"] == 1.0
    assert found["kinds"]["number changed (lost)"] == [1, 1.0]
    assert (found["spans"]["marked"], found["spans"]["inside"]) == (2, 1.0)
    assert 0 < found["spans"]["share_of_text"] < 1
    assert set(found["noise"]) == set(NOISE)
    assert "speed" not in found
    assert "own: kept / lost" in capsys.readouterr().out


def test_a_half_may_be_measured_alone(data: Path) -> None:
    found = measured(data, "--split", "a")
    assert found["pairs"] == 2
    assert set(found["kinds"]) == {"number changed (lost)", "paraphrase (kept)"}


def test_sets_are_told_apart_by_their_names_and_several_files_are_one(
    data: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "more.jsonl", [{**pair, "set": "mine"} for pair in PAIRS])
    found = measured(data, "--data", str(other))
    names = [group["name"] for group in found["groups"]]
    assert "own: kept / all others" in names
    assert "mine: kept / all others" in names


def test_errors_are_shown_with_their_spans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**PAIRS[0], "label": "kept", "lost": [], "id": "mislabelled"}
    data = write(tmp_path / "pairs.jsonl", [wrong, *PAIRS])
    measured(data, "--errors")
    said = capsys.readouterr().out
    assert said.count("\n--- ") == 1
    assert "--- mislabelled number changed: kept" in said
    assert "Feed 21 hens before noon." in said


def test_weights_can_be_fitted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    measured(data, "--fit")
    lines = capsys.readouterr().out.splitlines()
    most = next(line for line in lines if line.startswith("most  "))
    assert float(most.split()[-1]) > 0
    assert lines[-1].startswith("cut")


def test_json_without_a_path_leaves_standard_output_to_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--json", "--no-embedder", "--no-speed"]
    assert main(["information-loss", *arguments]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["pairs"] == 4
    assert "AUROC" in said.err
