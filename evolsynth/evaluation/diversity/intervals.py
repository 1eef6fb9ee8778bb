"""Figures at a size of your choice, each with an interval: draws *without* replacement.

The usual bootstrap draws n of n rows with replacement, so 37% of a draw are copies of rows that
are in it already. Every figure of diversity sees copies as a lack of diversity: nearest distances
become 0, the Vendi score and the distinct n-grams fall, and the interval lies beside the true
value. So rows are drawn without replacement, fewer than there are ("subsampling", Politis and
Romano 1994), and the spread is scaled to the number of rows.

For a figure that is nearly a mean of what each row adds, a draw of b of n rows has the variance
s² (1/b - 1/n) around the figure's mean, which gives s²; the mean over all draws of any size has the
variance s²/n, as a sample of what the source could give. Where the figures are those of all n rows,
the spread comes from draws of four fifths of them (the delete-d jackknife, Shao and Wu 1989): draws
of half gave a Vendi score too narrow an interval, as its spread grows with the size.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.ngrams import Places

__all__ = ["DRAWS", "LEVEL", "Figure", "Figures", "at_size"]

Figures = Mapping[str, float | None]

DRAWS = 30
_PART = 0.8  # of the rows at most in a draw that tells the spread
LEVEL = 0.95
_T = 2.045  # Student's t at 97.5%, for the spread of 30 draws


class Figure(msgspec.Struct, frozen=True):
    """A figure at some number of rows, and the interval that holds, in 95 of 100 cases, what the
    source of the rows gives on average at that number. ``None``: not to be told from so few."""

    value: float
    low: float | None = None
    high: float | None = None


def at_size(
    measure: Callable[[Places], Figures],
    rows: int,
    size: int,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    shares: Collection[str] = (),
) -> dict[str, Figure | None]:
    """Figures of ``size`` rows, as the mean over draws from ``rows``, with intervals.

    Args:
        measure: the figures of the rows at some places (ascending).
        rows: how many there are.
        size: how many a draw has, from 1 to ``rows``.
        seed: of the draws, which depend on it, ``rows`` and ``size`` alone.
        draws: how many, at least 2.
        shares: names of figures that lie in [0, 1]; so do their intervals.

    Returns:
        ``None`` for a figure that is not defined at this size. Intervals need 3 rows.

    Raises:
        InputError: ``size`` or ``draws`` is out of range.
    """
    if not 1 <= size <= rows:
        raise InputError(f"size is {size}: choose one between 1 and the {rows} rows given.")
    if draws < 2:
        raise InputError(f"draws is {draws}: at least two draws are needed.")
    part = min(size, int(_PART * rows))
    small = _drawn(measure, rows, part, seed, draws) if part >= 2 else []
    if size == part:
        centre = small
    elif size == rows:
        centre = [measure(np.arange(rows))]
    else:
        centre = _drawn(measure, rows, size, seed, draws)
    return {
        name: _figure(
            [one[name] for one in centre],
            [one[name] for one in small],
            1 / rows / (1 / part - 1 / rows) if small else 0.0,
            (1 / size - 1 / rows) / (1 / part - 1 / rows) / len(centre) if small else 0.0,
            (0.0, 1.0) if name in shares else (-np.inf, np.inf),
        )
        for name in centre[0]
    }


def _drawn(
    measure: Callable[[Places], Figures], rows: int, size: int, seed: int, draws: int
) -> list[Figures]:
    chance = np.random.default_rng([seed, rows, size])
    return [
        measure(np.sort(chance.choice(rows, size, replace=False)).astype(np.intp))
        for _ in range(draws)
    ]


def _figure(
    centre: list[float | None],
    small: list[float | None],
    sampling: float,
    drawing: float,
    bounds: tuple[float, float],
) -> Figure | None:
    """``sampling`` and ``drawing`` are what the small draws' variance is multiplied by to get that
    of the rows as a sample, and that of having made only some of the draws."""
    known = [value for value in centre if value is not None]
    if not known:
        return None
    value = float(np.mean(known))
    spread = [one for one in small if one is not None]
    if len(spread) < 2:
        return Figure(value)
    reach = _T * float(np.std(spread, ddof=1)) * (sampling + drawing) ** 0.5
    return Figure(value, max(bounds[0], value - reach), min(bounds[1], value + reach))
