"""So many rows, spread evenly over what they were made from and over their kinds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from evolsynth.columns import column
from evolsynth.findings import reason
from evolsynth.methods.method import method
from evolsynth.options import Count
from evolsynth.rows import Row
from evolsynth.streams import Rows, iterate

__all__ = ["SURPLUS", "spread"]

#: The reason of rows that are right, and more than were asked for.
SURPLUS = reason(
    "surplus",
    "There are as many rows as were asked for without this one.",
    "Ask for more rows (n) to have it, too.",
)


@method(shape="map", command="")
async def spread(
    rows: Rows, *, n: Count, by: Sequence[str] = ("source", "place")
) -> AsyncGenerator[Row]:
    """``n`` rows, taken in turn from each text, the others rejected as ``surplus``.

    Texts that differ in the first column of ``by`` (files) have their turns evenly among the
    others', so that with fewer rows than texts each has its share.

    It waits for all rows. Of each text's rows the one is taken next whose kind of task
    (``kind`` of how its instruction was made) was taken least often. If there are not more than
    ``n`` rows, nothing changes. Settled rows pass through. The order stays.

    Args:
        n: rows to keep.
        by: the columns that tell texts apart.
    """
    came: list[Row] = []
    async with aclosing(iterate(rows)) as source:
        async for row in source:
            came.append(row)
    kept = _taken([row for row in came if not row.settled], n, by)
    for row in came:
        yield row if row.settled or row.id in kept else row.reject(SURPLUS)


def _taken(rows: Sequence[Row], n: int, by: Sequence[str]) -> set[str]:
    """The ids of the rows that stay."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        told = [json.dumps(column(row, name), default=str) for name in by]
        key = (told[0] if told else "", json.dumps(told))
        groups.setdefault(key, []).append(row)
    # those of one text come evenly over the round, so that no text is left out for coming last
    of = Counter(key[0] for key in groups)
    seen: Counter[str] = Counter()
    place: dict[tuple[str, str], float] = {}
    for key in groups:
        place[key] = (seen[key[0]] + 0.5) / of[key[0]]
        seen[key[0]] += 1
    groups = {key: groups[key] for key in sorted(groups, key=place.__getitem__)}
    kept: set[str] = set()
    kinds: Counter[str] = Counter()
    while groups and len(kept) < n:
        for key, left in list(groups.items()):
            if len(kept) == n:
                break
            row = min(left, key=lambda one: kinds[_kind(one)])
            left.remove(row)
            kept.add(row.id)
            kinds[_kind(row)] += 1
            if not left:
                del groups[key]
    return kept


def _kind(row: Row) -> str:
    made = row.provenance.get("instruction")
    return str(made.get("kind", "")) if isinstance(made, Mapping) else ""
