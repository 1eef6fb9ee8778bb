"""Questions to a small table."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from evolsynth.errors import InputError
from evolsynth.evaluation.problems.problem import Level, Problem, Solution, Values, problem
from evolsynth.evaluation.problems.tables.tabular import TABLES, Kind, Table, drawn, written
from evolsynth.evaluation.problems.values import inside, joined, number, text, texts, whole

__all__ = ["TableQuestion", "table_of"]

_CASES = ("sum", "most", "least", "filter", "count", "mean", "ranking", "lookup", "group")


@problem("table")
class TableQuestion(Problem):
    """Questions to a small table: sums, extremes, averages, filters, rankings."""

    def draw(self, chance: Random, level: Level) -> Values:
        """A table and what is asked of it."""
        kind = chance.randrange(len(TABLES))
        made = drawn(
            chance, TABLES[kind], chance.randint(4, 5) if level == "small" else chance.randint(6, 9)
        )
        case = chance.choice(_CASES)
        column = chance.choice([name for name, _, _ in TABLES[kind].numbers])
        if case in ("sum", "group", "mean"):
            column = TABLES[kind].numbers[1][0]  # a sum of ages says nothing
        if column == "Room":
            column = "Pupils"
        cells = sorted(int(c) for c in _column(made, column).values())
        while case == "mean" and sum(cells) * 10 % len(cells):
            made = drawn(chance, TABLES[kind], len(made.rows))
            cells = sorted(int(c) for c in _column(made, column).values())
        limit = cells[chance.randint(1, len(cells) - 2)] - 1
        return {
            "case": case,
            "kind": kind,
            "rows": [list(row) for row in made.rows],
            "column": column,
            "limit": limit,
            "label": chance.choice([row[-1] for row in made.rows]),
            "key": chance.choice(made.rows)[0],
            "form": chance.choice(("CSV", "Markdown")),
        }

    def solve(self, values: Values) -> Solution:
        """By its cells."""
        kind, table = table_of(values)
        case, form = (
            inside(text(values, "case"), _CASES),
            inside(text(values, "form"), ("CSV", "Markdown")),
        )
        column = inside(text(values, "column"), [name for name, _, _ in kind.numbers])
        cells = {key: int(cell) for key, cell in _column(table, column).items()}
        labels = dict(zip(cells, (row[-1] for row in table.rows), strict=True))
        shown = {
            "about": kind.about,
            "column": column,
            "key": kind.key.lower(),
            "form": form,
            "label_column": kind.labels[0],
        }
        answer, steps = _answered(case, cells, labels, values, shown)
        return Solution(case, shown, answer, steps, written(table, form))


def table_of(values: Values) -> tuple[Kind, Table]:
    """The kind and the table of values.

    Raises:
        InputError: they hold none.
    """
    kind = TABLES[whole(values, "kind", 0, len(TABLES) - 1)]
    rows = values.get("rows")
    head = (kind.key, *(name for name, _, _ in kind.numbers), kind.labels[0])
    if not isinstance(rows, list) or len(rows) < 2:
        raise InputError("'rows' must be a list of at least two rows.")
    made = tuple(tuple(texts({"row": row}, "row")) for row in rows)
    if any(len(row) != len(head) for row in made):
        raise InputError(f"Each of 'rows' must have {len(head)} cells.")
    return kind, Table(head, made)


def _column(table: Table, name: str) -> dict[str, str]:
    place = table.columns.index(name)
    return {row[0]: row[place] for row in table.rows}


def _answered(
    case: str,
    cells: Mapping[str, int],
    labels: Mapping[str, str],
    values: Values,
    shown: dict[str, str],
) -> tuple[str, list[str]]:
    """The answer and its steps; what only this case shows is added to what is ``shown``."""
    total = sum(cells.values())
    added = f"{' + '.join(map(str, cells.values()))} = {total}"
    ranked = sorted(cells, key=lambda key: cells[key], reverse=True)
    if case == "sum":
        return str(total), [added]
    if case == "mean":
        mean = number(Fraction(total, len(cells)))
        return mean, [added, f"{total} ÷ {len(cells)} = {mean}"]
    if case in ("most", "least"):
        best = ranked[0] if case == "most" else ranked[-1]
        shown["value"] = str(cells[best])
        order = ", ".join(f"{key} {cells[key]}" for key in cells)
        return best, [f"{shown['column']}: {order}"]
    if case == "ranking":
        return joined(ranked, "and"), [f"{key}: {cells[key]}" for key in ranked]
    if case == "lookup":
        key = inside(text(values, "key"), list(cells))
        shown |= {"row": key}
        return str(cells[key]), []
    if case == "group":
        label = inside(text(values, "label"), list(labels.values()))
        chosen = [key for key in cells if labels[key] == label]
        shown |= {"label": label}
        part = " + ".join(str(cells[key]) for key in chosen)
        sum_of = sum(cells[key] for key in chosen)
        steps = [f"{shown['label_column']} {label}: {joined(chosen)}"]
        return str(sum_of), [*steps, *([f"{part} = {sum_of}"] if len(chosen) > 1 else [])]
    limit = whole(values, "limit")
    chosen = [key for key in cells if cells[key] > limit]
    if not chosen:
        raise InputError("No row is above 'limit'.")
    shown |= {"limit": str(limit)}
    found = [f"{key}: {cells[key]}" for key in chosen]
    return (joined(chosen) if case == "filter" else str(len(chosen))), found
