"""A text said otherwise, looked at again: nothing lost, nothing invented, and not the same."""

from __future__ import annotations

from evolsynth.evaluation.grounds.faithful import LEAST_CHANGED, changed, unfaithful
from evolsynth.evaluation.grounds.ground import ground
from evolsynth.prompts import prompt_lists
from evolsynth.rows import Row

__all__ = ["not_as_asked", "transformed"]


def not_as_asked(way: str, original: str, made: str) -> str | None:
    """What a text lacks of the way in which it was to be said, as far as can be counted."""
    if way == "shorten" and len(made) > 0.9 * len(original):
        return "It is not shorter."
    return None


@ground("transformed")
def transformed(row: Row, *, way: str, wording: int) -> str | None:
    """The response says what the input says, in another way.

    Args:
        row: as it stands.
        way: "rewrite", "shorten", "formal" or "simple".
        wording: which of the wordings that ask for it.
    """
    asked = prompt_lists("transformed/wordings")[way][wording]
    original, made = row.input or "", row.response or ""
    if row.instruction != asked and not (row.round and asked in (row.instruction or "")):
        return "The instruction is not the one that asks for it."
    if changed(original, made) < LEAST_CHANGED:
        return "It is the same text."
    return unfaithful(original, made) or not_as_asked(way, original, made)
