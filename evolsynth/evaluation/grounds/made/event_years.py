"""The years of several events are found in the text again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.stated.sequences import Event, events
from evolsynth.rows import Row

__all__ = ["event_years", "years_of"]


def years_of(some: Sequence[Event]) -> dict[str, str]:
    """The slots of a wording and its answer for some events, in the order given."""
    told = [event.told.rstrip(".") for event in some]
    return {
        "lines": "\n".join(f"{n}. {event}" for n, event in enumerate(told, 1)),
        "years": "\n".join(f"{n}. {event.year}" for n, event in enumerate(some, 1)),
        "dated": "\n".join(f"{e.year}: {event}" for e, event in zip(some, told, strict=True)),
        "json": json.dumps({str(n): event.year for n, event in enumerate(some, 1)}),
    }


@ground("event_years")
def event_years(
    row: Row, *, wording: str, form: str, answer: str, told: Sequence[str], title: str = ""
) -> str | None:
    """The row's text dates all of the events, and by these years."""
    known = {event.told: event for event in events(row.input or "")}
    if len(set(told)) < 2 or not set(told) <= set(known):
        return "The text does not date all of the events."
    values = years_of([known[event] for event in told])
    if answer not in (values["years"], values["dated"], values["json"]):
        return "The text gives other years."
    return differs(row, wording, form, answer, {**values, "title": title})
