"""Measures in other units, where the factor is a whole number and the result exact. For English."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from evolsynth.evaluation.text.numbers import UNITS

__all__ = ["Measure", "converted", "measured"]

#: Into what each unit is converted: the next smaller one, or the next greater one.
_OTHER = {
    "kilometres": ("metres",), "kilometers": ("meters",), "metres": ("centimetres", "kilometres"),
    "meters": ("centimeters", "kilometers"), "centimetres": ("millimetres", "metres"),
    "centimeters": ("millimeters", "meters"), "millimetres": ("centimetres",),
    "kilograms": ("grams", "tonnes"), "grams": ("kilograms",), "tonnes": ("kilograms",),
    "litres": ("millilitres",), "liters": ("milliliters",), "millilitres": ("litres",),
    "hours": ("minutes", "days"), "minutes": ("seconds", "hours"), "seconds": ("minutes",),
    "days": ("hours", "weeks"), "weeks": ("days",), "years": ("months",), "months": ("years",),
}  # fmt: skip
#: Up to what number a unit is converted into a smaller one: nobody wants a voyage in centimetres.
_MOST = {
    "kilometres": 100, "kilometers": 100, "metres": 20, "meters": 20, "centimetres": 100,
    "centimeters": 100, "kilograms": 100, "tonnes": 100, "litres": 100, "liters": 100,
    "hours": 72, "minutes": 60, "days": 10, "weeks": 60, "years": 20,
}  # fmt: skip
_MEASURE = re.compile(
    rf"(?<![\w.,$€£/–-])(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)"
    rf" (?P<unit>{'|'.join(_OTHER)})\b(?! (?:and|per|a|an)\b)"
)
_PART = re.compile(r"(?:\d|\b(?:to|by|and|or|between|from|x|minus|than a?))\s$")


class Measure(NamedTuple):
    """A number with its unit, and where it stands in a sentence."""

    text: str
    number: Fraction
    unit: str
    start: int


def measured(sentence: str) -> list[Measure]:
    """The measures of a sentence in units of `converted`; no ends of ranges, no parts of sums."""
    found = []
    for match in _MEASURE.finditer(sentence):
        if not _PART.search(sentence[: match.start()]) and sentence.count(match.group()) == 1:
            number = Fraction(match["number"].replace(",", ""))
            found.append(Measure(match.group(), number, match["unit"], match.start()))
    return found


def converted(measure: Measure) -> list[tuple[str, str, str]]:
    """A measure in other units: the unit, the number and unit, and the calculation of it."""
    found = []
    for unit in _OTHER[measure.unit]:
        factor = UNITS[measure.unit].size / UNITS[unit].size
        result = measure.number * factor
        if not 2 <= result < 10**7 or (result * 1000).denominator != 1 or measure.number < 2:
            continue
        if (factor > 1 and measure.number > _MOST[measure.unit]) or (
            measure.number * 1000
        ).denominator != 1:
            continue
        if factor < 1 and (result * 4).denominator != 1:
            continue
        sign, by = ("x", factor) if factor > 1 else ("/", 1 / factor)
        sums = f"{_told(measure.number)} {sign} {_told(Fraction(by))} = {_told(result)} {unit}"
        found.append((unit, f"{_told(result)} {unit}", sums))
    return found


def _told(value: Fraction) -> str:
    whole = value.denominator == 1
    return f"{int(value):,}" if whole else f"{float(value):,.3f}".rstrip("0")
