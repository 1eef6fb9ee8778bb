"""Questions for when something was, how long it lasted, and how often it happens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.methods.grounded.asking.patterns import AMOUNT, DATE, DAY, MONTH, NUMBER, TIME, YEAR
from evolsynth.methods.grounded.asking.question import (
    Question,
    asked_of,
    found,
    of_kind,
    place_of,
    times,
)
from evolsynth.methods.grounded.said import Said, sentence_case

__all__ = ["date", "how_long", "which", "year"]


def _when(
    kind: str, said: Said, pattern: re.Pattern[str], openings: tuple[str, ...]
) -> Iterator[Question]:
    """Questions for a phrase of time. ``openings`` may hold the groups of the pattern."""
    hits = list(found(said, pattern))
    states = said.clause.verb.base == "be" and re.match(r"(?:an?|the) |$", said.core) is not None
    if len(hits) != 1 or states:
        return
    index, match = hits[0]
    groups = {name: value or "" for name, value in match.groupdict().items()}
    wordings = [said.ask(o.format(**groups), without=(index, *times(said))) for o in openings]
    yield from asked_of(kind, said, place_of(said, index, match), *wordings)


_IN_YEAR = re.compile(rf"in (?:the year )?(?P<answer>{YEAR}|\d{{1,4}} (?:BCE?|AD|CE))")
_SINCE = re.compile(rf"(?P<how>since|until|till|by) (?:the year )?(?P<answer>{YEAR})")


@of_kind("year")
def year(said: Said) -> Iterator[Question]:
    """In what year something happened."""
    yield from _when("year", said, _IN_YEAR, ("In what year", "In which year", "When"))
    hits = list(found(said, _SINCE))
    if len(hits) == 1 and not list(found(said, _IN_YEAR)):
        index, match = hits[0]
        how = sentence_case(match["how"])
        asked = [said.ask(f"{how} {w} year", without=(index,)) for w in ("what", "which")]
        yield from asked_of("year", said, place_of(said, index, match), *asked)


_MONTH_YEAR = re.compile(rf"in (?P<answer>(?:{MONTH}) {YEAR})")
_CLOCK = re.compile(
    r"at (?P<answer>\d{1,2}[:.]\d\d(?: ?[ap]\.?m\.?)?|\d{1,2} (?:[ap]\.?m\.?|o'clock)|noon"
    r"|midnight)"
)
_UNTIL = re.compile(
    rf"(?P<how>until|since) (?P<answer>(?:\d{{1,2}} (?:{MONTH})|(?:{MONTH}) \d{{1,2}})"
    rf"(?:,? {YEAR})?)"
)


@of_kind("date")
def date(said: Said) -> Iterator[Question]:
    """On what date, or at what time."""
    hits = list(found(said, _UNTIL))
    if len(hits) == 1:
        index, match = hits[0]
        asked = said.ask(f"{sentence_case(match['how'])} what date", without=(index,))
        yield from asked_of("date", said, place_of(said, index, match), asked)
    yield from _when("date", said, DATE, ("On what date", "When"))
    yield from _when("date", said, _MONTH_YEAR, ("When", "In which month and year"))
    yield from _when("date", said, _CLOCK, ("At what time",))


_CENTURY = re.compile(r"(?:in|during) (?P<answer>the (?:\d{1,2}(?:st|nd|rd|th)|[a-z]+th) century)")
_ONE_MONTH = re.compile(rf"(?P<prep>in|during) (?P<answer>{MONTH})")
_WEEKDAY = re.compile(rf"(?P<prep>on|every) (?P<answer>{DAY}s?)")
_SEASON = re.compile(r"in (?:the )?(?P<answer>(?:early |late )?(?:spring|summer|autumn|winter))")
_DECADE = re.compile(rf"in (?P<answer>the {YEAR[:-4]}\d0s)")


@of_kind("which")
def which(said: Said) -> Iterator[Question]:
    """Which century, decade, season, month or day."""
    yield from _when("which", said, _CENTURY, ("In which century", "In what century"))
    yield from _when("which", said, _DECADE, ("In which decade",))
    yield from _when("which", said, _ONE_MONTH, ("In which month", "In what month"))
    yield from _when("which", said, _SEASON, ("In which season", "At what time of year"))
    yield from _when("which", said, _WEEKDAY, ("On which day of the week",))


_FOR = re.compile(rf"for (?P<answer>{AMOUNT} {TIME})")
_AFTER = re.compile(rf"(?P<prep>within|after|in) (?P<answer>{AMOUNT} (?P<unit>{TIME}))")
_EVERY = re.compile(rf"(?P<answer>every (?:{NUMBER} )?{TIME})")
_LASTS = re.compile(rf"(?P<answer>{AMOUNT} {TIME})")


@of_kind("how_long")
def how_long(said: Said) -> Iterator[Question]:
    """For how long, after how long, how often."""
    yield from _when("how_long", said, _FOR, ("How long", "For how long"))
    yield from _when("how_long", said, _EVERY, ("How often",))
    hits = [hit for hit in found(said, _AFTER) if hit[1]["prep"] != "in"]
    if len(hits) == 1:
        index, match = hits[0]
        asked = said.ask(f"{sentence_case(match['prep'])} how many {_many(match['unit'])}",
                         without=(index,))  # fmt: skip
        yield from asked_of("how_long", said, place_of(said, index, match), asked)
    lasts = _LASTS.fullmatch(said.core)
    if lasts and said.clause.verb.base in ("last", "take", "live", "sleep"):
        answer = said.parts[0]
        yield from asked_of("how_long", said, answer, said.ask("How long", core=""))


def _many(unit: str) -> str:
    return unit if unit.endswith("s") or unit == "centuries" else f"{unit}s"
