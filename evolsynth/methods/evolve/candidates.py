"""Candidates of one round of Evol-Instruct: in which order, which is best, what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from evolsynth.methods.evolve.drafts import Draft, Written
from evolsynth.rows import Row

__all__ = ["root_of", "standing", "told_of", "turns"]

#: How many a model is asked for before the gate is asked whether more are needed.
_AT_ONCE = 2


def turns(drafts: Sequence[Draft | Written]) -> Iterator[tuple[int, Sequence[Draft | Written]]]:
    """What is tried at once, with the place of the first: two that a model is asked for, or one
    that asks none."""
    place = 0
    while place < len(drafts):
        pair = drafts[place : place + _AT_ONCE]
        some = list(takewhile(lambda draft: isinstance(draft, Draft), pair)) or pair[:1]
        yield place, some
        place += len(some)


def standing(row: Row, place: int) -> tuple[Any, ...]:
    """Smaller is better: let through, then the better score, then fewer reasons, then the plan."""
    reasons = row.verdict.reasons if row.verdict is not None else ()
    return (row.settled, -row.scores.get("good_evolution", 0.0), len(reasons), place)


def told_of(row: Row) -> dict[str, Any]:
    """What is kept of a candidate that was not chosen."""
    made = row.provenance["instruction"]
    told: dict[str, Any] = {"instruction": row.instruction, "operation": made["operation"]}
    if "connector" in made:
        told["connector"] = made["connector"]
    if row.verdict is not None:
        told["reasons"] = list(row.verdict.reasons)
    return {**told, **row.scores}


def root_of(row: Row) -> str:
    """What the instruction was before its first evolution."""
    made = row.provenance.get("instruction")
    root = made.get("root") if isinstance(made, dict) else None
    return root if isinstance(root, str) else row.instruction or ""
