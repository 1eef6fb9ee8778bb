"""The nearest pairs of sets so large that most are told by a part of their vectors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.evaluation.diversity import distances as pairs
from evolsynth.evaluation.diversity.distances import nearest_pairs


def scattered(n: int, seed: int, width: int = 160) -> NDArray[np.float32]:
    """Unit vectors in thirty clouds, so that some are near and most are not."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(30, width))
    made = centres[chance.integers(0, 30, n)] + 0.4 * chance.normal(size=(n, width))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def by_all(vectors: NDArray[np.float32], count: int) -> list[tuple[int, int]]:
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    rows, columns = np.triu_indices(len(vectors), 1)
    order = np.argsort(-cosines[rows, columns], kind="stable")[:count]
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


@pytest.mark.parametrize("block", [64, 200])
@pytest.mark.parametrize("seed", range(3))
def test_a_bound_leaves_out_none_of_the_nearest(
    block: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "_BLOCK", block)
    vectors = scattered(700, seed)
    assert pairs._bounds(vectors) is not None
    found = nearest_pairs(vectors, 12)
    assert [(i, j) for i, j, _ in found] == by_all(vectors, 12)


def test_no_product_lies_above_its_bound() -> None:
    vectors = scattered(2500, 0)
    bounds = pairs._bounds(vectors)
    assert bounds is not None
    assert bounds.shape == (2500, 33)
    assert (bounds[:300] @ bounds.T - vectors[:300] @ vectors.T).min() > -pairs._SLACK


def test_copies_come_first_and_in_order_also_where_few_products_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pairs, "_BLOCK", 64)
    vectors = scattered(500, 1)
    vectors[[400, 7]], vectors[499] = vectors[3], vectors[250]
    found = nearest_pairs(vectors, 4)
    assert found == [(3, 7, 1.0), (3, 400, 1.0), (7, 400, 1.0), (250, 499, 1.0)]


def test_where_all_are_alike_all_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_BLOCK", 64)
    vectors = np.tile(scattered(1, 0), (300, 1))
    assert [(i, j) for i, j, _ in nearest_pairs(vectors, 3)] == [(0, 1), (0, 2), (0, 3)]


def test_pairs_of_relatives_do_not_count_in_either_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_BLOCK", 64)
    vectors = scattered(400, 2)
    first, second, *others = by_all(vectors, 7)
    apart = [first, second[::-1], (5, 5)]
    assert [(i, j) for i, j, _ in nearest_pairs(vectors, 5, apart_from=apart)] == others


def test_no_pair_is_left_where_all_are_relatives() -> None:
    vectors = scattered(3, 0)
    assert nearest_pairs(vectors, 5, apart_from=[(1, 0), (0, 2), (1, 2)]) == []
    assert nearest_pairs(vectors, 0) == []
