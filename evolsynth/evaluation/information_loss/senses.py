"""Lost senses: a denial, a bound, a direction, a scope, who does what to whom."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from itertools import pairwise

from evolsynth.evaluation.information_loss.alignment import Alignment, Gap, copying, gap
from evolsynth.evaluation.information_loss.reading import Kind, Loss, Reading, Token
from evolsynth.evaluation.text.lexicon import is_base_verb
from evolsynth.evaluation.text.verbs import asks, root, states
from evolsynth.evaluation.text.words import NEGATORS, vocabulary, word_lists

__all__ = ["senses"]

_DENIAL, _DENIAL_REWRITTEN, _DENIED, _OPPOSITE, _UNBOUND, _SCOPE, _ROLES, _STATED = (
    0.8, 0.35, 0.65, 0.85, 0.6, 0.8, 0.85, 0.85,
)  # fmt: skip

#: Words that deny in some way, so that a lost "not" may live on in them.
AVERSE = re.compile(
    r"\b(?:avoid\w*|steer(?:ing)? clear|refrain\w*|exclud\w+|omit\w*|leav(?:e|ing) out|skip\w*|"
    r"free of|apart from|aside from|besides|but for|save for|minus|off limits|taboo|ban(?:ned)?|"
    r"stay(?:ing)? out|leave .{0,30} (?:out|alone)|keep .{0,30} out|nothing|nobody|hardly|barely|"
    r"lack\w*|except\w*|other than|rather than|instead of|unlike|un\w{4,}|dis\w{4,}|non-?\w+|"
    r"in\w{5,}able|im\w{6,}|\w+less|\w+-free|never|no|not|nor|none|neither|without|cannot|\w+n't|"
    r"fail\w*|prohibit\w*|forbid\w*|bar(?:red)?|only|seldom|stop\w*|prevent\w*|remain\w*)\b",
    re.I,
)
#: Opposites among small words; those among words of content are siblings in the alignment.
_OPPOSITES: dict[str, set[str]] = {}
for _line in word_lists(__file__, "synonyms.txt")["opposites"]:
    _one, _, _other = _line.partition("/")
    for _a in _one.split():
        for _b in _other.split():
            _OPPOSITES.setdefault(_a, set()).add(_b)
            _OPPOSITES.setdefault(_b, set()).add(_a)
#: Words whose loss widens or narrows what is asked.
_SCOPES = vocabulary("only always unless until except solely exclusively never")


def senses(old: Reading, new: Reading, made: Alignment, settled: Container[int] = ()) -> list[Loss]:
    """Small words that were lost or turned round, and with them the sense.

    Args:
        settled: tokens of the original that are known to be said in other words.
    """
    return [
        *_bounds(old, new, made, settled),
        *_turned(old, new, made, settled),
        *_swapped(old, new, made),
        *_stated(old, new, made),
    ]


def _with(some: Container[str], old: Reading, i: int) -> int:
    """Where a token begins, or the one before it, if that is one of some words."""
    before = i > 0 and old.tokens[i - 1].text.casefold() in some
    return old.tokens[i - before].start


_AUXILIARIES = vocabulary("must do does did should shall may can could would will is are was were")


def _sentence_start(text: Reading, place: int) -> int:
    return max(text.plain.rfind(mark, 0, place) for mark in ".!?\n") + 1


def _sentence_end(text: Reading, place: int) -> int:
    end = re.compile(r"[.!?\n]").search(text.plain, place)
    return len(text.plain) if end is None else end.start()


def _bounds(old: Reading, new: Reading, made: Alignment, settled: Container[int]) -> list[Loss]:
    """ "At least" that became "at most" before the same number, or that is just gone there."""
    losses: list[Loss] = []
    opposite = {"<=": ">=", ">=": "<="}
    for i, token in enumerate(old.tokens):
        if made.same[i] or i in settled:
            continue
        if token.key == "==" and gap(made, i).tight and copying(made, [i], around=i) > 0.5:
            losses += _no_more_exact(old, new, made, i)
        if token.key not in opposite:
            continue
        near = enumerate(old.tokens[i + 1 : i + 5], i + 1)
        after = next((k for k, t in near if t.number >= 0), None)
        if after is None or not made.same[after]:
            continue
        j, weight = made.place[after], 0.0
        around = {t.key for t in new.tokens[max(0, j - 4) : j + 4]}
        if opposite[token.key] in around and token.key not in around:
            weight = _OPPOSITE
        elif not around & {"<=", ">=", "=="} and after == i + 1 and gap(made, i).tight:
            weight = _UNBOUND
        if weight:
            losses.append(old.lose(token.start, old.tokens[after].end, "constraint", weight))
    return losses


def _no_more_exact(old: Reading, new: Reading, made: Alignment, i: int) -> list[Loss]:
    """ "Exactly one question" that became "a question"."""
    if i + 1 >= len(old.tokens) or made.same[i + 1] or old.tokens[i + 1].text.casefold() != "one":
        return []
    hole = gap(made, i)
    came = [new.tokens[j].text.casefold() for j in range(hole.begin, hole.stop)]
    if came not in (["a"], ["an"], []):
        return []
    return [old.lose(old.tokens[i].start, old.tokens[i + 1].end, "constraint", _UNBOUND)]


def _turned(old: Reading, new: Reading, made: Alignment, settled: Container[int]) -> list[Loss]:
    """ "Before 1800" that became "after 1800"; "only" that was taken out."""
    losses: list[Loss] = []
    for i, token in enumerate(old.tokens):
        word = "" if made.same[i] or i in settled else token.text.casefold()
        if word in ("also", "even") or (word not in _OPPOSITES and word not in _SCOPES):
            continue
        hole = gap(made, i)
        came = [new.tokens[j] for j in range(hole.begin, hole.stop) if made.of[j] < 0]
        turned = next((t for t in came if t.text.casefold() in _OPPOSITES.get(word, ())), None)
        if turned is not None and (_out_of(new, turned) or _still_there(old, new, made, i)):
            continue
        around = _neighbours(old, made, hole)
        here = around and (hole.tight or len(came) <= 3)
        if turned is not None and here and not _also_turned(old, made, hole, came):
            losses.append(old.lose(token.start, token.end, "constraint", _OPPOSITE, turned.text))
        taken_out = word in _SCOPES and hole.tight and not came and hole.end - hole.start <= 2
        moved = any(made.of[j] < 0 and t.text.casefold() == word for j, t in enumerate(new.tokens))
        if turned is None and taken_out and not moved and copying(made, [i], around=i) > 0.5:
            losses.append(old.lose(token.start, token.end, "constraint", _SCOPE))
    return losses


def _still_there(old: Reading, new: Reading, made: Alignment, i: int) -> bool:
    """Whether a word stands elsewhere before the same word: "before his turn", "Before his turn he
    has 14, and after it 20"."""
    word, behind = old.tokens[i].text.casefold(), _next(old, i)
    k = made.place[i - 1] + 1 if i and made.place[i - 1] >= 0 else len(new.tokens)
    if k < len(new.tokens) and new.tokens[k].text.casefold() == word:
        return True
    places = (j for j, t in enumerate(new.tokens) if t.text.casefold() == word)
    return behind is not None and any(_next(new, j) == behind for j in places)


def _next(text: Reading, i: int) -> str | None:
    """The next word with content, in its clause."""
    behind = enumerate(text.tokens[i + 1 : i + 4], i + 1)
    k = next((k for k, t in behind if t.weight > 0 or t.number >= 0), None)
    return None if k is None or text.apart(i, k, ".;:!?,\n") else text.tokens[k].key


def _out_of(new: Reading, word: Token) -> bool:
    """Whether a word is the "out" of "7 out of 10", which was "seven in ten"."""
    return word.text.casefold() == "out" and new.plain[word.end : word.end + 4] == " of "


def _neighbours(old: Reading, made: Alignment, hole: Gap) -> bool:
    """Whether the gap is small and a neighbour with content, or a number, was copied."""
    start, end = hole.start, hole.end
    near = [k for k in (start - 1, end, start - 2, end + 1) if 0 <= k < len(old.tokens)]
    return end - start <= 3 and any(
        made.same[k] and (old.tokens[k].weight > 0 or old.tokens[k].number >= 0) for k in near
    )


def _also_turned(old: Reading, made: Alignment, hole: Gap, came: Sequence[Token]) -> bool:
    """Whether a second reversal undoes the first: "isn't closed" became "open", or the two sides
    of a comparison changed places."""
    start, end = hole.start, hole.end
    gone = {t.key for t in old.tokens[start:end]}
    if bool(gone & NEGATORS) != any(t.key in NEGATORS for t in came):
        return True
    near = range(max(0, start - 6), min(len(old.tokens), end + 6))
    sides = [k for k in near if old.tokens[k].weight > 0 and made.same[k]]
    before = [made.place[k] for k in sides if k < start]
    after = [made.place[k] for k in sides if k >= end]
    return bool(before and after and min(before) > max(after))


def _swapped(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Who does what to whom: "A teaches B" that became "B teaches A"."""
    heavy = [i for i, t in enumerate(old.tokens) if t.weight >= 0.4 and made.same[i]]
    losses: list[Loss] = []
    for a, v, b in zip(heavy, heavy[1:], heavy[2:], strict=False):
        pa, pv, pb = made.place[a], made.place[v], made.place[b]
        reversed_ = pb < pv < pa and pa - pb <= 8 and b - a <= 7
        if not reversed_ or old.apart(a, b) or new.apart(pb, pa):
            continue
        loose = _LOOSE.search(old.between(a, b)) or re.search(r"\bby\b", new.between(pb, pa))
        compound = "-" in (old.between(a, v), new.between(pv, pa))  # "a data-generating process"
        from_ = _FROM.search(old.between(a, b)) and _TO.search(new.between(pb, pa))
        apart = re.search(r"\b(?:and|but)\b|[,;]", new.between(pb, pv))
        unpacked = b - a == 2 and any(
            t.text.casefold() in _OF for t in new.tokens[pb + 1 : pa]
        )  # "a music practice room", "a room for practising music"
        if apart or unpacked:
            continue
        aside = any(_aside(old, new, k, made.place[k]) for k in (a, b))
        if not (loose or compound or from_ or aside) and _alone(new, made, a, b):
            last = b
            while last + 1 < len(old.tokens) and old.tokens[last + 1].weight > 0:
                if old.apart(last, last + 1):
                    break
                last += 1
            losses.append(_roles(old, new, range(a, last), range(pb, pa)))
    return losses + _directions(old, new, made, heavy)


#: What stands between things that may change places, or that are no one's deed.
_LOOSE = re.compile(r"\b(?:by|and|or|but|yet|as|with|between|both|versus|vs|of)\b|[,/&]")
#: "The roof from the floor", "from the floor to the roof".
_FROM, _TO = re.compile(r"\bfrom\b"), re.compile(r"\bto\b")


_OF = vocabulary("for of from in to with")
#: Before what a deed is done in, at or with: it may stand at either end of a sentence.
_CIRCUMSTANCES = vocabulary("in on at with without during since under within throughout")


def _aside(old: Reading, new: Reading, i: int, j: int) -> bool:
    """Whether a word is no one who does anything or to whom it is done, in either text: "in that
    town you can vote", "you can vote in that town"."""
    return _circumstance(old, i) and _circumstance(new, j)


def _circumstance(text: Reading, i: int) -> bool:
    for k in range(i - 1, max(-1, i - 4), -1):
        if text.tokens[k].text.casefold() in _CIRCUMSTANCES:
            return True
        if text.tokens[k].weight > 0.4 or text.apart(k, k + 1, ".;:!?,\n"):
            return False
    return False


def _alone(new: Reading, made: Alignment, a: int, b: int) -> bool:
    """Whether nothing but what stood together stands between the two in the evolution."""
    own = range(a - 2, b + 3)
    span = range(made.place[b], made.place[a] + 1)
    return all(new.tokens[j].weight <= 0 or made.of[j] in own for j in span)


def _directions(old: Reading, new: Reading, made: Alignment, heavy: Sequence[int]) -> list[Loss]:
    """ "From A to B" that became "from B to A"."""
    losses: list[Loss] = []
    for a, b in pairwise(heavy):
        pa, pb = made.place[a], made.place[b]
        if b - a > 4 or not pb < pa <= pb + 4:
            continue
        joint = (t.text.casefold() for t in old.tokens[a + 1 : b])
        word = next((text for text in joint if text in _DIRECTED), None)
        now = [t.text.casefold() for t in new.tokens[pb + 1 : pa]]
        if word in now and not old.apart(a, b) and not new.apart(pb, pa):
            losses.append(_roles(old, new, range(a, b), range(pb, pa)))
    return losses


_DIRECTED = vocabulary("to into than from before after over under above below behind")


def _roles(old: Reading, new: Reading, was: range, now: range) -> Loss:
    """The loss of tokens of the original, ends included, which became those of the evolution."""
    start = _with(("a", "an", "the", "from"), old, was.start)
    became = new.stretch(new.tokens[now.start : now.stop + 1])
    return old.lose(start, old.tokens[was.stop].end, "topic", _ROLES, became)


def _orders(new: Reading) -> bool:
    """Whether a sentence begins with a verb in its base form, before an article or the like:
    "Demand a crossing"."""
    for j, token in enumerate(new.tokens[:-1]):
        if token.weight <= 0 or (j and not new.apart(j - 1, j, ".;:!?\n")):
            continue
        behind = new.tokens[j + 1].text.casefold()
        if behind in _DETERMINERS and token.text.isalpha() and is_base_verb(token.text):
            return True
    return False


_DETERMINERS = vocabulary("a an the this these my your his her its our their all them it me us him")


def _orders_still(old: Reading, new: Reading, made: Alignment, own: Sequence[int]) -> bool:
    """Whether a request still begins as it did, behind something else: "the wheel, the plough, the
    sail - rank these three"."""
    first = own[:_BEGINNING]
    places = [made.place[i] for i in first]
    if len(first) < _BEGINNING or not all(made.same[i] for i in first) or places[0] < 1:
        return False
    row = places == list(range(places[0], places[0] + _BEGINNING))
    return row and bool(re.search(r"[-,:;)]", new.between(places[0] - 1, places[0])))


#: Tokens by which the beginning of a request is known again.
_BEGINNING = 3


def _stated(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """A request that became a statement, such as an answer to it."""
    if asks(new.text) or not asks(old.text) or root(new.text).verb is not None or _orders(new):
        return []
    asking = [s for s in old.segments if asks(old.text[slice(*s)])] or [(0, len(old.text))]
    if any(all(made.same[i] for i in old.inside(*s)) for s in asking):  # without its question mark
        return []
    if any(_orders_still(old, new, made, old.inside(*s)) for s in asking):
        return []
    start, end = asking[0]
    kind: Kind = "sub-question" if old.text[end - 1] == "?" else "topic"
    # "Five tips for better sleep" may still be meant as a request
    bare = not states(new.text) and len(new.segments) == 1
    return [old.lose(start, end, kind, _STATED * (0.4 if bare else 1.0))]
