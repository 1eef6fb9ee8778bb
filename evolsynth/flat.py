"""The form that rows have in files: flat columns, each of one type in every row of every run.

Files of several runs are one table wherever they are read: ``datasets``, polars, pandas, DuckDB.
So no column is ever missing, null, an empty object or an empty list, and what has no form of its
own is one text of JSON:

=====================  ==========================================================================
``id`` ... ``system``  texts; empty where there is none
``messages``           the conversation, ``[{role, content}, ...]``; of a single turn it is made
``messages_json``      the same with tool calls and the like, JSON; ``[]`` where there are none
``round``              a number
``parents``            ids, JSON
``verdict``            ``accepted``, ``rejected``, or empty where nobody judged
``verdict_...``        ``reasons`` and ``stands_on`` as names with commas, ``task``, ``tier``,
                       ``details`` as JSON
``scores``             name and number, JSON
``failure``            JSON; ``{}`` where there is none
``provenance``         JSON
=====================  ==========================================================================

Behind them stand the columns of the user's own, as they came. `whole` reads this form and the
nested one that a `Row` has in memory, which files had before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.errors import InputError
from evolsynth.inputs import holds, input_of, text_of

__all__ = ["COLUMNS", "dump", "flat", "is_flat", "turn_read", "turns_of", "whole"]

_TEXTS = ("instruction", "response", "system")
_VERDICT = ("verdict_reasons", "verdict_task", "verdict_tier", "verdict_stands_on",
            "verdict_details")  # fmt: skip
#: What every row has in a file, in this order.
COLUMNS = ("id", "instruction", "input", "response", "system", "messages", "messages_json",
           "method", "round", "parents", "verdict", *_VERDICT, "scores", "failure",
           "provenance")  # fmt: skip
_ALONE = {*COLUMNS, "extra"}
#: Columns of JSON, and what stands there for nothing.
_JSON: Mapping[str, type[dict[str, Any]] | type[list[Any]]] = {
    "parents": list,
    "scores": dict,
    "failure": dict,
    "provenance": dict,
}


def is_flat(data: Mapping[str, Any]) -> bool:
    """Whether a row of a file has this form."""
    return isinstance(data.get("verdict_reasons"), str)


def flat(data: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row as they stand in files, behind them its own columns.

    Raises:
        TypeError, ValueError, RecursionError: JSON has no place for what a field holds.
    """
    held = extra.get("input")
    full = list(data.get("messages") or ())
    turns = _shown(full, data) if full else turns_of({**extra, **data})
    as_made = not full or (full == turns and not _single(turns))
    made: dict[str, Any] = {
        "id": data["id"],
        "instruction": data.get("instruction") or "",
        "input": "" if held is None else held,
        "response": data.get("response") or "",
        "system": data.get("system") or "",
        "messages": turns,
        "messages_json": "[]" if as_made else dump(full),
        "method": data["method"],
        "round": data["round"],
        "parents": dump(data["parents"]),
        **_judged(data.get("verdict")),
        "scores": dump(data["scores"]),
        "failure": dump(data.get("failure") or {}),
        "provenance": dump(data["provenance"]),
    }
    return {**made, **{name: value for name, value in extra.items() if name not in made}}


def _judged(verdict: Mapping[str, Any] | None) -> dict[str, str]:
    told = verdict or {}
    return {
        "verdict": "" if verdict is None else "accepted" if verdict["accepted"] else "rejected",
        "verdict_reasons": _names(told.get("reasons", ())),
        "verdict_task": told.get("task") or "",
        "verdict_tier": told.get("tier") or "",
        "verdict_stands_on": _names(told.get("stands_on", ())),
        "verdict_details": dump(told.get("details", {})),
    }


def _names(names: Sequence[str]) -> str:
    """Names with commas between; a list in JSON where that would be read otherwise."""
    told = ", ".join(names)
    return told if _listed(told) == list(names) else dump(list(names))


def _listed(told: str) -> list[str]:
    if told.startswith("["):
        try:
            names = json.loads(told)
        except ValueError:
            names = None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
    return told.split(", ") if told else []


# Conversations ------------------------------------------------------------------------------------


def turns_of(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """A single turn as a conversation: the system turn, the task with its input, the answer."""
    asked, text = data.get("instruction") or "", input_of(data)
    if text is not None and not holds(asked, text):
        asked = f"{asked}\n\n{text}"
    said: dict[str, str] = {"system": data.get("system") or "", "user": asked}
    said["assistant"] = data.get("response") or ""
    return [
        {"role": role, "content": content}
        for role, content in said.items()
        if content or role == "user"  # always one, so that the list is never empty
    ]


def _shown(full: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> list[dict[str, str]]:
    turns = [{"role": str(t.get("role")), "content": text_of(t.get("content"))} for t in full]
    system = data.get("system")
    if system and not any(turn["role"] in ("system", "developer") for turn in turns):
        turns.insert(0, {"role": "system", "content": system})
    return turns


def _single(turns: Sequence[Mapping[str, Any]]) -> bool:
    roles = [turn.get("role") for turn in turns if turn.get("role") != "system"]
    return roles in (["user"], ["user", "assistant"])


def _made(turns: object) -> bool:
    """Whether a conversation says nothing but what the other fields do."""
    if not isinstance(turns, list) or not turns:
        return turns is None or turns == []
    return all(isinstance(turn, Mapping) for turn in turns) and _single(turns)


# Back ---------------------------------------------------------------------------------------------


def whole(data: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a file with its fields as objects and lists; the nested form stays as it is.

    Raises:
        InputError: what should be a text of JSON is none; it names the field.
    """
    made = dict(data)
    for name, kind in _JSON.items():
        if isinstance(made.get(name), str) and made[name][:1] in ("[", "{", ""):
            made[name] = _read(name, made[name], kind)
    if not is_flat(data):
        return made
    for name in (*_TEXTS, "input"):
        if made.get(name) == "":
            del made[name]
    if data.keys() == _ALONE:  # a file that has all other columns in one
        own = _object(made["extra"])
        if own is not None:
            del made["extra"]
            made |= {n: value for n, value in own.items() if n not in COLUMNS or n == "input"}
    full = _read("messages_json", made.pop("messages_json", "[]"), list)
    if full:
        made["messages"] = full
    elif _made(made.get("messages")):
        made.pop("messages", None)
    if not made.get("failure"):
        made.pop("failure", None)
    told = {name: made.pop(name, None) or "" for name in _VERDICT}
    if made.get("verdict") == "":
        del made["verdict"]
    elif made.get("verdict") in ("accepted", "rejected"):
        made["verdict"] = {
            "accepted": made["verdict"] == "accepted",
            "reasons": _listed(told["verdict_reasons"]),
            "details": _read("verdict_details", told["verdict_details"], dict),
            "task": told["verdict_task"] or None,
            "tier": told["verdict_tier"] or None,
            "stands_on": _listed(told["verdict_stands_on"]),
        }
    return made


def _object(text: Any) -> dict[str, Any] | None:
    """What a text of JSON says; None if it is no object."""
    try:
        read = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _read(name: str, text: Any, kind: type) -> Any:
    if text == "":
        return kind()
    try:
        read = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        read = None
    if not isinstance(read, kind):
        what = "a list" if kind is list else "an object"
        raise InputError(f"field '{name}': {what} was expected, as a text of JSON.")
    return read


# A line -------------------------------------------------------------------------------------------


def dump(data: Any) -> str:
    """One line of JSON; characters as they are, where UTF-8 has them; NaN and infinity as null."""
    try:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # a number that JSON has not; one with too many digits raises again
        data = _finite(data)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if not _in_utf8(text):  # half a surrogate pair: only an escape can carry it
        return json.dumps(data, separators=(",", ":"))
    return text


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, list | tuple) else data


def _in_utf8(text: str) -> bool:
    """Whether UTF-8 can carry the text: no half of a surrogate pair stands in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def turn_read(turn: Any) -> Any:
    """A turn as files have it, as `Message` has it."""
    if not isinstance(turn, Mapping) or (set(turn) <= _PLAIN and _is_plain(turn)):
        return turn
    content = turn.get("content")
    if not isinstance(content, str | list | None) or not set(turn) - {"role"}:
        return turn  # whose type is told
    return {"role": turn.get("role"), "content": text_of(content), "given": dict(turn)}


_PLAIN = {"role", "content", "given"}


def _is_plain(turn: Mapping[str, Any]) -> bool:
    return isinstance(turn.get("content"), str) and isinstance(turn.get("given", {}), dict)
