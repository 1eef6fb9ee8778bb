"""How many, and how far: quantifiers and their like, and whether one became another.

"Not all of the rooms" became "none of the rooms", "need not" became "must not", "only" became "not
only", "red" became "red or green". For English.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, gap, together
from evolsynth.evaluation.information_loss.polarity import averse, denies
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.text.lexicon import kind_of
from evolsynth.evaluation.text.words import NEGATORS, vocabulary

__all__ = ["alternatives", "scopes", "widened"]

#: What a quantifier says that became another, and one that is near to it; an "or" that came.
_OTHER, _NEAR, _OR = 0.9, 0.4, 0.85
#: What a word says that became a wider one.
_WIDER = 0.75
#: The share around a word that was copied in a text that was edited rather than rewritten.
_EDITED = 0.7

#: Phrases by what they say; what stands first is looked for first.
_PHRASES = {
    "only": r"(?:none|no one|nobody|nothing|nowhere|no \w+) (?:but|except|besides|other than|"
    r"apart from)|only(?! some| one of)|solely|exclusively",
    "but some": r"(?:all|everyone|everybody|everything|everywhere) (?:but|except|besides)",
    "not only": r"not (?:only|just|merely)",
    "not all": r"(?:not|n't|never) (?:\w+ ){0,2}(?:all|every\w*|each|both|always|entirely|"
    r"completely|wholly|fully|a complete|complete)|only some|sometimes not|not necessarily",
    "few": r"(?:hardly|scarcely|barely) (?:any|ever|a)|almost (?:none|no|never)|not many|"
    r"seldom|rarely|(?<!a )few(?! more)",
    "most": r"(?:almost|nearly) (?:all|every\w*|always)|most of|the majority of|usually|mostly",
    "need not": r"(?:need not|needn't|(?:do|does|did)(?:n't| not) (?:need|have) to|"
    r"not (?:necessary|required|obliged|forced|have to|need to)|unnecessary)",
    "must not": r"(?:must not|mustn't|may not|cannot|can't|(?:not|n't) (?:allowed|permitted)|"
    r"forbidden|prohibited|necessary not)",
    "one": r"(?:just |only )?one of|any one",
    "none": r"(?:free of|without|devoid of|exempt from) (?:all|any|every\w*)|none|"
    r"no one|nobody|nothing|neither|nowhere|never|not (?:one|a single|either|"
    r"at any)|(?:not|n't) (?:\w+ ){0,2}any\w*|at no time"
    r"|no(?= (?!more|less|fewer|longer|later|sooner|matter|doubt|means|such|other)\w)",
    "some": r"some(?:times|one|body|thing|where)?|several|at least one|partly|in part",
    "all": r"all|every|each|everyone|everybody|everything|everywhere|both|always|at all times|"
    r"entirely|invariably",
}
_ANY = re.compile(
    rf"(?<![\w'])(?:{'|'.join(f'(?P<k{n}>{p})' for n, p in enumerate(_PHRASES.values()))})(?!\w)",
    re.I,
)
_NAMES = tuple(_PHRASES)
#: Pairs that say nearly the same, and those that say the same.
_ALIKE = {
    frozenset(pair.split("/"))
    for pair in ("few/some", "few/not all", "not all/most", "all/most", "few/none", "few/most",
                 "one/some", "one/few", "one/not all",
                 "but some/none")
}  # fmt: skip
_SAME = {
    frozenset(pair.split("/"))
    for pair in ("not all/some", "only/all", "must not/none", "only/none", "but some/all",
                 "but some/most", "only/few", "only/some",
                 "not only/all")
}  # fmt: skip


_DENIED, _USUAL = frozenset(("none", "all")), frozenset(("most", "all"))


class _Phrase(NamedTuple):
    kind: str
    start: int
    end: int
    tokens: tuple[int, ...]


def _phrases(text: Reading) -> list[_Phrase]:
    found = []
    starts = [token.start for token in text.tokens]
    for match in _ANY.finditer(text.plain):
        kind = _NAMES[int(str(match.lastgroup)[1:])]
        first = bisect_left(starts, match.start())
        if first and text.tokens[first - 1].end > match.start():
            first -= 1
        last = bisect_left(starts, match.end())
        if first < last:
            found.append(_Phrase(kind, *match.span(), tuple(range(first, last))))
    return found


def scopes(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Quantifiers that became others before the same word."""
    here, there = _phrases(old), _phrases(new)
    fresh = [i < 0 or not made.same[i] for i in made.of]
    at = {j: phrase for phrase in there for j in phrase.tokens}
    losses: list[Loss] = []
    for phrase in here:
        other = _instead(old, new, made, phrase, at)
        if other is None or other.kind == phrase.kind:
            continue
        whole = all(made.same[i] for i in phrase.tokens)
        if (
            not whole
            and not any(fresh[j] for j in other.tokens)
            and not _shared(made, phrase, other)
        ):
            continue  # it stands for another one
        pair = frozenset((phrase.kind, other.kind))
        if pair in _SAME or (pair == _DENIED and _none_of(old, new, phrase, other)):
            continue
        if pair == _USUAL and _daily(old, new, phrase):
            continue
        weight = _NEAR if pair in _ALIKE or _turned_too(old, new, made, phrase, other) else _OTHER
        became = new.text[other.start : other.end]
        losses.append(old.lose(phrase.start, phrase.end, "constraint", weight, became))
    return [*losses, *_untils(old, new, made)]


def _none_of(old: Reading, new: Reading, phrase: _Phrase, other: _Phrase) -> bool:
    """Whether what is not so of each is so of none: "none exceeding ten", "each not exceeding"."""
    text, every = (old, phrase) if phrase.kind == "all" else (new, other)
    last = every.tokens[-1]
    for k in range(last + 1, min(len(text.tokens), last + 1 + _NEARBY)):
        if text.apart(k - 1, k, ".;:!?,\n"):
            return False
        if text.tokens[k].key == "not":
            return text.tokens[last].text.casefold() in _SINGLY
        if text.tokens[k].key == "<=":
            return text.plain[text.tokens[k].start :][:3].casefold() == "not"
    return False


def _daily(old: Reading, new: Reading, phrase: _Phrase) -> bool:
    """Whether "every day" is "daily" now, beside a "usually" that came."""
    behind = old.tokens[phrase.tokens[-1] + 1 : phrase.tokens[-1] + 2]
    adverb = _EACH.get(behind[0].text.casefold()) if behind else None
    return adverb is not None and any(token.text.casefold() == adverb for token in new.tokens)


_EACH = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
#: "Every page is not" may mean that some are; "each is not" hardly does.
_SINGLY = vocabulary("each")


def _untils(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """ "Not until May" became "until May", or the other way round."""
    losses: list[Loss] = []
    for i, token in enumerate(old.tokens):
        if token.text.casefold() not in _UNTIL or not made.same[i]:
            continue
        j = made.place[i]
        if _negated(old, i) != _negated(new, j) and not _states_end(old, i, new, j):
            became = new.text[new.tokens[max(0, j - 1)].start : new.tokens[j].end]
            losses.append(old.lose(token.start, token.end, "constraint", _OTHER, became))
    return losses


_UNTIL = vocabulary("until till")


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


def _turned_too(
    old: Reading, new: Reading, made: Alignment, phrase: _Phrase, other: _Phrase
) -> bool:
    """Whether what is said of all is turned round as well: "never late", "always on time"."""
    if {phrase.kind, other.kind} != {"none", "all"}:
        return False
    gone = range(phrase.tokens[-1] + 1, min(len(old.tokens), phrase.tokens[-1] + _NEARBY))
    came = range(other.tokens[-1] + 1, min(len(new.tokens), other.tokens[-1] + _NEARBY))
    words = [old.tokens[i].text for i in gone if not made.same[i]]
    words += [new.tokens[j].text for j in came if made.of[j] < 0 or not made.same[made.of[j]]]
    return any(averse(word) or denies(word) for word in words)


#: Words behind a quantifier that are looked at.
_NEARBY = 8


def _shared(made: Alignment, phrase: _Phrase, other: _Phrase) -> bool:
    """Whether a word of the one stands in the other."""
    return any(made.same[i] and made.place[i] in other.tokens for i in phrase.tokens)


def _instead(
    old: Reading, new: Reading, made: Alignment, phrase: _Phrase, at: dict[int, _Phrase]
) -> _Phrase | None:
    """The quantifier that stands now where one stood: with a word of it, in its gap, or before the
    word that it stood before."""
    kept = [i for i in phrase.tokens if made.same[i]]
    for i in kept:
        if made.place[i] in at:
            return at[made.place[i]]
    if kept and len(kept) == len(phrase.tokens):
        return None
    after = range(phrase.tokens[-1] + 1, min(len(old.tokens), phrase.tokens[-1] + 6))
    following = next((i for i in after if old.tokens[i].weight > 0 and made.same[i]), None)
    if following is not None and old.apart(phrase.tokens[-1], following):
        following = None
    hole = gap(made, phrase.tokens[0])
    for j in range(hole.begin, min(hole.stop, hole.begin + 6)):
        if j in at and (following is None or not _of_another(new, at[j], made.place[following])):
            return at[j]
    if following is None:
        return None
    j = made.place[following]
    near = (k for k in range(j - 1, max(-1, j - 6), -1) if k in at)
    before = next(near, None)
    if before is None or new.apart(before, j) or _of_another(new, at[before], j):
        return None
    return at[before]


def _of_another(new: Reading, other: _Phrase, j: int) -> bool:
    """Whether a quantifier stands before something else than word j: "no effect on the rooms"."""
    thing = False
    for k in range(other.tokens[-1] + 1, j):
        if thing and new.tokens[k].text.casefold() in _PREPOSITIONS:
            return True
        thing = thing or new.tokens[k].weight > 0
    return False


_PREPOSITIONS = vocabulary("in on at by for with without from to into about over under as than")


def widened(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Words in whose place a wider one stands: "write about a hammer", "about a tool"."""
    losses: list[Loss] = []
    for i, token in enumerate(old.tokens):
        if token.weight < 0.4 or made.same[i]:
            continue
        hole = gap(made, i)
        if not hole.tight or hole.end - hole.start > 4 or hole.stop - hole.begin > 4:
            continue
        if copying(made, [i], around=i) < _EDITED:
            continue  # where much was rewritten, a wider word is mostly a synonym
        for j in range(hole.begin, hole.stop):
            wider = new.tokens[j]
            if made.of[j] in (-1, i) and wider.weight > 0 and kind_of(token.text, wider.text):
                losses.append(old.lose(token.start, token.end, "topic", _WIDER, wider.text))
                break
    return losses


_OPEN = vocabulary("or")
#: "Yes or no" asks for an answer.
_CLOSED = vocabulary("not no so less fewer false")


def alternatives(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """An "or" that came behind or before a word that was copied, and lets one take another."""
    losses: list[Loss] = []
    for j, token in enumerate(new.tokens):
        if token.text.casefold() not in _OPEN or made.of[j] >= 0:
            continue
        if (
            j < 1
            or j > len(new.tokens) - 2
            or _under_denial(new, j)
            or new.apart(j - 1, j + 1, ".;:!?,\n()")
        ):
            continue
        left = _copied(new, made, range(j - 1, max(-1, j - 4), -1))
        right = _copied(new, made, range(j + 1, min(len(new.tokens), j + 4)))
        if (left is None) != (right is None) and _was_open(old, left, right):
            continue  # it was there before
        joined = left is not None and right is not None and _and_between(old, left, right)
        if left is not None and right is not None and not joined:
            continue  # both were there before, in other words
        if new.tokens[j + 1].text.casefold() in _CLOSED and not joined:
            continue
        i = left if left is not None else right
        if i is None or not together(old, new, made, i, j):
            continue
        word = old.tokens[i]
        near = (k for k in range(j + 1, min(len(new.tokens), j + 4)) if new.tokens[k].weight > 0)
        last = next(near, j + 1)
        first = j - 1
        became = new.text[new.tokens[first].start : new.tokens[last].end]
        losses.append(old.lose(word.start, word.end, "option", _OR, became))
    return losses


def _was_open(old: Reading, left: int | None, right: int | None) -> bool:
    """Whether an "or" stood already behind the one word, or before the other."""
    if left is not None:
        near = range(left + 1, min(len(old.tokens), left + 4))
    else:
        near = range((right or 0) - 1, max(-1, (right or 0) - 4), -1)
    for k in near:
        if old.apart(min(k, left or k), max(k, right or k), ".;:!?\n()"):
            return False
        if old.tokens[k].text.casefold() in _OPEN:
            return True
        if old.tokens[k].weight > 0:
            return False
    return False


def _under_denial(new: Reading, j: int) -> bool:
    """Whether an "or" stands behind a denial, where it says the same as "and"."""
    for k in range(j - 1, max(-1, j - _NEARBY - 1), -1):
        if new.apart(k, k + 1):
            return False
        if new.tokens[k].key in NEGATORS or new.tokens[k].text.casefold() == "whether":
            return True
    return False


def _and_between(old: Reading, i: int, k: int) -> bool:
    """Whether two words near one another were joined by "and"."""
    between = old.tokens[i + 1 : k] if i < k <= i + 6 else []
    return any(token.text.casefold() == "and" for token in between)


def _copied(new: Reading, made: Alignment, near: range) -> int | None:
    """What the nearest word with content stands for, if it was copied."""
    for j in near:
        if new.tokens[j].weight > 0 or new.tokens[j].number >= 0:
            i = made.of[j]
            return i if i >= 0 and made.same[i] else None
        if new.tokens[j].text.casefold() in ("and", "or"):
            return None
    return None
