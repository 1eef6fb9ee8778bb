"""Regular expressions for dates, numbers and what they measure. For English."""

from __future__ import annotations

import re

__all__ = [
    "AGE",
    "AMOUNT",
    "DATE",
    "DAY",
    "DEGREES",
    "LENGTH",
    "MASS",
    "MONTH",
    "NUMBER",
    "TIME",
    "YEAR",
]

MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
YEAR = r"(?:1[0-9]|20)\d\d"
DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SMALL = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
NUMBER = (
    r"(?:\d+(?:[.,]\d+)*|(?:a |one )?(?:hundred|thousand|million|billion)"
    rf"|(?:{_SMALL})(?:-[a-z]+)?)"
    r"(?: (?:hundred|thousand|million|billion))*(?: and a half)?"
)
_ABOUT = (
    r"(?:(?:only )?(?:up to|at least|at most|more than|less than|fewer than|about|around|almost"
    r"|nearly|over|roughly|only|just under|just over) )"
)
AMOUNT = rf"{_ABOUT}?{NUMBER}(?: (?:to|or) {NUMBER})?"
TIME = (
    r"(?:(?:working |school |calendar )?(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?"
    r"|years?|decades?|centuries))"
)
LENGTH = r"(?:(?:milli|centi|kilo)?met(?:re|er)s?|miles?|feet|foot|inch(?:es)?|yards?|mm|cm|km|m)"
MASS = r"(?:(?:milli|kilo)?grams?|(?:milli|kilo)?grammes?|tonnes?|tons?|pounds?|ounces?|kg|g|mg)"
DEGREES = r"(?:degrees(?: (?:Celsius|Fahrenheit))?|\u00b0 ?[CF])"
DATE = re.compile(
    rf"on (?P<answer>(?:{DAY},? )?(?:\d{{1,2}} (?:{MONTH})|(?:{MONTH}) \d{{1,2}})"
    rf"(?:,? {YEAR})?)"
)
AGE = re.compile(rf"at the age of {AMOUNT}")
