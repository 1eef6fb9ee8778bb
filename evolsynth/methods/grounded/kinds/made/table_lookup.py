"""One cell of a table in the text, or the row that a cell stands in."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.table_lookup import entries
from evolsynth.evaluation.text.stated.tables import Table, tables
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english

__all__ = ["table_lookup"]


@kind("table_lookup", task="extraction", weight=1.2)
@english
def table_lookup(passage: Passage, random: Random) -> Iterator[Draft]:
    """A cell of each row of a table, the rows in any order."""
    for table in tables(passage.text):
        if len(table.rows) < 2 or len(set(table.keys)) < len(table.keys):
            continue
        for cells in random.sample(table.rows, len(table.rows)):
            column = random.choice(table.columns[1:])
            known = entries(table, cells[0], column)
            form = random.choice(list(known))
            values = {"key": cells[0], "column": column, "answer": known[form]}
            values |= {"value": known["cell"], "first": table.columns[0]}
            yield draft(
                "table_lookup",
                drawn("table_lookup", random, {**values, "title": passage.title}, form),
                passage,
                answer=known[form],
                values=values,
                ground={"key": cells[0], "column": column, "asks": form},
                evidence=_evidence(passage, table, cells, form),
            )


def _evidence(
    passage: Passage, table: Table, cells: tuple[str, ...], form: str
) -> tuple[Place, ...]:
    """The row of the table, or all of the table where rows are compared."""
    whole = (Place(table.start, table.end),)
    if form not in ("cell", "row"):
        return whole
    rows = (s for s in passage.sentences if table.start <= s.start < table.end)
    held = [s for s in rows if all(cell in s.of(passage.text) for cell in cells)]
    return tuple(held[:1]) or whole
