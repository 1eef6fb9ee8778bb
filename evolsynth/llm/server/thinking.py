"""What a thinking model thought, kept apart from what it answered."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Apart", "apart", "opens_thought"]

# Of the families that write their thoughts into the text: Qwen, DeepSeek, SmolLM3 and most others;
# Magistral and older fine-tunes; Seed-OSS.
_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
)
_OPENED = re.compile(rf"({'|'.join(re.escape(begin) for begin, _ in _TAGS)})\s*\Z")


class Apart(NamedTuple):
    """A text in two: what was thought, and what was answered. ``whole`` is False where the text
    ends inside its thought, so that there is no answer."""

    reasoning: str
    text: str
    whole: bool


def opens_thought(prompt: str) -> bool:
    """Whether a prompt ends where a thought begins, as some chat templates write it."""
    return _OPENED.search(prompt[-64:]) is not None


def apart(text: str, opened: bool = False) -> Apart:
    """Part a model's text into thought and answer.

    Args:
        text: what the model wrote.
        opened: whether the prompt had begun the thought already; see `opens_thought`.

    A text that does not begin with a thought is an answer as it stands. White space round either
    part is not kept, as templates put it there.
    """
    begun = text.lstrip()
    for begin, end in _TAGS:
        if begun.startswith(begin):
            thought, closed, answer = begun.removeprefix(begin).partition(end)
            return Apart(thought.strip(), answer.lstrip() if closed else "", bool(closed))
    if not opened:
        return Apart("", text, True)
    ends = [(at, end) for _, end in _TAGS if (at := text.find(end)) >= 0]
    if not ends:
        return Apart(text.strip(), "", False)
    at, end = min(ends)
    return Apart(text[:at].strip(), text[at + len(end) :].lstrip(), True)
