"""Turns of a conversation as other tools write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.errors import InputError
from evolsynth.inputs import text_of

__all__ = ["beside", "judged", "turns_of"]

#: What a speaker is called elsewhere.
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "customer"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot", "ai", "bing"), "assistant"),
    **dict.fromkeys(("bard", "claude", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "observation", "tool_response", "ipython"), "tool"),
    **{name: name for name in ("system", "developer", "function")},
}


def turns_of(value: Any, name: str = "messages") -> list[dict[str, Any]] | None:
    """The turns of a list of ``role`` and ``content``, or ``from`` and ``value``; of its JSON, too,
    as a table has it. None where it is no such list, or an empty one.

    Raises:
        InputError: somebody speaks of whom nothing is known; it names the column.
    """
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, list | tuple) or not value:
        return None
    if not all(isinstance(turn, Mapping) and _speaker(turn) is not None for turn in value):
        return None
    try:
        return [_turn(number, turn) for number, turn in enumerate(value, 1)]
    except InputError as error:
        raise InputError(f"field '{name}', {error}") from None


def _speaker(turn: Mapping[str, Any]) -> str | None:
    name = turn.get("role", turn.get("from"))
    return name if isinstance(name, str) else None


def _turn(number: int, turn: Mapping[str, Any]) -> dict[str, Any]:
    name = _speaker(turn) or ""
    role = _ROLES.get(name.strip().lower())
    if role is None:
        known = ", ".join(("system", "user", "assistant", "tool"))
        raise InputError(f"turn {number} is of '{name:.40}'. Turns here are of {known}.")
    content = turn.get("content", turn.get("value"))
    if isinstance(content, int | float | Mapping):
        raise InputError(f"turn {number}: a text was expected, not {type(content).__name__}.")
    made: dict[str, Any] = {"role": role, "content": content}
    if name == "function_call" and (call := _call(content)) is not None:
        made = {"role": role, "content": None, "tool_calls": [call]}
    rest = {k: v for k, v in turn.items() if k not in ("role", "from", "content", "value")}
    return {**made, **rest}


def _call(content: Any) -> dict[str, Any] | None:
    """A call of a function that is written as the text of a turn."""
    try:
        told = json.loads(content)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        return None
    arguments = told.get("arguments", told.get("parameters", {}))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"type": "function", "function": {"name": told["name"], "arguments": text}}


def judged(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What of a conversation is looked at by itself, as in rows that are made here: the user's
    first turn, the last that is said to it before the user speaks again, and the system turn."""
    asked = next((k for k, turn in enumerate(turns) if turn["role"] == "user"), None)
    above = [text_of(t["content"]) for t in turns if t["role"] in ("system", "developer")]
    found: dict[str, Any] = {"system": "\n\n".join(filter(None, above[:1])) or None}
    if asked is None:
        return found
    found["instruction"] = text_of(turns[asked]["content"])
    for turn in turns[asked + 1 :]:
        if turn["role"] == "user":
            break
        if turn["role"] == "assistant" and text_of(turn["content"]):
            found["response"] = text_of(turn["content"])
    return found


def beside(record: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The same, where the record does not say it itself; None where it asks something else than its
    conversation does."""
    told = {name: value for name, value in judged(turns).items() if value is not None}
    asks = record.get("instruction")
    if asks is not None and asks != told.get("instruction"):
        return None
    return {name: value for name, value in told.items() if record.get(name) is None}
