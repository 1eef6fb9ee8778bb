"""A word of a sentence swapped for another of the same kind, so that the sentence becomes false.

A year for a year, a number for a number that is written alike, a month, a season, a direction, a
unit, a name of the same list (``swaps.txt``), a person or a town for another one of the text
(`named`). What a reader could still call true is left alone:
numbers with "more than" or "about" beside them, ends of ranges, years after "by" or "before". For
English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from evolsynth.evaluation.text.stated.inversion import first_verb
from evolsynth.evaluation.text.stated.named import Swap, named_swaps
from evolsynth.evaluation.text.words import word_lists

__all__ = ["Swap", "same_kind", "swap_between", "swaps"]


_SETS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (kind, tuple(line.split("|")))
    for kind, lines in word_lists(__file__, "swaps.txt").items()
    for line in lines
)
_ONES = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPOKEN: tuple[list[str], ...] = (_ONES, _TEENS, _TENS)
_ORDINALS = ["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"]

_NUMBER = re.compile(
    r"(?<![\w.,$€£:/-])(?:(?P<year>1[0-9]{3}|20[0-2][0-9])(?![\d,.]\d|\w|-)"
    r"|(?P<digits>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\d/:]|,\d|\.\d))"
)
_SPOKEN_NUMBER = re.compile(
    r"(?<![\w-])(?:" + "|".join(w for some in _SPOKEN for w in some) + r")(?![\w]|-(?!\w*\s))", re.I
)
_ORDINAL = re.compile(r"(?<=\bthe )(?:" + "|".join(_ORDINALS) + r")(?= [a-z])")
#: What makes of a number a bound, a range or a part of a whole.
_BOUND = re.compile(
    r"\b(?:than|least|most|to|over|under|nearly|almost|below|above|within|about|around|roughly|some"
    r"|approximately|between|and|or|of the|every|from|per|only|just|another|by|minus|into|the"
    r"|perhaps|probably|these|those|all|other)$"
)
_MEASURED = re.compile(
    r"\b(?:than|least|most|to|over|under|nearly|almost|below|above|within|between|and|or|from|minus"
    r"|by|every|per|of the|of its|of all)$"
)
_NEAR = re.compile(r"\b(?:about|around|roughly|some|approximately|perhaps|probably)$")
_COUNT = r"(?:\w+ty|\w+teen|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a|one)\b"
_AFTER = re.compile(
    rf"^(?:[-–]\d|\s?(?:to|and|or|[-–])\s(?:\d|{_COUNT})|,? and a half"
    r"|\s(?:of the|of these|halves|thirds|quarters|sides|ends|more\b|times as)"
    r"|(?: [\w-]+){1,2}, [^,]+(?:, [^,]+)*,? and )"
)
_YEAR_BOUND = re.compile(r"\b(?:before|after|by|between|until|from|to|than|and|or|around|about)$")
_WHOLE = re.compile(
    r"^(?:7|seven) days|^(?:12|twelve) months|^24 hours|^(?:60|sixty) (?:min|sec)|^365"
)
_CLOCK = re.compile(r"^\s?(?:am|pm|a\.m|p\.m|o'clock|in the (?:morning|evening|afternoon))")
_MONTH = "|".join(_SETS[0][1])
_DATED = re.compile(
    r"(?:\b(?:in|of|since|until|by|from|to|and|every|each|late|early|mid|last)\s|\d\s)$|-$"
)
_TYPED = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(sorted({w for _, s in _SETS for w in s}, key=len, reverse=True))
    + r")(?![\w-])"
)
_NEGATED = re.compile(
    r"\b(?:not|no|nobody|nothing|never|nor|neither|without|hardly|rarely|seldom|cannot)\b|n't\b",
    re.I,
)
_IN_SEASON = re.compile(r"\b(?:in|every|each|late|early|during|until|by|of)(?: the)?$", re.I)
_COLOUR_FRAME = re.compile(r"\b(?:is|are|was|were|turns?|turned|becomes?|became|painted|dyed)$")
_COLOURED = re.compile(
    r"^ (?:flowers?|petals?|leaves|paint|glass|skin|fur|feathers|light|flag|tiles|roof|walls|door"
    r"|lines?|stripes?|spots|ink|thread|cloth|dye|powder|berries|stone|bricks?|clay|lamp|wool)\b"
)
_MADE_OF = re.compile(r"\b(?:of|from|in|with|into)$")


def swaps(sentence: str, text: str, random: Random) -> list[Swap]:
    """Swaps that make the sentence false, one for each word that there is one for.

    Args:
        sentence: one sentence of the text.
        text: what the sentence stands in, whose other years are the first to be taken.
        random: where chance comes from.

    Returns:
        In the order of how surely they make a fluent and false sentence.
    """
    if _NEGATED.search(sentence):
        return []
    found = [*_years(sentence, text, random), *_digits(sentence, random)]
    found += [*_spoken(sentence, random), *_typed(sentence, random)]
    named = _one_each(named_swaps(sentence, text), random)
    found = [*named, *found] if named and random.random() < 0.5 else [*found, *named]
    return [
        swap
        for swap in found
        if swap.of(sentence) not in text
        and _article_fits(sentence, swap)
        and not _is_condition(sentence, swap)
    ]


def _one_each(named: Sequence[Swap], random: Random) -> list[Swap]:
    """For each name that may be swapped one of the names that it may be swapped for."""
    places = dict.fromkeys(swap.start for swap in named)
    return [random.choice([swap for swap in named if swap.start == at]) for at in places]


def swap_between(original: str, other: str, text: str = "") -> Swap | None:
    """The one swap that makes one sentence of another; None where it is none, or more than that.

    Without the ``text`` that the original stands in, names of people and towns are no swap.
    """
    for match in re.finditer(r"[\w,.]*\w", original):
        rest = original[match.end() :]
        before = original[: match.start()]
        if other.startswith(before) and other.endswith(rest):
            new = other[len(before) : len(other) - len(rest)]
            kind = same_kind(match.group(), new)
            if kind and new != match.group():
                return Swap(match.start(), match.group(), new, kind)
    named = named_swaps(original, text) if text else ()
    return next((swap for swap in named if swap.of(original) == other), None)


def same_kind(old: str, new: str) -> str | None:
    """The kind that two words or numbers share, so that one excludes the other; None if none."""
    if all(re.fullmatch(r"1\d{3}|20[0-2]\d", word) for word in (old, new)):
        return "year"
    if all(re.fullmatch(r"\d[\d,]*(?:\.\d+)?", word) for word in (old, new)):
        return "number"
    for some in (*_SPOKEN, _ORDINALS):
        if old.lower() in some and new.lower() in some:
            return "number"
    for kind, words in _typed_sets():
        if old.lower() in words and new.lower() in words:
            return kind
    return None


@lru_cache(maxsize=1)
def _typed_sets() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((kind, frozenset(w.lower() for w in some)) for kind, some in _SETS)


def _article_fits(sentence: str, swap: Swap) -> bool:
    before = re.search(r"\b(an?) $", sentence[: swap.start], re.I)
    return before is None or (swap.new[0].lower() in "aeiou8") == (len(before[1]) == 2)


_DIGIT = re.compile(r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|one)\b")


def _is_condition(sentence: str, swap: Swap) -> bool:
    """Whether a number only says what the sentence is about ("Article 5", "at 6 percent ... 12
    years"): of another the text says nothing."""
    if swap.kind != "number":
        return False
    before, after = sentence[: swap.start], sentence[swap.start + len(swap.old) :]
    if re.search(rf"(?<!\bIn )\b(?!(?:{_MONTH}|In|The|A)\b)[A-Z][\w-]* $", before):
        return True
    return first_verb(sentence) >= len(before) and bool(_DIGIT.search(after))


def _years(sentence: str, text: str, random: Random) -> Iterator[Swap]:
    own = [m for m in _NUMBER.finditer(sentence) if m["year"]]
    around = {m["year"] for m in _NUMBER.finditer(text) if m["year"]} - {m["year"] for m in own}
    for match in own:
        before = sentence[: match.start()].rstrip()
        if _YEAR_BOUND.search(before) or not _is_year(sentence, match):
            continue
        year = int(match["year"])
        near = sorted(y for y in around if 3 <= abs(int(y) - year) <= 150)
        moved = [str(year + d) for d in (-52, -34, -21, -13, -8, 7, 12, 19, 36, 47)]
        moved = [y for y in moved if int(y) <= max(year, 2015)]
        new = random.choice(near if near and random.random() < 0.6 else moved)
        yield Swap(match.start(), match["year"], new, "year")


def _is_year(sentence: str, match: re.Match[str]) -> bool:
    """Whether a number of four digits is a year: behind "in", a month or "since"."""
    before = sentence[: match.start()]
    return bool(
        re.search(rf"(?:\b(?:in|since|of|until|year|early|late|as)|\b(?:{_MONTH})) $", before, re.I)
    )


def _digits(sentence: str, random: Random) -> Iterator[Swap]:
    for match in _NUMBER.finditer(sentence):
        if match["year"] and _is_year(sentence, match):
            continue
        old = match.group()
        before, after = sentence[: match.start()].rstrip(), sentence[match.end() :]
        if match["year"] and not re.match(r" [a-z]", after):
            continue
        if _MEASURED.search(before) or _AFTER.match(after) or _WHOLE.match(old + after):
            continue
        if re.match(r"(?:st|nd|rd|th|s)\b", after):
            continue
        new = _moved(old, after, random, far=bool(_NEAR.search(before)))
        if new is not None:
            yield Swap(match.start(), old, new, "number")


def _moved(old: str, after: str, random: Random, *, far: bool) -> str | None:
    """Another number as round as the old one, written alike."""
    decimals = len(old.partition(".")[2])
    value = float(old.replace(",", ""))
    if value < 2 and not decimals:
        return None
    if _CLOCK.match(after) or re.match(rf"\s(?:{_MONTH})\b", after):
        return str(random.choice([n for n in range(2, 12) if abs(n - value) > 1]))
    if value <= 12 and not decimals:
        return None if far else str(max(2, int(value) + random.choice((2, 3, 4))))
    factors = [0.4, 0.5, 1.8, 2.5] if far else [0.5, 0.6, 0.8, 1.25, 1.5, 2]
    step = 10.0**-decimals
    while not decimals and step < 1000 and value % (step * 10) == 0:
        step *= 10
    for factor in random.sample(factors, len(factors)):
        new = round(value * factor / step) * step
        most = 98 if re.match(r"\s?(?:%|per ?cent|degrees)", after) else 10**12
        if (new >= 1000) != (value >= 1000) and "," not in old:
            continue
        if 0 < new <= most and abs(new - value) >= step and new != value:
            return f"{new:,.{decimals}f}" if "," in old else f"{new:.{decimals}f}"
    return None


def _spoken(sentence: str, random: Random) -> Iterator[Swap]:
    for match in _SPOKEN_NUMBER.finditer(sentence):
        old = match.group()
        before, after = sentence[: match.start()].rstrip(), sentence[match.end() :]
        if _BOUND.search(before.lower()) or _NEAR.search(before) or _AFTER.match(after):
            continue
        if _WHOLE.match(old.lower() + after):
            continue
        some = next(some for some in _SPOKEN if old.lower() in some)
        others = [w for w in some if w != old.lower() and w not in sentence.lower()]
        if _CLOCK.match(after) or not others:
            continue
        at = some.index(old.lower())
        near = [w for w in others if 1 <= abs(some.index(w) - at) <= 4]
        yield Swap(match.start(), old, _as(old, random.choice(near)), "number")
    for match in _ORDINAL.finditer(sentence):
        others = [w for w in _ORDINALS[:4] if w != match.group()]
        if not re.match(r" (?:is|was|has|half|time|world)\b", sentence[match.end() :]):
            yield Swap(match.start(), match.group(), random.choice(others), "number")


def _as(old: str, new: str) -> str:
    return new.capitalize() if old[0].isupper() else new


def _typed(sentence: str, random: Random) -> Iterator[Swap]:
    lower = sentence.lower()
    for match in _TYPED.finditer(sentence):
        old = match.group()
        for kind, some in _SETS:
            others = [w for w in some if w != old and not re.search(rf"\b{w}\b", lower, re.I)]
            if old in some and others and _framed(sentence, match, kind):
                near = _beside if kind == "unit" else _apart
                if kind == "month":
                    others = [w for w in others if _has_day(sentence, match, w)] or others
                yield Swap(match.start(), old, random.choice(near(old, some, others)), kind)
                break


_SHORT = {"February": 29, "April": 30, "June": 30, "September": 30, "November": 30}
_DAY = re.compile(r"(?<!\d)(?:\d|[0-3]\d)(?!\d)")


def _has_day(sentence: str, match: re.Match[str], month: str) -> bool:
    """Whether a month has the day that stands beside the one of a sentence: none has a 30th of
    February."""
    beside = f"{sentence[max(match.start() - 4, 0) : match.start()]} {sentence[match.end() :][:5]}"
    days = [int(found.group()) for found in _DAY.finditer(beside)]
    return max(days, default=1) <= _SHORT.get(month, 31) - (month == "February")


def _beside(old: str, some: Sequence[str], others: Sequence[str]) -> Sequence[str]:
    """Those of a list that are next to the old one, if there are any."""
    return [w for w in others if abs(some.index(w) - some.index(old)) == 1] or others


def _apart(old: str, some: Sequence[str], others: Sequence[str]) -> Sequence[str]:
    """Those of a list that are not next to the old one where it has an order, if there are any."""
    return [w for w in others if abs(some.index(w) - some.index(old)) > 1] or others


def _framed(sentence: str, match: re.Match[str], kind: str) -> bool:
    """Whether a word stands where it has the meaning of its kind, and where all swaps are false."""
    before, after = sentence[: match.start()].rstrip(), sentence[match.end() :]
    word = match.group()
    capital = re.match(r"\s[A-Z]", after) or re.search(r"\b(?!(?:The|An?|In)$)[A-Z]\w*$", before)
    if kind == "month":
        return bool(_DATED.search(sentence[: match.start()])) and not _range_beside(before, after)
    if kind in ("weekday", "place"):
        more = kind == "place" and _MORE_PLACES.search(before)
        told = kind == "weekday" or 0 <= first_verb(sentence) < len(before)
        return told and not (capital or more or _range_beside(before, after))
    if kind == "people" and before.endswith(" into") and not _DIGIT.search(sentence):
        return False  # a book may be put into two languages
    if kind == "people" and (before.endswith(",") or after.startswith(",")):
        return False  # nobody says that a list is all
    if kind == "season":
        return bool(_IN_SEASON.search(before))
    if kind == "colour":
        beside = _COLOUR_FRAME.search(before) and not re.match(
            r"(?: or|,| and|-| \w+(?:ish)?\b)", after
        )
        return bool(beside or (_COLOURED.match(after) and not re.search(r"(?:and|or|,)$", before)))
    if kind == "material":
        return bool(_MADE_OF.search(before)) and bool(re.match(r"[.,]| (?!and|or|ore|age)", after))
    whole = _WHOLE.match(f"{before.rpartition(' ')[2]} {word}".lower())
    if kind == "unit" and (whole or re.search(r"\bthan (?:about )?\S+$", before)):
        return False
    if kind == "unit":
        return bool(
            re.search(
                r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred))$",
                before,
            )
        )
    if kind == "direction":
        sided = re.match(
            r"(?: of\b|\.|,| (?:side|bank|wall|end|coast|shore|edge|slope|part))", after
        )
        return bool(sided) and not capital and not re.search(r"\b(?:and|or|to|from)$", before)
    return (
        not capital
        and not re.search(rf"\b(?:and|or|than)$|^{word}", before)
        and not re.match(r" (?:and|or|than)\b", after)
    )


#: A place that stands beside another one, or in a name ("Tour de France").
_MORE_PLACES = re.compile(r"\b(?:and|or|both|also|de|du) (?:in|to|of|from)$|\b(?:de|du|la|also)$")


def _range_beside(before: str, after: str) -> bool:
    ends = re.search(r"\b(?:between|from|and|or|to|,)$|,$", before)
    return bool(ends) or bool(re.match(r"(?:,)? (?:to|and|or|until)\b|[-–,]", after))
