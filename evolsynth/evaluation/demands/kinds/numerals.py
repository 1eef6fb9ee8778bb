"""Demands on numbers: how many, in digits or in words.

`numbers_exactly` is IFBench's count:numbers, which drops punctuation first, so that "1,000" and
"3.5" are one and "2020-2024" is, too; ours passes where that count and one by eye agree.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping
from typing import Any

from evolsynth.evaluation.demands.demand import GIVEN, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import has_code
from evolsynth.evaluation.text.numbers import COUNTS, numbers
from evolsynth.evaluation.text.task import Task
from evolsynth.options import Count

__all__ = ["no_digits", "numbers_exactly", "numbers_in_digits"]

_PROSE: tuple[Task, ...] = ("explanation", "advice", "creative", "letter", "opinion", "howto")
_CLASHES = (*GIVEN, "table", "numbered_exactly", "choice")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NO_MARKS = str.maketrans("", "", string.punctuation)
#: "one" is as often a pronoun, and numbers' names in phrases say no number.
_WORDS = frozenset(COUNTS) - {"one"}
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_LARGEST = 1000
_SMALL = {number: word for word, number in COUNTS.items()}
_MARKER = re.compile(r"^([^\S\n]*)\d{1,3}[.)](?=\s)", re.M)


@kind("no_digits", about="numbers", tasks=("howto", "advice", "letter"), clashes=_CLASHES)
def no_digits(response: str) -> Miss | None:
    """Without a digit: numbers stand in words, and lists without numbers."""
    found = re.search(r"\d", response)
    return Miss(f'It has the digit "{found.group()}".', found.span()) if found else None


@no_digits.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return None if re.search(r"\d", asked.instruction) else {}


@no_digits.applies
def _(response: str) -> str:
    """Whole numbers below a thousand in words, a list's numbers to hyphens; of dates, decimals,
    amounts and the like nothing comes out."""
    if has_code(response):
        return ""
    text = _MARKER.sub(r"\1-", response)
    return re.sub(r"(?<![\w$€£#.,:/-])\d{1,3}(?![\w%°:/-]|[.,]\d)", _spelled, text)


def _spelled(match: re.Match[str]) -> str:
    number = int(match.group())
    if match.group() != str(number) or number >= _LARGEST:
        return match.group()
    hundreds, rest = divmod(number, 100)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest in _SMALL:
        parts.append(_SMALL[rest])
    elif rest:
        parts.append(f"{_SMALL[rest // 10 * 10]}-{_SMALL[rest % 10]}")
    return " and ".join(parts) if parts else "zero"


@kind(
    "numbers_in_digits",
    about="numbers",
    tasks=(*_PROSE, "fact", "calculation"),
    clashes=("data", "language"),
)
def numbers_in_digits(response: str) -> Miss | None:
    """No number from two to ninety-nine in words; "one" may be a pronoun, and passes."""
    for match in _WORD.finditer(response):
        parts = match.group().lower().split("-")
        if parts[0] in _WORDS and (len(parts) == 1 or parts[1] in COUNTS):
            return Miss(f'The number "{match.group()}" is in words.', match.span())
    return None


@numbers_in_digits.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {} if asked.task == "howto" or _AMOUNTS.search(asked.instruction) else None


#: Asks for what is said in numbers.
_AMOUNTS = re.compile(
    r"\bhow (?:many|much|long|often|old|far)\b|\d|\b(?:recipe|schedule|budget|plan|cost)", re.I
)


@numbers_in_digits.applies
def _(response: str) -> str:
    if has_code(response):
        return ""
    made, since = [], 0
    for one in numbers(response):
        value = one.values[0]
        counts = re.split("[^a-z]", one.text.lower(), maxsplit=1)[0] in COUNTS  # "twice" does not
        if one.ordinal or value.denominator != 1 or not counts:
            continue
        made += [response[since : one.start], str(value)]
        since = one.end
    return "".join([*made, response[since:]])


@kind(
    "numbers_exactly",
    about="numbers",
    tasks=("creative", "letter", "advice"),
    clashes=_CLASHES,
)
def numbers_exactly(response: str, *, n: Count) -> Miss | None:
    """So many numbers in digits.

    Args:
        n: How many.
    """
    places = [m.span() for m in _NUMBER.finditer(response)]
    joined = len(re.findall(r"\d+", response.translate(_NO_MARKS)))
    if len(places) == joined == n:
        return None
    if len(places) == n:
        return Miss("A range or fraction can be counted as one number or as two.")
    place = places[n] if len(places) > n else None
    return Miss(f"It has {len(places)} numbers in digits; {n} were asked for.", place)


@numbers_exactly.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {"n": chance.randint(1, 1 + min(asked.round, 2))}
