"""What a text has in a certain order: dated events, numbered steps, steps told one by one.

For English, but for numbered lists.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.evaluation.text.stated.dates import dated
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.evaluation.text.stated.standing import stands_alone
from evolsynth.evaluation.text.stated.verb_forms import is_command

__all__ = ["Event", "events", "steps"]


class Event(NamedTuple):
    """What happened, without its time, and when: a sentence's own words."""

    told: str
    year: int
    sentence: str


def events(text: str) -> list[Event]:
    """The events of a text that one sentence dates by a year, each of another year, by time."""
    found: dict[int, Event] = {}
    twice: set[int] = set()
    for start, end in sentence_places(text):
        sentence = text[start:end]
        clause = clause_of(sentence, text) if stands_alone(sentence) else None
        when = dated(clause) if clause else None
        if when is None or when.year is None:
            continue
        if when.year in found:
            twice.add(when.year)
        told = when.clause.told
        found[when.year] = Event(f"{told[0].upper()}{told[1:]}.", when.year, sentence)
    return [found[year] for year in sorted(found) if year not in twice]


_MARKED = re.compile(r"\d{1,2}[.)]")
_SERIES = re.compile(
    r"\b(?:in order|fixed order|set order|by these steps|(?:in )?(?:\w+ )?(?:steps|stages|phases)"
    r"(?: [\w' ]{2,40})?): (?P<steps>[^:;.()]+)\.$"
)


def steps(text: str) -> list[str]:
    """The steps of a text's numbered list, or of one sentence that lists them, in order.

    Nothing where there are fewer than three of them, or some are long or alike.
    """
    numbered: dict[int, list[str]] = {}
    for block in blocks(text):
        if block.kind == "item" and block.level == 1 and _MARKED.fullmatch(block.mark):
            numbered.setdefault(block.group, []).append(block.said)
    for some in numbered.values():
        if _fit(some) and all(is_command(step) for step in some):
            return some
    for start, end in sentence_places(text):
        told = _SERIES.search(text[start:end])
        if told and _fit(some := _parts(told["steps"])):
            return some
    return []


def _fit(some: list[str]) -> bool:
    return 3 <= len(some) <= 8 and len(set(some)) == len(some) and max(map(len, some)) <= 160


_LOOSE = re.compile(r"(?:it|they|he|she|only|then|finally|this|which|who)\b", re.I)


def _parts(listed: str) -> list[str]:
    """The parts of "the wool is washed, it is carded, and it is spun"."""
    head, _, last = listed.rpartition(" and ")
    parts = [part.strip() for part in (*head.rstrip(",").split(","), last) if part.strip()]
    loose = any(len(part.split()) < 3 or _LOOSE.match(part) for part in parts)
    if len(parts) < 3 or loose or " and " in last:
        return []
    return [f"{part[0].upper()}{part[1:]}" for part in parts]
