"""How evolutions turned out that are like this one: regression on labelled examples.

Kernel ridge regression with a Gaussian kernel (Rasmussen and Williams 2006, Gaussian Processes for
Machine Learning, section 2.2): the value is a weighted sum over examples of how near they are. Near
is what agrees in the signals, each as far as it matters, in the demand's words *as they stand in
the text*, and in the request. That "limit your answer to two sentences" is good for an explanation
and bad for a program is in the three together, and in none of them by itself.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Examples", "Projection", "examples_from_json", "examples_to_json"]


class Projection(NamedTuple):
    """Vectors of d dimensions in k directions and then of length ``reach``: ``centre`` has shape
    (d,), ``directions`` (k, d)."""

    centre: NDArray[np.float64]
    directions: NDArray[np.float64]
    reach: float

    def __call__(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, d) to (n, k)."""
        found = (vectors - self.centre) @ self.directions.T
        length = np.linalg.norm(found, axis=1, keepdims=True)
        scaled: NDArray[np.float64] = self.reach * found / np.maximum(length, 1e-9)
        return scaled


class Examples(NamedTuple):
    """``places`` of shape (examples, s + 2 k), ``weights`` of shape (examples,), ``stretch`` of
    shape (s,): how much each of the s standardised signals matters."""

    stretch: NDArray[np.float64]
    demand: Projection
    request: Projection
    places: NDArray[np.float64]
    weights: NDArray[np.float64]
    level: float

    def place(
        self,
        standardised: NDArray[np.float64],
        demands: NDArray[np.float64],
        requests: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Where n evolutions lie among the examples: shape (n, s + 2 k)."""
        parts = [standardised * self.stretch, self.demand(demands), self.request(requests)]
        return np.hstack(parts)

    def value(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """About the share of evolutions at each place that are good, of shape (n,); it may lie
        a little outside [0, 1]."""
        found: NDArray[np.float64] = self.level + nearness(places, self.places) @ self.weights
        return found


def nearness(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gaussian kernel of rows of two arrays: (n, d) and (m, d) to (n, m)."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    near: NDArray[np.float64] = np.exp(-np.maximum(squares, 0))
    return near


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values as a file keeps them, in one byte each."""
    steps, unit = _steps(values)
    kept: NDArray[np.float64] = steps.astype(np.float64) * unit
    return kept


def _steps(values: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    unit = float(f"{max(float(np.abs(values).max()), 1e-9) / 127:.6g}")
    return np.clip(np.rint(values / unit), -127, 127).astype(np.int8), unit


def _packed(values: NDArray[np.float64]) -> dict[str, Any]:
    steps, unit = _steps(values)
    return {
        "shape": list(values.shape),
        "unit": unit,
        "bytes": base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii"),
    }


def _unpacked(content: Mapping[str, Any]) -> NDArray[np.float64]:
    steps = np.frombuffer(zlib.decompress(base64.b64decode(content["bytes"])), dtype=np.int8)
    values: NDArray[np.float64] = steps.reshape(content["shape"]).astype(np.float64)
    values *= float(content["unit"])
    return values


def examples_to_json(examples: Examples) -> dict[str, Any]:
    """As plain JSON: large arrays in signed bytes of a unit (zlib, base64), others to 6 digits."""
    found: dict[str, Any] = {
        "stretch": _short(examples.stretch),
        "level": float(f"{examples.level:.6g}"),
        "weights": _short(examples.weights),
        "places": _packed(examples.places),
    }
    for name, part in (("demand", examples.demand), ("request", examples.request)):
        found[name] = {
            "centre": _short(part.centre),
            "directions": _packed(part.directions),
            "reach": part.reach,
        }
    return found


def examples_from_json(content: Mapping[str, Any]) -> Examples:
    """What `examples_to_json` made."""
    demand, request = (
        Projection(np.array(part["centre"]), _unpacked(part["directions"]), float(part["reach"]))
        for part in (content["demand"], content["request"])
    )
    return Examples(
        stretch=np.array(content["stretch"]),
        demand=demand,
        request=request,
        places=_unpacked(content["places"]),
        weights=np.array(content["weights"]),
        level=float(content["level"]),
    )


def _short(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
