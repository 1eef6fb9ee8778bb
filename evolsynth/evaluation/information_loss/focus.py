"""How far: what "only", "even", "except", "unless", "until" and "because" are said of.

"Only the cook peels" is not "the cook peels only", but "nobody peels but the cook" is, and "not
until May" is "only from May on". For English.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment, together
from evolsynth.evaluation.information_loss.polarity import Side, averse
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.text.words import NEGATORS, vocabulary

__all__ = ["Agreed", "focused"]

#: What it says that an "only" or the like is said of another word, or became another.
_OTHER = 0.9

_ONLY = vocabulary("only solely exclusively purely")
_EXCEPT = vocabulary(
    "except excepting excluding barring besides apart other but unless until till without before "
    "save"
)
#: These are exceptions only under a denial, or behind "all".
_UNDER_DENIAL = vocabulary("until till without before")
_EVEN = vocabulary("even including included")
#: What a condition may begin with under which something is not so: "who does not pay cannot enter".
_WHO = vocabulary("if who whoever that which anyone")
_WORDS = _ONLY | _EXCEPT | _EVEN | vocabulary("alone else because if when who whoever that which")
_NOT = vocabulary("not never no none nobody nothing nowhere neither without cannot")
_ALL = vocabulary(
    "all every each everyone everybody everything everywhere any anyone anybody anything whole no "
    "none nobody nothing nowhere one"
)
#: Before an "only" that is no restriction of anything; behind an "even" that is none.
_THE = vocabulary("the an a this that my your his her its our their whose if")
_MORE = vocabulary(
    "more less though further better worse greater larger so then as now and or number "
    "numbers integer integers"
)
_BREAKS = vocabulary("but although though because while whereas since and")
_OPENS = vocabulary("that if when because whether and but or so where which who")
_FAR, _SENTENCE = 8, 14


class Focus(NamedTuple):
    """What a word like "only" says (``kind``), of which token, and the tokens it is told by;
    ``op`` is where it stands, -1 where it is put together ("not ... until")."""

    kind: str
    at: int
    tokens: tuple[int, ...]
    op: int = -1


class Agreed(NamedTuple):
    """Losses, and the tokens of either text that say together what others say there: each with the
    number of its pair in ``pairs``."""

    losses: list[Loss]
    here: dict[int, int]
    there: dict[int, int]
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]

    @classmethod
    def nothing(cls) -> Agreed:
        """Nothing was found yet."""
        return cls([], {}, {}, [])

    def agree(self, made: Alignment, mine: tuple[int, ...], theirs: tuple[int, ...]) -> None:
        """Note that some tokens say in other words what others say now, and pair them off."""
        if all(made.same[i] for i in mine) and {made.place[i] for i in mine} >= set(theirs):
            return  # the same words: where they stand now is another matter
        self.here.update(dict.fromkeys(mine, len(self.pairs)))
        self.there.update(dict.fromkeys(theirs, len(self.pairs)))
        self.pairs.append((mine, theirs))
        for i in mine:
            if made.place[i] < 0 and theirs:
                made.place[i], made.kept[i] = theirs[0], _PAIRED


_PAIRED = 0.95


def focused(mine: Side, theirs: Side, made: Alignment) -> Agreed:
    """What is said of other words now, or otherwise, and what is said of the same."""
    found = Agreed.nothing()
    if not _WORDS.isdisjoint(mine.low):
        theirs_foci = _Others(_foci(theirs))
        for focus in _foci(mine):
            _compare(mine, theirs, made, focus, theirs_foci, found)
        if "unless" in mine.low or "unless" in theirs.low:
            _conditions(mine, theirs, made, found)
        if "because" in mine.low:
            _reasons(mine, theirs, made, found)
        if not _UNTIL.isdisjoint(mine.low):
            _untils(mine.text, theirs.text, made, found)
    return found


# What there is ------------------------------------------------------------------------------------


def _foci(side: Side) -> Iterator[Focus]:
    low, denies = side.low, not _NOT.isdisjoint(side.low)
    for k, word in enumerate(low):
        if word not in _WORDS:
            continue
        if word in _ONLY:
            yield from _only(side, k)
        elif word == "alone" and k and side.tokens[k - 1].weight >= 0.4:
            yield Focus("only", k - 1, (k,), k)
        elif word == "else" and k and low[k - 1] in _NOT:  # "cards and nothing else"
            yield from _of("only", _before(side, k - 1), (k - 1, k))
        elif word in _EXCEPT:
            yield from _exception(side, k)
        elif word in _WHO and denies:
            yield from _needed(side, k)
        elif word in _EVEN and not (k + 1 < len(low) and low[k + 1] in _MORE):
            at = _before(side, k) if word == "included" else _behind(side, k)
            denial = _denial(side, k, on=True)
            if denial >= 0:
                yield from _of("not even", at, (k, denial))
            else:
                yield from _of("even", at, (k,))


def _needed(side: Side, k: int) -> Iterator[Focus]:
    """ "If you are not a member, you cannot enter": members only."""
    low, found = side.low, []
    for i in range(k + 1, min(len(low), k + 1 + _SENTENCE)):
        if side.text.apart(i - 1, i, ".;:!?\n") or low[i] in ("but", "because"):
            break
        if low[i] == "and" and side.text.apart(i - 1, i, ","):
            break  # "if you are not a member, pay, and do not run"
        if low[i] in _NOT:
            found.append(i)
    if not found:
        return
    if len(found) == 1:
        before = (i for i in range(k - 1, max(-1, k - 1 - _FAR), -1) if low[i] in _NOT)
        denial = next(before, -1)
        if denial < 0 or side.text.apart(denial, k, ".;:!?\n"):
            return
        found.append(denial)
    at = _behind(side, found[0])
    if len(found) == 2 and (found[1] < k or (at >= 0 and at < found[1])):
        yield from _of("only", at, (k, *found))


def _of(kind: str, at: int, tokens: tuple[int, ...], op: int = -1) -> Iterator[Focus]:
    if at >= 0:
        yield Focus(kind, at, tokens, op)


def _only(side: Side, k: int) -> Iterator[Focus]:
    low = side.low
    if k and low[k - 1] in _THE:
        return
    at = _behind(side, k)
    if at < 0:
        at = _before(side, k)
    for by in range(k - 1, max(-1, k - 5), -1):
        if side.text.apart(by, by + 1, ".;:!?,\n") or low[by] in _BREAKS:
            break
        if low[by] == "not":
            yield from _of("not only", at, (by, k))
            return
    yield from _of("only", at, (k,), k)


def _exception(side: Side, k: int) -> Iterator[Focus]:
    """All but something; where it is denied, something only."""
    word, low = side.low[k], side.low
    if word == "other" and low[k + 1 : k + 2] != ["than"]:
        return
    if word in ("apart", "save") and low[k + 1 : k + 2] not in (["from"], ["for"]):
        return
    if word == "but" and not _of_all(side, k):
        return
    at, denial = _behind(side, k), _denial(side, k)
    if word == "before" and low[max(0, k - 1)] != "not" and not _rules(side, k, denial):
        return  # "he did not eat before he ran" does not say that he ate
    if word == "besides" and denial < 0 and not _of_all(side, k):
        yield from _of("not only", at, (k,))  # "others besides the guests"
        return
    if denial >= 0:
        yield from _of("only", at, (denial, k))
    elif word not in _UNDER_DENIAL:
        yield from _of("except", at, (k,))


def _rules(side: Side, k: int, denial: int) -> bool:
    """Whether it is told what may be done, or will be: "nobody may leave before noon"."""
    first, last = max(0, min(k, denial) - 4), max(k, denial)
    order = denial >= 0 and side.tokens[denial].text.casefold() == "not"
    begins = denial <= 1 or side.text.apart(denial - 2, denial - 1)
    return (order and begins) or any(low in _MODALS for low in side.low[first:last])


_MODALS = vocabulary("may can cannot must will shall should")


def _of_all(side: Side, k: int) -> bool:
    """Whether a "but" stands behind a quantifier: "all Sundays but the last"."""
    for i in range(k - 1, max(-1, k - 4), -1):
        if side.text.apart(i, i + 1, ".;:!?,\n"):
            return False
        if side.low[i] in _ALL:
            return True
    return False


def _behind(side: Side, k: int) -> int:
    """The next token that says something, in the same part of the sentence."""
    for i in range(k + 1, min(len(side.low), k + 1 + _FAR)):
        if side.text.apart(i - 1, i, ".;:!?,\n"):
            return -1
        if side.tokens[i].weight >= 0.3 or side.tokens[i].number >= 0:
            return i
    return -1


def _before(side: Side, k: int) -> int:
    """The last token that says something before one."""
    for i in range(k - 1, max(-1, k - 1 - _FAR), -1):
        if side.text.apart(i, i + 1, ".;:!?\n"):
            return -1
        if side.tokens[i].weight >= 0.3 or side.tokens[i].number >= 0:
            return i
    return -1


def _denial(side: Side, k: int, *, on: bool = False) -> int:
    """What denies the deed in the sentence of an exception, before it or, if it begins the
    sentence, behind it; -1 for nothing."""
    low, first = side.low, k
    for i in range(k - 1, max(-1, k - 1 - _SENTENCE), -1):
        if side.text.apart(i, i + 1, ".;:!?\n") or low[i] in _BREAKS:
            break
        if on and low[i] in ("so", "that"):
            return -1  # "use no code, so that even a child can read it"
        first = i
        if low[i] in _NOT:
            return i
    if not on and k - first > 1:
        return -1
    comma = False
    for i in range(k + 1, min(len(low), k + 1 + _SENTENCE)):
        if side.text.apart(i - 1, i, ".;:!?\n") or low[i] in _BREAKS:
            return -1
        comma = comma or side.text.apart(i - 1, i, ",")
        if on and comma:
            return -1  # "even a child can read it, without any help"
        if low[i] in _NOT and (comma or low[k] != "unless"):
            return i
    return -1


# What became of it --------------------------------------------------------------------------------

#: Which of two exclude each other.
_EXCLUDED = {
    frozenset(pair.split("/"))
    for pair in ("only/except", "only/even", "only/not only", "except/even", "even/not even",
                 "except/not only", "not even/only", "not even/except")
}  # fmt: skip


class _Others:
    """What there is in the evolution, found by where it is."""

    def __init__(self, found: Iterable[Focus]) -> None:
        self._at: dict[int, list[Focus]] = defaultdict(list)
        for focus in found:
            self._at[focus.at].append(focus)

    def near(self, places: Iterable[int], reach: int = 0) -> list[Focus]:
        """Those whose word is no further than ``reach`` from one of some places, in order."""
        if not self._at:
            return []
        around = {k for place in places for k in range(place - reach, place + reach + 1)}
        return [focus for k in sorted(around & self._at.keys()) for focus in self._at[k]]


def _compare(
    mine: Side, theirs: Side, made: Alignment, focus: Focus, others: _Others, found: Agreed
) -> None:
    """Look for what says the same of the same word, or something else of it."""
    i, j = focus.at, made.place[focus.at]
    next_ = _before(mine, i) if i < focus.op else _behind(mine, i)
    places = {made.place[k] for k in (i, next_) if k >= 0} | ({j - 1, j - 2} if j >= 0 else set())
    here = others.near({j} if j >= 0 else ()) or others.near(places - {-1})
    for other in here:
        if other.kind == focus.kind:
            found.agree(made, focus.tokens, other.tokens)
            return
    for other in here:
        if frozenset((focus.kind, other.kind)) in _EXCLUDED and made.same[i]:
            if not _around(mine, theirs, made, focus, other):
                _lose(mine, theirs, focus, other, found)
            return
    if _moved(mine, theirs, made, focus, others, found):
        return
    if focus.op < 0 or focus.kind != "only":
        return
    near = {made.place[k] for k in mine.text.near(focus.op, _SENTENCE) if made.same[k]}
    for other in others.near(near, _FAR):
        if other.op < 0 or other.kind != "only":
            continue
        if near.isdisjoint(theirs.text.near(other.op, _SENTENCE)):
            continue
        passed = _passed(mine, made, focus, other)
        first = _is_first(mine, focus.op) or _is_first(theirs, other.op)
        if len(passed) > 1 or (passed and first):
            _lose(mine, theirs, focus, other, found)
        else:
            found.agree(made, focus.tokens, other.tokens)
        return


def _moved(
    mine: Side, theirs: Side, made: Alignment, focus: Focus, others: _Others, found: Agreed
) -> bool:
    """Look for what says the same of something that was said in another place of the sentence
    ("unless it is washed", "unless it is dyed"), or in no words of the original."""
    near = list(mine.text.near(focus.at, _SENTENCE))
    if focus.kind != "only" or not made.same[focus.at]:
        if made.same[focus.at]:
            return False
        places = {made.place[k] for k in near if made.same[k]}
        for other in others.near(places, _FAR):
            own = made.of[other.at] < 0 or not made.same[made.of[other.at]]
            said = not places.isdisjoint(theirs.text.near(other.at, _FAR))
            if other.kind == focus.kind and own and said:
                found.agree(made, focus.tokens, other.tokens)
                return True
        return False
    place = made.place[focus.at]
    for other in others.near([place], _SENTENCE) if focus.op < 0 else ():
        i = made.of[other.at]
        alike = mine.low[focus.tokens[-1]] == theirs.low[other.tokens[-1]]
        there = alike and other.kind == "only" and i in near and made.same[i]
        if there and place in set(theirs.text.near(other.at, _SENTENCE)):
            _lose(mine, theirs, focus, other, found)
            return True
    return False


def _lose(mine: Side, theirs: Side, focus: Focus, other: Focus, found: Agreed) -> None:
    old, new = mine.text, theirs.text
    first, last = _told(focus)
    begin, end = _told(other)
    became = new.text[new.tokens[begin].start : new.tokens[max(end, other.at)].end]
    start, stop = old.tokens[first].start, old.tokens[last].end
    found.losses.append(old.lose(start, stop, "constraint", _OTHER, became))


def _told(focus: Focus) -> tuple[int, int]:
    """The first and the last token that a focus is told by, where they stand together."""
    first, last = min(focus.tokens), max(focus.tokens)
    return (first, last) if last - first < len(focus.tokens) else (focus.tokens[-1],) * 2


def _around(mine: Side, theirs: Side, made: Alignment, focus: Focus, other: Focus) -> bool:
    """Whether what is said of the word may have been turned round as well: "closed except on
    Fridays", "open only on Fridays"; or nothing that was said with it is."""
    gone = (mine.low[k] for k in mine.text.near(focus.at, _SENTENCE) if not made.same[k])
    came = (
        theirs.low[k]
        for k in theirs.text.near(other.at, _SENTENCE)
        if made.of[k] < 0 or not made.same[made.of[k]]
    )
    words = {theirs.low[k] for k in other.tokens} | {mine.low[k] for k in focus.tokens}
    if any(averse(word) for word in (*gone, *came) if word not in words | _IF):
        return True
    return not together(mine.text, theirs.text, made, focus.at, other.at)


def _passed(mine: Side, made: Alignment, focus: Focus, other: Focus) -> list[int]:
    """The words that an "only" stood before and stands behind now, or the other way round."""
    here, there = min(focus.op, focus.at), min(other.op, other.at)
    near = [k for k in mine.text.near(focus.op, _FAR) if made.same[k]]
    near = [k for k in near if mine.tokens[k].weight > 0 or mine.tokens[k].number >= 0]
    near = [k for k in near if abs(made.place[k] - there) <= _SENTENCE]
    return [k for k in near if (k < here) != (made.place[k] < there)]


def _is_first(side: Side, k: int) -> bool:
    """Whether a token begins its part of the sentence."""
    return k == 0 or side.text.apart(k - 1, k, ".;:!?,\n") or side.low[k - 1] in _OPENS


# Conditions ---------------------------------------------------------------------------------------

_IF = vocabulary("if when whenever provided once")


def _conditions(mine: Side, theirs: Side, made: Alignment, found: Agreed) -> None:
    """ "Unless" that became "if", or the other way round: the same only if one more is denied."""
    for k, word in enumerate(mine.low):
        if word != "unless" and word not in _IF:
            continue
        at = _behind(mine, k)
        if at < 0 or made.place[at] < 0:
            continue
        j = made.place[at]
        for m in range(j, max(-1, j - _FAR), -1):
            now = theirs.low[m]
            if now == "unless" or now in _IF:
                break
            if m and theirs.text.apart(m - 1, m, ".;:!?,\n"):
                now = ""
                break
        else:
            continue
        if not now or (word == "unless") == (now == "unless"):
            continue
        one = _denials(mine, k)
        other = tuple(i for i in _denials(theirs, m) if not _is_added(theirs, made, i))
        if len(one) % 2 == len(other) % 2:
            found.agree(made, (k, *one), (m, *other))
        elif not _denied_in_words(mine, theirs, made, k, m):
            start, end = mine.tokens[k].start, mine.tokens[at].end
            became = theirs.text.text[theirs.tokens[m].start : theirs.tokens[j].end]
            found.losses.append(mine.text.lose(start, end, "constraint", _OTHER, became))


def _denials(side: Side, k: int) -> tuple[int, ...]:
    """What denies in the sentence of a condition, "unless" and "except if" among it."""
    around = [k, *side.text.near(k, 2 * _SENTENCE)]
    return tuple(i for i in around if side.low[i] in _NOT or side.low[i] in ("unless", "except"))


def _is_added(theirs: Side, made: Alignment, i: int) -> bool:
    """Whether a denial begins what was added: "if it is full, wait, and do not ask"."""
    first = i - 1 if i and theirs.low[i - 1] in ("do", "does") else i
    begins = first and (theirs.low[first - 1] == "and" or theirs.text.apart(first - 1, first, ","))
    at = _behind(theirs, i)
    return bool(begins) and (at < 0 or made.of[at] < 0 or not made.same[made.of[at]])


def _denied_in_words(mine: Side, theirs: Side, made: Alignment, k: int, m: int) -> bool:
    """Whether a word that may hold a denial came or went in the sentence of a condition."""
    gone = (mine.low[i] for i in mine.text.near(k, _SENTENCE) if not made.same[i])
    came = (
        theirs.low[j]
        for j in theirs.text.near(m, _SENTENCE)
        if made.of[j] < 0 or not made.same[made.of[j]]
    )
    return any(averse(word) for word in (*gone, *came) if word not in _CONDITIONAL)


_CONDITIONAL = _IF | {"unless"}


# Reasons ------------------------------------------------------------------------------------------


def _reasons(mine: Side, theirs: Side, made: Alignment, found: Agreed) -> None:
    """ "Not because it rained" that became "not, because it rained", or "because it rained"."""
    for k, word in enumerate(mine.low):
        at = _behind(mine, k) if word == "because" else -1
        if at < 0 or not made.same[at]:
            continue
        j = made.place[at]
        near = (m for m in range(j - 1, max(-1, j - _FAR), -1) if theirs.low[m] == "because")
        m = next(near, -1)
        both = frozenset((_reason(mine, k), _reason(theirs, m))) if m >= 0 else frozenset()
        if both in _REASONS:
            start, end = mine.tokens[k].start, mine.tokens[at].end
            found.losses.append(mine.text.lose(start, end, "constraint", _REASONS[both]))


_REASONS = {
    frozenset(("not for it", "not, for it")): _OTHER,
    frozenset(("not for it", "for it")): _OTHER,
    frozenset(("open", "not, for it")): 0.65,
}


def _reason(side: Side, k: int) -> str:
    """Whether what is told happened for a reason, did not for it, or not for this one."""
    low = side.low
    if k and low[k - 1] == "not":
        return "not for it"
    for i in range(k - 1, max(-1, k - 1 - _SENTENCE), -1):
        if side.text.apart(i, i + 1, ".;:!?\n") or low[i] in _BREAKS:
            break
        if low[i] in ("not", "never"):
            comma = side.text.apart(k - 1, k, ",")
            if _contrasted(side, k):
                return "not for it"
            return "not, for it" if comma else "open"
    return "for it"


def _contrasted(side: Side, k: int) -> bool:
    """Whether another reason is given behind one: "but because the bus broke down"."""
    for i in range(k + 1, min(len(side.low) - 1, k + 1 + _SENTENCE)):
        if side.text.apart(i - 1, i, ".;:!?\n"):
            return False
        if side.low[i] == "but":
            return side.low[i + 1] in ("because", "for", "to", "since", "out", "only")
    return False


# "Until" ------------------------------------------------------------------------------------------

_UNTIL = vocabulary("until till")
_NEARBY = 8


def _untils(old: Reading, new: Reading, made: Alignment, found: Agreed) -> None:
    """ "Not until May" became "until May", or the other way round."""
    for i, token in enumerate(old.tokens):
        if token.text.casefold() not in _UNTIL or not made.same[i] or i in found.here:
            continue
        j = made.place[i]
        if _negated(old, i) != _negated(new, j) and not _states_end(old, i, new, j):
            became = new.text[new.tokens[max(0, j - 1)].start : new.tokens[j].end]
            found.losses.append(old.lose(token.start, token.end, "constraint", _OTHER, became))


def _negated(text: Reading, i: int) -> bool:
    """Whether something before a word in its clause denies."""
    for k in range(i - 1, max(-1, i - _NEARBY - 1), -1):
        if text.apart(k, k + 1):
            return False
        if text.tokens[k].key in NEGATORS or text.tokens[k].key == "not":
            return True
    return False


def _states_end(old: Reading, i: int, new: Reading, j: int) -> bool:
    """Whether a word that holds a denial came or went before one: "closed until noon"."""
    around = [*old.tokens[max(0, i - _NEARBY) : i], *new.tokens[max(0, j - _NEARBY) : j]]
    return any(averse(token.text) for token in around)
