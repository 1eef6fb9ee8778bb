"""What happened to the planned rows: counts that add up, reasons, fair samples, the scores that
rows carry, how rounds of evolution did, duplicates, and what to look at first.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evolsynth.findings import meaning
from evolsynth.report.text import own_text
from evolsynth.rows import TIERS, Row, Status, Tier

__all__ = [
    "STATUS_NAMES",
    "Counts",
    "Distribution",
    "Reason",
    "Standing",
    "by_method",
    "by_tier",
    "count",
]
__all__ += ["count", "fair_sample", "kind_of"]
__all__ += ["Round", "Twins", "reasons_of", "rejected_rows", "rounds_of", "score_distributions"]
__all__ += ["sentence_of", "twins_of", "worth_reading"]

_SAMPLES = 2
_SOME = 5
_TWINS = 50
_NO_REASON = "no reason given"


class Counts(NamedTuple):
    """How many rows were planned, and where they ended. ``planned`` is the sum of the others.

    ``unchecked`` rows have neither a verdict nor a failure: plain data that no gate has seen.
    """

    accepted: int
    rejected: int
    failed: int
    unchecked: int

    @property
    def planned(self) -> int:
        """All rows."""
        return sum(self)

    @property
    def share(self) -> float | None:
        """Accepted rows among those that have an end (0 to 1), ``None`` where none has."""
        ended = self.planned - self.unchecked
        return self.accepted / ended if ended else None


class Reason(NamedTuple):
    """A reason for rejection (or an error), how often it was given, and rows that show it.

    ``first`` counts the rows whose main reason it is; over all reasons these add up to the
    rejected rows. ``also`` counts those that have it further down their list.
    """

    code: str
    explanation: str
    first: int
    also: int
    samples: tuple[Row, ...]


def count(rows: Sequence[Row]) -> Counts:
    """Count rows by their status."""
    found: Counter[Status] = Counter(row.status for row in rows)
    return Counts(found["accepted"], found["rejected"], found["failed"], found["pending"])


def kind_of(row: Row) -> str:
    """A row's method and, where it is an evolution, its round."""
    return f"{row.method}, round {row.round}" if row.round else row.method


def by_method(rows: Sequence[Row]) -> list[tuple[str, int, Counts]]:
    """(method, round, counts): methods as they first appear, rounds in ascending order."""
    groups: dict[str, dict[int, list[Row]]] = {}
    for row in rows:
        groups.setdefault(row.method, {}).setdefault(row.round, []).append(row)
    return [
        (method, number, count(group))
        for method, rounds in groups.items()
        for number, group in sorted(rounds.items())
    ]


class Standing(NamedTuple):
    """How many accepted rows have a tier, and what was checked of their responses, with the number
    of rows of each, the most frequent first."""

    tier: Tier
    rows: int
    stands_on: tuple[tuple[str, int], ...]


def by_tier(rows: Sequence[Row]) -> list[Standing]:
    """What the responses of accepted rows stand on, the best first; empty where none has a tier."""
    found: dict[Tier, list[Row]] = {}
    for row in rows:
        if row.status == "accepted" and row.verdict is not None and row.verdict.tier is not None:
            found.setdefault(row.verdict.tier, []).append(row)
    standings = []
    for tier in (one for one in TIERS if one in found):
        names = Counter(n for row in found[tier] if row.verdict for n in row.verdict.stands_on)
        ranked = sorted(names.items(), key=lambda item: (-item[1], item[0]))
        standings.append(Standing(tier, len(found[tier]), tuple(ranked)))
    return standings


def reasons_of(rows: Sequence[Row]) -> tuple[list[Reason], list[Reason]]:
    """(why rows were rejected, why rows failed), the most frequent main reason first."""
    rejected = [
        (row, list(dict.fromkeys(row.verdict.reasons)) or [_NO_REASON])
        for row in rows
        if row.status == "rejected" and row.verdict
    ]
    failed = [(row, [row.failure.error]) for row in rows if row.failure]
    return _ranked(rejected, sentence_of), _ranked(failed, lambda _: "")


def sentence_of(code: str) -> str:
    """What a code means; empty for one of somebody's own check that declares nothing."""
    found = meaning(code)
    return "" if found is None else found.sentence


def _ranked(cases: list[tuple[Row, list[str]]], sentence: Callable[[str], str]) -> list[Reason]:
    main: dict[str, list[Row]] = defaultdict(list)
    also: dict[str, list[Row]] = defaultdict(list)
    for row, codes in cases:
        main[codes[0]].append(row)
        for code in codes[1:]:
            also[code].append(row)
    reasons = []
    for code in {**main, **also}:
        first, further = main[code], also[code]
        # main reasons first: they show best what a reason means
        samples = tuple([*first, *further][:_SAMPLES])
        reasons.append(Reason(code, sentence(code), len(first), len(further), samples))
    return sorted(reasons, key=lambda reason: (-reason.first, -reason.also, reason.code))


def fair_sample(rows: Sequence[Row], limit: int) -> list[Row]:
    """At most ``limit`` rows in their order, every status with an equal part as far as it has rows.

    What a small group leaves goes to the others, so few rejects are not lost among many accepted
    rows. Within a status the rows are taken at even distances.
    """
    if len(rows) <= limit:
        return list(rows)
    groups: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.status, []).append(place)
    left, kept = limit, list[int]()
    smallest_first = sorted(groups.values(), key=len)
    for later, places in enumerate(smallest_first):
        take = min(len(places), left // (len(smallest_first) - later))
        left -= take
        kept += [places[i * len(places) // take] for i in range(take)]
    return [rows[place] for place in sorted(kept)]


_BARS = "▁▂▃▄▅▆▇█"
_BINS = 24
_GROUPS = ("accepted", "rejected", "unchecked", "failed")
#: What becomes of rows, as the page says it.
STATUS_NAMES = {
    "accepted": "accepted",
    "rejected": "rejected",
    "failed": "failed",
    "pending": "unchecked",
}


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
        group = STATUS_NAMES[row.status]
        for name, value in row.scores.items():
            if math.isfinite(value):
                values.setdefault(name, {}).setdefault(group, []).append(float(value))
    found: list[Distribution] = []
    for name, groups in sorted(values.items()):
        every = [value for group in groups.values() for value in group]
        low, high = min(every), max(every)
        for group in (one for one in _GROUPS if one in groups):
            own = groups[group]
            # of quarters, because a difference of huge scores would be no finite number
            quartiles = np.quantile(np.asarray(own) / 4, (0.25, 0.5, 0.75)) * 4
            first, median, third = np.clip(quartiles, low, high).tolist()
            mean, bars = math.fsum(value / len(own) for value in own), _bars(own, low, high)
            middle = (first, median, third)
            found.append(Distribution(name, group, len(own), mean, middle, low, high, bars))
    return found


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


class Round(NamedTuple):
    """How the rows of one round did: of ``rows`` with an end, ``accepted`` passed all checks.

    ``kept`` is the mean share of the original's information in ``measured`` of them (by the
    detector's score), None where none was measured; ``words`` the mean length of accepted ones.
    """

    number: int
    rows: int
    accepted: int
    kept: float | None
    measured: int
    words: float | None


class Twins(NamedTuple):
    """Rows that were rejected as duplicates of ``kept``, each with its similarity."""

    kept: Row
    copies: list[tuple[Row, float | None]]


def worth_reading(rows: Sequence[Row], most: int = _SOME) -> list[Row]:
    """Accepted rows, each of another kind of task or method as far as there are any.

    Of each kind the one with the best tier, and of these the one of middle length.
    """
    accepted = [row for row in rows if row.status == "accepted" and own_text(row).strip()]
    return _one_of_each(accepted, lambda row: (_task(row), row.method, row.round > 0), most)


def rejected_rows(rows: Sequence[Row], most: int = _SOME) -> list[Row]:
    """Rejected rows, each with another main reason as far as there are any, those with a text."""
    rejected = [row for row in rows if row.status == "rejected" and own_text(row).strip()]
    return _one_of_each(rejected, lambda row: row.verdict.reasons[:1] if row.verdict else (), most)


def _task(row: Row) -> str | None:
    return row.verdict.task if row.verdict else None


def _one_of_each(rows: Sequence[Row], kind: Callable[[Row], Hashable], most: int) -> list[Row]:
    """A row of each of the largest groups; first of those that differ in the kind of task."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(kind(row), []).append(row)
    seen: set[str] = set()
    first, later = list[list[Row]](), list[list[Row]]()
    for group in sorted(groups.values(), key=len, reverse=True):
        task = _task(group[0])
        (later if task in seen else first).append(group)
        seen.update([task] if task else [])
    return [_middle(group) for group in (first + later)[:most]]


def _middle(rows: Sequence[Row]) -> Row:
    def tier(row: Row) -> int:
        told = row.verdict.tier if row.verdict else None
        return TIERS.index(told) if told else len(TIERS)

    best = min(map(tier, rows))
    able = [row for row in rows if tier(row) == best]
    return sorted(able, key=lambda row: len(own_text(row)))[len(able) // 2]


def rounds_of(rows: Sequence[Row]) -> list[Round]:
    """How each round did, originals first; empty where nothing was evolved."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.round, []).append(row)
    found = []
    for number, group in sorted(groups.items() if any(groups) else ()):
        counts = count(group)
        scores = [row.scores.get("information_loss", -1.0) for row in group if number]
        losses = [min(score, 1.0) for score in scores if score >= 0]
        lengths = [len(own_text(row).split()) for row in group if row.status == "accepted"]
        kept = 1 - sum(losses) / len(losses) if losses else None
        words = sum(lengths) / len(lengths) if lengths else None
        ended = counts.planned - counts.unchecked
        found.append(Round(number, ended, counts.accepted, kept, len(losses), words))
    return found


def twins_of(rows: Sequence[Row], most: int = _TWINS) -> list[Twins]:
    """Rows with those that were rejected as their duplicates, the most copied first."""
    known = {row.id: row for row in reversed(rows)}
    copies: dict[str, list[tuple[Row, float | None]]] = {}
    for row in rows:
        for told in row.verdict.details.values() if row.verdict else ():
            told = told if isinstance(told, Mapping) else {}
            of = told.get("of")
            if isinstance(of, str) and of in known and of != row.id and row.status == "rejected":
                near = told.get("similarity")
                value = float(near) if isinstance(near, int | float) else None
                copies.setdefault(of, []).append((row, value))
                break
    ranked = sorted(copies, key=lambda name: -len(copies[name]))
    return [Twins(known[name], copies[name]) for name in ranked[:most]]
