"""Facts of a request that a paraphrase must not change: numbers, names, quotations, code, options.

Numbers are exact fractions, whatever way they are written: "12", "twelve", "a dozen"; "50%",
"half", "1/2"; "half an hour", "30 minutes".
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from evolsynth.evaluation.words import clauses, content, plain, words

__all__ = ["Number", "Place", "code", "implied", "names", "numbers", "options", "quotations"]


class Place(NamedTuple):
    """A piece of a text: ``text[start:end]``."""

    text: str
    start: int
    end: int


class Number(NamedTuple):
    """A number and its place.

    ``values`` holds the value as written, then its equivalents in smaller units; ``counted`` is
    the stem of the next word of content.
    """

    text: str
    start: int
    end: int
    values: tuple[Fraction, ...]
    counted: str
    ordinal: bool = False


_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {w: i for i, w in enumerate(_UNITS.split())} | {
    w: 10 * i for i, w in enumerate(_TENS.split(), 2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "dozen": 12}
_MULTIPLES = {
    "twice": 2, "double": 2, "doubles": 2, "doubled": 2, "doubling": 2, "couple": 2, "pair": 2,
    "thrice": 3, "triple": 3, "triples": 3, "tripled": 3, "quadruple": 4, "quadrupled": 4,
    "decade": 10, "century": 100, "dozen": 12, "dozens": 12,
}  # fmt: skip
_PARTS = {
    "half": 2, "halves": 2, "halved": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4,
    "fourth": 4, "fourths": 4, "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7,
    "eighth": 8, "eighths": 8, "ninth": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "twentieth": 20,
}  # fmt: skip
_SMALLER = {
    "minute": 60, "hour": 60, "day": 24, "week": 7, "year": 12, "decade": 10, "century": 100,
    "dozen": 12, "foot": 12, "feet": 12, "dollar": 100, "meter": 100, "metre": 100, "m": 100,
    "kilogram": 1000, "kg": 1000, "km": 1000, "kilometer": 1000, "liter": 1000, "litre": 1000,
}  # fmt: skip
#: Python refuses to read integers of more than 4300 digits; nobody writes such a fact.
_LONGEST = 1000
_ONE_UNIT = re.compile(rf"\b(?:an?|one)(?=\s(?:{'|'.join(_SMALLER)})\b)", re.I)
_LETTERS = {"k": 1000, "m": 10**6}

_DIGITS = re.compile(
    r"(?<![\w.])(?P<sign>-(?=\.?\d))?(?P<money>[$€£]\s?)?"
    r"(?=\.?\d)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<point>\.\d+)?(?P<exp>e-?\d+)?"
    r"(?:(?P<ordinal>st|nd|rd|th)\b|(?:\s+(?P<top2>\d+))?/(?P<bottom>\d+)(?![\d/])"
    r"|(?P<letter>k)\b|(?P<percent>\s?%|\s?percent\b))?",
    re.I,
)
_DATE = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}")
_MARKER = re.compile(r"(?m)^[ ]*(?:\d{1,2}[.)]|\(\d{1,2}\))(?=\s)")


def numbers(text: str) -> list[Number]:
    """All numbers in order of their place, in digits or words; list markers are left out.

    A bare "one" is a pronoun as often as a number, and is left out too.
    """
    flat = plain(text)
    flat = _MARKER.sub(lambda m: " " * len(m.group()), flat)
    flat = _DATE.sub(lambda m: m.group().replace("/", " "), flat)
    found = [n for m in _DIGITS.finditer(flat) if (n := _from_digits(flat, m)) is not None]
    return sorted(found + _from_words(flat), key=lambda n: n.start)


def implied(text: str) -> list[Number]:
    """What "an hour" or "one week" says in smaller units: 60 minutes, 7 days.

    Kept apart from `numbers`, because most articles count nothing.
    """
    flat = plain(text)
    return [
        _number(flat, m.start(), m.end(), Fraction(1), percent=False)
        for m in _ONE_UNIT.finditer(flat)
    ]


def _from_digits(flat: str, match: re.Match[str]) -> Number | None:
    if len(match.group()) > _LONGEST:
        return None
    value = Fraction((match["whole"] or "0").replace(",", "") + (match["point"] or ""))
    if match["exp"] and len(match["exp"]) < 5:
        value *= Fraction(10) ** int(match["exp"][1:])
    if match["bottom"]:
        bottom = int(match["bottom"]) or 1
        value = value + Fraction(int(match["top2"]), bottom) if match["top2"] else value / bottom
    if match["letter"]:
        value *= _LETTERS["k"]
    if match["sign"]:
        value = -value
    return _number(flat, match.start(), match.end(), value, bool(match["percent"]))


def _from_words(flat: str) -> list[Number]:
    tokens = [(w.text.casefold(), w.start, w.end) for w in words(flat)]
    found: list[Number] = []
    i = 0
    while i < len(tokens):
        value, used = _read(flat, tokens, i)
        if value is not None:
            start, end = tokens[i][1], tokens[i + used - 1][2]
            percent = bool(re.match(r"\s?(?:%|percent\b)", flat[end:]))
            found.append(_number(flat, start, end, value, percent))
        i += used
    return found


def _read(flat: str, tokens: list[tuple[str, int, int]], i: int) -> tuple[Fraction | None, int]:
    """The number that begins at token i, if any, and how many tokens it (or the word) takes."""
    word = tokens[i][0]
    following = tokens[i + 1][0] if i + 1 < len(tokens) else ""
    if word in _SMALL:
        return _cardinal(tokens, i, following)
    if word in ("a", "an"):
        if following in _SCALES and following != "dozen":
            return Fraction(_SCALES[following]), 2
        if following in _PARTS and following not in ("second", "half"):
            return Fraction(1, _PARTS[following]), 2
        return None, 1
    if word in ("half", "halves", "halved", "quarter", "quarters"):
        return Fraction(1, _PARTS[word]), 1
    if word in _MULTIPLES:
        return Fraction(_MULTIPLES[word]), 1
    if word in _ORDINALS and i > 0 and flat[tokens[i][2] : tokens[i][2] + 1] != ",":
        return Fraction(_ORDINALS[word]), 1
    return None, 1


def _cardinal(
    tokens: list[tuple[str, int, int]], i: int, following: str
) -> tuple[Fraction | None, int]:
    total, current, j = 0, 0, i
    while j < len(tokens):
        word = tokens[j][0]
        joined = j > i and word == "and" and j + 1 < len(tokens) and current >= 100
        if word in _SMALL and (j == i or _extends(total + current, _SMALL[word])):
            current += _SMALL[word]
        elif word in _SCALES and j > i:
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0
        elif not (joined and tokens[j + 1][0] in _SMALL):
            break
        j += 1
    value, used = Fraction(total + current), j - i
    if j < len(tokens) and tokens[j][0] in _PARTS and tokens[j][0] != "second":
        return value / _PARTS[tokens[j][0]], used + 1
    if value == 1:
        return None, used
    return value, used


def _extends(current: int, small: int) -> bool:
    """Whether a small number goes on with one begun: "twenty" by "one", not "two" by "ten"."""
    room = 100 if current % 100 == 0 else 10 if current % 10 == 0 else 0
    return current > 0 and small < room


def _number(flat: str, start: int, end: int, value: Fraction, percent: bool) -> Number:
    after = re.split(r"[.,;:!?](?:\s|$)|\n", flat[end : end + 40])[0]
    counted = next((w.stem for w in content(after)), "")
    ordinal = bool(re.search(r"(?:st|nd|rd|th)$|^[a-z]+$", flat[start:end], re.I)) and (
        flat[start:end].casefold() in _ORDINALS or flat[start].isdigit()
    )
    values = [value]
    if percent:
        values.append(value / 100)
    for unit, factor in _SMALLER.items():
        if counted and counted in (unit, unit[:-1] if unit.endswith("e") else unit):
            values.append(value * factor)
    return Number(flat[start:end], start, end, tuple(dict.fromkeys(values)), counted, ordinal)


_NAME = re.compile(r"\b[A-Z][\w&]*(?:['-][A-Z]\w*)*(?:\s+(?:of\s+|the\s+|de\s+)?[A-Z][\w&]*)*")


def names(text: str) -> list[Place]:
    """Capitalised words and runs of them, except at the beginning of a clause.

    A clause in capitals says nothing about names, and gives none.
    """
    flat = plain(text)
    found: list[Place] = []
    for start, end in clauses(flat):
        part = [w for w in words(flat[start:end]) if w.text[0].isalpha()]
        if len(part) > 5 and sum(w.text.isupper() for w in part) > 0.8 * len(part):
            continue
        for match in _NAME.finditer(flat, start, end):
            first = match.start() if not _opens(flat, match.start()) else _second(match)
            if first is not None and flat[first : match.end()] not in ("I", "A", "OK"):
                found.append(Place(flat[first : match.end()], first, match.end()))
    return found


def _opens(flat: str, start: int) -> bool:
    before = flat[:start].rstrip(" \"'([*_#")
    return not before or before[-1] in ".!?:;\n-|>"


def _second(match: re.Match[str]) -> int | None:
    """Where the rest of a run begins whose first word opens the clause ("Visit New York")."""
    rest = re.search(r"\s+([A-Z])", match.group())
    return None if rest is None else match.start() + rest.start(1)


_QUOTED = re.compile(r'"([^"\n]{1,400}?)"|(?<![\w\'])\'([^\'\n]{2,80}?)\'(?!\w)')
_CODE = re.compile(
    r"```.*?```|`[^`\n]+`|https?://[^\s<>\"')\]]+|www\.[^\s<>\"')\]]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.]+\w"
    r"|</?[A-Za-z][^<>\n]{0,60}>|\b\w{1,60}\([\w, ]{0,60}\)|\b\w{1,60}_\w+\b",
    re.S,
)


def quotations(text: str) -> list[Place]:
    """What stands between quotation marks, without the marks."""
    flat = plain(text)
    found: list[Place] = []
    for match in _QUOTED.finditer(flat):
        group = 1 if match.group(1) is not None else 2
        if any(c.isalnum() for c in match.group(group)):
            found.append(Place(match.group(group), match.start(group), match.end(group)))
    return found


def code(text: str) -> list[Place]:
    """Code between backticks, URLs, addresses, tags, calls and snake_case names."""
    return [Place(m.group(), m.start(), m.end()) for m in _CODE.finditer(plain(text))]


_ITEM = r"[^\s,;:.!?()\n]{1,40}(?: [^\s,;:.!?()\n]{1,40}){0,2}"
_OPTIONS = re.compile(
    rf"(?<![^\s(:])(?P<head>{_ITEM}(?:, {_ITEM}){{1,20}}),? or (?P<last>[^\s,;:.!?()\n]+)"
    r"|\b(?P<a>\w{1,40})/(?P<b>\w{1,40})(?:/(?P<c>\w{1,40}))?\b"
)


def options(text: str) -> list[Place]:
    """The items of an enumeration in running text ("positive, neutral or negative")."""
    flat = plain(text)
    found: list[Place] = []
    for match in _OPTIONS.finditer(flat):
        for group in ("last", "a", "b", "c"):
            if match[group]:
                found.append(Place(match[group], match.start(group), match.end(group)))
        if match["head"]:
            # the words before the first item belong to the sentence: only its last word is sure
            for piece in re.finditer(r"[^,]+", match["head"]):
                last = re.search(r"\S+$", piece.group())
                if last is not None:
                    at = match.start("head") + piece.start() + last.start()
                    found.append(Place(last.group(), at, at + len(last.group())))
    return [p for p in found if p.text[0].isalpha()]
