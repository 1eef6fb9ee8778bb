"""Lost numbers and quantities, names, quotations, code, options and data.

All but numbers must stand there word for word. Data are the sentence, list or text that a request
works on. "Correct the grammar. Her and me goes to town." may say "correct" in other words, but not
"her and me goes".
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import islice

from evolsynth.evaluation.information_loss.alignment import Alignment, Gap, copying, gap
from evolsynth.evaluation.information_loss.reading import ARTICLES, Kind, Loss, Reading, Token
from evolsynth.evaluation.text import facts
from evolsynth.evaluation.text.numbers import UNITS, Number, equal, implied
from evolsynth.evaluation.text.verbs import VERB, asks
from evolsynth.evaluation.text.words import (
    clauses,
    content,
    occurs,
    plain,
    stem,
    vocabulary,
    words,
)

__all__ = ["data_changed", "exact", "quantities"]

_QUOTATION, _CODE = 0.7, 0.7
#: A name may have been paraphrased (a country for its people), unless all around it was copied.
_NAME, _NAME_TAKEN_OUT = 0.3, 0.6
#: One of several options is gone while the others stand; all of them were said in other words.
_ONE_OPTION, _ALL_OPTIONS = 0.6, 0.12


def exact(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Names, quotations, code and options that are gone or changed."""
    return [
        *_quotations(old, new),
        *_code(old, new),
        *_names(old, new, made),
        *_options(old, new, made),
    ]


def _quotations(old: Reading, new: Reading) -> list[Loss]:
    squeezed = _squeeze(new.text)
    losses = []
    for place in facts.quotations(old.text):
        if _squeeze(place.text) in squeezed:
            continue
        said, count = content(place.text), len(words(place.text))
        # one quoted word is meant as it is spelled
        gone = said if count == 1 else [w for w in said if not occurs(w.stem, new.stems)]
        if not gone and said:
            continue
        start, end = place.start, place.end
        if len(gone) == 1 and count > 3 and gone[0].start:
            start, end = start + gone[0].start, start + gone[0].end
        losses.append(old.lose(start, end, "quotation", _QUOTATION))
    return losses


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", " ", plain(text).casefold()).strip()


def _code(old: Reading, new: Reading) -> list[Loss]:
    bare = "".join(new.flat.split())
    found = dict.fromkeys(facts.code(old.text))
    gone = [p for p in found if "".join(plain(p.text).split()).casefold().strip("`") not in bare]
    return [old.lose(place.start, place.end, "code", _CODE) for place in gone]


def _names(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    losses = []
    seen: set[str] = set()
    for place in facts.names(old.text):
        if place.text.casefold() in seen or _named(place.text, new.text, new.stems):
            continue
        seen.add(place.text.casefold())
        own = old.inside(place.start, place.end)
        gone = [i for i in own if made.kept[i] < _SAID_OTHERWISE]
        if not gone:
            continue
        hole = gap(made, gone[0])
        copied = max(0.0, copying(made, own, around=gone[0]) - 0.4) / 0.6
        came = [t for t in new.tokens[hole.begin : hole.stop] if t.weight > 0]
        weight = _NAME + (_NAME_TAKEN_OUT - _NAME) * copied
        became = new.stretch(came) if hole.tight else None
        losses.append(old.lose(place.start, place.end, "name", weight, became))
    return losses


def _named(name: str, evolved: str, stems: frozenset[str]) -> bool:
    parts = [w for w in words(name) if w.text[0].isupper() and len(w.text) > 1]
    there = [occurs(w.stem, stems) for w in parts]
    if not parts or (there[-1] and all(there[1:])) or sum(there) > 2 / 3 * len(there):
        return True
    if len(parts) == 1 and len(name) <= 4:  # "Tue" for "Tuesday", "TV" for "television"
        letters, capitals = map(re.escape, name), name.isupper()
        if len(name) <= 3 and re.search(rf"\b{'[a-z]*'.join(letters)}", evolved):
            return True
        longer = "[a-z]+".join(name.casefold()) if capitals else name
        if re.search(rf"\b{longer}[a-z]+", evolved, re.I if capitals else 0):
            return True
    initials = "".join(w.text[0] for w in parts)
    short = name.replace(".", "")
    spelled = "".join(w.text[0] for w in words(evolved) if w.text[0].isupper())
    return (len(initials) > 1 and initials.casefold() in stems) or (
        len(short) > 1 and short.isupper() and short in spelled
    )


def _options(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    losses = []
    places = facts.options(old.text)
    for start, end in clauses(old.text):
        group = [p for p in places if start <= p.start < end]
        gone = [p for p in group if not _there(p, old, new, made)]
        few = len(group) > 2 and 2 * len(gone) <= len(group)
        weight = _ONE_OPTION if few else _ALL_OPTIONS
        once = list({p.text.casefold(): p for p in reversed(gone)}.values())[::-1]
        losses += [old.lose(p.start, p.end, "option", weight) for p in once]
    return losses


def _there(place: facts.Place, old: Reading, new: Reading, made: Alignment) -> bool:
    if any(made.kept[i] >= 0.5 for i in old.inside(place.start, place.end)):
        return True
    every = all(occurs(w.stem, new.stems) for w in words(place.text))
    return every or occurs(stem(place.text), new.stems)


# Data ---------------------------------------------------------------------------------------------

#: A request that works on something: "correct the grammar in this sentence", "sort the words".
_WORKS_ON = re.compile(
    r"\b(?:this|these|the|that|following|given|below)\b(?: [\w'-]+){0,3}? (?:sentences?|texts?|"
    r"paragraphs?|passages?|words?|strings?|phrases?|lines?|messages?|lists?|numbers|steps|events|"
    r"items|e-?mails?|notes?|tweets?|reviews?|titles?|headlines?|names|verbs?|statements?|"
    r"requests?|questions?|commands?|instructions?)\b",
    re.I,
)
#: What may itself ask for something: "make this request more polite: turn down your music".
_ORDER = re.compile(
    r"\b(?:this|following)\b.*\b(?:sentence|request|question|command|instruction|message)$", re.I
)
_ENDS = re.compile(r"[.:?!]\s+")
_MOST = 60
#: What changed data says: a word of content is another or gone; only small words are.
_CHANGED, _TOUCHED = 0.7, 0.4


def data_changed(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """The data of a request, where some of it is in the evolution, but not as it was."""
    border = _ENDS.search(old.text)
    if border is None or not VERB.match(old.text):
        return []
    data = old.text[border.end() :]
    works = _WORKS_ON.search(old.text, 0, border.start())
    said = works is not None and _ORDER.search(works.group())
    if works is None or (not said and (VERB.match(data) or asks(data))):
        return []
    own = old.inside(border.end(), len(old.text))
    if not 0 < len(own) <= _MOST or _said([old.tokens[i] for i in own]) in _said(new.tokens):
        return []
    gone = [old.tokens[i] for i in own if not _stands(made, i)]
    heavy = [t for t in gone if t.weight >= 0.3 or t.number >= 0]
    if len(gone) == len(own) or not (heavy or len(gone) >= 2):
        return []
    weight = _CHANGED if heavy else _TOUCHED
    return [old.lose((heavy or gone)[0].start, (heavy or gone)[-1].end, "topic", weight)]


def _said(tokens: Sequence[Token]) -> str:
    return f" {' '.join(token.text.casefold() for token in tokens)} "


def _stands(made: Alignment, i: int) -> bool:
    j = made.place[i]
    if made.kept[i] == 1.0 and not made.same[i]:
        return True  # it is written otherwise
    return j >= 0 and made.evolved[j].text.casefold() == made.original[i].text.casefold()


# Numbers ------------------------------------------------------------------------------------------

#: What a number says that is nowhere any more; that is said once less often; that is an ordinal
#: ("first" may be "initially"), or a small one ("the two" may be "both").
_GONE, _REPEATED, _ORDINAL, _ONE, _TWO = 0.65, 0.1, 0.12, 0.15, 0.4
_CHANGED_UNIT, _PUT_IN = 0.6, 0.55
#: What a measure says of whose number only others are left.
_OF_ANOTHER = 0.5
#: From which on a word is told to stand for the same.
_SAID_OTHERWISE = 0.85
#: Lost numbers, articles and candidates that are looked at: no request has as many.
_LISTED = 300
_VAGUE = vocabulary(
    "some any few several many certain various much multiple unknown money amount number quantity"
)
_BOTH = vocabulary("both pair either neither couple")


def quantities(old: Reading, new: Reading, made: Alignment, *, foreign: bool = False) -> list[Loss]:
    """Numbers that are gone, have another value, or another unit, or count something else.

    In a ``foreign`` language the numbers that are written in words are not known.
    """
    # tokens of the evolution that are numbers and stand for nothing yet
    free = [j for j, t in enumerate(new.tokens) if t.number >= 0 and made.of[j] < 0]
    losses: list[Loss] = []
    missing: list[int] = []
    restated: list[Number] = []
    articles: list[Number] | None = None
    twins = _Twins(old, new, free)
    for i, token in enumerate(old.tokens):
        if token.number < 0:
            continue
        number = old.numbers[token.number]
        if made.kept[i] == 1.0 and not made.same[i]:
            continue  # it is written otherwise
        if made.same[i]:
            other = _number(new, made.place[i])
            losses += _of_something_else(old, new, made, i, other)
            if not _same_notation(number, other):
                restated.append(number)
            continue
        twin = twins.take(number)
        if articles is None:
            articles = implied(new.text)[:_LISTED]
        said = next((n for n in articles if _says_the_same(n, number)), None)
        if twin is not None:
            restated.append(number)
        elif said is not None:
            articles.remove(said)
        elif not (number.values[0] == 1 and _has_article(new, number)):
            missing.append(i)
    free = [j for j in free if j in twins.free]
    for i in missing[:_LISTED]:
        loss = _missing(old, new, made, i, free)
        if foreign and loss.span.became is None and not gap(made, i).tight:
            loss = loss._replace(weight=_REPEATED)
        losses.append(loss)
    for j in free:
        losses += _put_in(old, new, made, j)
    if restated:
        first = restated[0]
        weight = min(0.1 + 0.05 * (len(restated) - 1), 0.2)
        losses.append(old.lose(first.start, first.end, "number", weight))
    return losses + _one_made_vague(old, new, made)


class _Twins:
    """The numbers of an evolution that stand for nothing yet, found by what they say."""

    def __init__(self, old: Reading, new: Reading, free: Sequence[int]) -> None:
        self.free = set(free)
        self._old, self._new = old, new
        self._by: dict[object, deque[int]] = defaultdict(deque)
        for j in free:
            for key in _said_by(_number(new, j)):
                self._by[key].append(j)

    def take(self, number: Number) -> int | None:
        """The first that says the same as a number of the original; it is free no more."""
        keys = set(_said_by(number))
        if number.values[0]:
            keys.add(1 / number.values[0])  # "3 times fewer", "a third"
        found = []
        for key in keys & self._by.keys():
            places = self._by[key]
            while places and places[0] not in self.free:
                places.popleft()
            here = (j for j in islice(places, _LISTED) if j in self.free)
            alike = (j for j in here if _alike(self._old, self._new, number, _number(self._new, j)))
            found += list(islice(alike, 1))
        if not found:
            return None
        self.free.remove(min(found))
        return min(found)


def _said_by(number: Number) -> tuple[object, ...]:
    """What two numbers have in common, one of these at least, if they say the same."""
    measured = () if number.measure is None else ((number.unit, number.measure),)
    return (*dict.fromkeys(number.values), *measured)


def _number(text: Reading, i: int) -> Number:
    return text.numbers[text.tokens[i].number]


_TIMES_LESS = re.compile(r"\W+times\s+(?:fewer|less|smaller|slower|lower|as few|as little)", re.I)


def _alike(old: Reading, new: Reading, one: Number, other: Number) -> bool:
    """Whether two say the same, also as "3 times fewer" and "a third"."""
    if one.values[0] * other.values[0] != 1:
        return equal(one, other)
    less = _TIMES_LESS.match(old.text, one.end) or _TIMES_LESS.match(new.text, other.end)
    return bool(less) or equal(one, other)


def _same_notation(one: Number, other: Number) -> bool:
    fraction = other.values[0].denominator > 1
    decimal: bool = "." in other.text and "." not in one.text and fraction
    return len(one.values) == len(other.values) and not decimal and one.ordinal == other.ordinal


def _says_the_same(article: Number, number: Number) -> bool:
    """Whether "an hour" says this number: 60 minutes, or 1 hour."""
    if article.unit == number.unit and article.measure == number.measure:
        return True
    return number.values[0] == 1 and article.counted == number.counted


def _has_article(new: Reading, number: Number) -> bool:
    """Whether "1 box" became "a box"."""
    if not number.counted or not number.text[0].isalnum():
        return False
    return number.counted in new.single


def _missing(old: Reading, new: Reading, made: Alignment, i: int, free: list[int]) -> Loss:
    """The loss of a number that has no equal; takes what stands for it now out of ``free``."""
    number, hole = _number(old, i), gap(made, i)
    near = [j for j in free if hole.begin <= j < hole.stop]
    same = [j for j in free if _number(new, j).counted == number.counted != ""]
    other = [j for j in free if _number(new, j).ordinal == number.ordinal]
    choice = next(iter([*near, *same, *other]), None)
    became = _vague(new, hole)
    if choice is not None:
        free.remove(choice)
        became = new.text[_number(new, choice).start : _number(new, choice).end]
    weight = _weight(new, number, hole, became, copying(made, [i], around=i))
    if choice is not None and _counts_a_list(old, new, number, _number(new, choice)):
        weight = _REPEATED
    kind: Kind = "quantity" if number.counted or number.unit else "number"
    return old.lose(number.start, number.end, kind, weight, became)


def _vague(new: Reading, hole: Gap) -> str | None:
    """The first vague word in the place of what was taken out."""
    came = (t.text for t in new.tokens[hole.begin : hole.stop])
    return next((text for text in came if hole.tight and text.casefold() in _VAGUE), None)


def _weight(new: Reading, number: Number, hole: Gap, became: str | None, copied: float) -> float:
    value = number.values[0]
    if number.ordinal:
        came = new.tokens[hole.begin : hole.stop]
        replaced = became is not None or not came or (value > 3 and any(t.weight > 0 for t in came))
        return 0.6 if hole.tight and replaced else _ORDINAL
    if became is not None:
        return _GONE
    equals = [n for n in new.numbers if value == n.values[0]]
    if equals and number.unit and number.unit not in {n.unit for n in equals}:
        return _OF_ANOTHER
    if equals:
        came = new.tokens[hole.begin : hole.stop]
        empty = not any(t.weight > 0 and t.text.casefold() not in _VAGUE for t in came)
        return 0.55 if hole.tight and empty else _REPEATED
    if value not in (1, 2) or (hole.tight and copied > 0.6):
        return _GONE
    if value == 1:
        return _ONE
    return _REPEATED if any(t.text.casefold() in _BOTH for t in new.tokens) else _TWO


_ITEM = re.compile(r"(?m)^[ \t]*(?:\(?\d{1,2}[.)]|[-*\u2022])[ \t]")


def _counts_a_list(old: Reading, new: Reading, one: Number, other: Number) -> bool:
    """Whether a count grew with its list: "the 2 items" above a list that got a third."""
    before, after = len(_ITEM.findall(old.text)), len(_ITEM.findall(new.text))
    if after <= before:
        return False
    grown = other.values[0] - one.values[0] == after - max(before, int(one.values[0] == 1))
    return grown or other.values[0] == after


def _of_something_else(
    old: Reading, new: Reading, made: Alignment, i: int, other: Number
) -> list[Loss]:
    """A number that was copied, but with another unit ("400 yards") or counting something else."""
    number = _number(old, i)
    became = new.text[other.start : _end_of_counted(new, made.place[i])]
    after = _counted(old, i)
    if after is not None and not made.same[after] and made.kept[after] >= _SAID_OTHERWISE:
        return []  # another way to write the unit
    units = {number.unit, other.unit}
    if units.isdisjoint(("", "clock")):
        same = len(units) == 1 and number.measure == other.measure
        if same or units == {"pounds", "ounces"}:  # "2 lb", "two pounds"
            return []
        end = _end_of_counted(old, i)
        return [old.lose(number.start, end, "quantity", _CHANGED_UNIT, became)]
    k, j = _counted(old, i), _counted(new, made.place[i])
    taken = j is not None and made.of[j] >= 0 and made.same[made.of[j]]
    if k is None or j is None or made.same[k] or taken or number.unit:
        return []
    if made.place[k] == j and made.kept[k] >= 0.5:  # words of like meaning
        return []
    copied = min(max(0.0, copying(made, [k], around=k) - 0.2) / 0.4, 1.0)
    word = old.tokens[k]
    return [old.lose(word.start, word.end, "quantity", _CHANGED_UNIT * copied, became)]


def _counted(text: Reading, i: int) -> int | None:
    """The word of content right after a number (at most one other between), in its sentence."""
    after = enumerate(text.tokens[i + 1 : i + 3], i + 1)
    counted = next((k for k, t in after if t.weight > 0), None)
    return None if counted is None or text.apart(i, counted) else counted


def _end_of_counted(text: Reading, i: int) -> int:
    after = i + 1
    if after < len(text.tokens) and text.tokens[after].text.casefold() in UNITS:
        return text.tokens[after].end
    counted = _counted(text, i)
    return text.tokens[i].end if counted is None else text.tokens[counted].end


def _put_in(old: Reading, new: Reading, made: Alignment, j: int) -> list[Loss]:
    """A number in the place of an article: "a glass" became "two glasses", "0.5 of an hour"."""
    left, right = j - 1, j + 1
    while left >= j - 5 and left >= 0 and (made.of[left] < 0 or not made.same[made.of[left]]):
        left -= 1
    end = min(len(made.of), j + 6)
    while right < end and (made.of[right] < 0 or not made.same[made.of[right]]):
        right += 1
    if left < 0 or right >= len(made.of) or right - left > 5:
        return []
    i, k = made.of[left], made.of[right]
    between = old.tokens[i + 1 : k]
    number = _number(new, j)
    if number.values[0] == 1:  # "a glass", "1 glass"
        return []
    became = new.text[number.start : number.end]
    articles = all(t.text.casefold() in ARTICLES for t in between)
    if len(between) in (1, 2) and articles and old.tokens[k].weight > 0:
        return [old.lose(between[0].start, old.tokens[k].end, "quantity", _PUT_IN, became)]
    part = new.tokens[j + 1 : j + 2]
    into = old.tokens[k].weight > 0 or old.tokens[k].text.casefold() in ARTICLES
    if k == i + 1 and right - j <= 3 and into and part and part[0].key in ("of", "tim"):
        return [old.lose(old.tokens[k].start, old.tokens[k].end, "quantity", _PUT_IN, became)]
    return []


def _one_made_vague(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """ "He has one before" that became "he has some before"; "one tree", "trees"."""
    losses = []
    for i, token in enumerate(old.tokens):
        if made.same[i] or token.text.casefold() != "one":
            continue
        hole = gap(made, i)
        vague = _vague(new, hole) or _several(old, new, made, i)
        if vague is not None:
            losses.append(old.lose(token.start, token.end, "number", _PUT_IN, vague))
    return losses


def _several(old: Reading, new: Reading, made: Alignment, i: int) -> str | None:
    """The word that "one" counted, where it stands for several now."""
    if i + 1 >= len(old.tokens) or not made.same[i + 1]:
        return None
    if old.tokens[i + 1].key in new.single:  # "one visit", "the visits ... for a single visit"
        return None
    one, other = old.tokens[i + 1].text, new.tokens[made.place[i + 1]].text
    many = other.endswith("s") and not one.endswith("s") and other[:3] == one[:3]
    return other if many and made.place[i] < 0 else None
