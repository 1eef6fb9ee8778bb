"""What the page knows of each row, as plain data: it draws a row when somebody looks at it.

All texts pass through `visible`, long ones are cut and say so, and what stands in a row's fields
may come from anybody: nothing here is taken for anything but a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.report.tallies import STATUS_NAMES, kind_of
from evolsynth.report.text import Passage, cut, headline, marked, own_text, visible
from evolsynth.rows import Row

__all__ = ["cells", "codes_of", "evolutions_of", "shown"]

_FIELD = 20_000  # characters of one field
_SHORT_FIELD = 2_000  # the same where all rows have more than _MOST together
_MOST = 40_000_000
_JSON = 2_000


def cells(rows: Sequence[Row], listed: Sequence[Row]) -> list[dict[str, Any]]:
    """A cell for each row that is listed; names that say nothing of a row are left out.

    Args:
        rows: all, among which originals are looked for.
        listed: those that the page shows.
    """
    limit = _FIELD if sum(map(_size, listed)) <= _MOST else _SHORT_FIELD
    originals = {id(row): original for row, original in evolutions_of(rows)}
    return [shown(_cell(row, originals.get(id(row)), limit)) for row in listed]


def evolutions_of(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """(evolution, original) for each row that was evolved from one of the given rows."""
    known = {row.id: row for row in rows}
    pairs = []
    for row in rows:
        parent = known.get(row.parents[0]) if row.parents else None
        if parent is not None and parent is not row and (row.round > 0 or _loss_of(row)):
            pairs.append((row, parent))
    return pairs


def codes_of(row: Row) -> list[str]:
    """Why a row was rejected, or the error it failed with."""
    codes = list(row.verdict.reasons) if row.verdict else []
    return list(dict.fromkeys([*codes, *([row.failure.error] if row.failure else [])]))


def _json(value: Any) -> str:
    """A value as a line of JSON, cut where it is long."""
    return cut(json.dumps(value, ensure_ascii=False, default=str), _JSON)


def shown(value: Any) -> Any:
    """The value with all of its texts made visible, names of fields too."""
    if isinstance(value, Mapping):
        return {visible(name): shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return visible(value)


def _size(row: Row) -> int:
    turns = sum(len(turn.content) for turn in row.messages)
    return len(row.instruction or "") + len(row.response or "") + len(row.input or "") + turns


def _cell(row: Row, original: Row | None, limit: int) -> dict[str, Any]:
    verdict, (passages, origin, others) = row.verdict, _about(row, limit)
    cell = {
        "id": row.id,
        "status": STATUS_NAMES[row.status],
        "kind": kind_of(row),
        "round": row.round,
        "codes": codes_of(row),
        "head": headline(row),
        "system": cut(row.system or "", limit),
        "instruction": cut(row.instruction or "", limit),
        "input": _pieces(passages),
        "from": origin,
        "response": cut(row.response or "", limit),
        "turns": [[turn.role, cut(turn.content, limit)] for turn in row.messages],
        "scores": row.scores,
        "parents": list(row.parents),
        "extra": {
            str(name): cut(value, limit) if isinstance(value, str) else _json(value)
            for name, value in others.items()
        },
        "provenance": _json(row.provenance) if row.provenance else "",
        **_original(row, original, limit),
    }
    if verdict is not None:
        cell |= {
            "task": verdict.task,
            "tier": verdict.tier,
            "stands_on": list(verdict.stands_on),
            "reviewed": _person(verdict.details.get("reviewed")),
            "details": _json(verdict.details) if verdict.details else "",
        }
    if row.failure is not None:
        cell["failure"] = [row.failure.step, cut(row.failure.message, limit)]
    return {name: value for name, value in cell.items() if value or name == "id"}


def _person(told: Any) -> str:
    """What a person has said of the row."""
    if not isinstance(told, Mapping):
        return ""
    mark, note = (told.get(name) for name in ("mark", "note"))
    said = {"keep": "A person kept it", "drop": "A person dropped it"}
    first = said.get(mark if isinstance(mark, str) else "", "A person said of it")
    against = told.get("overruled")
    if isinstance(against, list) and against:
        first += f", against the gate ({cut(', '.join(map(str, against)), 200)})"
    return f"{first}: {cut(note, _JSON)}" if isinstance(note, str) and note else f"{first}."


def _about(row: Row, limit: int) -> tuple[Sequence[Passage], str, Mapping[str, Any]]:
    """What to show of a row's text; what cuts it is loaded where a row has one."""
    if row.input is None:
        return [], "", row.extra
    from evolsynth.report.about import about

    return about(row, limit)


def _original(row: Row, original: Row | None, limit: int) -> dict[str, Any]:
    """What it was evolved from: that row's text, or what the provenance says it was."""
    if original is not None:
        text = own_text(original)
    else:
        told = row.provenance.get("instruction")
        found = told.get("original") if isinstance(told, Mapping) and row.round > 0 else None
        text = found if isinstance(found, str) else ""
    if not text:
        return {}
    passages, losses = marked(cut(text, limit), _loss_of(row).get("lost", ()))
    return {"original": _pieces(passages) or [text], "losses": losses}


def _pieces(passages: Sequence[Passage]) -> list[Any]:
    """A text where there is nothing to say, and [text, note] where there is."""
    return [[one.text, one.note] if one.note else one.text for one in passages]


def _loss_of(row: Row) -> Mapping[str, Any]:
    details = row.verdict.details if row.verdict else {}
    loss = details.get("information_loss")
    return loss if isinstance(loss, Mapping) else {}
