"""Later turns of a conversation: what a user's next words must not be, and an answer's."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.duplicates.same_request import normalise
from evolsynth.evaluation.gate.checks.degenerate import (
    cut_off,
    empty,
    not_an_instruction,
    refusal,
    repetition,
    template_leak,
)
from evolsynth.evaluation.gate.checks.role import role_confusion, self_talk
from evolsynth.evaluation.text.words import content, plain
from evolsynth.findings import Finding
from evolsynth.rows import Message

__all__ = ["bad_turn", "turn_findings"]

_SAME = 0.8  # share of words of content from which a user's turn says an earlier one again


def turn_findings(turns: Sequence[Message], *, finish_reason: str | None = None) -> list[Finding]:
    """What is wrong with the last of ``turns``, by itself and in view of those before it.

    A user's turn may be shorter than a request that stands alone ("Why?"), but must not repeat an
    earlier one, answer, or speak as the assistant. ``finish_reason`` ``"length"`` says that the
    model was cut off.
    """
    last = turns[-1]
    flat = plain(last.content).strip()
    nothing = empty(flat)
    if nothing is not None:
        return [nothing]
    if last.role == "user":
        checks = [
            template_leak(flat, "instruction"),
            repetition(flat, "instruction"),
            cut_off(flat, "instruction", finish_reason),
            role_confusion(flat),
            not_an_instruction(flat),
        ]
    else:
        checks = [
            template_leak(flat, "response"),
            repetition(flat, "response"),
            cut_off(flat, "response", finish_reason),
            refusal(flat),
            self_talk(flat),
        ]
    checks.append(_said_before(turns))
    return [finding for finding in checks if finding is not None]


def bad_turn(messages: Sequence[Message]) -> Finding | None:
    """Found where a turn after the first question and its answer would be refused by itself.

    The first two are a row's instruction and response, which have checks of their own.
    """
    turns = [m for m in messages if m.role != "system"]
    for number in range(2, len(turns)):
        found = turn_findings(turns[: number + 1])
        if found:
            detail = {"turn": number + 1, "role": turns[number].role}
            return Finding("bad_turn", {**detail, "reasons": [f.code for f in found]})
    return None


def _said_before(turns: Sequence[Message]) -> Finding | None:
    """Found where the last turn is, nearly, an earlier one of the same speaker."""
    last = turns[-1]
    here = {w.stem for w in content(last.content)}
    for number, turn in enumerate(turns[:-1], 1):
        if turn.role != last.role:
            continue
        there = {w.stem for w in content(turn.content)}
        alike = len(here & there) >= _SAME * max(len(here | there), 1) and bool(here)
        if alike or normalise(turn.content) == normalise(last.content):
            return Finding("repeated_turn", {"turn": number})
    return None
