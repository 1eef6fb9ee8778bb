"""A row of Magpie with its conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.findings import Finding
from evolsynth.rows import Message, Row

__all__ = ["with_turns"]


def with_turns(
    row: Row,
    history: Sequence[Message],
    made: Sequence[Mapping[str, Any]],
    objections: Sequence[Finding],
    *,
    kept: bool,
    with_system: bool,
) -> Row:
    """The row with what was said, rejected as a ``bad_turn`` where the last turn is one.

    Args:
        row: with its instruction.
        history: all turns, from that on.
        made: how each turn after the instruction was made.
        objections: to the last turn.
        kept: whether all turns go into ``messages``.
        with_system: whether the system prompt stands before them there.
    """
    messages = tuple(history) if kept else ()
    if with_system and row.system is not None:
        messages = (Message("system", row.system), *messages)
    provenance = dict(row.provenance)
    if made:
        provenance["response"] = made[0]
    if made[1:]:
        provenance["turns"] = list(made[1:])
    row = row.replace(
        messages=messages,
        response=history[1].content if len(history) > 1 else None,
        provenance=provenance,
    )
    if not objections:
        return row
    reasons = [f.code for f in objections]
    place = {"turn": len(history), "role": history[-1].role, "reasons": reasons}
    return row.reject("bad_turn", bad_turn=place)
