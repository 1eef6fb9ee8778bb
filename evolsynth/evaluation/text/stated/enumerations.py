"""What a text enumerates, and the questions that ask for it. For English.

"The rungs are pairs of four bases: adenine, thymine, guanine and cytosine." asks "Which four bases
does the text name?", "Emperor penguins eat fish, squid and krill." "What do emperor penguins eat?".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.numbers import COUNTS, UNITS, implied, numbers
from evolsynth.evaluation.text.stated.inversion import clause_of
from evolsynth.evaluation.text.stated.standing import stands_alone

__all__ = ["RATE", "Enumeration", "enumeration", "measures", "years"]


class Enumeration(NamedTuple):
    """The question that asks for it, and its items in the order of the text."""

    question: str
    items: tuple[str, ...]


_COUNTED = "|".join(word for word, value in COUNTS.items() if 3 <= value <= 12)
_VAGUE = "(?:kinds|types|sorts|things|ways|parts|groups|forms|sets|steps|stages|words)"
_LABELLED = re.compile(
    rf"\b(?P<label>(?:{_COUNTED}|[3-9]) (?:[a-z-]+ ){{0,2}}"
    rf"(?:(?!{_VAGUE}\b)[a-z-]+s|{_VAGUE} of [a-z]+(?: [a-z]+)?))"
    rf"(?: (?:in|on|from|for) (?:[\w-]+ ){{0,3}}[\w-]+)?: (?P<items>[^:;.()]+)\.$"
)
#: "Four capitals stand on the banks of the Danube: Vienna, Bratislava, Budapest and Belgrade."
_COUNTED_FIRST = re.compile(
    rf"^(?P<label>(?:{_COUNTED}) (?:[a-z-]+ ){{0,2}}?(?!{_VAGUE}\b)[a-z-]+s) [^:;.]{{3,70}}"
    r": (?P<items>[^:;.()]+)\.$",
    re.I,
)
_SUCH_AS = re.compile(
    r"\b(?P<label>[a-z]+s),? such as (?P<items>[^:;.()]+?)(?:\.|, (?:which|but|who|while)\b)"
)


def enumeration(sentence: str, text: str) -> Enumeration | None:
    """What a sentence enumerates behind a colon or its verb; None if that is not certain."""
    labelled = _LABELLED.search(sentence) or _COUNTED_FIRST.match(sentence)
    if labelled:
        items = _items(labelled["items"])
        label = labelled["label"][0].lower() + labelled["label"][1:]
        count = label.split()[0]
        if str(len(items)) == count or COUNTS.get(count) == len(items):
            return Enumeration(f"Which {label} does the text name?", items)
        return None
    such = _SUCH_AS.search(sentence)
    if such and len(re.findall(rf"\b{such['label']}\b", text)) == 1:
        items = _items(such["items"])
        return Enumeration(f"Which {such['label']} does the text name?", items) if items else None
    clause = clause_of(sentence, text) if stands_alone(sentence) else None
    if clause is None or clause.opening or f" {clause.rest}." not in sentence:
        return None
    if not sentence.endswith(f"{clause.rest}."):
        return None
    head, listed = _split(clause.rest)
    items = _items(listed)
    if len(items) < 3 or any(item[:1].isupper() or re.search(r"\d", item) for item in items):
        return None
    if not clause.base and head.split()[-1:] not in (["of"], ["from"], ["with"]):
        return None  # "is red, white and blue" and "is in art, science" ask for no things
    if clause.base in ("have", "become", "seem", "remain", "mean") or _RELATIVE.search(listed):
        return None
    asked = clause._replace(rest=head).inverted
    return Enumeration(f"What {asked}?", items)


_RELATIVE = re.compile(r"\b(?:that|which|who|where|when|to|by|it|as|than|while|because)\b")


def _split(rest: str) -> tuple[str, str]:
    """What follows a verb, cut in front of the first item of a list: behind a preposition, or at
    once; twice nothing where the first item would be long."""
    words = rest.partition(", ")[0].split()
    for at in range(len(words) - 1, -1, -1):
        if words[at] in ("of", "from", "with", "for", "on", "into"):
            head = " ".join(words[: at + 1])
            return (head, rest[len(head) :].strip()) if len(words) - at <= 4 else ("", "")
    return ("", rest) if len(words) <= 3 else ("", "")


def _items(listed: str) -> tuple[str, ...]:
    """The items of "a, b and c"; none where it is no such list of short items."""
    if not re.search(r", .+ and |, .+, and |, [^,]+ and ", listed) or " or " in listed:
        return ()
    head, _, last = listed.rpartition(" and ")
    parts = [part.strip() for part in head.rstrip(",").split(",")] + [last.strip()]
    if any(not part or len(part.split()) > 5 or " and " in part for part in parts):
        return ()
    return tuple(parts)


_YEAR = re.compile(
    r"(?:\b(?:[Ii]n|of|[Ss]ince|until|[Bb]y|before|after|[Ff]rom|to|and|years?|early|late|[A-Z][a-z]{2,8}|[Bb]etween)"
    r"|\() (?P<year>1[1-9]\d{2}|20[0-2]\d)(?![\w%/-]|,\d|\.\d)(?! [a-z]+s\b(?! by\b| the\b| a\b))"
    r"(?! [A-Z]{1,3}\b)"
)
#: Years of other forms: "196 BC", "AD 79", "the year 304".
_EARLY = re.compile(r"\b\d{1,4} (?:BCE?|CE|AD)\b|\b(?:AD|BCE?|[Yy]ear) \d{1,3}(?![\d,.]*\d)\b")
_FOUR = re.compile(r"(?<![\d.,])(?:1\d{3}|20[0-2]\d)(?![.,]?\d)")


def years(text: str) -> tuple[str, ...]:
    """The years that a text mentions, each once, in its order.

    None where a number may be a year or not, or one is told otherwise than by four digits.
    """
    if _EARLY.search(text):
        return ()
    found = tuple(dict.fromkeys(m["year"] for m in _YEAR.finditer(text.replace("(", "( "))))
    return found if set(found) == set(_FOUR.findall(text)) else ()


#: What is asked for, by the dimensions of `UNITS` that it takes in.
_MEASURED = {
    "lengths": ("length", "feet"),
    "weights": ("mass", "ounces"),
    "spans of time": ("time", "calendar"),
}
_UNIT = re.compile(r" [a-z]+(?![A-Za-z])")  # the m of "mM" is none
#: What makes of a length a speed, and of a weight a density.
RATE = re.compile(r" (?:per|an?|each|every)\b|/")
#: A row of a table, whose column may have the unit in its head.
_TABLE = re.compile(r"^[ \t]*\|[^\n]*\|", re.M)
#: "10 working days": a measure with a word in it, which may count or not.
_LOOSE = re.compile(rf"\d [A-Za-z]+ (?P<unit>{'|'.join(u for u in UNITS if len(u) > 3)})\b")
_RANGE = re.compile(r"(?<=\d )(?:to|by|and|or|x) $")


def measures(text: str, what: str) -> tuple[str, ...]:
    """The lengths, weights or spans of time of a text, in digits with their units, in its order.

    None where some are written in words or as ranges, so that it could be argued what is one.
    """
    found: list[str] = []
    if _TABLE.search(text):
        return ()
    if any(UNITS[m["unit"]].dimension in _MEASURED[what] for m in _LOOSE.finditer(text)):
        return ()
    if any(one.unit in _MEASURED[what] for one in implied(text)):
        return ()
    for number in numbers(text):
        if number.unit not in _MEASURED[what]:
            continue
        unit = _UNIT.match(text, number.end)
        if not number.text[0].isdigit() or unit is None or unit.group()[1:] not in UNITS:
            return ()
        joined = (
            text[: number.start].endswith((found[-1] + " ", found[-1] + " and "))
            if found
            else False
        )
        rate = RATE.match(text, unit.end())
        if _RANGE.search(text[: number.start]) or number.ordinal or joined or rate:
            return ()
        found.append(text[number.start : unit.end()])
    items = tuple(dict.fromkeys(found))
    return items if len(items) <= 12 else ()
