"""The parts of a text under its headings."""

from __future__ import annotations

from typing import NamedTuple

from evolsynth.evaluation.text.blocks import blocks

__all__ = ["Section", "sections"]


class Section(NamedTuple):
    """A heading, and what stands under it up to the next one."""

    heading: str
    text: str


def sections(text: str) -> list[Section]:
    """The parts of a text that have a heading and something under it, in order.

    What stands before the first heading is none, and neither is a heading over others alone.
    """
    found: list[Section] = []
    heading, start, end = "", 0, 0
    for block in blocks(text):
        if block.kind != "heading":
            start, end = (block.start if start == end else start), block.end
            continue
        if heading and start < end:
            found.append(Section(heading, _whole(text, start, end)))
        heading, start, end = block.said, 0, 0
    if heading and start < end:
        found.append(Section(heading, _whole(text, start, end)))
    return found


def _whole(text: str, start: int, end: int) -> str:
    """A part with the mark in front of its first item."""
    return text[text.rfind("\n", 0, start) + 1 : end].strip()
