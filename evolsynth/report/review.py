"""What a person says of rows: read, put over the gate's verdict, and held against it.

A mark is one line of a file: ``{"id": "...", "mark": "keep"}``, or ``"drop"``, or a ``"note"``
alone; the report's page writes such files. A row that a person has judged says so in its verdict's
details, under ``reviewed``, with the reasons that were overruled.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import msgspec

from evolsynth.errors import InputError
from evolsynth.findings import reason
from evolsynth.rows import Row, Verdict

__all__ = ["REVIEWED", "Agreement", "Hint", "Mark", "agreement", "hints", "interval"]
__all__ += ["read_marks", "reviewed"]

#: The reason for which a row is refused that a person dropped.
REVIEWED = reason(
    "reviewed",
    "A person has read the row and dropped it.",
    "Read the notes of the marks; if they are about one thing, a check or a setting may find it.",
)
_LEAST = 8  # marks of each kind from which a threshold is told
_GOOD = 0.75  # mean of the shares of both kinds on their side of it


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a row: whether to keep it, None for a note alone."""

    mark: Literal["keep", "drop"] | None = None
    note: str = ""


def read_marks(lines: Iterable[str], name: str) -> dict[str, Mark]:
    """The marks of a file by the row's id, the last of each row.

    Args:
        lines: of the file; empty ones are passed over.
        name: of the file, for what is wrong.

    Raises:
        InputError: a line is no mark, or there is none.
    """
    found: dict[str, Mark] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            identity, mark = _read(line, f"{name}, line {number}")
            found[identity] = mark
    if not found:
        raise InputError(f"{name}: there is no mark in it. Mark rows in a report and save them.")
    return found


def _read(line: str, where: str) -> tuple[str, Mark]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: this is no JSON. Each line is a mark, as a report saves it.") \
            from None  # fmt: skip
    if not isinstance(told, dict):
        raise InputError(f"{where}: a mark is an object with an 'id'.")
    if not isinstance(told.get("id"), str) or not told["id"]:
        raise InputError(f"{where}: the mark has no 'id', so it is of no row.")
    mark, note = told.get("mark"), told.get("note", "")
    if mark not in (None, "keep", "drop"):
        raise InputError(f'{where}: \'mark\' is {json.dumps(mark)[:60]}. Give "keep" or "drop".')
    if not isinstance(note, str):
        raise InputError(f"{where}: 'note' is no text.")
    if mark is None and not note:
        raise InputError(f"{where}: there is neither a 'mark' nor a 'note'.")
    return told["id"], Mark(mark=mark, note=note)


def reviewed(rows: Iterable[Row], marks: Mapping[str, Mark]) -> Iterator[Row]:
    """The rows, those that are marked with what the person says put over their verdict.

    A kept row is accepted, a dropped one rejected as `REVIEWED`; one that failed has nothing to
    keep and stays failed. A note alone changes no verdict.
    """
    for row in rows:
        mark = marks.get(row.id)
        yield row if mark is None else _judged(row, mark)


def _judged(row: Row, mark: Mark) -> Row:
    if row.verdict is None and mark.mark is None:
        return row
    old = row.verdict or Verdict(accepted=False)
    told: dict[str, Any] = {name: v for name, v in (("mark", mark.mark), ("note", mark.note)) if v}
    accepted = old.accepted if mark.mark is None else mark.mark == "keep"
    if row.verdict is not None and accepted != old.accepted:
        told["overruled"] = list(old.reasons) or ["accepted"]
    reasons = old.reasons
    if mark.mark is not None:
        others = tuple(code for code in old.reasons if code != REVIEWED)
        reasons = () if accepted else (REVIEWED, *others)
    details = {**old.details, REVIEWED: told}
    changed = msgspec.structs.replace(old, accepted=accepted, reasons=reasons, details=details)
    return row.replace(verdict=changed)


class Agreement(NamedTuple):
    """How often a person and the gate said the same of ``rows``, of a ``kind``: "all", "accepted",
    or the main reason of rejected rows; and the 95% interval of the share."""

    kind: str
    rows: int
    agreed: int
    low: float
    high: float


def agreement(rows: Iterable[Row], marks: Mapping[str, Mark]) -> list[Agreement]:
    """How the gate's verdicts stand to the marks: of all, of accepted rows, by main reason.

    Args:
        rows: with the gate's own verdicts.
        marks: of any of them; a note alone says neither.
    """
    counts: dict[str, list[int]] = {}
    for row, kept in _marked(rows, marks):
        assert row.verdict is not None  # noqa: S101 (`_marked` gives no other)
        kind = "accepted" if row.verdict.accepted else next(iter(row.verdict.reasons), "no reason")
        for name in ("all", kind):
            found = counts.setdefault(name, [0, 0])
            found[0] += 1
            found[1] += kept == row.verdict.accepted
    first = {"all": 0, "accepted": 1}
    ranked = sorted(counts, key=lambda name: (first.get(name, 2), -counts[name][0], name))
    return [_agreed(name, *counts[name]) for name in ranked]


def _agreed(kind: str, rows: int, agreed: int) -> Agreement:
    low, high = interval(agreed, rows)
    return Agreement(kind, rows, agreed, low, high)


def _marked(rows: Iterable[Row], marks: Mapping[str, Mark]) -> Iterator[tuple[Row, bool]]:
    """Rows that the gate and a person judged, and whether the person keeps them."""
    for row in rows:
        mark = marks.get(row.id)
        if mark is not None and mark.mark is not None and row.status in ("accepted", "rejected"):
            yield row, mark.mark == "keep"


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle = share + z * z / (2 * whole)
    spread = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    size = 1 + z * z / whole
    return max(0.0, (middle - spread) / size), min(1.0, (middle + spread) / size)


class Hint(NamedTuple):
    """A value that tells kept rows from dropped ones: drop those ``above`` ``threshold``, or else
    below it. ``right`` is the mean of the shares of both kinds that lie on their side, each row
    judged by a threshold that was found without it."""

    value: str
    threshold: float
    above: bool
    right: float
    kept: int
    dropped: int


def hints(rows: Iterable[Row], marks: Mapping[str, Mark]) -> list[Hint]:
    """Thresholds of scores, and of what checks measured, that part kept rows from dropped ones.

    None is told of fewer than 8 rows of either kind, or where it is right in fewer than 75%.
    """
    values: dict[str, tuple[list[float], list[float]]] = {}
    for row, kept in _marked(rows, marks):
        for name, value in _measured(row).items():
            values.setdefault(name, ([], []))[0 if kept else 1].append(value)
    found = []
    for name, (kept_values, dropped_values) in values.items():
        if min(len(kept_values), len(dropped_values)) >= _LEAST:
            threshold, above, _ = _parted(kept_values, dropped_values)
            right = _left_out(kept_values, dropped_values)
            if right >= _GOOD:
                sizes = len(kept_values), len(dropped_values)
                found.append(Hint(name, threshold, above, right, *sizes))
    return sorted(found, key=lambda hint: (-hint.right, hint.value))


def _measured(row: Row) -> dict[str, float]:
    """The scores of a row, and what checks measured, by their names."""
    found = {name: float(value) for name, value in row.scores.items()}
    for code, told in (row.verdict.details if row.verdict else {}).items():
        for name in ("score", "similarity", "share"):
            value = told.get(name) if isinstance(told, Mapping) else None
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(code, float(value))
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _parted(kept: Sequence[float], dropped: Sequence[float]) -> tuple[float, bool, float]:
    """The best threshold, whether dropped rows lie above it, and how right it is."""
    ordered = sorted({*kept, *dropped})
    between = [(a + b) / 2 for a, b in pairwise(ordered)] or ordered
    best = (between[0], True, 0.0)
    for threshold in between:
        above = _right(kept, dropped, threshold)
        for up, right in ((True, above), (False, 1 - above)):
            if right > best[2]:
                best = (threshold, up, right)
    return best


def _right(kept: Sequence[float], dropped: Sequence[float], threshold: float) -> float:
    below = sum(value < threshold for value in kept) / len(kept)
    return (below + sum(value >= threshold for value in dropped) / len(dropped)) / 2


def _left_out(kept: Sequence[float], dropped: Sequence[float], folds: int = 8) -> float:
    """How right thresholds are on rows that they were not found on, each eighth left out once."""
    shares = []
    for own, is_kept in ((kept, True), (dropped, False)):
        good = 0
        for fold in range(folds):
            rest_kept = [v for i, v in enumerate(kept) if i % folds != fold]
            rest_dropped = [v for i, v in enumerate(dropped) if i % folds != fold]
            threshold, above, _ = _parted(rest_kept, rest_dropped)
            for i, value in enumerate(own):
                if i % folds == fold:
                    good += ((value >= threshold) == above) != is_kept
        shares.append(good / len(own))
    return sum(shares) / 2
