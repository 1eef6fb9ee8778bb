"""Tables and lists of a text, as values."""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.blocks import blocks

__all__ = ["Table", "bulleted", "tables"]

_ROWS, _CELL_SIZE, _ITEM_SIZE = 12, 48, 160
_CELL = re.compile(r"(?<!\\)\|")


class Table(NamedTuple):
    """A table: the names of its columns, its rows as cells, and where it stands in the text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    start: int
    end: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The first cell of each row."""
        return tuple(row[0] for row in self.rows)

    def ranked(self, column: str) -> tuple[str, ...]:
        """The first cells, by what a column measures, the greatest first; nothing where it has
        other things than different numbers, all of them with the same unit behind or none."""
        at = self.columns.index(column)
        read = [_QUANTITY.fullmatch(row[at]) for row in self.rows]
        values = [float(m[1].replace(",", "")) for m in read if m is not None]
        units = {m[2] for m in read if m is not None}
        if len(values) < len(self.rows) or len(set(values)) < len(values) or len(units) != 1:
            return ()
        order = sorted(range(len(values)), key=lambda i: -values[i])
        return tuple(self.rows[i][0] for i in order)


_QUANTITY = re.compile(r"(-?\d{1,3}(?:,\d{3})*(?:\.\d+)?|-?\d+(?:\.\d+)?)((?: ?[^\s\d]+)?)")


def tables(text: str) -> list[Table]:
    """The tables of a text that have names for all columns, and in each row a cell for each.

    Tables of many rows, of long cells and with marks in them (code, links) are left out: nobody
    wants one of their cells asked for, and it is not sure how to write it.
    """
    found: dict[int, tuple[tuple[str, ...], list[tuple[str, ...]], int, int]] = {}
    for block in blocks(text):
        if block.kind not in ("head", "row"):
            continue
        cells = _cells(block.said)
        if cells != _cells(text[block.start : block.end]):
            cells = ()  # with marks in it
        if block.kind == "head":
            found[block.group] = (cells, [], block.start, block.end)
        elif block.group in found:
            columns, rows, start, _ = found[block.group]
            found[block.group] = (columns, [*rows, cells], start, block.end)
    return [
        Table(columns, tuple(rows), start, end)
        for columns, rows, start, end in found.values()
        if len(set(columns)) == len(columns) > 1
        and rows
        and all(columns)
        and all(len(row) == len(columns) and all(row) for row in rows)
        and len(rows) <= _ROWS
        and all(len(cell) <= _CELL_SIZE for row in (columns, *rows) for cell in row)
    ]


def _cells(said: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(said.strip())[1:-1])


def bulleted(text: str) -> list[tuple[str, list[str]]]:
    """The lists with bullets of a text, each with what stands last in front of it: a heading or
    the end of a paragraph; empty if nothing does. Lists in lists, of long items and with marks in
    them are left out."""
    found: list[tuple[str, list[str]]] = []
    before, nested = "", set[int]()
    lists: dict[int, tuple[str, list[str]]] = {}
    for block in blocks(text):
        if block.kind == "item":
            if block.level > 1 or block.mark not in ("-", "*", "+"):
                nested.add(block.group)
            said = block.said if block.said == text[block.start : block.end] else ""
            lists.setdefault(block.group, (before, []))[1].append(said)
        else:
            before = block.said
    for group, one in lists.items():
        plain = all(0 < len(item) <= _ITEM_SIZE for item in one[1])
        if group not in nested and plain and 1 < len(one[1]) <= _ROWS:
            found.append(one)
    return found
