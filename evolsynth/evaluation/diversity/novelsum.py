"""NovelSum: how far apart texts are, counted more where neighbours are near and the field is dense.

Yang et al. 2025, "Measuring Data Diversity for Instruction Tuning", arXiv 2502.17184, section 3,
as the authors' code defines it (github.com/UmeanNever/NovelSum, novelsum.py):

    v(i) = σ(i)^β · Σ_j w(r_ij) · d(i, j) / Σ_j w(r_ij),    w(r) = r^-α,    NovelSum = mean of v(i)

d is the cosine distance, and r_ij the place of j among all texts by their distance to i. **The
text itself is among them**, at distance 0 and place 1, so the nearest other one has the weight
2^-α. σ(i) is 1 / (the mean *squared Euclidean* distance from i to its K nearest texts of a dense
reference, copies counted once, the nearest of all left out as it is taken to be i itself); for
vectors of length 1 the squared distance is twice the cosine distance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.distances import Vectors

__all__ = ["densities", "novelsum"]

_CELLS = 1 << 24  # numbers of the similarity matrix held at once: 64 MiB
_LEAST = 1e-9  # keeps the density finite, as in the authors' code


def novelsum(
    vectors: Vectors,
    *,
    reference: Vectors | None = None,
    density: npt.NDArray[np.float64] | None = None,
    alpha: float = 1.0,
    beta: float = 0.5,
    neighbours: int = 10,
    sample: int | None = None,
    seed: int = 0,
) -> float:
    """NovelSum of n texts. It grows with n: compare sets of equal size only.

    Args:
        vectors: shape (n, d), rows of length 1.
        reference: shape (m, d), the dense reference, the same for all sets that are compared. By
            default the set is its own.
        density: shape (n,), from `densities`, where it is known already.
        alpha: how much more near neighbours count. 0 makes it the mean distance, self included.
        beta: how much dense fields count. 0 leaves the density out.
        neighbours: K of the density.
        sample: at most so many of the v(i) are worked out, of rows drawn without replacement, each
            still against all n. The full sum takes n² log n steps; memory is bounded either way.
        seed: of the draw.

    Returns:
        From 0 (all the same) up; 0 for no texts.

    Raises:
        InputError: ``density`` has another length than ``vectors``.
    """
    count = len(vectors)
    if count == 0:
        return 0.0
    if density is not None and len(density) != count:
        raise InputError(f"density has {len(density)} values for {count} vectors: give one each.")
    places = np.arange(count)
    if sample is not None and sample < count:
        chance = np.random.default_rng([seed, count, sample])
        places = np.sort(chance.choice(count, sample, replace=False))
    if density is None:
        around = vectors if reference is None else reference
        here_density = densities(vectors[places], around, neighbours=neighbours)
    else:
        here_density = density[places]
    weights = np.arange(1, count + 1, dtype=np.float64) ** -alpha
    weights /= weights.sum()
    total = 0.0
    step = max(1, _CELLS // count)
    for start in range(0, len(places), step):
        here = places[start : start + step]
        distance = 1 - vectors[here] @ vectors.T
        distance[np.arange(len(here)), here] = 0
        distance.sort(axis=1)
        means = np.maximum(distance, 0) @ weights
        total += float(means @ here_density[start : start + step] ** beta)
    return total / len(places)


def densities(
    vectors: Vectors, reference: Vectors, *, neighbours: int = 10
) -> npt.NDArray[np.float64]:
    """σ of each text: how densely the reference is filled around it.

    Args:
        vectors: shape (n, d), rows of length 1.
        reference: shape (m, d), rows of length 1. Rows that are equal bit for bit count once.
        neighbours: K; fewer where the reference has no more than K different rows.

    Returns:
        Shape (n,); ones where the reference has fewer than two different rows.
    """
    different = np.unique(reference, axis=0)
    k = min(neighbours, len(different) - 1)
    found = np.ones(len(vectors))
    if k < 1:
        return found
    step = max(1, _CELLS // len(different))
    for start in range(0, len(vectors), step):
        near = 1 - vectors[start : start + step] @ different.T
        near = np.sort(np.partition(near, k, axis=1)[:, : k + 1], axis=1)[:, 1:]
        squared = 2 * np.maximum(near.astype(np.float64), 0).mean(axis=1)
        found[start : start + step] = 1 / (squared + _LEAST)
    return found
