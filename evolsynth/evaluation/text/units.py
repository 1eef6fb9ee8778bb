"""Units of measure: which quantities are the same in other units."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

__all__ = ["UNITS", "Unit"]


class Unit(NamedTuple):
    """A unit by what it measures and its size in the base unit of that."""

    dimension: str
    size: Fraction


def _table(dimension: str, *lines: tuple[str, str]) -> dict[str, Unit]:
    return {
        name: Unit(dimension, Fraction(size)) for size, names in lines for name in names.split()
    }


#: By the words that people write, lower case. Feet and metres are different dimensions: nobody
#: restates one as the other exactly.
UNITS: Mapping[str, Unit] = {
    **_table(
        "time",
        ("1/1000", "ms millisecond milliseconds"),
        ("1", "s sec secs second seconds"),
        ("60", "min mins minute minutes"),
        ("3600", "h hr hrs hour hours"),
        ("86400", "day days"),
        ("604800", "week weeks"),
        ("1209600", "fortnight fortnights"),
    ),
    **_table(
        "calendar",
        ("1", "month months"),
        ("12", "year years yr yrs"),
        ("120", "decade decades"),
        ("1200", "century centuries"),
    ),
    **_table(
        "length",
        ("1", "mm millimetre millimetres millimeter millimeters"),
        ("10", "cm centimetre centimetres centimeter centimeters"),
        ("1000", "m metre metres meter meters"),
        ("1000000", "km kilometre kilometres kilometer kilometers"),
    ),
    **_table(
        "feet",
        ("1", "inch inches"),
        ("12", "ft foot feet"),
        ("36", "yd yard yards"),
        ("63360", "mi mile miles"),
    ),
    **_table(
        "mass",
        ("1", "mg milligram milligrams"),
        ("1000", "g gram grams gramme grammes"),
        ("1000000", "kg kilogram kilograms kilo kilos"),
        ("1000000000", "tonne tonnes"),
    ),
    **_table("ounces", ("1", "oz ounce ounces"), ("16", "lb lbs")),
    **_table(
        "volume",
        ("1", "ml millilitre millilitres milliliter milliliters"),
        ("10", "cl centilitre centilitres"),
        ("1000", "l litre litres liter liters"),
    ),
    **_table("pints", ("1", "pint pints"), ("2", "quart quarts"), ("8", "gallon gallons")),
    **_table("dollars", ("1", "cent cents"), ("100", "dollar dollars")),
    **_table("euros", ("100", "euro euros")),
    **_table("pounds", ("1", "penny pence"), ("100", "pound pounds")),
    **_table("data", ("1", "kb kilobyte kilobytes"), ("1000", "mb megabyte megabytes"),
             ("1000000", "gb gigabyte gigabytes"), ("1000000000", "tb terabyte terabytes")),
    **_table("items", ("12", "dozen dozens")),
}  # fmt: skip
