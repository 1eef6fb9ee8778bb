"""Pairs of preference: ``prompt``, ``chosen`` and ``rejected``, as texts or as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form
from evolsynth.data.formats.prompts import pair
from evolsynth.data.formats.turns import judged, turns_of

__all__ = ["dpo"]

_PROMPTS = ("prompt", "instruction", "question")


@form("dpo", title="DPO", noun="pairs", place=5)
def dpo(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The chosen answer is the response; both stay where they are."""
    chosen, rejected = record.get("chosen"), record.get("rejected")
    if not isinstance(chosen, str | list | tuple) or not isinstance(rejected, str | list | tuple):
        return None
    prompt = next((record[name] for name in _PROMPTS if record.get(name)), None)
    if prompt is None:
        turns = turns_of(chosen)
        return None if turns is None else {**judged(turns), "messages": turns}
    return pair(prompt, chosen)
