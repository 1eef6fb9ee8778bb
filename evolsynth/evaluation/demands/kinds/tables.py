"""Demands on tables, in markdown: their columns and rows. No independent verifier knows them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Annotated

import msgspec

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import Drawn, chosen, points_wanted
from evolsynth.evaluation.demands.points import split_list, terms
from evolsynth.evaluation.demands.shape import lines
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["table", "table_rows"]

_LISTS = word_lists(__file__, "tables.txt")
_TABULAR: tuple[Task, ...] = ("ideas", "advice", "howto")
_NO_TABLE = (
    "paragraphs",
    "sentences",
    "lines",
    "list",
    "data",
    "item_beginning",
    "item_length",
    "language",
    "letters",
)
_RULE = re.compile(r"\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?")

#: The names of columns.
Names = Annotated[list[str], msgspec.Meta(min_length=1)]


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", inner)]


def _read(response: str) -> list[list[str]] | Miss:
    """The one table of a text: its header, then its rows."""
    some = lines(response)
    rules = [
        k for k, line in enumerate(some) if k and "|" in line.text and _RULE.fullmatch(line.text)
    ]
    if len(rules) != 1:
        return Miss("It has no table." if not rules else "It has more than one table.")
    first = rules[0] - 1
    rows = [_cells(some[first].text)]
    for line in some[first + 2 :]:
        if "|" not in line.text:
            break
        cells = _cells(line.text)
        place = (line.start, line.end)
        if len(cells) != len(rows[0]):
            return Miss(f"A row has {len(cells)} cells, the header {len(rows[0])}.", place)
        if not all(cells):
            return Miss("A cell is empty.", place)
        rows.append(cells)
    return rows if len(rows) > 1 else Miss("The table has no rows.")


def _bare(cell: str) -> str:
    return cell.strip("*_` ").casefold()


def _headed(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> Miss | None:
    if [_bare(cell) for cell in rows[0]] == [_bare(name) for name in columns]:
        return None
    return Miss(f"The columns are {', '.join(rows[0])}; {', '.join(columns)} were asked for.")


@kind("table", about="table", tasks=(*_TABULAR, "extraction"), clashes=_NO_TABLE)
def table(response: str, *, columns: Names) -> Miss | None:
    """A markdown table with given columns, in their order.

    Args:
        columns: Their names.
    """
    rows = _read(response)
    return rows if isinstance(rows, Miss) else _headed(rows, columns)


@table.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "columns", case.task)
    return {"columns": chance.choice(some)} if case.words >= 40 else None


@table.applies
def _(response: str, *, columns: list[str]) -> str:
    return _tabled(response, columns)


def _tabled(response: str, columns: Sequence[str]) -> str:
    """A list of terms with a colon behind them, as a table of two columns."""
    before, points, after = split_list(response)
    pairs = terms(points)
    if len(columns) != 2 or not pairs:
        return ""
    rows = [[name, said.replace("|", "\\|")] for name, said in pairs]
    made = [list(columns), ["---", "---"], *rows]
    return "\n".join([*before, *(f"| {one} | {two} |" for one, two in made), *after])


@kind("table_rows", about="table", tasks=_TABULAR, clashes=_NO_TABLE)
def table_rows(response: str, *, columns: Names, n: Count) -> Miss | None:
    """A markdown table with given columns and so many rows, its header not counted.

    Args:
        columns: Their names.
        n: The rows.
    """
    rows = _read(response)
    if isinstance(rows, Miss):
        return rows
    if len(rows) - 1 != n:
        return Miss(f"The table has {len(rows) - 1} rows; {n} were asked for.")
    return _headed(rows, columns)


@table_rows.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=25, least=3, most=8)
    return {"columns": chance.choice(chosen(_LISTS, "columns", case.task)), "n": n} if n else None


@table_rows.applies
def _(response: str, *, columns: list[str], n: int) -> str:
    return _tabled(response, columns)
