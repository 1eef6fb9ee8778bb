"""The texts that are measured, out of a stream of rows: one field, some statuses, by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.distances import Vectors
from evolsynth.evaluation.embed.minilm import Embedder
from evolsynth.rows import Row

__all__ = ["BY", "Texts", "collect", "embedded"]

#: What rows are grouped by unless asked otherwise.
BY = ("method", "round")

_CHUNK = 4096


class Texts(NamedTuple):
    """n texts, the group of each, why other rows were left out, with their number, and which rows
    count: "accepted", "unchecked" or "all"."""

    texts: list[str]
    groups: list[str]
    left_out: dict[str, int]
    status: str = "unchecked"


def collect(
    rows: Iterable[Row],
    *,
    field: str = "instruction",
    by: Sequence[str] = BY,
    every: bool = False,
) -> Texts:
    """Read the texts of rows; nothing else of a row is kept.

    Where any row has a verdict (or failed), only accepted rows count, unless ``every``.

    Args:
        rows: in any number.
        field: of the row, or of its extra fields. The instruction of a conversation is its first
            user turn.
        by: fields that rows are grouped by, as many as you like.
        every: count rejected, failed and unchecked rows too.

    Raises:
        InputError: no row has a text in the field.
    """
    accepted, unchecked = Texts([], [], {}), Texts([], [], {})
    left: Counter[str] = Counter()
    fields: set[str] = set()
    for row in rows:
        text = _text(row, field)
        if not text.strip():
            left[f"no {field}"] += 1
            fields.update(row.extra if len(fields) < 50 else ())
        elif every or row.status == "accepted":
            accepted.texts.append(text)
            accepted.groups.append(_group(row, by))
        elif row.status == "pending":
            unchecked.texts.append(text)
            unchecked.groups.append(_group(row, by))
        else:
            left[row.status] += 1
    judged = accepted.texts or left["rejected"] or left["failed"]
    chosen = accepted if judged else unchecked
    if judged and unchecked.texts:
        left["unchecked"] = len(unchecked.texts)
    if not chosen.texts and not judged and left[f"no {field}"]:
        found = f" Fields found: {', '.join(sorted(fields))}." if fields else ""
        raise InputError(f"No row has a text in its field '{field}'.{found} Name another field.")
    status = "all" if every else "accepted" if judged else "unchecked"
    reasons = {why: count for why, count in sorted(left.items()) if count}
    return Texts(chosen.texts, chosen.groups, reasons, status)


def embedded(texts: Texts, embedder: Embedder) -> tuple[Texts, Vectors]:
    """The texts with their vectors, shape (n, d), each different text embedded once.

    Texts that have no vector (static vectors of a text without a token) are left out.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts.texts))}
    different = list(places)
    parts = [
        np.asarray(embedder.embed(different[start : start + _CHUNK]), np.float32)
        for start in range(0, len(different), _CHUNK)
    ]
    if not parts:
        return texts, np.empty((0, 1), np.float32)
    vectors = np.concatenate(parts)
    if len(places) < len(texts.texts):
        vectors = vectors[[places[text] for text in texts.texts]]
    good = np.linalg.norm(vectors, axis=1) > 0.5
    if good.all():
        return texts, vectors
    keep = np.flatnonzero(good).tolist()
    left = {**texts.left_out, "no vector": len(good) - len(keep)}
    kept = texts._replace(
        texts=[texts.texts[i] for i in keep],
        groups=[texts.groups[i] for i in keep],
        left_out=left,
    )
    return kept, vectors[good]


def _text(row: Row, field: str) -> str:
    if field == "instruction":
        turns = (turn.content for turn in row.messages if turn.role == "user")
        return row.instruction or next(turns, "")
    value = _value(row, field)
    return value if isinstance(value, str) else ""


def _group(row: Row, by: Sequence[str]) -> str:
    """ "evol_instruct, round 1"; round 0 goes unsaid beside a method, as in the report."""
    parts = []
    for name in by:
        value = _value(row, name)
        if name == "round" and "method" in by and not value:
            continue
        parts.append(str(value) if name == "method" else f"{name} {value}")
    return ", ".join(parts)


def _value(row: Row, field: str) -> Any:
    if field in row.extra:
        return row.extra[field]
    return getattr(row, field, None) if field in Row.__struct_fields__ else None
