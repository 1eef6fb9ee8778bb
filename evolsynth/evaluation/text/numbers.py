"""Numbers of a text, exact, whatever way they are written.

"12", "twelve", "a dozen"; "50%", "half", "1/2"; "half an hour", "30 minutes"; "1.2 million";
"the twenty-third", "9:00".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.words import (
    FUNCTION_WORDS,
    Word,
    content,
    plain,
    vocabulary,
    word_lists,
    words,
)

__all__ = ["COUNTS", "NUMBER_WORDS", "UNITS", "Number", "Unit", "equal", "implied", "numbers"]


class Unit(NamedTuple):
    """A unit of measure: what it measures and its size in the base unit of that."""

    dimension: str
    size: Fraction


_LISTS = word_lists(__file__, "numbers.txt")
#: Units by the words that people write, in lower case ("min", "minutes").
UNITS: Mapping[str, Unit] = {
    name: Unit(section.removeprefix("unit: "), Fraction(line.split()[0]))
    for section, lines in _LISTS.items()
    if section.startswith("unit: ")
    for line in lines
    for name in line.split()[1:]
}


class Number(NamedTuple):
    """A number and its place.

    ``values`` holds the value as written, then, for a percentage, the share; ``counted`` is the
    stem of the next word of content; ``unit`` and ``measure`` are the dimension and the value in
    its base unit, where a unit follows.
    """

    text: str
    start: int
    end: int
    values: tuple[Fraction, ...]
    counted: str
    ordinal: bool = False
    unit: str = ""
    measure: Fraction | None = None


def _values(section: str) -> dict[str, int]:
    """The numbers of a list, by the words for them."""
    lines = [line.split() for line in _LISTS[section]]
    return {word: int(value) for value, *some in lines for word in some}


_SMALL, _SCALES = _values("cardinals"), _values("scales")
_MULTIPLES, _PARTS, _ORDINALS = _values("multiples"), _values("parts"), _values("ordinals")
#: The numbers that people spell out when they count things, one to ninety.
COUNTS: Mapping[str, int] = {word: number for word, number in _SMALL.items() if number}
#: Every word that `numbers` may take for a number or a part of one, and some that it does not.
NUMBER_WORDS = vocabulary(" ".join(_LISTS["other number words"])).union(
    _SMALL, _SCALES, _MULTIPLES, _PARTS, _ORDINALS
)
_GLYPHS = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅕": "1/5", "⅛": "1/8"}
_MONEY = {"$": "dollars", "€": "euros", "£": "pounds"}
#: Python refuses to read integers of more than 4300 digits; nobody writes such a fact.
_LONGEST = 1000

_DIGITS = re.compile(
    r"(?<![\w.])(?P<sign>(?:-|minus )(?=\.?\d))?(?P<money>[$€£]\s?)?"
    r"(?:(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]\d)(?![\d:])|"
    r"(?=\.?\d|[½¼¾⅓⅔⅕⅛])(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?P<point>\.\d+)?"
    r"(?P<glyph>\s?[½¼¾⅓⅔⅕⅛])?(?P<exp>e-?\d+)?"
    r"(?:(?P<ordinal>st|nd|rd|th)\b|(?:\s+(?P<top2>\d+))?/(?P<bottom>\d+)(?![\d/])"
    r"|(?P<letter>k)\b|(?P<percent>\s?%|\s?per ?cent\b)"
    r"|\s{1,3}(?P<scale>hundred|thousand|million|billion)\b)?)",
    re.I,
)
#: Without one of these there is no number in digits.
_DIGIT = re.compile(r"[\d½¼¾⅓⅔⅕⅛]")
_DATE = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}")
#: Emphasis within a number: "1.2 **million**".
_BOLD = re.compile(r"\*\*(?=[^\W\d])|(?<=[^\W\d])\*\*")
#: "7:13" is a ratio unless something says that it is a time.
_RATIO = re.compile(
    r"(?<!\bat )(?<!\bby )(?<!\bfrom )(?<!\buntil )(?<!\bbefore )(?<!\bafter )(?<!\bbetween )"
    r"(?<!\band )(?<!- )"
    r"\b(\d{1,2})[:\u2236](?!00)(\d{1,3})\b(?!\s?(?:am|pm|a\.m|p\.m|o'clock|h\b|-| -))",
    re.I,
)
_MARKER = re.compile(r"(?m)^[ ]*(?:\d{1,2}[.)]|\(\d{1,2}\))(?=\s)|\(\d{1,2}\)(?=\s)")
_UNIT = re.compile(
    r"\s?-?\s?(?:(?:full|whole|of an?|an?|of)\s+)?(?P<square>square |cubic )?(?P<unit>[a-z]+)", re.I
)
#: Units written in full; abbreviations and "per cent" are something else.
_NAMES = "|".join(u for u in UNITS if len(u) > 4 or u in ("day", "week", "year", "hour", "foot"))
_ONE_UNIT = re.compile(
    rf"\b(?:an?|one|per|every|each|whole|single)(?: (?:whole|full|single))?"
    rf"\s(?P<unit>{_NAMES})\b(?P<half> and a half\b)?",
    re.I,
)
_AND_A_HALF = re.compile(r"(?:\s[a-z]+)?\sand a half\b", re.I)


def numbers(text: str) -> list[Number]:
    """All numbers in order of their place, in digits or words; list markers are left out.

    A bare "one" is a pronoun as often as a number, and is left out too.
    """
    flat = plain(text if text.isascii() else _PARTS_THOUSANDS.sub(",", text))
    digits = _DIGIT.search(flat) is not None
    if digits:
        flat = _MARKER.sub(lambda m: " " * len(m.group()), flat)
    if "**" in flat:
        flat = _BOLD.sub("  ", flat)
    if "/" in flat:
        flat = _DATE.sub(lambda m: m.group().replace("/", " "), flat)
    if ":" in flat or "\u2236" in flat:
        flat = _RATIO.sub(r"\1 \2", flat)
    figures = _DIGITS.finditer(flat) if digits else ()
    found = [n for m in figures if (n := _from_digits(flat, m)) is not None]
    taken = {place for n in found for place in range(n.start, n.end)}
    if "and a half" in flat:
        taken.update(p for m in _ONE_UNIT.finditer(flat) if m["half"] for p in range(*m.span()))
    spoken = [n for n in _from_words(flat) if n.start not in taken]
    return _joined(flat, sorted(found + spoken, key=lambda n: n.start))


#: No-break and thin spaces between digits part thousands; a plain space parts words.
_PARTS_THOUSANDS = re.compile("(?<=\\d)[\u00a0\u202f\u2009](?=\\d{3})")


def _joined(flat: str, found: Sequence[Number]) -> list[Number]:
    """ "Two and a half", "a quarter of a century", "half a dozen": two numbers that are one."""
    made: list[Number] = []
    half = Fraction(1, 2)
    for number in found:
        if made:
            start, last, value = made[-1].start, made[-1].end, made[-1].values[0]
            if number.values[0] == half and _AND_A_HALF.fullmatch(flat, last, number.end):
                end = number.end if flat[last : number.start].strip() == "and a" else last
                made[-1] = _number(flat, start, end, value + half)
                continue
            if value < 1 and number.text.casefold() == "dozen":
                made[-1] = _number(flat, start, number.end, value * 12)
                continue
        made.append(number)
    return made


def implied(text: str) -> list[Number]:
    """What "an hour" or "one week" says: 1 hour.

    Kept apart from `numbers`, because most articles count nothing.
    """
    found = []
    for m in _ONE_UNIT.finditer(plain(text)):
        value = Fraction(3, 2) if m["half"] else Fraction(1)
        unit, counted = UNITS[m["unit"].casefold()], _first(m["unit"])
        size = value * unit.size
        found.append(Number(m.group(), *m.span(), (value,), counted, False, unit.dimension, size))
    return found


def equal(one: Number, other: Number) -> bool:
    """Whether two numbers say the same: the same value, share, or measure in other units."""
    if any(value in other.values for value in one.values):
        return True
    same = one.measure is not None and one.measure == other.measure
    return same and one.unit == other.unit


def _from_digits(flat: str, match: re.Match[str]) -> Number | None:
    if len(match.group()) > _LONGEST:
        return None
    if match["hours"]:
        value = int(match["hours"]) + Fraction(int(match["minutes"]), 60)
        return Number(match.group(), *match.span(), (value,), "", unit="clock", measure=value)
    value = _value((match["whole"] or "0").replace(",", ""), match["point"] or "")
    if match["exp"] and len(match["exp"]) < 5:
        value *= Fraction(10) ** int(match["exp"][1:])
    if match["glyph"]:
        value += Fraction(_GLYPHS[match["glyph"].strip()])
    if match["bottom"]:
        bottom = int(match["bottom"]) or 1
        value = value + Fraction(int(match["top2"]), bottom) if match["top2"] else value / bottom
    if match["letter"]:
        value *= 1000
    if match["scale"]:
        value *= _SCALES[match["scale"].casefold()]
    if match["sign"]:
        value = -value
    money = _MONEY[match["money"].strip()] if match["money"] else ""
    percent, ordinal = bool(match["percent"]), bool(match["ordinal"])
    return _number(flat, *match.span(), value, money, percent=percent, ordinal=ordinal)


@lru_cache(maxsize=4096)
def _value(whole: str, point: str) -> Fraction:
    return Fraction(whole + point) if point else Fraction(int(whole))


def _from_words(flat: str) -> list[Number]:
    tokens = words(flat)
    found: list[Number] = []
    past = 0
    for i in [i for i, word in enumerate(tokens) if word.lower in _FIRST]:
        if i < past:
            continue
        value, used, ordinal = _read(flat, tokens, i)
        if value is not None:
            start, end = tokens[i].start, tokens[i + used - 1].end
            percent = bool(_PER_CENT.match(flat, end))
            number = _number(flat, start, end, value, percent=percent, ordinal=ordinal)
            found.append(_perhaps_ordinal(flat, tokens, i, used, number))
        past = i + used
    return found


def _perhaps_ordinal(
    flat: str, tokens: Sequence[Word], i: int, used: int, number: Number
) -> Number:
    """ "A third attempt" is a third one, or the third: with both values."""
    if used != 2 or i + 2 >= len(tokens) or tokens[i].lower not in ("a", "an"):
        return number
    place, after = _ORDINALS.get(tokens[i + 1].lower, 0), tokens[i + 2]
    if place < 3 or after.lower in FUNCTION_WORDS or flat[number.end : after.start] != " ":
        return number
    return number._replace(values=(*number.values, Fraction(place)))


_PER_CENT = re.compile(r"\s?(?:%|per ?cent\b)")
#: The words that a number in words begins with.
_FIRST = frozenset((*_SMALL, "a", "an", *_PARTS, *_MULTIPLES, *_ORDINALS))


def _read(flat: str, tokens: Sequence[Word], i: int) -> tuple[Fraction | None, int, bool]:
    """The number that begins at token i, if any, how many tokens it (or the word) takes, and
    whether it is an ordinal."""
    word = tokens[i].lower
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    if word in _SMALL:
        return _cardinal(flat, tokens, i)
    if word in ("a", "an"):
        if following in _SCALES and following != "dozen":
            return Fraction(_SCALES[following]), 2, False
        if following in _PARTS and following not in ("second", "half"):
            return Fraction(1, _PARTS[following]), 2, False
        return None, 1, False
    if word in ("half", "halves", "halved", "quarter", "quarters"):
        return Fraction(1, _PARTS[word]), 1, False
    if word in _MULTIPLES:
        return Fraction(_MULTIPLES[word]), 1, False
    opens = i == 0 or flat[tokens[i].end : tokens[i].end + 1] == ","  # "First, ..." counts nothing
    if word in _ORDINALS and not opens and not _is_unit(flat, tokens, i):
        return Fraction(_ORDINALS[word]), 1, True
    return None, 1, False


def _is_unit(flat: str, tokens: Sequence[Word], i: int) -> bool:
    """Whether "second" measures time, as in "a 30 second film"."""
    if tokens[i].lower != "second":
        return False
    before = tokens[i - 1]
    counted = before.lower.isdecimal() or before.lower in _SMALL
    return counted and flat[before.end : tokens[i].start] in (" ", "-")


def _cardinal(flat: str, tokens: Sequence[Word], i: int) -> tuple[Fraction | None, int, bool]:
    total, current, j = 0, 0, i
    while j < len(tokens):
        word = tokens[j].lower
        joined = j > i and word == "and" and j + 1 < len(tokens) and current >= 100
        if word in _SMALL and (j == i or _extends(total + current, _SMALL[word])):
            current += _SMALL[word]
        elif word in _SCALES and j > i:
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0
        elif not (joined and tokens[j + 1].lower in _SMALL):
            break
        j += 1
    value, used = Fraction(total + current), j - i
    if j < len(tokens):
        after = tokens[j].lower
        hyphen = flat[tokens[j - 1].end : tokens[j].start] == "-"
        if hyphen and after in _ORDINALS and value >= 20 and value % 10 == 0:
            return value + _ORDINALS[after], used + 1, True
        if after in _PARTS and after != "second":
            return value / _PARTS[after], used + 1, False
    return None if value == 1 else value, used, False


def _extends(current: int, small: int) -> bool:
    """Whether a small number goes on with one begun: "twenty" by "one", not "two" by "ten"."""
    room = 100 if current % 100 == 0 else 10 if current % 10 == 0 else 0
    return current > 0 and small < room


_BREAK = re.compile(r"[.,;:!?](?:\s|$)|\n")


def _number(
    flat: str,
    start: int,
    end: int,
    value: Fraction,
    money: str = "",
    *,
    percent: bool = False,
    ordinal: bool = False,
) -> Number:
    counted, unit, size = _counted(flat[end : end + 40])
    values = (value, value / 100) if percent else (value,)
    dimension, measure = "", None
    if money:
        dimension, measure = money, value * 100
    elif unit and not percent and not ordinal:
        dimension, measure = unit, value * size
    return Number(flat[start:end], start, end, values, counted, ordinal, dimension, measure)


def _first(text: str) -> str:
    """The stem of the first word that carries content; empty where there is none."""
    return next((word.stem for word in content(text)), "")


@lru_cache(maxsize=8192)
def _counted(after: str) -> tuple[str, str, Fraction]:
    """What the text after a number says it counts: the stem of the first word of content, and
    the unit's dimension and size, where a unit follows."""
    after = _BREAK.split(after, maxsplit=1)[0]
    counted = _first(after)
    unit = _UNIT.match(after)
    known = UNITS.get(unit["unit"].casefold()) if unit else None
    if known is None or unit is None:
        return counted, "", Fraction(0)
    square = unit["square"] or ""
    power = {"square ": 2, "cubic ": 3}.get(square.casefold(), 1)
    return counted, square + known.dimension, Fraction(known.size) ** power
