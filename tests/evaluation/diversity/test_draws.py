"""Figures at a size, with intervals: what draws give, and that intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.measures import Figure, at_size
from evolsynth.evaluation.diversity.ngrams import Places


def test_the_interval_of_a_mean_is_the_textbook_one() -> None:
    values = np.random.default_rng(0).normal(size=400)

    def measure(places: Places) -> dict[str, float | None]:
        return {"mean": float(values[places].mean())}

    expected = 2.0 * float(values.std(ddof=1)) / 20
    for size in (50, 200, 400):
        figure = at_size(measure, 400, size, draws=300)["mean"]
        assert figure is not None
        assert figure.high is not None
        assert figure.high - figure.value == pytest.approx(expected, rel=0.2)


def test_intervals_hold_what_the_source_gives() -> None:
    """The largest of the values is no mean, and half of all intervals would not do."""
    held = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=80)

        def measure(places: Places, values: np.ndarray = values) -> dict[str, float | None]:
            return {"spread": float(values[places].std())}

        figure = at_size(measure, 80, 40, seed=seed)["spread"]
        assert figure is not None
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= 0.98 <= figure.high  # the mean spread of 40 normal values
    assert held >= 51


def test_no_row_is_drawn_twice_and_all_rows_are_measured_as_they_are() -> None:
    seen = []

    def measure(places: Places) -> dict[str, float | None]:
        seen.append(places.tolist())
        return {"rows": float(len(set(places.tolist())))}

    figure = at_size(measure, 10, 10)["rows"]
    assert figure is not None
    assert figure.value == 10
    assert all(len(set(places)) == len(places) for places in seen)
    assert {len(places) for places in seen} == {8, 10}


def test_the_same_seed_draws_the_same() -> None:
    values = np.random.default_rng(1).normal(size=50)

    def measure(places: Places) -> dict[str, float | None]:
        return {"mean": float(values[places].mean())}

    assert at_size(measure, 50, 20, seed=3) == at_size(measure, 50, 20, seed=3)
    assert at_size(measure, 50, 20, seed=3) != at_size(measure, 50, 20, seed=4)


def test_shares_stay_shares() -> None:
    def measure(places: Places) -> dict[str, float | None]:
        return {"share": 0.5 + 0.5 * (0 in places)}

    figure = at_size(measure, 20, 18, shares=["share"])["share"]
    assert figure is not None
    assert figure.high == 1


def test_what_is_never_defined_is_none_and_too_few_rows_have_no_interval() -> None:
    assert at_size(lambda places: {"x": None}, 9, 5) == {"x": None}
    assert at_size(lambda places: {"x": 1.0}, 1, 1) == {"x": Figure(1.0)}


@pytest.mark.parametrize(
    ("size", "draws", "words"), [(0, 5, "size is 0"), (9, 5, "size is 9"), (3, 1, "draws is 1")]
)
def test_sizes_that_cannot_be(size: int, draws: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        at_size(lambda places: {"x": 1.0}, 8, size, draws=draws)
