"""The scores that rows carry, as distributions: numbers and a row of bars that is plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evolsynth.rows import Row

__all__ = ["Distribution", "score_distributions"]

_BARS = "▁▂▃▄▅▆▇█"
_BINS = 24
_GROUPS = ("accepted", "rejected", "unchecked")
_STATUS = {"pending": "unchecked"}


class Distribution(NamedTuple):
    """How the score ``name`` lies in the ``number`` rows of a ``group`` that have it.

    ``bars`` has a character for each part of the range from ``low`` to ``high``, which all groups
    of a score share; a space where no row lies.
    """

    name: str
    group: str
    number: int
    mean: float
    quartiles: tuple[float, float, float]
    low: float
    high: float
    bars: str


def score_distributions(rows: Sequence[Row]) -> list[Distribution]:
    """The distributions of each score, by what became of the rows, names in alphabetical order.

    Values that are no finite numbers are left out.
    """
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        group = _STATUS.get(row.status, row.status)
        for name, value in row.scores.items():
            if math.isfinite(value):
                values.setdefault(name, {}).setdefault(group, []).append(float(value))
    found: list[Distribution] = []
    for name, groups in sorted(values.items()):
        every = [value for group in groups.values() for value in group]
        low, high = min(every), max(every)
        found += [
            _distribution(name, group, groups[group], low, high)
            for group in (*_GROUPS, "failed")
            if group in groups
        ]
    return found


def _distribution(
    name: str, group: str, values: Sequence[float], low: float, high: float
) -> Distribution:
    # of quarters, because a difference of huge scores would be no finite number
    quartiles = np.quantile(np.asarray(values) / 4, (0.25, 0.5, 0.75)) * 4
    first, median, third = (float(min(max(q, low), high)) for q in quartiles)
    return Distribution(
        name=name,
        group=group,
        number=len(values),
        mean=math.fsum(value / len(values) for value in values),
        quartiles=(first, median, third),
        low=low,
        high=high,
        bars=_bars(values, low, high),
    )


def _bars(values: Sequence[float], low: float, high: float) -> str:
    width = high / 2 - low / 2  # half, which stays finite
    if width == 0:
        return _BARS[-1]
    places = ((value / 2 - low / 2) / width for value in values)
    counts = np.bincount([min(int(p * _BINS), _BINS - 1) for p in places], minlength=_BINS)
    most = int(counts.max())
    return "".join(
        _BARS[-(-int(n) * len(_BARS) // most) - 1] if n else "\N{FIGURE SPACE}" for n in counts
    )
