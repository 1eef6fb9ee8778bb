"""A conversation about one text: every answer in it stands on its own ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.evaluation.grounds.ground import ground, stands, with_evidence
from evolsynth.rows import Row

__all__ = ["talk"]


@ground("talk")
def talk(row: Row, *, parts: Sequence[Mapping[str, Any]]) -> str | None:
    """The turns are those of the parts, in their order, and each answer stands by itself.

    Args:
        row: whose ``messages`` hold the conversation.
        parts: of each exchange the ``instruction``, the ``response`` and its ``ground``; the
            ``evidence``, where it is not that of the row; and of later ones the ``opening``, what
            stands before the question.
    """
    turns = [turn for turn in row.messages if turn.role != "system"]
    if len(parts) < 2 or len(turns) != 2 * len(parts):
        return "The conversation has other turns than its parts."
    if row.response != parts[0]["response"] or row.instruction != parts[0]["instruction"]:
        return "The row's instruction and response are not the first turns."
    for number, part in enumerate(parts):
        asked, answered = turns[2 * number], turns[2 * number + 1]
        opening = part.get("opening", "")
        question = f"{opening} {part['instruction']}".strip() if number else row.asked
        said = (asked.role, asked.content, answered.role, answered.content)
        if said != ("user", question, "assistant", part["response"]):
            return f"Exchange {number + 1} is another than was made."
        alone = row.replace(
            instruction=part["instruction"],
            response=part["response"],
            messages=(),
            provenance={"response": {"ground": part["ground"]}},
            extra=with_evidence(row, part),
        )
        kind, against = stands(alone)
        if kind is None or against is not None:
            return f"Answer {number + 1} stands on nothing. {against or ''}".strip()
    return None
