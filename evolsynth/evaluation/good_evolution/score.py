"""Would one keep it? A score for an evolution as a richer version of its original.

Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) eliminates evolutions that add
nothing or that a model cannot answer, by asking a large model. Here labelled examples tell, by how
near they are in signals that two texts give by themselves, with the room of the answer
(`features`), and in what MiniLM makes of the demand and the original. A logistic regression on the
same says which signals matter, and why a score is low. It is about demands that are *added*:
whether anything was lost is `information_loss`'s question.

Examples tell by kernel ridge regression with a Gaussian kernel (Rasmussen and Williams 2006,
Gaussian Processes for Machine Learning, section 2.2): the value is a weighted sum over them of how
near they are. Near is what agrees in the signals, each as far as it matters, in the demand's words
*as they stand in the text*, and in the request. That "limit your answer to two sentences" is good
for an explanation and bad for a program is in the three together, and in none of them by itself.

The model that is packaged is in ``evolution_model.npz.xz``: arrays as numpy writes them, in xz.
Places and directions are signed bytes of a unit; the examples' texts are not in it. ``python -m
evals good-evolution --train`` fits it.
"""

from __future__ import annotations

import io
import lzma
import os
import re
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from evolsynth.evaluation.good_evolution.features import (
    EXPLAINED,
    Room,
    RoomModel,
    addition,
    kinship_texts,
    room_texts,
    signals,
)
from evolsynth.evaluation.text import MOST
from evolsynth.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Contextual

__all__ = ["PACKAGED", "THRESHOLD", "EvolutionModel", "EvolutionScore", "Examples", "Projection"]
__all__ += ["Seen", "evolution_finding", "features", "good_evolution", "load_model", "nearness"]
__all__ += ["packaged_model", "rounded", "save_model", "standardised", "texts_read"]

#: Set for precision: most of what reaches it is good, and most of what is good does not reach it.
THRESHOLD = 0.55
#: By how much, in log-odds below the average evolution, a group of signals counts as a reason.
_REASON = 0.3
_VECTORS = 4.0  # scale of the vectors beside standardised signals: how far they are trusted
#: MiniLM's layer in which the demand is read in its context: later ones know less of it.
_LAYER = 4
_BORDER = re.compile(r"(?<!\s)\s*\n\s*")


class EvolutionScore(msgspec.Struct, frozen=True):
    """``score`` in [0, 1]: about the share of such evolutions that a reader would keep.

    ``signals`` is what each group of them added to the log-odds, beside the average evolution
    that the weights were fitted on; ``reasons`` are, in words, those that pulled it down, worst
    first.
    """

    score: float
    good: bool
    demand: str
    signals: dict[str, float]
    reasons: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What is known of one evolution: ``signals`` by name; ``vectors`` of the demand by itself and
    of the original, scaled, one after the other, of shape (2 d,); the demand in ``context``, of
    shape (d,)."""

    signals: dict[str, float]
    vectors: NDArray[np.float64]
    context: NDArray[np.float64]

    @property
    def request(self) -> NDArray[np.float64]:
        """The original's vector, of shape (d,) and length 1."""
        return self.vectors[len(self.context) :] / _VECTORS


def good_evolution(
    original: str,
    evolved: str,
    embedder: Contextual,
    *,
    threshold: float = THRESHOLD,
    model: EvolutionModel | None = None,
) -> EvolutionScore:
    """Say how likely ``evolved`` is worth keeping as a richer version of ``original``.

    Deterministic; 3 runs of MiniLM, one of them over all of ``evolved``, and some for the original,
    which it remembers. English.

    Args:
        embedder: MiniLM: the weights are for its vectors.
        threshold: from which score on ``good`` is set.
        model: weights of your own; the packaged ones otherwise.
    """
    weights = packaged_model() if model is None else model
    room = weights.room.room(original, embedder)
    seen = features(original, evolved, embedder, room)
    parts = _contributions(weights, seen)
    score = round(float(1 / (1 + np.exp(-(weights.intercept + sum(parts.values()))))), 4)
    low = sorted((value, name) for name, value in parts.items() if value <= -_REASON)
    good = score >= threshold
    reasons = () if good else tuple(EXPLAINED[name] for _, name in low)
    added = {name: round(value, 3) for name, value in parts.items()}
    return EvolutionScore(score, good, addition(original, evolved).text, added, reasons)


def evolution_finding(score: EvolutionScore) -> Finding | None:
    """The finding for an evolution that is not good enough, with what speaks against it."""
    if score.good:
        return None
    detail = {"score": score.score, "demand": score.demand, "why": list(score.reasons)}
    return Finding("weak_evolution", detail | {"signals": dict(score.signals)})


def features(original: str, evolved: str, embedder: Contextual, room: Room) -> Seen:
    """What the score is told from. Data that stand behind the demand are not looked at: they say
    much, and little of whether the demand fits."""
    original, evolved = _without_data(original, evolved)
    body = addition(original, evolved).body
    start = evolved.rfind(body) if body else len(original)
    if start < 0:  # the demand is not one piece of the text
        same = (a == b for a, b in zip(original, evolved, strict=False))
        start = sum(takewhile(bool, same))
    context = embedder.in_context(evolved, start, _LAYER)  # first: it embeds the evolution as well
    vectors = embedder.embed([body or " ", original]).astype(np.float64)
    return Seen(signals(original, evolved, embedder, room), _VECTORS * vectors.ravel(), context)


def texts_read(original: str, evolved: str) -> list[str]:
    """The texts that `good_evolution` has embedded, to have many pairs' read together before; not
    the evolution itself, which is read in any case."""
    if max(len(original), len(evolved)) > MOST:
        return []  # nobody asks
    short, longer = _without_data(original, evolved)
    texts = kinship_texts(short, longer, addition(short, longer))
    return [*(text for text in texts if text != longer), *room_texts(original)]


def _without_data(original: str, evolved: str) -> tuple[str, str]:
    """Both without the lines that they end with in common, if a demand stands before those."""
    for border in _BORDER.finditer(original):
        tail = original[border.start() :]
        if evolved.endswith(tail) and len(evolved) > len(original):
            return original[: border.start()], evolved[: -len(tail)]
    short = original.strip()
    behind = _BORDER.search(evolved)
    if behind is not None and _BORDER.search(short) is None:  # the two were one line before
        tail = evolved[behind.end() :].strip()
        if tail and short.endswith(tail) and short != tail:
            return short[: -len(tail)].rstrip(), evolved[: behind.start()]
    return original, evolved


def _contributions(model: EvolutionModel, seen: Seen) -> dict[str, float]:
    values = np.array([seen.signals[name] for name in model.names])
    added = model.weights * standardised(values, model.mean, model.spread)
    parts = dict.fromkeys(EXPLAINED, 0.0)
    for name, value in zip(model.names, added.tolist(), strict=True):
        parts[name.partition(".")[0]] += value
    parts["wording"] += float(model.vectors @ seen.vectors)
    odds = model.log_odds(values[None], seen.context[None], seen.request[None])
    parts["examples"] = float(odds[0]) - model.intercept - sum(parts.values())
    return parts


# The model ----------------------------------------------------------------------------------------

PACKAGED = Path(__file__).with_name("evolution_model.npz.xz")
_CLIP = 4.0  # standard deviations


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


class EvolutionModel(NamedTuple):
    """Examples, and a logistic regression on standardised signals and two vectors that explains.

    ``names``, ``mean``, ``spread`` and ``weights`` go together, of shape (signals,);
    ``vectors`` has shape (2 d,): for the demand's vector and the original's. ``scale`` and
    ``shift`` turn the value that the examples give into log-odds.
    """

    room: RoomModel
    names: tuple[str, ...]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    vectors: NDArray[np.float64]
    intercept: float
    examples: Examples
    scale: float
    shift: float

    def log_odds(
        self,
        found: NDArray[np.float64],
        contexts: NDArray[np.float64],
        requests: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Of n evolutions, shape (n,), from their signals (n, signals), not yet standardised,
        the demands in context and the originals' vectors, both (n, d)."""
        scaled = standardised(found, self.mean, self.spread)
        places = self.examples.place(scaled, contexts, requests)
        odds: NDArray[np.float64] = self.scale * self.examples.value(places) + self.shift
        return odds


def standardised(
    values: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signals in standard deviations from their mean, none farther than 4."""
    scaled: NDArray[np.float64] = np.clip((values - mean) / spread, -_CLIP, _CLIP)
    return scaled


@lru_cache(maxsize=1)
def packaged_model() -> EvolutionModel:
    """The model that comes with the package."""
    return load_model(PACKAGED)


def load_model(place: str | os.PathLike[str]) -> EvolutionModel:
    """The model of a file that `save_model` wrote."""
    with lzma.open(place) as file:
        found = dict(np.load(io.BytesIO(file.read())))
    mean, spread, weights = found["signals"].T
    numbers = dict(zip(_NUMBERS, found["numbers"].tolist(), strict=True))
    steps = np.hstack([found[f"places_{part}"] for part in _PARTS])
    demand, request = (
        Projection(
            found[f"{part}_centre"],
            found[f"{part}_directions"].astype(np.float64) * numbers[f"{part}_unit"],
            numbers[f"{part}_reach"],
        )
        for part in ("demand", "request")
    )
    places = steps.astype(np.float64) * numbers["unit"]
    room = RoomModel(found["room_weights"], found["room_intercept"])
    level = numbers["level"]
    examples = Examples(found["stretch"], demand, request, places, found["weights"], level)
    names, vectors = tuple(found["names"].tolist()), found["vectors"]
    odds = numbers["intercept"], examples, numbers["scale"], numbers["shift"]
    return EvolutionModel(room, names, mean, spread, weights, vectors, *odds)


_NUMBERS = (
    "intercept", "scale", "shift", "level", "unit",
    "demand_unit", "demand_reach", "request_unit", "request_reach",
)  # fmt: skip
#: Parts of a place, each by itself: many demands have one request, which xz then keeps once.
_PARTS = ("signals", "demand", "request")


def save_model(model: EvolutionModel, place: str | os.PathLike[str]) -> None:
    """Write a model: large arrays in signed bytes, what belongs to examples to 6 digits, the rest
    to 4. The same model gives the same bytes."""
    some = model.examples
    steps, unit = _steps(some.places)
    signals, directions = len(some.stretch), len(some.demand.directions)
    kept: dict[str, NDArray[Any]] = {
        "names": np.array(model.names),
        "signals": _short(np.stack([model.mean, model.spread, model.weights], axis=1), 4),
        "vectors": _short(model.vectors, 4),
        "room_weights": _short(model.room.weights, 4),
        "room_intercept": _short(model.room.intercept, 4),
        "stretch": _short(some.stretch, 6),
        "weights": _short(some.weights, 6),
    }
    cut = np.split(steps, [signals, signals + directions], axis=1)
    kept |= {f"places_{name}": part for name, part in zip(_PARTS, cut, strict=True)}
    units = {}
    for name, part in (("demand", some.demand), ("request", some.request)):
        kept[f"{name}_centre"] = _short(part.centre, 6)
        kept[f"{name}_directions"], units[name] = _steps(part.directions)
    four = _short(np.array([model.intercept, model.scale, model.shift]), 4).tolist()
    level = float(f"{some.level:.6g}")
    reaches = units["demand"], some.demand.reach, units["request"], some.request.reach
    kept["numbers"] = np.array([*four, level, unit, *reaches])
    written = io.BytesIO()
    np.savez(written, **kept)  # type: ignore[arg-type]  # mypy thinks of allow_pickle
    with lzma.open(place, "wb", preset=9) as file:
        file.write(written.getvalue())


def _short(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    short = [float(f"{value:.{digits}g}") for value in values.ravel().tolist()]
    return np.array(short).reshape(values.shape)
