"""``python -m evals good-evolution``: its figures, its data, its errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evals.__main__ import main
from evals.evolution_fit import Labelled, cross_validated, fit, read_labelled, read_rooms
from evals.good_evolution import auroc, measure
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.good_evolution.score import load_model, save_model

DATA = Path(__file__).parents[2] / "evals" / "data"


def rows(*accept: bool) -> list[Labelled]:
    return [Labelled(f"Ask {i}.", f"Ask {i}. More.", yes) for i, yes in enumerate(accept)]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.9, 0.1], 1.0), ([0.1, 0.9], 0.0), ([0.5, 0.5], 0.5)],
)
def test_auroc_counts_pairs_in_the_right_order(scores: list[float], expected: float) -> None:
    assert auroc(np.array([True, False]), np.array(scores)) == expected


def test_the_figures_at_a_threshold() -> None:
    found = measure("some", rows(True, True, False, False), [0.9, 0.2, 0.7, 0.1], 0.6)

    assert (found.precision, found.accepted, found.found) == (0.5, 0.5, 0.5)
    assert found.auroc == 0.75
    assert found.interval is not None


def test_nothing_at_the_threshold_has_no_precision() -> None:
    assert measure("some", rows(True, False), [0.2, 0.1], 0.6).precision is None


def test_only_rows_that_were_decided_and_kept_everything_count(tmp_path: Path) -> None:
    lines = [
        {"original": "A.", "evolved": "A. B.", "accept": "yes"},
        {"original": "A.", "evolved": "A. C.", "accept": "no", "label": "kept", "sure": False},
        {"original": "A.", "evolved": "C.", "accept": "no", "label": "lost"},
        {"original": "A.", "evolved": "A. D.", "accept": "disputed"},
        {"original": "A.", "evolved": "A. D."},
    ]
    file = write(tmp_path / "rows.jsonl", *map(json.dumps, lines))

    found = read_labelled(file)

    assert [(row.evolved, row.accept, row.sure) for row in found] == [
        ("A. B.", True, True),
        ("A. C.", False, False),
    ]


def test_belief_lies_between_two_readers() -> None:
    def belief(accept: bool, sure: bool, score: float | None) -> float:
        return Labelled("A.", "A. B.", accept, sure=sure, score=score).belief

    assert belief(True, True, None) == 1
    assert belief(False, True, None) == 0
    assert belief(True, False, 5) == pytest.approx((0.65 + 0.5) / 2)
    assert belief(False, True, 9) < 0.5 < belief(True, True, 9)
    assert belief(False, True, 1) < belief(False, True, 6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"accept": "yes"}', "line 1: the field 'original' is missing"),
        (
            '{"original": "A", "evolved": "B", "accept": "no", "score": 11}',
            "line 1: score must be a number from 0 to 10",
        ),
        ("nothing", "line 1: not a JSON object"),
        ('{"original": 1, "evolved": "B", "accept": "no"}', "line 1: original and evolved must"),
        ('{"original": "A", "evolved": "B", "accept": "no"}', "needs rows with accept yes"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(line: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_labelled(write(tmp_path / "rows.jsonl", line))


def test_our_rows_are_whole_and_their_originals_have_a_room() -> None:
    found, rooms = read_labelled(DATA / "good_evolution_train.jsonl"), read_rooms(
        DATA / "answer_room.jsonl"
    )  # fmt: skip

    assert len(found) > 1500
    assert {row.original for row in found} <= set(rooms)
    assert len({(row.original, row.evolved, row.accept) for row in found}) >= len(
        {(row.original, row.evolved) for row in found}
    )


@pytest.mark.slow
@pytest.mark.real
def test_the_same_rows_give_the_same_file(tmp_path: Path, embedder: MiniLM) -> None:
    labelled = read_labelled(DATA / "good_evolution_train.jsonl")[::300]
    asked = {row.original for row in labelled}
    rooms = read_rooms(DATA / "answer_room.jsonl")
    some = {text: room for text, room in rooms.items() if text in asked}
    one, other = tmp_path / "one.npz.xz", tmp_path / "other.npz.xz"

    save_model(fit(labelled, some, embedder), one)
    save_model(fit(labelled, some, embedder), other)

    assert one.read_bytes() == other.read_bytes()
    assert len(load_model(one).examples.places) == len(labelled)


@pytest.mark.slow
@pytest.mark.real
def test_folds_by_original_tell_good_from_bad(embedder: MiniLM) -> None:
    rooms = read_rooms(DATA / "answer_room.jsonl")
    some = dict(list(rooms.items())[::15])
    asked = list(some)
    good = [f"{text} Also explain what matters most about it." for text in asked]
    bad = [f"{text} Include a photo of my cousin's car car car." for text in asked]
    labelled = [
        Labelled(text, evolved, accept)
        for text, pair in zip(asked, zip(good, bad, strict=True), strict=True)
        for evolved, accept in zip(pair, (True, False), strict=True)
    ]

    scores = cross_validated(labelled, some, embedder)

    assert auroc(np.array([row.accept for row in labelled]), np.array(scores)) > 0.95


@pytest.mark.real
def test_rows_of_others_are_judged_and_the_figures_written(tmp_path: Path) -> None:
    lines = [
        {"original": "Tell me about bees.", "evolved": f"Tell me about bees. {demand}", "accept": a}
        for demand, a in (("Limit your answer to 60 words.", "yes"), ("Include a bus bus.", "no"))
    ]
    file, place = write(tmp_path / "bees.jsonl", *map(json.dumps, lines)), tmp_path / "out.json"

    assert main(["good-evolution", "--data", str(file), "--json", str(place)]) == 0

    groups = {g["group"]: g for g in json.loads(place.read_text())["groups"]}
    assert groups["all"]["rows"] == 2
    assert groups["bees"]["auroc"] == 1.0
    assert groups["limit"]["good"] == 1
