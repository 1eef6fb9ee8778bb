"""Distances to the nearest other text: exact, in parts, sampled, as a distribution."""

from __future__ import annotations

import numpy as np
import pytest

from evolsynth.evaluation.diversity import distances as module
from evolsynth.evaluation.diversity.distances import (
    distribution,
    nearest_distances,
    nearest_similarities,
)


def vectors(rows: int, width: int = 6) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    x = np.random.default_rng(0).normal(size=(rows, width))
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def test_they_are_one_minus_the_nearest_similarity(monkeypatch: pytest.MonkeyPatch) -> None:
    x = vectors(50)
    expected = 1 - nearest_similarities(x)
    np.testing.assert_allclose(nearest_distances(x), expected, atol=1e-6)
    monkeypatch.setattr(module, "_CELLS", 150)
    np.testing.assert_allclose(nearest_distances(x), expected, atol=1e-6)


def test_a_sample_has_distances_to_the_whole_set() -> None:
    x = vectors(50)
    some = nearest_distances(x, sample=10)
    assert len(some) == 10
    assert np.isin(some.round(5), nearest_distances(x).round(5)).all()


def test_quantiles_and_histogram() -> None:
    found = distribution(np.linspace(0, 1, 101, dtype=np.float32), 101)
    assert found.quantiles["0.5"] == pytest.approx(0.5)
    assert found.quantiles["0.05"] == pytest.approx(0.05)
    assert sum(found.counts) == found.measured == 101
    assert len(found.edges) == len(found.counts) + 1


def test_fewer_than_two_texts_have_no_distances() -> None:
    none = distribution(nearest_distances(vectors(1)), 1)
    assert (none.measured, none.quantiles, sum(none.counts)) == (0, {}, 0)
