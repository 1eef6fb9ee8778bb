"""ShareGPT: ``conversations`` of ``from`` and ``value``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form
from evolsynth.data.formats.turns import beside, turns_of

__all__ = ["sharegpt"]

_NAMES = ("conversations", "conversation")


@form("sharegpt", title="ShareGPT", noun="conversations", place=4)
def sharegpt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The conversation as messages, and what is judged of it."""
    for name in _NAMES:
        turns = turns_of(record.get(name), name)
        if turns is not None:
            told = beside(record, turns)
            return None if told is None else {**told, "messages": turns}
    return None
