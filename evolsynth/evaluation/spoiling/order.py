"""Lists and tables whose order was lost, where it can be told what it was."""

from __future__ import annotations

import re
from datetime import date
from random import Random

from evolsynth.evaluation.problems.tables.tabular import Table, read, written
from evolsynth.evaluation.spoiling.spoiler import Spoiled, spoiler

__all__ = ["order_of", "shuffled", "shuffled_rows"]

_NUMBERED = re.compile(r"(\d+)[.)] ")
_YEAR = re.compile(r"\b(1\d{3}|20\d{2})\b")
_MARK = re.compile(r"^(?:[-*•] )?")


def order_of(lines: list[str]) -> str | None:
    """By what lines are in order: "number", "year", "date", "alphabet"; None if by nothing, or if
    two are alike in it."""
    if len(lines) < 3:
        return None
    numbers = [m and int(m[1]) for m in (_NUMBERED.match(line) for line in lines)]
    if all(n is not None for n in numbers):
        return "number" if numbers == sorted(set(numbers)) else None  # type: ignore[type-var]
    bare = [_MARK.sub("", line) for line in lines]
    days = [_date(line) for line in bare]
    if all(days):
        return "date" if days == sorted(set(days)) else None  # type: ignore[type-var]
    years = [_YEAR.findall(line) for line in bare]
    if all(len(found) == 1 for found in years):
        told = [int(found[0]) for found in years]
        return "year" if told == sorted(set(told)) else None
    folded = [line.casefold() for line in bare]
    return "alphabet" if folded == sorted(set(folded)) else None


def _date(line: str) -> date | None:
    try:
        return date.fromisoformat(line[:10])
    except ValueError:
        return None


@spoiler("shuffled", unit="lines", task="ordering")
def shuffled(text: str, chance: Random) -> Spoiled | None:
    """Shuffles the lines of a list that is in order of numbers, years, dates or the alphabet."""
    lines = text.split("\n")
    order = order_of(lines)
    if order is None or any(not line.strip() for line in lines):
        return None
    mixed = lines[:]
    while mixed == lines:
        chance.shuffle(mixed)
    told = {
        "number": "the numbers in front",
        "year": "the years",
        "date": "the dates",
        "alphabet": "the alphabet",
    }
    return Spoiled("\n".join(mixed), {"order": told[order]})


@spoiler("shuffled_rows", unit="table", task="ordering")
def shuffled_rows(text: str, chance: Random) -> Spoiled | None:
    """Shuffles the rows of a table that is in order of one of its columns alone."""
    form = next((form for form in ("CSV", "Markdown") if read(text, form)), None)
    table = None if form is None else read(text, form)
    if table is None or form is None or len(table.rows) < 3:
        return None
    ordered = [name for name in table.columns if _rises(table, name)]
    if not ordered:
        return None
    rows = list(table.rows)
    while tuple(rows) == table.rows:
        chance.shuffle(rows)
    shown = {"column": ordered[0]}
    return Spoiled(written(Table(table.columns, tuple(rows)), form), shown)


def _rises(table: Table, name: str) -> bool:
    cells = [row[table.columns.index(name)] for row in table.rows]
    if all(re.fullmatch(r"\d+(?:\.\d+)?", cell) for cell in cells):
        numbers = [float(cell) for cell in cells]
        return numbers == sorted(set(numbers))
    if any(re.search(r"\d", cell) for cell in cells):
        return False
    folded = [cell.casefold() for cell in cells]
    return folded == sorted(set(folded))
