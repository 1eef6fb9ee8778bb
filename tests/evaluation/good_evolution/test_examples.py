"""How near are labelled examples, and how did they turn out? On small arrays of our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evolsynth.evaluation.good_evolution.features import RoomModel
from evolsynth.evaluation.good_evolution.model import (
    EvolutionModel,
    Examples,
    Projection,
    load_model,
    nearness,
    rounded,
    save_model,
)


def two() -> Examples:
    """A good example at signal 1 and a bad one at -1, with the same demand and request."""
    flat = Projection(np.zeros(3), rounded(np.eye(3)[:2]), 0.5)
    empty = Examples(np.ones(1), flat, flat, np.zeros((0, 0)), np.array([0.4, -0.4]), 0.5)
    words = np.tile([1.0, 0.0, 0.0], (2, 1))
    places = empty.place(np.array([[1.0], [-1.0]]), words, words)
    return empty._replace(places=rounded(places))


def test_what_is_near_a_good_example_is_worth_more() -> None:
    some, word = two(), np.array([[1.0, 0.0, 0.0]])

    values = [
        some.value(some.place(np.array([[s]]), word, word))[0] for s in (0.9, 0.0, -0.9, 50.0)
    ]

    assert values[0] > values[1] > values[2]
    assert values[1] == pytest.approx(0.5)
    assert values[3] == pytest.approx(0.5)  # far from all of them: the average


def test_a_vector_without_direction_is_no_error() -> None:
    some, nothing = two(), np.zeros((1, 3))

    assert np.isfinite(some.place(np.zeros((1, 1)), nothing, nothing)).all()


def test_examples_survive_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    some, place = two(), tmp_path / "two.npz.xz"
    room = RoomModel(np.ones((3, 2)), np.zeros(3))
    one = np.ones(1)
    made = EvolutionModel(room, ("loose.gap",), one, one, one, np.zeros(6), 0.5, some, 2.0, -1.0)

    save_model(made, place)

    found = load_model(place)
    assert (found.names, found.intercept, found.scale, found.shift) == (made.names, 0.5, 2.0, -1.0)
    assert found.examples.level == some.level
    assert np.array_equal(found.examples.places, some.places)
    assert np.array_equal(found.examples.demand.directions, some.demand.directions)


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-100, 100)))
def test_a_byte_is_within_half_a_step_and_rounding_twice_is_rounding_once(
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    once = rounded(values)

    assert np.abs(once - values).max() <= max(np.abs(values).max(), 1e-9) / 127 * 0.51
    assert np.allclose(rounded(once), once)


def test_a_place_is_nearest_to_itself() -> None:
    places = np.array([[0.0, 1.0], [2.0, 1.0]])

    near = nearness(places, places)

    assert near.diagonal().tolist() == [1.0, 1.0]
    assert near[0, 1] == pytest.approx(np.exp(-4))
