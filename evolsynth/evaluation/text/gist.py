"""What tells a row's task from others, in short: what a map or a figure of variety reads."""

from __future__ import annotations

from evolsynth.evaluation.text import looked_at
from evolsynth.evaluation.text.words import content
from evolsynth.rows import Row

__all__ = ["SHOWN", "gist"]

#: Characters of an input that stand for it beside its instruction: about as many as that has.
SHOWN = 80


def gist(row: Row) -> str:
    """The instruction, and behind it the beginning of its input where it does not name its subject;
    of a conversation without one, of what the user says later on.

    "Give the passage a title." says nothing of what the passage is about, so with sixty passages it
    would be one task. "Who built the clock?" names the clock of its text: with the beginning of
    that, ten questions about one text would be nearly one. Empty where there is no instruction.
    """
    text = row.instruction or ""
    around = row.beside or row.around
    if not around:
        return text
    about = {word.stem for word in content(looked_at(around))}
    if any(word.stem in about for word in content(text)):
        return text
    begun = " ".join(around[: 4 * SHOWN].split())
    if len(begun) > SHOWN:
        begun = begun[:SHOWN].rpartition(" ")[0] or begun[:SHOWN]
    return f"{text} {begun}".strip()
