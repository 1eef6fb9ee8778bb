"""What is written in signs: operators, sequences, and the units behind numbers.

"a >= b" became "a <= b", "[8, 5, 1]" became "[8, 1, 5]", "60 km/h" became "60 mph". Words have
synonyms, signs have none, so they are compared as they stand, but for the space around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.text.words import word_lists

__all__ = ["notation", "units"]

#: What a sign says that became another, a sequence in another order, and another unit.
_SIGN, _ORDER, _UNIT = 0.9, 0.9, 0.85

_LISTS = word_lists(__file__, "units.txt")
#: The unit (its group and number) by each way to write it, with spaces.
_UNITS = {
    name.replace("_", " "): (group, number)
    for group, lines in _LISTS.items()
    for number, line in enumerate(lines)
    for name in line.split()
}
_NAMES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_WRITTEN = re.compile(rf"[\s-]{{0,2}}(?P<unit>{_NAMES})(?!\w)", re.I)
_MONEY = {"$": "usd", "€": "eur", "£": "gbp"}


class _Written(NamedTuple):
    """A unit, and its place in the text."""

    unit: tuple[str, int]
    start: int
    end: int


def _unit(text: Reading, i: int) -> _Written | None:
    """The unit of a number, before it or behind it."""
    number = text.numbers[text.tokens[i].number]
    sign = text.text[number.start]
    if sign in _MONEY:
        return _Written(_UNITS[_MONEY[sign]], number.start, number.start + 1)
    if number.text.endswith("%") or number.text.endswith("cent"):
        return _Written(_UNITS["%"], number.end - 1, number.end)
    found = _WRITTEN.match(text.plain, number.end)
    return None if found is None else _Written(_UNITS[found["unit"].lower()], *found.span("unit"))


def units(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Numbers that are still there with another unit. One and the same unit in another way of
    writing is paired off in ``made``."""
    _hours(old, new, made)
    _numerals(old, new, made)
    losses: list[Loss] = []
    for i, token in enumerate(old.tokens):
        if token.number < 0 or not made.same[i]:
            continue
        j = made.place[i]
        mine, theirs = _unit(old, i), _unit(new, j)
        if mine is None or theirs is None:
            continue
        if mine.unit == theirs.unit:
            then = next(iter(new.inside(theirs.start, theirs.end)), j)
            for k in old.inside(mine.start, mine.end):
                if made.place[k] < 0 or not made.same[k]:
                    made.place[k], made.kept[k] = then, 0.95
        elif mine.unit[0] == theirs.unit[0]:
            end = max(mine.end, token.end)
            became = new.text[new.tokens[j].start : max(theirs.end, new.tokens[j].end)]
            losses.append(old.lose(min(token.start, mine.start), end, "quantity", _UNIT, became))
    return losses


# Hours and numerals -------------------------------------------------------------------------------

_HALF_OF_DAY = re.compile(r"\s?(?P<half>[ap])\.?m\b", re.I)
_OF_DAY = re.compile(r"\d\s?[ap]\.?m\b|\b(?:noon|midday|midnight)\b|o'clock", re.I)
_HOURS = {"noon": 12, "midday": 12, "midnight": 0}


class _Hour(NamedTuple):
    """The hour of the day, and the tokens that say it."""

    value: Fraction
    tokens: tuple[int, ...]


def _hours(old: Reading, new: Reading, made: Alignment) -> None:
    """Pair off hours that are written otherwise: "6 pm", "18:00", "noon"."""
    if not (_OF_DAY.search(old.plain) or _OF_DAY.search(new.plain)):
        return
    free = {
        hour.value: hour.tokens for hour in _times(new) if all(made.of[j] < 0 for j in hour.tokens)
    }
    for hour in _times(old):
        if made.same[hour.tokens[0]] or hour.value not in free:
            continue
        first = free.pop(hour.value)[0]
        for i in hour.tokens:
            made.place[i], made.kept[i] = first, 1.0
        made.of[first] = hour.tokens[0]


def _times(text: Reading) -> Iterator[_Hour]:
    for i, token in enumerate(text.tokens):
        if token.number < 0:
            if token.text.casefold() in _HOURS:
                yield _Hour(Fraction(_HOURS[token.text.casefold()]), (i,))
            continue
        number = text.numbers[token.number]
        half = _HALF_OF_DAY.match(text.plain, number.end)
        value = number.values[0]
        if half is not None and value <= 12:
            afternoon = 12 if half["half"].casefold() == "p" else 0
            said = text.inside(number.end, half.end())
            yield _Hour(value % 12 + afternoon, (i, *said))
        elif number.unit == "clock" or text.plain.startswith(" o'clock", number.end):
            yield _Hour(value, (i,))


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_NUMERAL = re.compile(r"\b[A-Za-z]{2,} [IVX]{1,4}\b")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv")


def _numerals(old: Reading, new: Reading, made: Alignment) -> None:
    """Pair off an ordinal and a Roman numeral that number the same: "the Second World War", "World
    War II"."""
    for mine, theirs, turned in ((old, new, False), (new, old, True)):
        if not _NUMERAL.search(theirs.plain):
            continue
        at: dict[str, list[int]] = {}
        for j, other in enumerate(theirs.tokens):
            if j and other.text.isupper():
                at.setdefault(other.text.casefold(), []).append(j)
        for i, token in enumerate(mine.tokens):
            value = Fraction(_ORDINALS.get(token.text.casefold(), 0))
            if token.number >= 0 and mine.numbers[token.number].ordinal:
                value = mine.numbers[token.number].values[0]
            if value.denominator != 1 or not 1 <= value <= len(_ROMAN):
                continue
            behind = {t.key for t in mine.tokens[i + 1 : i + 3]}
            for j in at.get(_ROMAN[int(value) - 1], ()):
                if theirs.tokens[j - 1].key in behind:
                    one, two = (j, i) if turned else (i, j)
                    if not made.same[one]:
                        made.place[one], made.kept[one] = two, 1.0
                        made.of[two] = one
                    break


def notation(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Operators that became others, and sequences in another order."""
    return [*_operators(old, new, made), *_sequences(old, new)]


# Operators ----------------------------------------------------------------------------------------

_OPERATOR = re.compile(r"->|=>|<-|[-+*/%=<>!&|^~≤≥≠×÷→←·]+")
_SAME_SIGN = str.maketrans({"×": "*", "·": "*", "÷": "/", "→": ">"})


def _signs(text: Reading, i: int) -> str:
    """The operators between a token and the next, with the brackets around them."""
    between = text.between(i, i + 1).replace("`", "")
    if not _OPERATOR.search(between):
        return ""
    left, right = text.tokens[i].text, text.tokens[i + 1].text
    bare = between.strip()
    if (
        bare in ("-", "/", "--", "*", "**")
        and between == bare
        and left.isalpha()
        and right.isalpha()
    ):
        return ""  # "two-line", "and/or"
    if bare in ("-", "--") and between != bare and left.isalpha() and len(left) > 1:
        return ""  # a dash
    if "|" in bare or (bare == "-" and not (_is_value(left) and _is_value(right))):
        return ""
    spaced = between[0].isspace() and between[-1].isspace()
    if "\n" in between or (bare in ("**", "*", "***", "-") and not spaced):
        return ""
    return "".join(between.translate(_SAME_SIGN).split()).replace("->", ">")


def _is_value(word: str) -> bool:
    return len(word) == 1 or word[-1].isdigit()


def _operators(old: Reading, new: Reading, made: Alignment) -> Iterator[Loss]:
    for i in range(len(old.tokens) - 1):
        j = made.place[i]
        if not (made.same[i] and made.same[i + 1] and made.place[i + 1] == j + 1):
            continue
        one, other = _signs(old, i), _signs(new, j)
        if one == other or not (one and other):
            continue
        start, end = old.tokens[i].start, old.tokens[i + 1].end
        if "".join(old.plain[_head(old, i) : end].split()) in "".join(new.plain.split()):
            continue  # it stands elsewhere, as it was
        became = new.text[new.tokens[j].start : new.tokens[j + 1].end]
        yield old.lose(start, end, "code", _SIGN, became)


def _head(text: Reading, i: int) -> int:
    """Where an expression begins, with the token before and what stands between."""
    return text.tokens[i - 1].start if i and not text.apart(i - 1, i) else text.tokens[i].start


# Sequences ----------------------------------------------------------------------------------------

_ITEM = r"[\w.'\"`°+-]{1,24}"
_BRACKETS = re.compile(rf"[\[(]\s?({_ITEM}(?:\s?,\s?{_ITEM}){{1,40}})\s?[\])]")
_ARROWS = re.compile(
    rf"{_ITEM}(?:\s?(?:->|=>|→)\s?{_ITEM}){{1,40}}|{_ITEM}(?:\s-\s{_ITEM}){{2,40}}"
)
_NUMBERS = re.compile(r"(?<![\w.,])-?\d[\d.]{0,9}(?:,? -?\d[\d.]{0,9}){2,40}(?![\w])")
#: What says that the order of words counts.
_ORDERED = re.compile(
    r"\b(?:rank\w*|order|sequence|steps?|route|first|progression|score|then)\b[^.:;\n]{0,40}?[:,]? "
    rf"((?:{_ITEM}, ){{1,20}}(?:and |then )?{_ITEM})",
    re.I,
)
_SPLIT = re.compile(r"\s?(?:->|=>|→|\s-\s|,)\s?(?:and |then )?|\s(?!-)")


def _found(text: Reading) -> dict[tuple[str, ...], tuple[int, int]]:
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for pattern in (_BRACKETS, _ARROWS, _NUMBERS, _ORDERED):
        for match in pattern.finditer(text.plain):
            group = 1 if match.re.groups else 0
            items = [item.strip(" .'\"`").casefold() for item in _SPLIT.split(match[group])]
            items = [item for item in items if item]
            if len(items) > 1:
                start = match.start(group)
                found.setdefault(tuple(items), (start, start + len(match[group].rstrip(" ."))))
    return found


def _sequences(old: Reading, new: Reading) -> Iterator[Loss]:
    there = _found(new)
    if not there:
        return
    by = {tuple(sorted(items)): place for items, place in there.items()}
    for items, (start, end) in _found(old).items():
        other = by.get(tuple(sorted(items)))
        if other is not None and items not in there:
            yield old.lose(start, end, "code", _ORDER, new.text[slice(*other)])
