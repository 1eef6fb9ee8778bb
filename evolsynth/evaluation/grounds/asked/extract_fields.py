"""A record of what a text says: every value stands there, and where the text speaks of its key.

A value is a piece of the text. Whether it is that of its key is told by the type that the key's
words ask for (a year, an amount, a person, a place), and by where its words stand: of all places of
that type the value's must be the one that has most of them in its clause, and nearest. So the width
is not taken for the height. A value that another place could be as well is refused, and so is null
where a sentence has all words of the key and a value of its type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs, says
from evolsynth.evaluation.grounds.span import TIME, fits_question
from evolsynth.evaluation.information_loss.alignment import related
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.evaluation.text.words import stem, vocabularies, word_lists, words
from evolsynth.rows import Row

__all__ = ["KEY", "extract_fields", "quoted", "record_against", "record_of"]
__all__ += ["value_against"]

#: What a key is: words in small letters with "_" between them.
KEY = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+){0,4}")
_LISTS = vocabularies(__file__, "fields.txt")
_CLUES = {
    stem(line.split()[0]): tuple(map(stem, line.split()))
    for line in word_lists(__file__, "fields.txt")["clues"]
}
#: The question whose answers are of a type, for `fits_question`.
_PROBES = {"time": "when", "amount": "how many", "person": "who", "place": "where"}
_CLAUSE = re.compile(r"[,;:]\s+|(?<!\s)\s+(?:and|but|while|or)\s+|(?<!\s)\s*\|\s*")
_WHERE = re.compile(r"\b(?:in|at|near|from|of) (?:the )?$")
_JOINED = re.compile(r",? and |, ")
_MOST_WORDS = 14


class _Spot(NamedTuple):
    """A place of a text that may be a value: where it stands, and its sentence."""

    start: int
    end: int
    sentence: tuple[int, int]


class _Key(NamedTuple):
    """A key: the type that its words ask for, empty for any; each word with its clues as stems, and
    how much it tells."""

    type: str
    words: tuple[tuple[str, frozenset[str], float], ...]


def quoted(keys: Sequence[str]) -> str:
    """Keys as an instruction names them."""
    return ", ".join(f'"{key}"' for key in keys)


def record_of(answer: str) -> dict[str, Any] | None:
    """The JSON object that an answer is, with or without a fence around it; None if it is none.

    Numbers become texts, as they stand in the answer.
    """
    bare = re.sub(r"^```(?:json)?\s*|\s*```$", "", answer.strip())
    try:
        made = json.loads(bare, parse_int=str, parse_float=str)
    except (json.JSONDecodeError, RecursionError):
        return None
    return made if isinstance(made, dict) else None


def record_against(
    keys: Sequence[str], record: Mapping[str, Any], text: str, *, title: str = ""
) -> str | None:
    """What speaks against a record of a text, as a sentence; None if nothing.

    Args:
        keys: that were asked for, in their order.
        record: of each key a piece of the text, a list of such, or None.
        text: what it was taken from.
        title: of the text, whose words tell keys from each other less.
    """
    if list(record) != list(keys):
        return "The keys are not those that were asked for."
    found = [value for value in record.values() if value is not None]
    if len(found) < 2 or 2 * len(found) < len(keys):
        return "Too little of it is filled in."
    for key, value in record.items():
        against = value_against(key, value, text, title=title)
        if against is not None:
            return against
    return None


def value_against(key: str, value: object, text: str, *, title: str = "") -> str | None:
    """What speaks against one value of a record: see `record_against`."""
    if value is None:
        return _null_against(key, text, title)
    return _against(key, value, text, title)


def _against(key: str, value: object, text: str, title: str) -> str | None:
    """What speaks against one value."""
    some = value if isinstance(value, list) else [value]
    items = [item for item in some if isinstance(item, str) and says(text, item)]
    if not items or len(items) < len(some):
        return f"The value of '{key}' does not stand in the text."
    for item in items:
        if len(item.split()) > _MOST_WORDS:
            return f"The value of '{key}' is too long for one."
    asked = _read(key, text, title)
    if asked.type and not any(fits_question(_PROBES[asked.type], item) for item in items):
        return f"The value of '{key}' is not of the type that it asks for."
    if len(items) > 1:
        return _list_against(key, items, asked, text)
    item = items[0]
    asked = asked if asked.type else asked._replace(type=_type_of(item))
    places = [_Spot(*span, _sentence(text, span[0])) for span in _spans(text, item)]
    rivals = [
        spot
        for spot in _spots(asked.type, text)
        if not any(_no_rival(spot, one, asked) for one in places)
        and not (asked.type == "person" and _says_key(asked, text[spot.start : spot.end]))
    ]
    own = max(_score(asked, one, text) for one in places)
    if own[0] <= 0:
        return f"Nothing beside the value of '{key}' speaks of it."
    best = max((_score(asked, spot, text) for spot in rivals), default=(0.0, 0.0))
    if best >= own:
        return f"Another place speaks of '{key}' as much as that of its value."
    return None


def _type_of(item: str) -> str:
    """What a value looks like, where its key does not say what it must be."""
    if TIME.search(item):
        return "time"
    if numbers(item):
        return "amount"
    return "person" if item[:1].isupper() or names(f"of {item}") else ""


def _list_against(key: str, items: Sequence[str], asked: _Key, text: str) -> str | None:
    """A list has to be one of the text, whole, in a sentence that speaks of the key."""
    pattern = r"(?:,? and |, )".join(re.escape(item) for item in items)
    match = re.search(rf"(?<!\w){pattern}(?!\w)", text)
    if match is None:
        return f"The values of '{key}' are no list of the text."
    if _JOINED.match(text, match.end()) and text[match.end() :].lstrip(", ")[:4] == "and ":
        return f"A value of '{key}' is missing."
    if text[: match.start()].endswith((", ", " and ")) and " and " not in match.group():
        return f"A value of '{key}' is missing."
    spot = _Spot(*match.span(), _sentence(text, match.start()))
    own = _score(asked, spot, text)[0]
    best = max((_score(asked, one, text)[0] for one in _spots("", text)), default=0.0)
    if own <= 0 or own < best:
        return f"Another place speaks of '{key}' more than that of its values."
    return None


def _null_against(key: str, text: str, title: str) -> str | None:
    """Null is wrong where a sentence has all words of a key and a value of its type."""
    asked = _read(key, text, title)
    if not asked.words:
        return f"The key '{key}' says too little for null to be sure."
    for sentence in {spot.sentence for spot in _spots(asked.type, text)}:
        there = _stems(text[slice(*sentence)])
        if all(_hit(clues, there) for _, clues, _ in asked.words):
            return f"The text seems to say '{key}', which is null."
    return None


def _read(key: str, text: str, title: str) -> _Key:
    """A key's type and words."""
    parts = key.split("_")
    kinds = [kind for part in parts for kind in _PROBES if part in _LISTS[kind]]
    if not kinds and parts[-1] in ("by", "name"):
        kinds = ["person"]
    whole = [_stems(text[start:end]) for start, end in sentence_places(text)]
    about = _stems(title)
    told = []
    for part in parts:
        own = stem(part)
        if part in _LISTS["vague"] and own not in _CLUES:
            continue
        clues = frozenset((own, *_CLUES.get(own, ())))
        often = sum(_hit(clues, sentence) for sentence in whole)
        weight = 1.0 / max(often, 1)
        if any(part in _LISTS[kind] for kind in _PROBES):
            weight *= 0.5
        if _hit(frozenset((own,)), about):
            weight *= 0.1
        told.append((own, clues, weight))
    return _Key(kinds[-1] if kinds else "", tuple(told))


def _no_rival(spot: _Spot, one: _Spot, asked: _Key) -> bool:
    """Whether a place is no rival of a value: it overlaps it, or is any other part of its sentence
    where nothing tells which part it should be."""
    overlaps = spot.start < one.end and one.start < spot.end
    return overlaps or (not asked.type and spot.sentence == one.sentence)


def _says_key(asked: _Key, piece: str) -> bool:
    """Whether a name is what a key speaks of rather than its value."""
    there = _stems(piece)
    return any(_hit(frozenset((own,)), there) for own, _, _ in asked.words)


def _score(asked: _Key, spot: _Spot, text: str) -> tuple[float, float]:
    """How much of a key is said beside a place: in its clause, in its sentence; and how near."""
    start, end = spot.sentence
    cuts = [start, *(start + m.end() for m in _CLAUSE.finditer(text[start:end])), end]
    first = max(cut for cut in cuts if cut <= spot.start)
    last = min((cut for cut in cuts if cut >= spot.end), default=end)
    clause, sentence = _stems(text[first:last]), _stems(text[start:end])
    score = sum(
        weight * (1.0 if _hit(clues, clause) else 0.5 if _hit(clues, sentence) else 0.0)
        for _, clues, weight in asked.words
    )
    return round(score, 6), -_distance(asked, spot, text)


def _distance(asked: _Key, spot: _Spot, text: str) -> float:
    """The words between a place and the nearest word that speaks of the key; a comma counts too."""
    start, end = spot.sentence
    least = 99.0
    for word in words(text[start:end]):
        if not any(_hit(clues, frozenset((word.stem,))) for _, clues, _ in asked.words):
            continue
        a, b = start + word.start, start + word.end
        if a < spot.end and spot.start < b:
            return 0.0
        between = text[b : spot.start] if b <= spot.start else text[spot.end : a]
        least = min(least, len(words(between)) + 1.5 * between.count(",") + 0.5)
    return least


def _spots(type_: str, text: str) -> Iterator[_Spot]:
    """The places of a text that may be a value of a type."""
    for start, end in sentence_places(text):
        piece, place = text[start:end], (start, end)
        if type_ == "amount":
            years = [match.span() for match in TIME.finditer(piece)]
            for number in numbers(piece):
                if not any(a < number.end and number.start < b for a, b in years):
                    behind = re.match(r" ?[^\W\d]+", piece[number.end :])
                    unit = behind is not None and bool(number.unit)
                    stop = number.end + (behind.end() if behind and unit else 0)
                    yield _Spot(start + number.start, start + stop, place)
        elif type_ == "time":
            for match in TIME.finditer(piece):
                yield _Spot(start + match.start(), start + match.end(), place)
        elif type_ in ("person", "place"):
            for name in names(piece):
                if type_ == "person" and _WHERE.search(piece[: name.start]):
                    continue
                yield _Spot(start + name.start, start + name.end, place)
        else:
            at = 0
            for cut in (*_CLAUSE.finditer(piece), None):
                stop = len(piece) if cut is None else cut.start()
                if stop > at:
                    yield _Spot(start + at, start + stop, place)
                at = len(piece) if cut is None else cut.end()


@lru_cache(maxsize=512)
def _stems(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in words(text))


def _hit(clues: frozenset[str], there: frozenset[str]) -> bool:
    """Whether one of some words, or one of its family, is there."""
    for clue in clues:
        for word in there:
            if word == clue or related(clue, word):
                return True
    return False


def _sentence(text: str, at: int) -> tuple[int, int]:
    places = sentence_places(text)
    return next(((a, b) for a, b in places if a <= at < b), (0, len(text)))


def _spans(text: str, piece: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(rf"(?<!\w){re.escape(piece)}(?!\w)", text):
        yield match.span()


@ground("extract_fields")
def extract_fields(
    row: Row,
    *,
    wording: str,
    form: str,
    answer: str,
    keys: Sequence[str],
    about: str = "",
    title: str = "",
) -> str | None:
    """The record is one of the row's text: see `record_against`."""
    record = record_of(answer)
    if record is None or json.dumps(record, ensure_ascii=False, indent=2) != answer:
        return "The answer is no JSON object, written out."
    against = record_against(keys, record, row.input or "", title=about)
    values = {"keys": quoted(keys), "output": answer, "title": title}
    return against or differs(row, wording, form, answer, values)
