"""Fits the weights of `evolsynth.evaluation.good_evolution.score` to labelled evolutions.

Two logistic regressions (scikit-learn, which sentence-transformers brings): the room of an answer,
then whether an evolution is kept, which tells how much each signal matters. Then the examples: a
kernel ridge regression. Where these are fitted or tested, a request's room comes from a model that
was fitted without it, or it would be surer than it is of a new request.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.good_evolution.features import ROOMS, Room, RoomModel, room_features
from evolsynth.evaluation.good_evolution.model import (
    EvolutionModel,
    Examples,
    Projection,
    nearness,
    rounded,
    standardised,
)
from evolsynth.evaluation.good_evolution.score import features

__all__ = ["Labelled", "cross_validated", "fit", "read_labelled", "read_rooms"]

#: Inverse strengths of the regularisation, chosen by cross-validation on our own rows.
_STRENGTH, _ROOM_STRENGTH = 0.03, 10.0
_RIDGE = 0.3
#: Reaches of the examples' signals, demand and request, and the directions of the latter two.
_SIGNALS, _DEMAND, _REQUEST = 1.3, 1.0, 0.2
_DIRECTIONS = 64
_MIDDLE = 5.0  # the second reader's score of an evolution that is as likely good as not
FOLDS = 10

Array = NDArray[np.float64]


class Labelled(msgspec.Struct, frozen=True):
    """An evolution and whether a reader would keep it. ``sure``: the reader did not waver.
    ``score``: from 0 to 10, by a second reader, if there was one."""

    original: str
    evolved: str
    accept: bool
    kind: str = ""
    sure: bool = True
    score: float | None = None

    @property
    def belief(self) -> float:
        """The probability that it is good, by both readers."""
        first = (0.65, 1.0)[self.sure] if self.accept else (0.3, 0.0)[self.sure]
        if self.score is None:
            return first
        return (first + 1 / (1 + math.exp(_MIDDLE - self.score))) / 2


def read_labelled(path: Path) -> list[Labelled]:
    """Rows whose ``accept`` is yes or no; of those with a ``label``, only those ``kept``.

    Raises:
        InputError: the file cannot be read, or a line is no such row.
    """
    found: list[Labelled] = []
    for number, row in _rows(path):
        if row.get("accept") not in ("yes", "no") or row.get("label", "kept") != "kept":
            continue
        try:
            wanted = {name: row[name] for name in ("original", "evolved")}
        except KeyError as error:
            raise InputError(f"{path}, line {number}: the field {error} is missing.") from None
        if not all(isinstance(text, str) for text in wanted.values()):
            raise InputError(f"{path}, line {number}: original and evolved must be texts.")
        kind, sure = str(row.get("kind", "")), row.get("sure") is not False
        score = row.get("score")
        if score is not None and not (isinstance(score, int | float) and 0 <= score <= 10):
            raise InputError(f"{path}, line {number}: score must be a number from 0 to 10.")
        found.append(Labelled(**wanted, accept=row["accept"] == "yes", kind=kind, sure=sure,
                              score=score))  # fmt: skip
    if len({row.accept for row in found}) < 2:
        raise InputError(f"{path}: needs rows with accept yes and rows with accept no.")
    return found


def read_rooms(path: Path) -> dict[str, int]:
    """Requests and the number of their answer's room in ``ROOMS``."""
    return {str(row["instruction"]): ROOMS.index(row["room"]) for _, row in _rows(path)}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: the file is not UTF-8 text.") from None
    for number, line in enumerate(lines, start=1):
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise InputError(f"{path}, line {number}: not a JSON object ({error}).") from None


class _Table(NamedTuple):
    """What is known of n rows: signals (n, s), vectors (n, 2 d), contexts and requests (n, d)."""

    names: tuple[str, ...]
    signals: Array
    vectors: Array
    contexts: Array
    requests: Array

    def of(self, part: NDArray[np.intp]) -> _Table:
        return _Table(self.names, *(array[part] for array in self[1:]))


def fit(rows: Sequence[Labelled], rooms: dict[str, int], embedder: MiniLM) -> EvolutionModel:
    """The model that the package ships, from all rows; its log-odds are calibrated on rows that
    are judged without their original."""
    table = _table(rows, _fair_rooms(rows, rooms, embedder), embedder)
    scale, shift = _calibrated(_values(rows, table), rows)
    room = _fit_room(list(rooms), rooms, embedder)
    return _fit(rows, table)._replace(room=room, scale=scale, shift=shift)


def cross_validated(
    rows: Sequence[Labelled], rooms: dict[str, int], embedder: MiniLM
) -> list[float]:
    """The score of each row by a model that was fitted without its original. (Only the two numbers
    that turn values into log-odds, and cannot change their order, come from all rows.)"""
    values = _values(rows, _table(rows, _fair_rooms(rows, rooms, embedder), embedder))
    scale, shift = _calibrated(values, rows)
    return [round(1 / (1 + math.exp(-scale * value - shift)), 4) for value in values.tolist()]


def _values(rows: Sequence[Labelled], table: _Table) -> Array:
    fold = {text: k % FOLDS for k, text in enumerate(dict.fromkeys(r.original for r in rows))}
    folds = np.array([fold[row.original] for row in rows])
    values = np.zeros(len(rows))
    for k in range(FOLDS):
        kept, left = np.flatnonzero(folds != k), np.flatnonzero(folds == k)
        if len(left):
            model, rest = _fit([rows[i] for i in kept.tolist()], table.of(kept)), table.of(left)
            values[left] = model.log_odds(rest.signals, rest.contexts, rest.requests)
    return values


def _calibrated(values: Array, rows: Sequence[Labelled]) -> tuple[float, float]:
    """Platt's scaling: the slope and the intercept of the log-odds."""
    fitted = _regression(100.0).fit(values[:, None], np.array([row.accept for row in rows]))
    return float(fitted.coef_[0][0]), float(fitted.intercept_[0])


def _fit(rows: Sequence[Labelled], table: _Table) -> EvolutionModel:
    """A model of which the room is still empty, and the log-odds the value as it is."""
    mean, spread = table.signals.mean(axis=0), table.signals.std(axis=0) + 1e-6
    scaled = standardised(table.signals, mean, spread)
    inputs = np.hstack([scaled, table.vectors])
    belief = np.array([row.belief for row in rows])
    answers = np.repeat([True, False], len(rows))
    fitted = _regression(_STRENGTH).fit(
        np.vstack([inputs, inputs]), answers, sample_weight=np.concatenate([belief, 1 - belief])
    )
    weights, size = fitted.coef_[0], len(table.names)
    return EvolutionModel(
        room=RoomModel(np.zeros((3, 1)), np.zeros(3)),
        names=table.names,
        mean=mean,
        spread=spread,
        weights=weights[:size],
        vectors=weights[size:],
        intercept=float(fitted.intercept_[0]),
        examples=_fit_examples(np.abs(weights[:size]), scaled, table, belief),
        scale=1.0,
        shift=0.0,
    )


def _fit_examples(matter: Array, scaled: Array, table: _Table, belief: Array) -> Examples:
    stretch = np.sqrt(_SIGNALS * matter / matter.sum())
    empty = Examples(
        stretch=stretch,
        demand=_projection(table.contexts, _DEMAND),
        request=_projection(table.requests, _REQUEST),
        places=np.zeros((0, 0)),
        weights=np.zeros(0),
        level=float(belief.mean()),
    )
    places = rounded(empty.place(scaled, table.contexts, table.requests))
    ridge = nearness(places, places) + _RIDGE * np.eye(len(places))
    return empty._replace(places=places, weights=np.linalg.solve(ridge, belief - belief.mean()))


def _projection(vectors: Array, reach: float) -> Projection:
    centre = vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(vectors - centre, full_matrices=False)
    return Projection(centre, rounded(directions[:_DIRECTIONS]), math.sqrt(reach))


def _table(rows: Sequence[Labelled], rooms: dict[str, Room], embedder: MiniLM) -> _Table:
    seen = [features(r.original, r.evolved, embedder, rooms[r.original]) for r in rows]
    return _Table(
        tuple(seen[0].signals),
        np.array([list(one.signals.values()) for one in seen]),
        np.stack([one.vectors for one in seen]),
        np.stack([one.context for one in seen]),
        np.stack([one.request for one in seen]),
    )


def _fit_room(texts: Sequence[str], rooms: dict[str, int], embedder: MiniLM) -> RoomModel:
    inputs = np.stack([room_features(text, embedder) for text in texts])
    fitted = _regression(_ROOM_STRENGTH).fit(inputs, np.array([rooms[text] for text in texts]))
    return RoomModel(fitted.coef_, fitted.intercept_)


def _fair_rooms(
    rows: Sequence[Labelled], rooms: dict[str, int], embedder: MiniLM
) -> dict[str, Room]:
    texts = list(rooms)
    found: dict[str, Room] = {}
    for k in range(FOLDS):
        rest = [text for i, text in enumerate(texts) if i % FOLDS != k]
        model = _fit_room(rest, rooms, embedder)
        found |= {text: model.room(text, embedder) for text in texts[k::FOLDS]}
    whole = _fit_room(texts, rooms, embedder)
    unknown = {row.original for row in rows} - set(found)
    return found | {text: whole.room(text, embedder) for text in sorted(unknown)}


def _regression(strength: float) -> Any:
    linear = importlib.import_module("sklearn.linear_model")
    return linear.LogisticRegression(C=strength, max_iter=5000, tol=1e-6)
