"""Fits the weights behind `evolsynth.evaluation.evolution` to labelled evolutions of ours.

Two logistic regressions (scikit-learn, which sentence-transformers brings): the room of an answer,
then whether an evolution is kept. Where the second is fitted or tested, a request's room comes
from a model that was fitted without it, or it would be surer than it is of a new request.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evolsynth.errors import InputError
from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.evolution import EvolutionModel, features, standardised
from evolsynth.evaluation.room import ROOMS, Room, RoomModel, room_features

__all__ = ["Labelled", "cross_validated", "fit", "read_labelled", "read_rooms"]

#: Inverse strengths of the regularisation, chosen by cross-validation on our own rows.
_STRENGTH, _ROOM_STRENGTH = 0.03, 10.0
_UNSURE = 0.5  # weight of a row that its reader was not sure of
FOLDS = 10

Array = NDArray[np.float64]


class Labelled(msgspec.Struct, frozen=True):
    """An evolution and whether a reader would keep it. ``sure``: the reader did not waver."""

    original: str
    evolved: str
    accept: bool
    kind: str = ""
    sure: bool = True


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
        found.append(Labelled(**wanted, accept=row["accept"] == "yes", kind=kind, sure=sure))
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


def fit(rows: Sequence[Labelled], rooms: dict[str, int], embedder: MiniLM) -> EvolutionModel:
    """The model that the package ships, from all rows."""
    room = _fit_room(list(rooms), rooms, embedder)
    names, found, vectors = _matrix(rows, _fair_rooms(rows, rooms, embedder), embedder)
    return _fit(rows, room, names, found, vectors)


def cross_validated(
    rows: Sequence[Labelled], rooms: dict[str, int], embedder: MiniLM
) -> list[float]:
    """The score of each row by a model that was fitted without its original."""
    fold = {text: k % FOLDS for k, text in enumerate(dict.fromkeys(r.original for r in rows))}
    folds = np.array([fold[row.original] for row in rows])
    names, found, vectors = _matrix(rows, _fair_rooms(rows, rooms, embedder), embedder)
    nothing = RoomModel(np.zeros((3, 1)), np.zeros(3))
    scores = np.zeros(len(rows))
    for k in range(FOLDS):
        kept, left = np.flatnonzero(folds != k), np.flatnonzero(folds == k)
        if not len(left):
            continue
        part = [rows[i] for i in kept.tolist()]
        model = _fit(part, nothing, names, found[kept], vectors[kept])
        logits = standardised(found[left], model.mean, model.spread) @ model.weights
        logits += vectors[left] @ model.vectors + model.intercept
        scores[left] = 1 / (1 + np.exp(-logits))
    return [round(score, 4) for score in scores.tolist()]


def _fit(
    rows: Sequence[Labelled], room: RoomModel, names: Sequence[str], found: Array, vectors: Array
) -> EvolutionModel:
    mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-6
    inputs = np.hstack([standardised(found, mean, spread), vectors])
    accept = np.array([row.accept for row in rows])
    trusted = np.array([1.0 if row.sure else _UNSURE for row in rows])
    fitted = _regression(_STRENGTH).fit(inputs, accept, sample_weight=trusted)
    weights = fitted.coef_[0]
    size = len(names)
    intercept = float(fitted.intercept_[0])
    return EvolutionModel(
        room, tuple(names), mean, spread, weights[:size], weights[size:], intercept
    )


def _matrix(
    rows: Sequence[Labelled], rooms: dict[str, Room], embedder: MiniLM
) -> tuple[list[str], Array, Array]:
    pairs = [features(r.original, r.evolved, embedder, rooms[r.original]) for r in rows]
    names = list(pairs[0][0])
    return names, np.array([list(f.values()) for f, _ in pairs]), np.stack([v for _, v in pairs])


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
