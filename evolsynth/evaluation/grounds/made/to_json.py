"""A table or a list is written in another notation, from the row's text, again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.stated.enumerations import measures, years
from evolsynth.evaluation.text.stated.tables import Table, bulleted, tables
from evolsynth.rows import Row

__all__ = ["facts_of", "list_as", "only_list", "only_table", "table_as", "to_json"]


def only_table(text: str) -> Table | None:
    """The table of a text that has no more than one."""
    found = tables(text)
    return found[0] if len(found) == 1 else None


def only_list(text: str, where: str) -> Sequence[str]:
    """The items of the one list with bullets that has these words in front; none if not one has."""
    found = [items for before, items in bulleted(text) if before == where]
    return found[0] if len(found) == 1 else ()


def table_as(table: Table, style: str) -> str:
    """A table as ``json``, ``csv`` or ``lines`` ("entry: value").

    Raises:
        ValueError: there is no such style, or a line would take more than two columns.
    """
    if style == "json":
        return json.dumps([dict(zip(table.columns, row, strict=True)) for row in table.rows],
                          ensure_ascii=False, indent=2)  # fmt: skip
    if style == "csv":
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([table.columns, *table.rows])
        return written.getvalue().rstrip("\n")
    if style == "lines" and len(table.columns) == 2:
        return "\n".join(f"{first}: {second}" for first, second in table.rows)
    raise ValueError(f"no table is written as '{style}'")


def list_as(items: Sequence[str], style: str) -> str:
    """Items as ``json`` or ``numbers``.

    Raises:
        ValueError: there is no such style.
    """
    if style == "json":
        return json.dumps(list(items), ensure_ascii=False)
    if style == "numbers":
        return "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    raise ValueError(f"no list is written as '{style}'")


def facts_of(text: str) -> dict[str, list[str]]:
    """The years, lengths, weights and spans of time of a text, of each all or none."""
    found = {"years": years(text)}
    found |= {of: measures(text, of) for of in ("lengths", "weights", "spans of time")}
    return {of.replace(" ", "_"): list(some) for of, some in found.items() if some}


@ground("to_json")
def to_json(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    style: str,
    where: str = "",
    keys: Sequence[str] = (),
    title: str = "",
) -> str | None:
    """The table, or the list behind certain words, is the only one of the text; figures are all."""
    text = row.input or ""
    values = {"where": where, "title": title}
    if style == "facts":
        known = facts_of(text)
        if len(set(keys)) < 2 or not set(keys) <= set(known):
            return "The text does not have such figures."
        output = json.dumps({key: known[key] for key in keys}, ensure_ascii=False)
        values["keys"] = ", ".join(f'"{key}"' for key in keys)
    elif where:
        items = only_list(text, where)
        if not items:
            return f"The text has no list behind '{where}'."
        output = list_as(items, style)
    else:
        table = only_table(text)
        if table is None:
            return "The text has not just one table."
        output = table_as(table, style)
        values["columns"] = ", ".join(table.columns)
    if answer != output:
        return "The text has other values."
    return differs(row, wording, form, answer, {**values, "output": output})
