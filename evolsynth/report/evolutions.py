"""Each evolution beside its original: what was lost from the one, what was added in the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, NamedTuple

from evolsynth.report.text import own_text, shorten
from evolsynth.rows import Row

__all__ = ["Evolution", "Passage", "added", "compare", "evolutions_of", "lineage", "marked"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_DIFF_LIMIT = 1_000_000  # token pairs; above, only the common beginning and end are found


class Passage(NamedTuple):
    """A piece of a text, and what is to be said about it (nothing: plain text)."""

    text: str
    note: str = ""


class Evolution(NamedTuple):
    """An evolved row, its original, both cut into passages.

    ``losses`` say what was lost, one line each; ``score`` is the detector's, where it gave one.
    """

    row: Row
    parent: Row
    original: list[Passage]
    evolved: list[Passage]
    losses: list[str]
    score: float | None


def evolutions_of(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """(evolution, original) for each row that was evolved from one of the given rows."""
    known = {row.id: row for row in rows}
    pairs = []
    for row in rows:
        parent = known.get(row.parents[0]) if row.parents else None
        if parent is not None and parent is not row and (row.round > 0 or _loss_of(row)):
            pairs.append((row, parent))
    return pairs


def compare(row: Row, parent: Row) -> Evolution:
    """Mark what the detector says is lost, and what the evolution has added."""
    loss = _loss_of(row)
    before, after = own_text(parent), own_text(row)
    original, losses = marked(before, loss.get("lost", ()))
    found = loss.get("score")
    score = float(found) if isinstance(found, int | float) else None
    return Evolution(row, parent, original, added(before, after), losses, score)


def lineage(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """(place of a row, place of one of its ancestors), all the way up; cycles are survived."""
    places = {row.id: place for place, row in enumerate(rows)}
    links = []
    for place, row in enumerate(rows):
        seen = {row.id}
        above = list(row.parents)
        while above:
            name = above.pop()
            if name in seen or name not in places:
                continue
            seen.add(name)
            links.append((place, places[name]))
            above += rows[places[name]].parents
    return links


def marked(text: str, lost: Any) -> tuple[list[Passage], list[str]]:
    """Cut a text at the borders of its lost spans.

    A span is trusted where the text at its offsets is the text it names; otherwise that text is
    searched for, once. Overlapping spans share passages, which then carry both notes.

    Returns:
        Passages that join to exactly ``text``, and one line on each span, also those whose text
        is nowhere to be found.
    """
    spans: list[tuple[int, int, str]] = []
    losses: list[str] = []
    for item in lost if isinstance(lost, list | tuple) else ():
        if not isinstance(item, Mapping):
            continue
        place, note = _place(text, item), _note(item)
        named = text[slice(*place)] if place else str(item.get("text", ""))
        losses.append(f"“{shorten(named, 80)}”: {note}" + ("" if place else " (not in this text)"))
        if place:
            spans.append((*place, note))
    borders = sorted({0, len(text), *(s for s, _, _ in spans), *(e for _, e, _ in spans)})
    passages = []
    for start, end in pairwise(borders):
        notes = dict.fromkeys(note for s, e, note in spans if s <= start and end <= e)
        passages.append(Passage(text[start:end], "; ".join(notes)))
    return passages, losses


def added(before: str, after: str) -> list[Passage]:
    """Cut ``after`` into what ``before`` has as well (in this order) and what is new.

    Words are compared without regard to case. The passages join to exactly ``after``.
    """
    old = [match.group().casefold() for match in _TOKEN.finditer(before)]
    places = [match.span() for match in _TOKEN.finditer(after)]
    new = [after[start:end].casefold() for start, end in places]
    passages, done = [], 0
    for first, last in _new_runs(old, new):
        start, end = places[first][0], places[last - 1][1]
        passages += [Passage(after[done:start]), Passage(after[start:end], "added")]
        done = end
    passages.append(Passage(after[done:]))
    return [passage for passage in passages if passage.text]


def _new_runs(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    if len(old) * len(new) <= _DIFF_LIMIT:
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        return [(j, k) for tag, _, _, j, k in matcher.get_opcodes() if tag != "equal" and k > j]
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    return [(head, len(new) - tail)] if head < len(new) - tail else []


def _loss_of(row: Row) -> Mapping[str, Any]:
    details = row.verdict.details if row.verdict else {}
    loss = details.get("information_loss")
    return loss if isinstance(loss, Mapping) else {}


def _place(text: str, item: Mapping[str, Any]) -> tuple[int, int] | None:
    start, end, named = item.get("start"), item.get("end"), item.get("text")
    if not isinstance(named, str):
        named = None
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
        here = text[start:end]
        if named is None or named == here:
            return start, end
    found = text.find(named) if named else -1
    return (found, found + len(named or "")) if found >= 0 else None


def _note(item: Mapping[str, Any]) -> str:
    kind = str(item.get("kind") or "text").replace("_", " ")
    became = item.get("became")
    return f"{kind}, became “{shorten(str(became), 80)}”" if became else f"{kind} lost"
