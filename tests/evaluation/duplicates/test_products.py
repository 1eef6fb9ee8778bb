"""Products in bfloat16 name every pair that those in float64 name, whose products are exact."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.evaluation.duplicates.products import Products
from evolsynth.evaluation.embed import encoder

Vectors = NDArray[np.float32]
torch = pytest.importorskip("torch")


def clouds(n: int, seed: int, width: int = 64) -> Vectors:
    """Vectors of length 1 about twelve others, so that cosines of all sizes come up."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(12, width))
    made = centres[chance.integers(0, 12, n)] + chance.normal(size=(n, width)) * 0.5
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


@pytest.fixture(params=["halves", "floats"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Products:
    """Products of either kind, whatever the processor is good at."""
    monkeypatch.setattr(encoder, "has_halves", lambda: request.param == "halves")
    return Products()


@pytest.mark.parametrize("least", [0.0, 0.05, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_no_pair_that_is_high_enough_is_left_out(
    products: Products, least: float, kind: type[np.float16]
) -> None:
    vectors, block = clouds(90, 1), clouds(700, 2).astype(kind)
    vectors[7], block[:90:9] = 0, vectors[:10]  # some without a direction, and some the same
    exact = vectors.astype(np.float64) @ block.T.astype(np.float64)
    rows, places = products.reaching(vectors, block, least)
    named = set(zip(rows.tolist(), places.tolist(), strict=True))
    assert named >= set(zip(*(each.tolist() for each in np.nonzero(exact >= least)), strict=True))
    assert exact[rows, places].min() > least - 0.03  # and few others
    assert list(zip(rows.tolist(), places.tolist(), strict=True)) == sorted(named)
    assert np.abs(products.of(vectors, block, rows, places) - exact[rows, places]).max() < 1e-12


def test_a_room_that_served_more_serves_fewer(products: Products) -> None:
    many, few = clouds(300, 3), clouds(20, 4)
    products.reaching(many, many, 0.5)
    rows, places = products.reaching(few, few[:11], 0.999)
    assert rows.tolist() == places.tolist() == list(range(11))
    assert products.of(few, few, rows, places) == pytest.approx(np.ones(11))


def test_a_product_is_the_same_whatever_is_asked_with_it(products: Products) -> None:
    vectors = clouds(600, 5)
    rows, places = products.reaching(vectors, vectors, 0.7)
    together = products.of(vectors, vectors, rows, places)
    for k in range(0, len(rows), 97):
        alone = products.of(vectors, vectors, rows[k : k + 1], places[k : k + 1])
        assert np.round(alone[0], 6) == np.round(together[k], 6)


def test_halves_are_made_in_one_thread_and_the_others_are_left_as_they_were() -> None:
    before = torch.get_num_threads()
    Products().reaching(clouds(9, 6), clouds(9, 6), 0.5)
    assert torch.get_num_threads() == before


def test_torch_is_not_loaded_for_it() -> None:
    """It takes two seconds, and static vectors do without."""
    done = subprocess.run(
        [sys.executable, "-c", _ALONE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "False"]


_ALONE = """
import sys, numpy as np
from evolsynth.evaluation.duplicates.products import Products
rows, _ = Products().reaching(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), 0.9)
print(len(rows), "torch" in sys.modules)
"""
