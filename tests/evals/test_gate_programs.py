"""Programs that measure the gate and the scores: their rows, their figures, and the command."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.__main__ import main
from evals.gate_rows import DEFECTS, planted
from evals.gate_stream import judge_file, tally
from evals.quality import ANSWERS, Answer, read_answers
from evals.quality_scores import auroc, checked
from evals.spoiled import WAYS, swapped
from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.same_request import normalise
from evolsynth.findings import known_reasons


def test_the_same_number_and_seed_give_the_same_rows() -> None:
    first = list(planted(200, seed=3))
    assert first == list(planted(200, seed=3))
    assert first != list(planted(200, seed=4))
    assert first[:50] == list(planted(50, seed=3))


def test_each_defect_comes_and_good_rows_are_all_different() -> None:
    rows = list(planted(1500, share=0.5, seed=1))
    assert {one.defect for one in rows} == {"", *DEFECTS}
    assert set(DEFECTS) <= set(known_reasons())
    texts = [normalise(one.row.instruction or "") for one in rows if not one.defect]
    assert len(texts) == len(set(texts))
    before: set[str] = set()
    for one in rows:
        text = normalise(one.row.instruction or "")
        if one.defect == "exact_duplicate":
            assert text in before
        before.add(text)


def test_recall_and_false_alarms_are_shares_of_their_kind() -> None:
    wanted = {"a": "refusal", "b": "refusal", "c": "", "d": "", "e": "empty"}
    reasons = {"a": ["refusal", "x"], "b": ["x"], "c": [], "d": ["x", "y"], "e": ["empty"]}
    recall, refused = tally(wanted, reasons)
    assert recall == {"empty": 1.0, "refusal": 0.5}
    assert refused == {"x": 0.5}
    with pytest.raises(InputError, match="1 rows got no verdict, e among them"):
        tally(wanted, {k: v for k, v in reasons.items() if k != "e"})


def test_a_file_is_judged_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = judge_file(tmp_path, 120, seed=2, embed=False)
    assert found.rows == 120
    assert found.refused == {}
    assert all(share == 1 for share in found.recall.values())
    assert found.rate > 0


# Scores -------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_auroc_is_fair_to_both_sides(one: list[int], other: list[int]) -> None:
    assert 0 <= auroc(one, other) <= 1
    assert auroc(one, other) + auroc(other, one) == pytest.approx(1, abs=2e-4)
    assert auroc(one, one) == pytest.approx(0.5)


def test_auroc_of_parted_scores_is_one_and_of_none_an_error() -> None:
    assert auroc([3, 4], [1, 2]) == 1
    with pytest.raises(InputError):
        auroc([], [1])


def test_every_way_spoils_every_answer() -> None:
    for code, spoil in WAYS.values():
        assert code in known_reasons()
        for number, answer in enumerate(read_answers(ANSWERS)):
            assert spoil(random.Random(number), answer) != answer.response


def test_answers_are_put_under_other_questions() -> None:
    answers = [Answer(f"q{i}", f"a{i}") for i in range(3)]
    assert [a.response for a in swapped(answers, 1)] == ["a1", "a2", "a0"]


def test_good_answers_pass_and_most_spoiled_ones_do_not() -> None:
    """The floor that a change of the checks must not fall through."""
    alarms, found = checked(read_answers(ANSWERS))
    assert alarms == {}
    assert all(way.named <= way.refused or way.refused > 0.9 for way in found)
    assert {way.way: way.refused >= 0.7 for way in found} == dict.fromkeys(WAYS, True)


def test_the_command_prints_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "scores.json"
    assert main(["quality-scores", "--no-model", "--json", str(place)]) == 0
    saved = json.loads(place.read_text())
    assert [way["way"] for way in saved["found"]] == list(WAYS)
    said = capsys.readouterr().out
    assert "another language" in said
    assert main(["quality-scores", "--no-model", "--data", str(tmp_path / "none.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err
