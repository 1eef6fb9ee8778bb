"""The table of the text as JSON, CSV or lines; a list of it as JSON, or with numbers; its years and
measures as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random

from evolsynth.evaluation.grounds.made.to_json import (
    facts_of,
    list_as,
    only_list,
    only_table,
    table_as,
)
from evolsynth.evaluation.text.stated.tables import bulleted
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place

__all__ = ["to_json"]


@kind("to_json", task="formatting", weight=1.2)
@english
def to_json(passage: Passage, random: Random) -> Iterator[Draft]:
    """The only table in one notation, and each list in one."""
    text = passage.text
    table = only_table(text)
    if table is not None and len(table.rows) > 1:
        styles = ["json", "csv", *(["lines"] if len(table.columns) == 2 else [])]
        style = random.choice(styles)
        values = {"output": table_as(table, style), "columns": ", ".join(table.columns)}
        evidence: tuple[Place, ...] = (Place(table.start, table.end),)
        yield _draft(passage, random, values, f"table {style}", {"style": style}, evidence)
    for where, items in bulleted(text):
        if not where or len(where) > 80 or not only_list(text, where):
            continue
        style = random.choice(("json", "numbers"))
        values = {"output": list_as(items, style), "where": where}
        evidence = tuple(spot for item in items for spot in place(text, item))
        ground = {"style": style, "where": where}
        yield _draft(passage, random, values, f"list {style}", ground, evidence)

    facts = facts_of(text)
    if len(facts) > 1 and sum(map(len, facts.values())) > 2:
        keys = random.sample(list(facts), len(facts))
        values = {"output": json.dumps({key: facts[key] for key in keys}, ensure_ascii=False)}
        values["keys"] = ", ".join(f'"{key}"' for key in keys)
        evidence = tuple(spot for key in keys for one in facts[key] for spot in place(text, one))
        yield _draft(passage, random, values, "facts", {"style": "facts", "keys": keys}, evidence)


def _draft(
    passage: Passage,
    random: Random,
    values: dict[str, str],
    form: str,
    ground: Mapping[str, object],
    evidence: tuple[Place, ...],
) -> Draft:
    return draft(
        "to_json",
        drawn("to_json", random, {**values, "title": passage.title}, form),
        passage,
        answer=values["output"],
        values=values,
        whole=True,
        ground=ground,
        evidence=evidence,
    )
