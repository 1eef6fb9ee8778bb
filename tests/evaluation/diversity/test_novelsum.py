"""NovelSum: the formula by hand, what copies do, and blocks and samples against the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity import distances as module
from evolsynth.evaluation.diversity.distances import Vectors, densities, novelsum


def unit(rows: int, width: int, seed: int = 0) -> Vectors:
    x = np.random.default_rng(seed).normal(size=(rows, width))
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def by_definition(x: Vectors, reference: Vectors, alpha: float, beta: float, k: int) -> float:
    """Row by row, as the paper and its code say it."""
    rows = x.astype(np.float64)
    different = np.unique(reference, axis=0).astype(np.float64)
    total = 0.0
    for row in rows:
        distances = np.sort(1 - rows @ row)
        distances[0] = 0  # to itself
        weights = 1 / np.arange(1, len(rows) + 1) ** alpha
        squared = np.sort(np.square(different - row).sum(axis=1))[1 : k + 1]
        total += (weights @ distances / weights.sum()) / (squared.mean() + 1e-9) ** beta
    return total / len(rows)


def test_three_orthogonal_texts_by_hand() -> None:
    """Distances 0, 1, 1 with weights 1, 1/2, 1/3; the squared distance to both others is 2."""
    expected = (1 / 2 + 1 / 3) / (1 + 1 / 2 + 1 / 3) * 2**-0.5
    assert novelsum(np.eye(3, dtype=np.float32)) == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 30), st.integers(2, 9), st.sampled_from([0, 1, 2]), st.sampled_from([0, 0.5]))
def test_it_is_what_the_definition_says(rows: int, width: int, alpha: float, beta: float) -> None:
    x, reference = unit(rows, width), unit(25, width, seed=1)
    got = novelsum(x, reference=reference, alpha=alpha, beta=beta, neighbours=5)
    assert got == pytest.approx(by_definition(x, reference, alpha, beta, 5), rel=1e-3)


def test_without_weights_it_is_the_mean_distance_self_included() -> None:
    x = unit(20, 6)
    mean = float(np.mean(1 - x.astype(np.float64) @ x.T))
    assert novelsum(x, alpha=0, beta=0) == pytest.approx(mean, abs=1e-6)


def test_copies_add_nothing_new() -> None:
    x = unit(40, 16)
    copied = np.concatenate([x[:20], x[:20]])
    assert novelsum(copied, reference=x) < novelsum(x, reference=x)
    assert novelsum(np.repeat(x[:1], 5, axis=0)) == pytest.approx(0, abs=1e-6)


def test_blocks_and_samples_of_a_large_set(monkeypatch: pytest.MonkeyPatch) -> None:
    x = unit(90, 8)
    whole = novelsum(x)
    monkeypatch.setattr(module, "_CELLS", 90 * 7)
    assert novelsum(x) == pytest.approx(whole, rel=1e-6)
    some = novelsum(x, sample=45)
    assert some != whole
    assert some == pytest.approx(whole, rel=0.1)
    assert novelsum(x, sample=45) == some
    assert novelsum(x, sample=200) == novelsum(x)


def test_a_crowded_place_counts_more() -> None:
    """Two texts as far from each other, one of them where the reference is dense."""
    crowd = unit(1, 8) + 0.05 * unit(50, 8, seed=3)
    reference = np.concatenate([crowd, unit(20, 8, seed=4)])
    reference = np.asarray(reference / np.linalg.norm(reference, axis=1, keepdims=True), np.float32)
    sigma = densities(reference[[0, -1]], reference)
    assert sigma[0] > 3 * sigma[1]


def test_small_and_bad_sets() -> None:
    assert novelsum(np.empty((0, 4), np.float32)) == 0
    assert novelsum(unit(1, 4)) == 0
    assert densities(unit(2, 4), unit(1, 4)).tolist() == [1, 1]
    with pytest.raises(InputError, match="density has 2 values for 3 vectors"):
        novelsum(unit(3, 4), density=np.ones(2))
