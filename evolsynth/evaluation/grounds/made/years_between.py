"""The years of two events of a text are found again, and their difference computed."""

from __future__ import annotations

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.stated.sequences import Event, events
from evolsynth.rows import Row

__all__ = ["apart", "years_between"]


def apart(first: Event, second: Event) -> dict[str, str]:
    """The slots of a wording and its answer for two events, the earlier one first."""
    return {
        "first": first.told.rstrip("."),
        "second": second.told.rstrip("."),
        "early": str(first.year),
        "late": str(second.year),
        "years": str(second.year - first.year),
    }


@ground("years_between")
def years_between(
    row: Row, *, wording: str, form: str, answer: str, first: str, second: str, title: str = ""
) -> str | None:
    """Both events are dated by the row's text, and the answer is the difference."""
    found = {event.told: event for event in events(row.input or "")}
    if first not in found or second not in found:
        return "The text does not date both events."
    values = apart(found[first], found[second])
    if answer != values["years"] or int(answer) <= 0:
        return "The difference is another."
    return differs(row, wording, form, answer, {**values, "title": title})
