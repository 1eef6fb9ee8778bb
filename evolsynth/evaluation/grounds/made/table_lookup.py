"""A cell of a table is read off the row's text again."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.stated.tables import Table, tables
from evolsynth.rows import Row

__all__ = ["entries", "table_lookup"]


def entries(table: Table, key: str, column: str) -> dict[str, str]:
    """What each form of question about a table has for its answer: the ``cell`` of a row, the
    ``row`` of a cell if no other has it, and ``most``, ``least`` and ``sorted`` of a column of
    numbers."""
    at = table.columns.index(column)
    cells = [row[at] for row in table.rows]
    value = cells[table.keys.index(key)]
    found = {"cell": value}
    if cells.count(value) == 1:
        found["row"] = key
    if ranked := table.ranked(column):
        found |= {"most": ranked[0], "least": ranked[-1], "sorted": "; ".join(ranked)}
    return found


@ground("table_lookup")
def table_lookup(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    key: str,
    column: str,
    asks: str,
    title: str = "",
) -> str | None:
    """One table of the text has the row and the column, and this for an answer."""
    found = [t for t in tables(row.input or "") if key in t.keys and column in t.columns[1:]]
    if len(found) != 1 or len(set(found[0].keys)) != len(found[0].keys):
        return "The text has no table with just one such row and column."
    table = found[0]
    if answer != entries(table, key, column).get(asks):
        return "The table has something else there."
    values = {"key": key, "column": column, "first": table.columns[0], "answer": answer}
    values["value"] = entries(table, key, column)["cell"]
    return differs(row, wording, form, answer, {**values, "title": title})
