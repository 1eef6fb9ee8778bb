"""A request without the demands on its form that stand in sentences of their own.

A small model that is told a rule often speaks of the rule. What it answers to the request alone is
mostly the better answer, and can be checked for the rule all the same.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.demands.found import demands_in

__all__ = ["request_alone"]

_ENDED = re.compile(r"(?:^|[.!?:][\"')\]*]*|\n)\s*\Z")
_ENDS = re.compile(r"[\"')\]*]*[.!?][\"')\]*]*(?=\s|\Z)|(?=\n|\Z)")


def request_alone(instruction: str) -> str:
    """The instruction without sentences that are a demand (`demands_in`); as it is, where none is
    one by itself, or nothing else is asked."""
    pieces: list[str] = []
    at = 0
    for found in sorted(demands_in(instruction), key=lambda one: one.start):
        end = _ENDS.match(instruction, found.end)
        whole = _ENDED.search(instruction[max(at, found.start - 20) : found.start])
        if found.start >= at and end is not None and (whole or found.start == at > 0):
            before, at = instruction[at : found.start].rstrip(" "), end.end()
            pieces.append(before.rstrip() if instruction[at : at + 1] in ("", "\n") else before)
    left = "".join([*pieces, instruction[at:]]).strip()
    return left if re.search(r"\w", left) else instruction
