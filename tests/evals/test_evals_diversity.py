"""``python -m evals diversity``: its sets, its statistics, its labelled requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals import diversity as program
from evals.__main__ import main
from evals.diversity import correlations, full_vendi, held, spearman, verb_scores
from evals.diversity_sets import SIZE, families, many, requests, topic_texts
from evolsynth.evaluation.diversity.distances import vendi_score


class Quick:
    """An embedder for tests: a fixed random direction for each word."""

    name = "quick"

    def rough(self) -> Quick:
        return self

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        x = np.array([sum((self._word(w) for w in t.split()), np.zeros(32)) for t in texts])
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)

    @staticmethod
    @cache
    def _word(word: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.random.default_rng(list(word.encode())).normal(size=32)


def test_each_family_gives_sets_of_one_size_that_follow_their_seed() -> None:
    for family in families(requests()):
        for level in family.levels:
            one, again, other = (family.make(level, np.random.default_rng(s)) for s in (1, 1, 2))
            assert len(one) == SIZE
            assert one == again
            assert one != other


def test_the_known_order_is_there_by_construction() -> None:
    by_name = {family.name: family for family in families(requests())}
    copies = by_name["copies"]
    different = [len(set(copies.make(v, np.random.default_rng(0)))) for v in copies.levels]
    assert different == sorted(different)
    assert different[-1] == SIZE
    topics = topic_texts()
    home = {text: place for place, topic in enumerate(topics) for text in topic}
    for level in by_name["topics"].levels:
        texts = by_name["topics"].make(level, np.random.default_rng(0))
        assert len({home[text] for text in texts}) == level
    assert all(len(set(topic)) == 96 for topic in topics)


def test_rank_correlation_by_hand() -> None:
    assert spearman([1, 2, 3], [5, 6, 9]) == pytest.approx(1)
    assert spearman([1, 2, 3], [9, 6, 5]) == pytest.approx(-1)
    assert spearman([1, 1, 2, 2], [1, 2, 1, 2]) == pytest.approx(0)
    assert spearman([1, 2], [4, 4]) == 0


def test_either_way_to_the_vendi_score_gives_the_same() -> None:
    vectors = Quick().embed(requests()[:60])
    assert vendi_score(vectors) == pytest.approx(full_vendi(vectors), rel=1e-6)


def test_the_vendi_score_follows_the_number_of_copies() -> None:
    found = correlations(requests(), Quick(), repeats=1)
    assert found["copies"]["vendi"] > 0.9
    assert found["copies"]["self_bleu"] > 0.9  # turned round: high where texts are alike
    assert "mean_words" not in found["copies"]


def test_intervals_are_counted_for_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_TRUTH", 20)
    found = held(requests(), Quick(), trials=2)
    assert list(found) == ["60 of 120", "120 of 120"]
    pairs = found["120 of 120"]["distinct_2"]
    assert pairs["with_replacement"] == 0  # copies in each draw: always too low
    assert set(pairs) == {"subsampling", "with_replacement"}


def test_labelled_requests_and_the_rule_that_is_measured_on_them() -> None:
    found = verb_scores()
    assert {part: one["requests"] for part, one in found.items()} == {
        "first": 120,
        "second": 80,
        "third": 50,
    }
    assert all(one["verb"] >= 0.9 and one["verb_and_object"] >= 0.8 for one in found.values())


def test_texts_for_timing_are_different_from_each_other() -> None:
    texts = many(requests(), 500)
    assert len(set(texts)) == 500
    assert texts == many(requests(), 500)


def test_the_program_prints_tables_and_writes_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "MiniLM", Quick)
    monkeypatch.setattr(program, "_TRUTH", 5)
    monkeypatch.setattr(program, "_ROWS", (300,))
    monkeypatch.setattr(program, "_BOTH", 300)
    monkeypatch.setattr(program, "families", lambda own: families(own)[1:2])
    out = tmp_path / "out.json"
    assert main(["diversity", "--repeats", "1", "--intervals", "1", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "rank correlation with the known order, quick" in said
    assert "share of 95% intervals" in said
    read = json.loads(out.read_text())
    assert read["vendi"]["relative_difference"] < 1e-6
    assert read["seconds"][0]["rows"] == 300


def test_too_few_requests_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "few.jsonl"
    data.write_text('{"instruction": "Only one."}\n')
    assert main(["diversity", "--data", str(data)]) == 2
    assert "1 different instructions, at least 192 are needed" in capsys.readouterr().err
