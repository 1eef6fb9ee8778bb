"""`python -m evals duplicates`: the planted truth, how it is counted, and the pairs by hand."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evals import duplicates
from evals.__main__ import main
from evals.duplicate_rows import KINDS, Pair, background, changed, planted
from evolsynth.evaluation.duplicates.same_request import normalise

PAIRS = [
    msgspec.json.decode(line, type=Pair)
    for line in Path(duplicates.__file__)
    .with_name("data")
    .joinpath("duplicates.jsonl")
    .read_bytes()
    .splitlines()
]


def test_the_pairs_by_hand_are_many_and_no_two_the_same() -> None:
    counts = Counter(pair.duplicate for pair in PAIRS)
    assert counts[True] >= 150
    assert counts[False] >= 150
    texts = [normalise(text) for pair in PAIRS if pair.duplicate for text in (pair.one, pair.other)]
    assert len(set(texts)) == len(texts)
    assert all(normalise(pair.one) != normalise(pair.other) for pair in PAIRS)


def test_generated_rows_are_requests_of_some_twenty_words() -> None:
    random_ = random.Random(1)
    rows = [background(random_) for _ in range(2000)]
    lengths = [len(row.split()) for row in rows]
    assert 18 <= sum(lengths) / len(lengths) <= 26
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_changed_as_its_kind_says(kind: str) -> None:
    random_ = random.Random(2)
    text = "Write a poem about a fox, please. Use rhyme and mention the moon."
    copies = {changed(text, kind, random_) for _ in range(20)}
    assert text not in copies
    words = Counter(normalise(text).replace(",", "").replace(".", "").split())
    for copy in copies:
        flat = normalise(copy).replace(",", "").replace(".", "").replace(";", "")
        lost = sum((words - Counter(flat.split())).values())
        assert lost == (1 if kind == "one word" else 0)


def test_the_truth_says_what_was_planted_where() -> None:
    truth = planted(1500, PAIRS, seed=3)
    assert len(truth.rows) == 1500
    counts = Counter(truth.kinds.values())
    assert counts["paraphrase"] == sum(pair.duplicate for pair in PAIRS)
    assert all(counts[kind] == 30 for kind in KINDS)
    assert all(truth.sources[place] < place for place in truth.kinds)
    same = {(pair.one, pair.other) for pair in PAIRS if pair.duplicate}
    for place, kind in truth.kinds.items():
        if kind == "paraphrase":
            assert (truth.rows[truth.sources[place]], truth.rows[place]) in same
    assert truth == planted(1500, PAIRS, seed=3)
    assert truth.rows != planted(1500, PAIRS, seed=4).rows


def reading(*dropped: int) -> dict[str, Any]:
    return {"arm": "x", "seconds": 1.0, "peak_mib": 2.0, "dropped": list(dropped), "details": {}}


def test_a_copy_is_found_by_either_end_and_all_else_is_an_error() -> None:
    truth = planted(1500, PAIRS, seed=3)
    place, kind = next(iter(truth.kinds.items()))
    alike = next(iter(truth.apart))
    found = duplicates.score(truth, reading(truth.sources[place], alike))
    assert found.precision == 0.5
    assert found.recall[kind] == pytest.approx(1 / Counter(truth.kinds.values())[kind])
    assert found.wrong == {truth.apart[alike]: 1}
    whole = duplicates.score(truth, reading(*truth.kinds))
    assert (whole.precision, whole.recall_of_all) == (1.0, 1.0)
    assert duplicates.score(truth, reading()).precision == 1.0


def test_it_runs_and_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "found.json"
    command = ["duplicates", "--rows", "900", "--arms", "exact,minhash", "--json", str(place)]
    assert main(command) == 0
    exact, near = json.loads(place.read_text())["found"]
    assert exact["recall"]["case"] == near["recall"]["case"] == 1.0
    assert near["recall"]["sentences"] == 1.0
    assert near["precision"] > 0.9
    assert "evolsynth minhash" in capsys.readouterr().out


def test_rows_of_ones_own_are_the_background(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text('{"instruction": "Knit a sock."}\n{"text": "no"}\n')
    assert main(["duplicates", "--data", str(data), "--rows", "900", "--arms", "exact"]) == 2
    assert "line 2: no field 'instruction'" in capsys.readouterr().err
    given = planted(900, PAIRS, given=["Knit a sock."])
    assert "Knit a sock." in given.rows
