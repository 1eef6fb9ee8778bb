"""How far each text is from the nearest other one: the distribution, in bounded time and memory."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from evolsynth.evaluation.diversity.distances import Vectors

__all__ = ["QUANTILES", "Distances", "distribution", "nearest_distances"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20
_CELLS = 1 << 24  # numbers of the similarity matrix held at once: 64 MiB


class Distances(msgspec.Struct, frozen=True, kw_only=True):
    """Distances of ``measured`` texts to their nearest other one among ``count``.

    ``quantiles`` go by their share ("0.5": the median). ``counts`` are those of the histogram,
    ``edges`` its borders, one more than there are counts.
    """

    count: int
    measured: int
    quantiles: dict[str, float]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


def nearest_distances(
    vectors: Vectors, *, sample: int | None = None, seed: int = 0
) -> npt.NDArray[np.float32]:
    """The cosine distance of texts to the nearest other one. It falls as n grows.

    Args:
        vectors: shape (n, d), rows of length 1.
        sample: at most so many texts are asked for their neighbour, drawn without replacement;
            each is still compared with all n, so the distribution is that of the whole set.
        seed: of the draw.

    Returns:
        Shape (n,) or (sample,), each in [0, 2]; shape (0,) with fewer than two texts.
    """
    count = len(vectors)
    if count < 2:
        return np.empty(0, np.float32)
    places = np.arange(count)
    if sample is not None and sample < count:
        chance = np.random.default_rng([seed, count, sample])
        places = np.sort(chance.choice(count, sample, replace=False))
    found = np.empty(len(places), np.float32)
    step = max(1, _CELLS // count)
    for start in range(0, len(places), step):
        here = places[start : start + step]
        near = vectors[here] @ vectors.T
        near[np.arange(len(here)), here] = -np.inf
        found[start : start + step] = 1 - near.max(axis=1)
    return np.clip(found, 0, 2)


def distribution(distances: npt.NDArray[np.float32], count: int) -> Distances:
    """Quantiles and a histogram of distances among ``count`` texts."""
    top = max(1.0, float(distances.max())) if len(distances) else 1.0
    edges = np.linspace(0, top, _BINS + 1)
    values = np.quantile(distances, QUANTILES).tolist() if len(distances) else []
    return Distances(
        count=count,
        measured=len(distances),
        quantiles={f"{q:g}": float(v) for q, v in zip(QUANTILES, values, strict=False)},
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(n) for n in np.histogram(distances, edges)[0]),
    )
