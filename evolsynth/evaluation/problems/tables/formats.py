"""A small table in one format put into another."""

from __future__ import annotations

from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.tables.table import table_of
from evolsynth.evaluation.problems.tables.tabular import (
    FORMATS,
    TABLES,
    Kind,
    Table,
    drawn,
    written,
)
from evolsynth.evaluation.problems.values import inside, text

__all__ = ["Formats"]

_CASES = ("convert", "collect")


@problem("formats")
class Formats(Problem):
    """Tables from one format into another: CSV, Markdown, JSON, and out of sentences."""

    task = "formatting"

    def draw(self, chance: Random, level: Level) -> Values:
        """A table, the format it is in and the one that is wanted."""
        kind = chance.randrange(len(TABLES))
        table = drawn(chance, TABLES[kind], chance.randint(3, 4) if level == "small" else 5)
        given, wanted = chance.sample(FORMATS, 2)
        rows = [list(row) for row in table.rows]
        case = chance.choice(_CASES)
        return {"case": case, "kind": kind, "rows": rows, "given": given, "wanted": wanted}

    def solve(self, values: Values) -> Solution:
        """By writing it again."""
        kind, table = table_of(values)
        case = inside(text(values, "case"), _CASES)
        given, wanted = (inside(text(values, name), FORMATS) for name in ("given", "wanted"))
        if given == wanted:
            raise InputError("'given' and 'wanted' are the same.")
        shown = {
            "given": given,
            "wanted": wanted,
            "about": kind.about,
            "columns": ", ".join(table.columns),
        }
        source = _told(kind, table) if case == "collect" else written(table, given)
        return Solution(case, shown, written(table, wanted), [], source)


def _told(kind: Kind, table: Table) -> str:
    """The rows as sentences: each says all of its cells."""
    return " ".join(kind.told[i % len(kind.told)].format(*row) for i, row in enumerate(table.rows))
