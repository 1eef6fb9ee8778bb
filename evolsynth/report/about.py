"""The text that a row's task is about, for the report: its evidence marked, its source told.

What stands in a row's fields may come from anybody: a place that is none in the text marks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from evolsynth.inputs import INPUTS
from evolsynth.report.text import Passage
from evolsynth.rows import Row

__all__ = ["About", "about", "evidence_of"]

#: What the page shows of a row by itself, so that "other fields" need not have it again.
_SHOWN = ("input", "context", "title", "heading", "source", "part", "place", "evidence")
_NOTE = "evidence: the answer stands on it"
_MOST = 200  # places that are marked
_AROUND = 200  # characters shown around evidence that lies behind what is shown of a long text


class About(NamedTuple):
    """A row's text cut into passages, those that are evidence with a note; where it comes from; the
    fields of the row that say neither. No passages where the row has no input."""

    passages: list[Passage]
    origin: str
    others: Mapping[str, Any]


def about(row: Row, limit: int) -> About:
    """What to show of a row's input and of its other fields.

    Args:
        limit: characters of the input that are shown; behind them, only what is evidence.
    """
    text, evidence = row.input, evidence_of(row)
    if text is None or (row.beside is None and not evidence):  # the instruction shows it
        return About([], "", row.extra)
    shown = {name for name in _SHOWN if name not in INPUTS}
    shown.add(next(name for name in INPUTS if row.extra.get(name) == text))
    others = {name: value for name, value in row.extra.items() if name not in shown}
    return About(_passages(text, evidence, limit), _origin(row), others)


def evidence_of(row: Row) -> list[tuple[int, int]]:
    """The places of the input that the row names as evidence, in order, joined where they touch.

    Whatever is no place of at least a character in it is left out, and all but the first 200.
    """
    size, told = len(row.input or ""), row.extra.get("evidence")
    places: list[tuple[int, int]] = []
    for one in told if isinstance(told, Sequence) and not isinstance(told, str) else ():
        start, end = (one.get("start"), one.get("end")) if isinstance(one, Mapping) else (0, 0)
        if type(start) is int and type(end) is int and 0 <= start < end <= size:
            places.append((start, end))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places)[:_MOST]:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _passages(text: str, evidence: Sequence[tuple[int, int]], limit: int) -> list[Passage]:
    """The text up to ``limit``, and behind it the surroundings of evidence; joined, all of a
    shorter text."""
    shown = [(0, min(limit, len(text)))]
    for start, end in evidence:
        if end > limit:
            first = max(start - _AROUND, shown[-1][1])
            last = min(end + _AROUND, max(first, start) + limit, len(text))
            shown.append((first, max(first, last)))
    found: list[Passage] = []
    done = 0
    for first, last in shown:
        if first > done:
            found.append(Passage(" … "))
        inside = [(max(s, first), min(e, last)) for s, e in evidence if s < last and e > first]
        borders = sorted({first, last, *(edge for place in inside for edge in place)})
        for a, b in pairwise(borders):
            marked = any(s <= a and b <= e for s, e in inside)
            found.append(Passage(text[a:b], _NOTE if marked else ""))
        done = last
    if done < len(text):
        found.append(Passage(f" … [{len(text) - done:,} more characters]"))
    return found


def _origin(row: Row) -> str:
    """ "Balcony plants · Care > Watering · plants.md, characters 120 to 480": what the row says."""
    named = (row.extra.get(name) for name in ("title", "heading"))
    parts = [one for one in named if isinstance(one, str) and one.strip()]
    source, place = row.extra.get("source"), row.extra.get("place")
    where = source if isinstance(source, str) and source.strip() else ""
    if type(row.extra.get("part")) is int:
        where += f"{', ' if where else ''}part {row.extra['part']}"
    if isinstance(place, Sequence) and len(place) == 2 and all(type(n) is int for n in place):
        where += f"{', ' if where else ''}characters {place[0]:,} to {place[1]:,}"
    return " · ".join([*parts, *([where] if where else [])])
