"""Who does what to whom: another word in a word's role, while both are still there.

"The lake is half as deep as the bay" became "... as the fjord", "Kim follows Lee" became "Lee
follows Kim". A role is known by its neighbours: the same words before and after it, and another
word between them. For English.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, in_place, related
from evolsynth.evaluation.information_loss.reading import Loss, Reading, Token
from evolsynth.evaluation.text.conjugation import OWN
from evolsynth.evaluation.text.lexicon import kind_of, same_meaning
from evolsynth.evaluation.text.numbers import equal
from evolsynth.evaluation.text.words import vocabulary

__all__ = ["roles"]

#: What a word says in whose role another stands, and who does what is done to them.
_ROLE = 0.9
#: The first where less was copied around it than that share: then neighbours may be chance.
_REWRITTEN, _COPIED = 0.3, 0.5
#: And where the word itself is gone, so that the other may be another way to say it.
_COPIED_ALONE = 0.7
#: Things that are joined by these may change places.
_JOINED = vocabulary("and or nor with versus vs between both")
_FAR = 8
#: What may be said of many things, so that each has its own.
_VALUES = vocabulary("true false on off yes no")
_ARTICLES = vocabulary("a an the")
_BE = frozenset({"be", "been", "being", *(form for form, verb in OWN.items() if verb.base == "be")})
_EDGE = "|"


def roles(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Words in whose role another stands now, and deeds that are now done to who did them."""
    return [*_in_the_role(old, new, made), *_done_to(old, new, made)]


def _keys(text: Reading) -> list[str]:
    """The keys of the tokens, articles as one, with the edges of clauses between them."""
    found = [_EDGE]
    for k, token in enumerate(text.tokens):
        if k and text.apart(k - 1, k, ".;:!?,\n()"):
            found.append(_EDGE)
        found.append("the" if token.text.casefold() in _ARTICLES else token.key)
    return [*found, _EDGE]


def _frames(text: Reading) -> dict[tuple[str, str, str], list[int]]:
    """The tokens with content by their neighbours: one on either side, and a further one."""
    keys = _keys(text)
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    token = -1
    for place, key in enumerate(keys):
        if key == _EDGE:
            continue
        token += 1
        if text.tokens[token].weight < 0.4 and text.tokens[token].number < 0:
            continue
        before, after = keys[place - 1], keys[place + 1]
        if before == after == _EDGE:
            continue
        if before == "the":
            before = f"{keys[place - 2]} the" if place > 1 else before
        left = keys[max(0, place - 2 - (keys[place - 1] == "the"))]
        right = keys[min(len(keys) - 1, place + 2)]
        if not before.startswith(_EDGE):
            found["left", f"{left} {before}", after].append(token)
        if after != _EDGE:
            found["right", before, f"{after} {right}"].append(token)
    return found


def _in_the_role(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Each word of the original whose neighbours have another word between them now, one that the
    original has elsewhere, or that the evolution brings in twice while the word still stands."""
    here, there = _frames(old), _frames(new)
    known, now = ({t.key for t in text.tokens} for text in (old, new))
    twice = _several(new)
    found: dict[int, int] = {}
    for frame, places in there.items():
        before = {old.tokens[i].key for i in here.get(frame, ())}
        after = {new.tokens[j].key for j in places}
        if len(before) != 1 or len(after) != 1 or before == after:
            continue
        i, j = here[frame][0], places[0]
        one, other = old.tokens[i], new.tokens[j]
        if _stood_so(old, new, made, j):
            continue
        if in_place(made, i):  # something else came beside it: "5 hours and rests 3 hours"
            continue
        if one.number >= 0 and other.number >= 0 and _counts_as(old, new, made, i, j):
            continue
        both = other.key in known or (one.key in now and other.key in twice)
        if both and not _same_thing(one, other):
            found[i] = j
    return [
        old.lose(
            old.tokens[i].start,
            old.tokens[i].end,
            "topic",
            _weight(made, i, j, stands=old.tokens[i].key in now),
            new.tokens[j].text,
        )
        for i, j in found.items()
        if not _changed_places(old, new, i, j)
    ]


def _stood_so(old: Reading, new: Reading, made: Alignment, j: int) -> bool:
    """Whether a word of the evolution stands between the neighbours that it had in the original."""
    k = made.of[j]
    if k < 1 or not made.same[k] or not 0 < j < len(new.tokens) - 1 or k + 1 >= len(old.tokens):
        return False
    before = old.tokens[k - 1].key == new.tokens[j - 1].key
    return before and old.tokens[k + 1].key == new.tokens[j + 1].key


def _weight(made: Alignment, i: int, j: int, *, stands: bool) -> float:
    """How much it says that token j is in the role of token i, which ``stands`` elsewhere."""
    copied = copying(made, [i], around=i)
    if copied >= (_COPIED if stands else _COPIED_ALONE):
        return _ROLE
    return 0.0 if made.of[j] == i else _REWRITTEN  # another word for the same


def _counts_as(old: Reading, new: Reading, made: Alignment, i: int, j: int) -> bool:
    """Whether a number is another way to write the one in its place, or stands nowhere else now:
    then it was not given another role, but another value, as quantities tell."""
    one, other = old.numbers[old.tokens[i].number], new.numbers[new.tokens[j].number]
    return not made.same[i] or equal(one, other)


def _same_thing(one: Token, other: Token) -> bool:
    if related(one.key, other.key) or same_meaning(one.text, other.text):
        return True
    return kind_of(one.text, other.text) or kind_of(other.text, one.text)


def _changed_places(old: Reading, new: Reading, i: int, j: int) -> bool:
    """Whether two things that are only joined have changed places: "dogs and cats"."""
    one, other = old.tokens[i].key, new.tokens[j].key
    if old.tokens[i].number >= 0 or old.tokens[i].text.casefold() in _VALUES:
        return False
    return _joined(old, i, other) and _joined(new, j, one)


def _joined(text: Reading, i: int, key: str) -> bool:
    """Whether a token is joined by "and", "with" or a comma to one with a key."""
    for k in range(max(0, i - _FAR), min(len(text.tokens), i + _FAR + 1)):
        if k != i and text.tokens[k].key == key:
            first, last = min(i, k), max(i, k)
            low = {token.text.casefold() for token in text.tokens[first + 1 : last]}
            comma = "," in text.text[text.tokens[first].end : text.tokens[last].start]
            if comma or not _JOINED.isdisjoint(low):
                return True
    return False


def _several(text: Reading) -> set[str]:
    return {key for key, count in Counter(t.key for t in text.tokens).items() if count > 1}


def _done_to(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """ "A chases B" that became "A is chased by B", or the other way round."""
    heavy = [i for i, t in enumerate(old.tokens) if t.weight >= 0.4 and made.place[i] >= 0]
    losses: list[Loss] = []
    for a, v, b in zip(heavy, heavy[1:], heavy[2:], strict=False):
        pa, pv, pb = (made.place[k] for k in (a, v, b))
        if not (made.same[a] and made.same[b] and pa < pv < pb and b - a <= 8 and pb - pa <= 10):
            continue
        if old.apart(a, b, ".;:!?,\n") or new.apart(pa, pb, ".;:!?,\n"):
            continue
        if _suffers(old, a, v, b) != _suffers(new, pa, pv, pb):
            if _by_means(old, v, b) or _by_means(new, pv, pb):
                continue
            start, end = old.tokens[a].start, old.tokens[b].end
            became = new.text[new.tokens[pa].start : new.tokens[pb].end]
            losses.append(old.lose(start, end, "topic", _ROLE, became))
    return losses


def _suffers(text: Reading, a: int, v: int, b: int) -> bool:
    """Whether "a" is what is done to: "a is chased by b"."""
    low: Sequence[str] = [token.text.casefold() for token in text.tokens[a + 1 : b]]
    at = v - a - 1
    return not _BE.isdisjoint(low[:at]) and "by" in low[at + 1 :]


def _by_means(text: Reading, v: int, b: int) -> bool:
    """Whether "b" is no one who does anything: "a is described as b", "a is held with b"."""
    return any(text.tokens[k].text.casefold() in _MEANS for k in range(v + 1, b))


_MEANS = vocabulary("as with through using via")
