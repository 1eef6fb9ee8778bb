"""Structure that was lost: a table in another format, or told in sentences; JSON on one line."""

from __future__ import annotations

import json
from random import Random

from evolsynth.evaluation.problems.tables.tabular import FORMATS, Table, read, written
from evolsynth.evaluation.spoiling.spoiler import Spoiled, spoiler

__all__ = ["converted", "minified", "told"]


def _table(text: str) -> tuple[str, Table] | None:
    for form in FORMATS:
        table = read(text, form)
        if table is not None and all(
            cell.strip() == cell and cell for row in table.rows for cell in row
        ):
            return form, table
    return None


@spoiler("converted", unit="table", task="formatting")
def converted(text: str, chance: Random) -> Spoiled | None:
    """Puts a table into another format: CSV, Markdown, JSON."""
    found = _table(text)
    if found is None:
        return None
    form, table = found
    other = chance.choice([one for one in FORMATS if one != form])
    if read(written(table, other), other) != table:
        return None
    return Spoiled(written(table, other), {"given": other, "wanted": form})


@spoiler("told", unit="table", task="formatting")
def told(text: str, chance: Random) -> Spoiled | None:
    """Tells a table in sentences that name its columns."""
    found = _table(text)
    if found is None or len(found[1].columns) > 5 or len(found[1].rows) > 6:
        return None
    form, table = found
    if any(mark in cell for row in (table.columns, *table.rows) for cell in row for mark in ".;:"):
        return None
    key, *rest = table.columns
    lines = []
    for row in table.rows:
        cells = [f"{name} {cell}" for name, cell in zip(rest, row[1:], strict=True)]
        several = f"{', '.join(cells[:-1])} and {cells[-1]}" if len(cells) > 1 else cells[0]
        lines.append(f"{key} {row[0]}: {several}.")
    columns = ", ".join(table.columns)
    return Spoiled(" ".join(lines), {"wanted": form, "columns": columns})


@spoiler("minified", unit="json", task="formatting")
def minified(text: str, chance: Random) -> Spoiled | None:
    """Writes indented JSON on one line, without its spaces."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    if not isinstance(data, dict | list) or json.dumps(data, indent=2, ensure_ascii=False) != text:
        return None
    return Spoiled(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
