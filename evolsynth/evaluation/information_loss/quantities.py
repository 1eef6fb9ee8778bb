"""Lost numbers and quantities: gone, changed, or of something else."""

from __future__ import annotations

import re

from evolsynth.evaluation.information_loss.alignment import Alignment, Gap, copying, gap
from evolsynth.evaluation.information_loss.reading import Kind, Loss, Reading, Token
from evolsynth.evaluation.text.numbers import UNITS, Number, equal, implied
from evolsynth.evaluation.text.words import vocabulary

__all__ = ["quantities"]

#: What a number says that is nowhere any more; that is said once less often; that is an ordinal
#: ("first" may be "initially"), or a small one ("the two" may be "both").
_GONE, _REPEATED, _ORDINAL, _ONE, _TWO = 0.65, 0.1, 0.12, 0.15, 0.4
_CHANGED_UNIT, _PUT_IN = 0.6, 0.55
_VAGUE = vocabulary(
    "some any few several many certain various much multiple unknown money amount number quantity"
)
_ARTICLES = vocabulary("a an one single each every per another")
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
    for i, token in enumerate(old.tokens):
        if token.number < 0:
            continue
        number = old.numbers[token.number]
        if made.same[i]:
            other = _number(new, made.place[i])
            losses += _of_something_else(old, new, made, i, other)
            if not _same_notation(number, other):
                restated.append(number)
            continue
        twin = next((j for j in free if _alike(old, new, number, _number(new, j))), None)
        if articles is None:
            articles = implied(new.text)
        said = next((n for n in articles if _says_the_same(n, number)), None)
        if twin is not None:
            free.remove(twin)
            restated.append(number)
        elif said is not None:
            articles.remove(said)
        elif not (number.values[0] == 1 and _has_article(new, number)):
            missing.append(i)
    for i in missing:
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
    return any(
        t.key == number.counted
        and any(u.text.casefold() in _ARTICLES for u in new.tokens[max(0, j - 2) : j])
        for j, t in enumerate(new.tokens)
    )


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
        replaced = hole.tight and (became is not None or hole.stop == hole.begin)
        return 0.6 if replaced else _ORDINAL
    if became is not None:
        return _GONE
    if any(value == n.values[0] for n in new.numbers):
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
    units = {number.unit, other.unit}
    if units.isdisjoint(("", "clock")):
        same = len(units) == 1 and number.measure == other.measure
        if same or units == {"pounds", "ounces"}:  # "2 lb", "two pounds"
            return []
        end = _end_of_counted(old, i)
        return [old.lose(number.start, end, "quantity", _CHANGED_UNIT, became)]
    k, j = _counted(old.tokens, i), _counted(new.tokens, made.place[i])
    taken = j is not None and made.of[j] >= 0 and made.same[made.of[j]]
    if k is None or j is None or made.same[k] or taken or number.unit:
        return []
    if made.place[k] == j and made.kept[k] >= 0.5:  # words of like meaning
        return []
    copied = min(max(0.0, copying(made, [k], around=k) - 0.2) / 0.4, 1.0)
    word = old.tokens[k]
    return [old.lose(word.start, word.end, "quantity", _CHANGED_UNIT * copied, became)]


def _counted(found: list[Token], i: int) -> int | None:
    """The word of content right after a number (at most one other word between)."""
    return next((k for k, t in enumerate(found[i + 1 : i + 3], i + 1) if t.weight > 0), None)


def _end_of_counted(text: Reading, i: int) -> int:
    after = i + 1
    if after < len(text.tokens) and text.tokens[after].text.casefold() in UNITS:
        return text.tokens[after].end
    counted = _counted(text.tokens, i)
    return text.tokens[i].end if counted is None else text.tokens[counted].end


def _put_in(old: Reading, new: Reading, made: Alignment, j: int) -> list[Loss]:
    """A number in the place of an article: "a glass" became "two glasses", "0.5 of an hour"."""
    left, right = j - 1, j + 1
    while left >= 0 and (made.of[left] < 0 or not made.same[made.of[left]]):
        left -= 1
    while right < len(made.of) and (made.of[right] < 0 or not made.same[made.of[right]]):
        right += 1
    if left < 0 or right >= len(made.of) or right - left > 5:
        return []
    i, k = made.of[left], made.of[right]
    between = old.tokens[i + 1 : k]
    number = _number(new, j)
    became = new.text[number.start : number.end]
    articles = all(t.text.casefold() in _ARTICLES for t in between)
    if len(between) in (1, 2) and articles and old.tokens[k].weight > 0:
        return [old.lose(between[0].start, old.tokens[k].end, "quantity", _PUT_IN, became)]
    part = new.tokens[j + 1 : j + 2]
    into = old.tokens[k].weight > 0 or old.tokens[k].text.casefold() in _ARTICLES
    if k == i + 1 and right - j <= 3 and into and part and part[0].key in ("of", "tim"):
        return [old.lose(old.tokens[k].start, old.tokens[k].end, "quantity", _PUT_IN, became)]
    return []


def _one_made_vague(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """ "He has one before" that became "he has some before"."""
    losses = []
    for i, token in enumerate(old.tokens):
        if made.same[i] or token.text.casefold() != "one":
            continue
        vague = _vague(new, gap(made, i))
        if vague is not None:
            losses.append(old.lose(token.start, token.end, "number", _PUT_IN, vague))
    return losses
