"""Whole rows, in columns that are the same in every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.flat import COLUMNS, dump
from evolsynth.rows import Row, Status

_ALL: tuple[Status, ...] = ("accepted", "pending", "rejected", "failed")


@exports("rows", statuses=_ALL)
def rows(row: Row) -> Iterator[dict[str, Any]]:
    """Whole rows with ids, verdicts and provenance; columns of your own as JSON in `extra`."""
    flat = row.to_flat()
    own = {name: flat.pop(name) for name in list(flat) if name not in COLUMNS}
    if not isinstance(flat["input"], str):
        own["input"], flat["input"] = flat["input"], ""
    yield {**flat, "extra": dump(own)}


@exports("parquet", statuses=_ALL, ends=".parquet")
def parquet(row: Row) -> Iterable[dict[str, Any]]:
    """The same as `rows`, as a Parquet file."""
    return rows(row)


@exports("hf", statuses=_ALL, ends="")
def hf(row: Row) -> Iterable[dict[str, Any]]:
    """The same as `rows`, as a folder for `datasets.load_from_disk`."""
    return rows(row)
