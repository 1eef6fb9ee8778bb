"""Diversity: hand-made sets whose figures are known, and what must hold for any set."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.clusters import find_clusters
from evolsynth.evaluation.diversity.distances import (
    Vectors,
    nearest_similarities,
    vendi_score,
)
from evolsynth.evaluation.diversity.measures import diversity, rarefied


def unit(rows: int, width: int, seed: int = 0) -> Vectors:
    x = np.random.default_rng(seed).normal(size=(rows, width))
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def test_three_orthogonal_texts_count_as_three() -> None:
    got = diversity(["one cat", "two dogs", "three birds"], np.eye(3, dtype=np.float32))
    assert got["count"] == 3
    assert got["vendi"] == pytest.approx(3)
    assert got["mean_distance"] == pytest.approx(1)
    assert got["nearest_median"] == pytest.approx(0)
    assert got["distinct_1"] == 1
    assert got["mean_words"] == 2


def test_copies_count_as_one() -> None:
    got = diversity(["the same words"] * 5, np.repeat(unit(1, 8), 5, axis=0))
    assert got["vendi"] == pytest.approx(1)
    assert got["mean_distance"] == pytest.approx(0, abs=1e-6)
    assert got["nearest_median"] == pytest.approx(1)
    assert got["distinct_1"] == pytest.approx(3 / 15)
    assert got["distinct_2"] == pytest.approx(2 / 10)


def test_two_pairs_of_copies_count_as_two_and_case_is_ignored() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    got = diversity(["Tell me", "tell ME", "why", "why"], vectors)
    assert got["vendi"] == pytest.approx(2)
    assert got["mean_distance"] == pytest.approx(4 / 6)  # 4 of 6 pairs are apart
    assert got["distinct_1"] == pytest.approx(3 / 6)
    assert got["distinct_2"] == pytest.approx(1 / 2)


def test_sets_too_small_for_pairs_have_no_pair_figures() -> None:
    none = diversity([], np.empty((0, 4), np.float32))
    assert (none["count"], none["vendi"], none["mean_distance"], none["mean_words"]) == (
        0,
        0.0,
        None,
        None,
    )
    one = diversity(["hello"], unit(1, 4))
    assert one["vendi"] == pytest.approx(1)
    assert (one["mean_distance"], one["nearest_median"], one["distinct_2"]) == (None, None, None)
    two = diversity(["a", "b"], np.eye(2, dtype=np.float32))
    assert two["vendi"] == pytest.approx(2)
    assert two["nearest_median"] == pytest.approx(0)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(2, 12), st.integers(0, 99))
def test_the_short_cuts_give_what_the_definitions_give(rows: int, width: int, seed: int) -> None:
    vectors = unit(rows, width, seed)
    got = diversity(["word"] * rows, vectors)
    pairs = [1 - float(a @ b) for a, b in combinations(vectors.astype(np.float64), 2)]
    assert got["mean_distance"] == pytest.approx(np.mean(pairs), abs=1e-6)
    values = np.linalg.eigvalsh(vectors.astype(np.float64) @ vectors.T / rows)
    values = values[values > 1e-10]
    assert got["vendi"] == pytest.approx(np.exp(-np.sum(values * np.log(values))), rel=1e-4)
    assert got["vendi"] is not None
    assert 1 - 1e-6 <= got["vendi"] <= min(rows, width) + 1e-6


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(2, 20), st.integers(0, 99), st.integers(1, 7))
def test_the_vendi_score_is_the_same_from_either_matrix_in_any_parts(
    rows: int, width: int, seed: int, copies: int
) -> None:
    """d x d, added up in parts of 16 rows, against n x n as the paper defines it."""
    vectors = np.concatenate([unit(rows, width, seed)] * copies)
    values = np.linalg.eigvalsh(vectors.astype(np.float64) @ vectors.T / len(vectors))
    values = values[values > 1e-10]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evolsynth.evaluation.diversity.distances._PART", 16)
        got = vendi_score(vectors)
    assert got == pytest.approx(np.exp(-np.sum(values * np.log(values))), rel=1e-4)


def test_order_does_not_matter() -> None:
    vectors = unit(30, 6)
    assert vendi_score(vectors[::-1]) == pytest.approx(vendi_score(vectors))


def test_nearest_goes_over_block_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(25, 5)
    whole = nearest_similarities(vectors)
    monkeypatch.setattr("evolsynth.evaluation.diversity.distances._CELLS", 100)
    np.testing.assert_allclose(nearest_similarities(vectors), whole, rtol=1e-6)
    full = vectors @ vectors.T - 3 * np.eye(25, dtype=np.float32)
    np.testing.assert_allclose(whole, full.max(axis=1), rtol=1e-5)


def test_relatives_can_be_left_out_of_the_neighbours() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0, 0, 1]]
    assert nearest_similarities(vectors).tolist() == [1, 1, 0]
    assert nearest_similarities(vectors, apart_from=[(1, 0)]).tolist() == [0, 0, 0]
    alone = nearest_similarities(vectors, apart_from=[(0, 1), (0, 2)])
    assert np.isnan(alone[0])


def test_a_larger_draw_of_the_same_source_looks_different_and_rarefied_does_not() -> None:
    texts, vectors = ["w"] * 400, unit(400, 60)
    small = diversity(texts[:50], vectors[:50])
    large = diversity(texts, vectors)
    assert small["vendi"] is not None
    assert large["vendi"] is not None
    assert large["vendi"] > small["vendi"] * 1.3
    assert rarefied(texts, vectors, 50)["vendi"] == pytest.approx(small["vendi"], rel=0.05)


def test_rarefied_is_the_same_each_time_and_follows_its_seed() -> None:
    texts, vectors = [f"text {i}" for i in range(60)], unit(60, 8)
    assert rarefied(texts, vectors, 20, 1) == rarefied(texts, vectors, 20, 1)
    assert rarefied(texts, vectors, 20, 1) != rarefied(texts, vectors, 20, 2)
    assert rarefied(texts, vectors, 60, 1) == diversity(texts, vectors)


@pytest.mark.parametrize("size", [0, -1, 4])
def test_a_draw_larger_than_the_set_is_refused(size: int) -> None:
    with pytest.raises(InputError, match=f"size is {size}"):
        rarefied(["a", "b", "c"], unit(3, 4), size)


def test_bad_vectors_are_refused_with_their_place() -> None:
    with pytest.raises(InputError, match="for 2 texts"):
        diversity(["a", "b"], unit(3, 4))
    with pytest.raises(InputError, match=r"vector 1 has the length 2"):
        diversity(["a", "b"], unit(2, 4) * np.array([[1], [2]], np.float32))
    with pytest.raises(InputError, match="vector 0 has the length nan"):
        diversity(["a"], np.full((1, 4), np.nan, np.float32))


def test_any_whole_number_is_a_seed() -> None:
    vectors = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    for seed in (0, 2**32, 10**20):
        assert find_clusters(vectors, k=3, seed=seed).shape == (3, 8)
