"""Chat messages: ``messages`` of ``role`` and ``content``, as OpenAI, TRL and most others have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form
from evolsynth.data.formats.turns import beside, turns_of

__all__ = ["messages"]


@form("messages", title="chat messages", noun="conversations", place=3)
def messages(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The conversation, and of it what is judged where the record does not say it itself."""
    turns = turns_of(record.get("messages"))
    if turns is None:
        return None
    told = beside(record, turns) or {}
    given = record["messages"]
    if isinstance(given, str):
        return {**told, "messages": turns}
    # each turn comes out as it is there, where that is how we write it: what we write we also read
    kept = [
        {**one, "given": dict(was)} if one != {**was} and _ours(one, was) else one
        for one, was in zip(turns, given, strict=True)
    ]
    return {**told, "messages": kept}


def _ours(one: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
    """Whether a turn says who speaks, and what, under the names that rows here have."""
    return was.get("role") == one["role"] and ("content" in was or "value" not in was)
