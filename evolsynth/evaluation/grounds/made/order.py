"""Events stand in the order of their years in the text, steps in the order of the text."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.stated.sequences import events, steps
from evolsynth.rows import Row

__all__ = ["lettered", "order", "ordered"]

_LETTERS = "ABCDEFGH"


def lettered(lines: Sequence[str]) -> str:
    """Lines with a letter in front of each."""
    return "\n".join(f"{letter}. {line}" for letter, line in zip(_LETTERS, lines, strict=False))


def ordered(mixed: Sequence[str], right: Sequence[str]) -> dict[str, str]:
    """The slots of a wording and its answer for mixed lines that have a right order.

    Raises:
        ValueError: a line is not among those in order.
    """
    places = sorted(range(len(mixed)), key=lambda i: right.index(mixed[i]))
    return {
        "lines": lettered(mixed),
        "letters": ", ".join(_LETTERS[i] for i in places),
        "sorted": "\n".join(f"{n}. {mixed[i]}" for n, i in enumerate(places, 1)),
    }


@ground("order")
def order(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    lines: Sequence[str],
    by: str,
    title: str = "",
) -> str | None:
    """The order of the lines is found in the row's text again."""
    text = row.input or ""
    right = [event.told for event in events(text)] if by == "time" else steps(text)
    if len(set(lines)) != len(lines) or not set(lines) <= set(right):
        return "The text gives no order for these lines."
    if by != "time" and len(lines) != len(right):
        return "The text has more steps."
    values = ordered(lines, right)
    if answer not in (values["letters"], values["sorted"]):
        return "The text gives another order."
    return differs(row, wording, form, answer, {**values, "title": title})
