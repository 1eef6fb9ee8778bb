"""Reading values of a problem, and writing numbers, amounts, times and lists as people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

from evolsynth.errors import InputError
from evolsynth.evaluation.text.words import word_lists

__all__ = ["CURRENCIES", "article", "clock", "counted", "day", "inside", "joined", "lists", "money"]
__all__ += ["number", "pick", "plural", "text", "texts", "whole", "wholes"]

#: Signs that stand before an amount.
CURRENCIES = ("$", "€", "£")


def lists(section: str) -> list[str]:
    """A list of ``things.txt``: names, goods, places that problems are about."""
    return _LISTS[section]


_LISTS = word_lists(__file__, "things.txt")


def pick(chance: Random, section: str, n: int) -> list[str]:
    """So many different ones of a list."""
    return chance.sample(lists(section), n)


# Values as they come from a file ------------------------------------------------------------------


def whole(values: Mapping[str, Any], name: str, least: int = 0, most: int = 10**9) -> int:
    """A whole number among the values.

    Raises:
        InputError: there is none of that name within the bounds.
    """
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"'{name}' is {value!r:.40}: it must be a whole number from {least}.")
    return value


def wholes(values: Mapping[str, Any], name: str) -> list[int]:
    """A list of whole numbers among the values.

    Raises:
        InputError: there is none of that name.
    """
    value = values.get(name)
    if not isinstance(value, list) or not value or not all(type(v) is int for v in value):
        raise InputError(f"'{name}' must be a list of whole numbers.")
    return value


def text(values: Mapping[str, Any], name: str) -> str:
    """A text among the values.

    Raises:
        InputError: there is none of that name.
    """
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"'{name}' is {value!r:.40}: it must be a text.")
    return value


def texts(values: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts among the values.

    Raises:
        InputError: there is none of that name.
    """
    value = values.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise InputError(f"'{name}' must be a list of texts.")
    return value


def inside(value: str, known: Sequence[str]) -> str:
    """A text that must be one of those known.

    Raises:
        InputError: it is not.
    """
    if value not in known:
        raise InputError(f"'{value}' is none of: {', '.join(known)}.")
    return value


# As people write ----------------------------------------------------------------------------------


def number(value: Fraction | int) -> str:
    """A number with as many decimals as it has.

    Raises:
        InputError: it has more than six.
    """
    value = Fraction(value)
    for places in range(7):
        scaled = value * 10**places
        if scaled.denominator == 1:
            sign, digits = (
                "-" if value < 0 else "",
                str(abs(scaled.numerator)).rjust(places + 1, "0"),
            )
            return sign + (digits if not places else f"{digits[:-places]}.{digits[-places:]}")
    raise InputError(f"{value} has too many decimals to be written.")


def money(cents: Fraction | int, sign: str) -> str:
    """An amount as "$12.50"; whole amounts as "$12".

    Raises:
        InputError: it is no whole number of cents.
    """
    cents = Fraction(cents)
    if cents.denominator != 1:
        raise InputError(f"{cents} cents cannot be paid.")
    units, rest = divmod(cents.numerator, 100)
    return f"{sign}{units}.{rest:02d}" if rest else f"{sign}{units}"


def clock(minutes: int) -> str:
    """Minutes after midnight as "09:05"."""
    hours, rest = divmod(minutes % (24 * 60), 60)
    return f"{hours:02d}:{rest:02d}"


def day(when: date, *, year: bool = True) -> str:
    """A date as "3 May 2024"."""
    months = lists("months")
    return f"{when.day} {months[when.month - 1]}" + (f" {when.year}" if year else "")


def plural(thing: str) -> tuple[str, str]:
    """One and several of a thing that is listed as "box/boxes", or "pen" where an s is added."""
    one, _, more = thing.partition("/")
    return one, more or f"{one}s"


def counted(n: int, thing: str) -> str:
    """ "1 box", "3 boxes"."""
    one, more = plural(thing)
    return f"{n} {one if n == 1 else more}"


def article(word: str) -> str:
    """A word with "a" or "an" before it."""
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def joined(some: Sequence[str], last: str = "and") -> str:
    """ "a, b and c"."""
    if len(some) < 2:
        return "".join(some)
    return f"{', '.join(some[:-1])} {last} {some[-1]}"
