"""How many demands the arms' answers meet, and how far one arm is before another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "Met", "difference", "met"]

_DRAWS = 10_000


class Met(NamedTuple):
    """By prompt, the means over an arm's seeds: whether all demands are met, how many are, and how
    many there are."""

    whole: NDArray[np.float64]
    number: NDArray[np.float64]
    demands: NDArray[np.float64]

    @property
    def shares(self) -> tuple[float, float]:
        """The share of prompts with all demands met, and that of demands met."""
        return float(self.whole.mean()), float(self.number.sum() / self.demands.sum())


def met(seeds: Sequence[Sequence[Sequence[bool]]]) -> Met:
    """The verdicts on an arm's answers, by seed, prompt and demand, pooled."""
    demands = np.array([len(one) for one in seeds[0]], dtype=float)
    number = np.array([[sum(one) for one in seed] for seed in seeds], dtype=float)
    return Met((number == demands).mean(axis=0), number.mean(axis=0), demands)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How much more one arm meets than another: the share of prompts and that of demands, each with
    its 95% interval."""

    arm: str
    other: str
    prompts: float
    prompts_95: tuple[float, float]
    demands: float
    demands_95: tuple[float, float]


def difference(arms: Mapping[str, Met], arm: str, other: str, *, draws: int = _DRAWS) -> Difference:
    """The difference of two arms by the paired bootstrap over prompts: they are drawn again with
    their answers of both arms, the seeds pooled. What other seeds would have given is not in it."""
    one, two = arms[arm], arms[other]
    n = len(one.demands)
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=draws)
    whole, number = one.whole - two.whole, one.number - two.number
    prompts = counts @ whole / n
    demands = counts @ number / (counts @ one.demands)
    return Difference(
        arm=arm,
        other=other,
        prompts=float(whole.mean()),
        prompts_95=_interval(prompts),
        demands=float(number.sum() / one.demands.sum()),
        demands_95=_interval(demands),
    )


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
