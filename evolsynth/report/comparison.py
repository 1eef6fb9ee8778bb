"""Two sets of rows side by side: yield, reasons, lengths, kinds, variety at equal size, and what
only one of them has."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.diversity.distances import Vectors, some
from evolsynth.evaluation.diversity.measures import TITLES, Figure
from evolsynth.evaluation.diversity.summary import Texts, collect, embedded, measured
from evolsynth.report.review import interval
from evolsynth.report.tallies import kind_of
from evolsynth.report.text import headline, shorten
from evolsynth.rows import Row

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Comparison", "Line", "Table", "compare_sets", "told"]

_MOST = 3_000  # rows of a set that nearest others are looked for among
_EXAMPLES = 5
_LINES = 15


class Line(NamedTuple):
    """One figure of both sets. ``apart``: their 95% intervals do not overlap."""

    name: str
    one: Figure | None
    other: Figure | None
    apart: bool


class Table(NamedTuple):
    """Figures that belong together; ``shares`` are in [0, 1]."""

    title: str
    lines: list[Line]
    shares: bool


class Comparison(NamedTuple):
    """Two sets, by their names. ``only`` are, for each, how many of its texts the other has not,
    and examples: those least like any text of the other, where there was an embedder."""

    names: tuple[str, str]
    tables: list[Table]
    only: tuple[tuple[int, list[str]], tuple[int, list[str]]]
    notes: list[str]


def compare_sets(
    one: Sequence[Row],
    other: Sequence[Row],
    *,
    names: tuple[str, str],
    embedder: Embedder | None,
) -> Comparison:
    """Hold two sets against each other.

    Figures of kinds, lengths and variety are of accepted rows, or of all where nobody judged.

    Args:
        one: rows of the first, whatever became of them.
        other: of the second.
        names: of the two.
        embedder: for variety; without one that is left out, and the notes say so.
    """
    both = (one, other)
    good = (_counting(one), _counting(other))
    tables = [
        _yields(both),
        _shares("Why rows were rejected (main reason), of all rows", both, _reason, whole=both),
        _shares("Methods and rounds", good, kind_of),
        _shares("Kinds of task", good, lambda row: row.verdict.task if row.verdict else None),
        _shares("Tiers", good, lambda row: row.verdict.tier if row.verdict else None),
        Table(
            "Mean words",
            [
                _line(name, *(_mean(filter(None, map(words_of, rows))) for rows in good))
                for name, words_of in _LENGTHS.items()
            ],
            shares=False,
        ),
    ]
    notes = [] if embedder is not None else ["Nothing is said of variety without an embedder."]
    texts = (_texts(good[0]), _texts(good[1]))
    far: list[list[str] | None] = [None, None]
    if embedder is not None and all(each.texts for each in texts):
        table, found, said = _varied(texts, embedder, names)
        tables.append(table)
        far, notes = list(found), [*notes, *said]
    sides = []
    for place, rows in enumerate(good):
        theirs = {_said(row) for row in good[1 - place]}
        own = [row for row in rows if _said(row) not in theirs]
        shown = far[place] or [headline(row) for row in own]
        sides.append((len(own), shown[: min(_EXAMPLES, len(own))]))
    return Comparison(names, [t for t in tables if t.lines], (sides[0], sides[1]), notes)


def told(figure: Figure | None, *, share: bool) -> str:
    """A figure with its interval: "58.3% (55.9–60.6)"."""
    if figure is None:
        return "–"
    whole = figure.low is None and figure.value == int(figure.value)
    digits = 1 if share or abs(figure.value) >= 10 else 3
    digits = 0 if whole and not share else digits

    def shown(value: float) -> str:
        return f"{100 * value if share else value:,.{digits}f}"

    said = shown(figure.value) + ("%" if share else "")
    if figure.low is None or figure.high is None:
        return said
    return f"{said} ({shown(figure.low)}–{shown(figure.high)})"


def _counting(rows: Sequence[Row]) -> list[Row]:
    """Accepted rows; all of a set that nobody judged."""
    judged = any(row.status != "pending" for row in rows)
    return [row for row in rows if not judged or row.status == "accepted"]


def _yields(both: Sequence[Sequence[Row]]) -> Table:
    sides = [Counter(row.status for row in rows) for rows in both]
    one, other = (Figure(float(len(rows))) for rows in both)
    lines = [Line("rows", one, other, apart=False)]
    for status in ("accepted", "rejected", "failed", "pending"):
        if any(side[status] for side in sides):
            name = "unchecked" if status == "pending" else status
            figures = [Figure(float(side[status])) for side in sides]
            lines.append(Line(name, figures[0], figures[1], apart=False))
    return Table("Rows", lines, shares=False)


def _shares(
    title: str,
    sides: Sequence[Sequence[Row]],
    name_of: Callable[[Row], str | None],
    whole: Sequence[Sequence[Row]] | None = None,
) -> Table:
    """The share of each name, the most frequent of both first."""
    counts = [Counter(name for row in rows if (name := name_of(row))) for rows in sides]
    sizes = [len(rows) for rows in whole or sides]
    ranked = sorted(counts[0] + counts[1], key=lambda n: (-(counts[0] + counts[1])[n], n))
    lines = []
    if whole is not None:
        accepted = [sum(row.status == "accepted" for row in rows) for rows in whole]
        if any(accepted):
            lines.append(_line("accepted", *map(_share, accepted, sizes)))
    for name in ranked[:_LINES]:
        lines.append(_line(name, *(_share(c[name], n) for c, n in zip(counts, sizes, strict=True))))
    return Table(title, lines, shares=True)


def _reason(row: Row) -> str | None:
    if row.failure is not None:
        return f"failed: {row.failure.error}"
    if row.status != "rejected" or row.verdict is None:
        return None
    return next(iter(row.verdict.reasons), "no reason given")


def _share(part: int, whole: int) -> Figure | None:
    return Figure(part / whole, *interval(part, whole)) if whole else None


def _mean(values: Iterable[int]) -> Figure | None:
    found = list(values)
    if not found:
        return None
    mean = fmean(found)
    if len(found) < 2:
        return Figure(mean)
    half = 1.96 * stdev(found) / math.sqrt(len(found))
    return Figure(mean, mean - half, mean + half)


def _words(text: str | None) -> int:
    return len((text or "").split())


_LENGTHS: dict[str, Callable[[Row], int]] = {
    "instruction": lambda row: _words(row.instruction),
    "input": lambda row: _words(row.input),
    "response": lambda row: _words(row.response),
}


def _line(name: str, one: Figure | None, other: Figure | None) -> Line:
    if one is None or other is None or None in (one.low, one.high, other.low, other.high):
        return Line(name, one, other, apart=False)
    assert one.low is not None and one.high is not None  # noqa: S101, PT018
    assert other.low is not None and other.high is not None  # noqa: S101, PT018
    return Line(name, one, other, apart=one.high < other.low or other.high < one.low)


def _said(row: Row) -> str:
    turns = " ".join(turn.content for turn in row.messages)
    return " ".join(f"{row.asked or ''} {turns}".casefold().split())


def _texts(rows: Sequence[Row]) -> Texts:
    try:
        return collect(rows, every=True)
    except InputError:  # not one row has a text
        return Texts([], [], {})


def _varied(
    texts: tuple[Texts, Texts], embedder: Embedder, names: tuple[str, str]
) -> tuple[Table, tuple[list[str], list[str]], list[str]]:
    """Variety at equal size in the same clusters, and each set's texts farthest from the other."""
    sides = [embedded(each, embedder) for each in texts]
    found = [_farthest(s, v, o) for (s, v), (_, o) in ((sides[0], sides[1]), (sides[1], sides[0]))]
    title = "Variety"
    lines: list[Line] = []
    notes: list[str] = []
    try:
        groups_of = [name for name, each in zip(names, texts, strict=True) for _ in each.texts]
        joined = Texts([*texts[0].texts, *texts[1].texts], groups_of, {})
        if any(each.of for each in texts):
            joined = joined._replace(of=sum(each.of or len(each.texts) for each in texts))
        report = measured(joined, embedder, by=("set",))
        groups = {group.name: group.figures for group in report.groups}
        for name, (what, meaning) in TITLES.items():
            one, other = (groups.get(side, {}).get(name) for side in names)
            if one is not None and other is not None:
                more = " (high where texts are alike)" if meaning == "more alike" else ""
                lines.append(_line(what + more, one, other))
        if report.equal_size:
            title = f"Variety, at {report.equal_size} rows each"
        notes = [note for note in report.notes if "too few" in note]
    except SetupError as error:
        notes.append(str(error))
    return Table(title, lines, shares=False), (found[0], found[1]), notes


def _farthest(own: Texts, vectors: Vectors, others: Vectors) -> list[str]:
    """The texts least like any of the others', at most five, shortened."""
    here, there = some(len(vectors), _MOST, 0), some(len(others), _MOST, 0)
    if not len(here) or not len(there):
        return []
    near = (vectors[here] @ others[there].T).max(axis=1)
    order = here[np.argsort(near, kind="stable")]
    different = dict.fromkeys(shorten(own.texts[i], 160) for i in order.tolist())
    return list(different)[:_EXAMPLES]
