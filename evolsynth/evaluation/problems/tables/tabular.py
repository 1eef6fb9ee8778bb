"""Tables as text: CSV, Markdown, JSON; written, and read again where they were written so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from evolsynth.evaluation.problems.values import lists

__all__ = ["FORMATS", "TABLES", "Kind", "Table", "drawn", "read", "written"]

#: Formats that a table is shown in, by what people call them.
FORMATS = ("CSV", "Markdown", "JSON")


class Table(NamedTuple):
    """Columns and rows, all of them text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Kind(NamedTuple):
    """What a table may be of.

    Args:
        about: what its rows are ("members").
        key: the first column, which tells rows apart.
        source: the list that the first column is drawn from.
        numbers: columns of whole numbers with their least and most, and what a single one is
            called in a question ("the price").
        labels: a column of labels and those that there are.
        told: sentences that tell a row; ``{0}`` is its first cell.
    """

    about: str
    key: str
    source: str
    numbers: tuple[tuple[str, int, int], ...]
    labels: tuple[str, tuple[str, ...]]
    told: tuple[str, ...]


#: Kinds of tables.
TABLES = (
    Kind("members", "Name", "names", (("Age", 18, 70), ("Points", 10, 99)),
         ("Team", ("Red", "Blue", "Green")),
         ("{0} is {1} years old and has {2} points for the {3} team.",
          "The {3} team has {0}, aged {1}, who scored {2} points.")),
    Kind("towns", "Town", "towns", (("Visitors", 120, 990), ("Hotels", 2, 40)),
         ("Region", ("North", "South", "West")),
         ("{0} had {1} visitors last month; it has {2} hotels and lies in the {3}.",
          "In the {3}, {0} counted {1} visitors in its {2} hotels.")),
    Kind("products", "Product", "goods", (("Price", 1, 20), ("Stock", 5, 150)),
         ("Shelf", ("A", "B", "C")),
         ("The {0} costs {1}, there are {2} in stock, and it is kept on shelf {3}.",
          "On shelf {3} you find the {0}: price {1}, {2} in stock.")),
    Kind("runners", "Runner", "names", (("Laps", 4, 30), ("Minutes", 25, 95)),
         ("Club", ("Harriers", "Striders", "Milers")),
         ("{0} of the {3} ran {1} laps in {2} minutes.",
          "For the {3}, {0} managed {1} laps and needed {2} minutes.")),
    Kind("classes", "Teacher", "surnames", (("Pupils", 12, 32), ("Room", 101, 240)),
         ("Subject", ("Art", "History", "Biology")),
         ("{0} teaches {3} to {1} pupils in room {2}.",
          "In room {2}, {1} pupils have {3} with {0}.")),
    Kind("orders", "Customer", "surnames", (("Items", 1, 25), ("Amount", 15, 480)),
         ("Status", ("paid", "open", "late")),
         ("{0} ordered {1} items for {2} altogether, and the order is {3}.",
          "The order of {0} is {3}: number of items {1}, amount {2}.")),
)  # fmt: skip


def drawn(chance: Random, kind: Kind, n: int) -> Table:
    """A table of so many rows, whose numbers differ from each other within a column."""
    keys = [one.partition("/")[0] for one in chance.sample(lists(kind.source), n)]
    columns = [chance.sample(range(least, most + 1), n) for _, least, most in kind.numbers]
    name, labels = kind.labels
    tags = [chance.choice(labels) for _ in range(n)]
    head = (kind.key, *(column for column, _, _ in kind.numbers), name)
    rows = zip(keys, *(map(str, column) for column in columns), tags, strict=True)
    return Table(head, tuple(rows))


def written(table: Table, form: str) -> str:
    """The table in one of `FORMATS`; numbers in JSON are numbers."""
    if form == "CSV":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([table.columns, *table.rows])
        return out.getvalue().rstrip("\n")
    if form == "Markdown":
        lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    rows = [
        {
            name: int(cell) if _is_number(cell) else cell
            for name, cell in zip(table.columns, row, strict=True)
        }
        for row in table.rows
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2)


def read(text: str, form: str) -> Table | None:
    """The table of a text that `written` could have written; None of any other."""
    try:
        table = _read(text, form)
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError, csv.Error):
        return None
    if table is None or len(table.columns) < 2 or len(table.rows) < 2:
        return None
    if any(cell != cell.strip() for row in (table.columns, *table.rows) for cell in row):
        return None  # commas of a sentence, which a space follows
    return table if written(table, form) == text else None


def _read(text: str, form: str) -> Table | None:
    if form == "CSV":
        rows: Sequence[Sequence[str]] = list(csv.reader(io.StringIO(text)))
    elif form == "Markdown":
        rows = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()]
        rows = [row for place, row in enumerate(rows) if place != 1]
    else:
        data = json.loads(text)
        rows = [list(data[0]), *([str(value) for value in one.values()] for one in data)]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None
    return Table(tuple(rows[0]), tuple(tuple(row) for row in rows[1:]))


def _is_number(cell: str) -> bool:
    return cell.isdecimal() and cell.isascii() and (cell == "0" or not cell.startswith("0"))
