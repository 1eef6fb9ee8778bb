"""Two answers in one: both stand, each on its own ground, about the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.evaluation.grounds.ground import ground, stands, with_evidence
from evolsynth.rows import Row

__all__ = ["joined"]


@ground("joined")
def joined(row: Row, *, parts: Sequence[Mapping[str, Any]]) -> str | None:
    """Each part is asked, is answered in a line with its number, and stands by itself.

    Args:
        row: whose answer it is.
        parts: of each the ``instruction``, the ``response`` and its ``ground``, and the
            ``evidence``, where it is not that of the row.
    """
    lines = [f"{number}. {part['response'].strip()}" for number, part in enumerate(parts, 1)]
    if len(lines) < 2 or (row.response or "").strip() != "\n".join(lines):
        return "The answer is not that of its parts, one after the other."
    for number, part in enumerate(parts, 1):
        if part["instruction"] not in (row.instruction or ""):
            return f"Question {number} is not asked."
        alone = row.replace(
            instruction=part["instruction"],
            response=part["response"],
            round=0,
            provenance={"response": {"ground": part["ground"]}},
            extra=with_evidence(row, part),
        )
        kind, against = stands(alone)
        if kind is None or against is not None:
            return f"Answer {number} stands on nothing. {against or ''}".strip()
    return None
