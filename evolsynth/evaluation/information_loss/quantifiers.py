"""How many, and whether one became another: "not all of the rooms" became "none of the rooms".

A quantifier is read together with the denial that it stands under or before, so that "all of them
are not", "none of them is" and "not any of them" are one, and "nothing that he could not" is
"everything that he could". Modals are told apart likewise. For English.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, gap
from evolsynth.evaluation.information_loss.focus import Agreed
from evolsynth.evaluation.information_loss.polarity import Side, averse, denies
from evolsynth.evaluation.information_loss.reading import Reading
from evolsynth.evaluation.text.words import vocabulary

__all__ = ["Phrase", "Phrases", "quantified"]

#: What a quantifier says that became another, and one that is near to it.
_OTHER, _NEAR = 0.9, 0.4
#: The first where less than a share around it was copied: then another may be meant.
_OTHER_REWRITTEN, _REWRITTEN = 0.4, 0.2

#: Phrases by what they say; what stands first is looked for first.
_PHRASES = {
    "but some": r"(?:all|everyone|everybody|everything|everywhere) (?:but|except|besides)",
    "almost": r"not (?:quite|fully|entirely|completely)(?= \w+[.,;!?])|"
    r"(?:almost|nearly)(?! (?:all|every|always|none|no|never|any))",
    "not all": r"(?:not|n't|never) (?:\w+ ){0,2}(?:(?<!\bat )all|all times|every\w*|"
    r"each(?! other)|both|always|"
    r"entirely|completely|wholly|fully|a complete|complete)|only some|sometimes not|"
    r"not necessarily",
    "not only": r"(?:not|n't) (?:\w+ ){0,3}(?:only|just|merely)(?! some| one| because| if| when)",
    "few": r"(?:hardly|scarcely|barely) (?:any\w*|ever|a)|almost (?:none|no|never)|not many|"
    r"(?:(?:no|not) more|fewer|less) than half|(?:the|a) minority|"
    r"seldom|rarely|(?<!a )few(?! more)",
    "most": r"(?:almost|nearly) (?:all|every\w*|always)|most of|most(?= \w+s\b)|the majority of|"
    r"(?<!not )(?<!no )more than half|over half|usually|mostly",
    "need not": r"(?:need not|needn't|(?:do|does|did)(?:n't| not) (?:need|have) to|"
    r"not (?:necessary|required|obliged|forced|have to|need to)|unnecessary)",
    "perhaps not": r"(?:may|might) not (?:have|be able)|might not|(?:possibly|perhaps|maybe) not",
    "may": r"not (?:forbidden|prohibited|banned|illegal|against the (?:law|rules))",
    "must not": r"(?:must not|mustn't|may not|cannot|can't|(?:not|n't) (?:allowed|permitted)|"
    r"forbidden|prohibited|necessary not)",
    "may, in a word": r"allowed|permitted|legal|free to",
    "at most one": r"(?:at most|no more than|not more than) one",
    "one": r"(?:just |only )?one of|(?:only|just) (?:one|a single)|any one",
    "none": r"(?:free of|without|devoid of|exempt from) (?:all|any|every\w*)|none|"
    r"no one|nobody|nothing|neither|nowhere|never|not (?:one|a single|either|"
    r"at any)|(?:not|n't) (?:\w+ ){0,2}any\w*|at no time"
    r"|no(?= (?!more|less|fewer|longer|later|sooner|matter|doubt|means|such|other)\w)",
    "a few": r"a few",
    "many": r"(?<!how )(?<!as )(?<!too )(?<!so )(?<!very )many|numerous|a lot of|lots of|"
    r"a (?:large|great|high) number of",
    "some": r"some(?:times|one|body|thing|where)?|several|at least one|partly|in part|at times",
    "all": r"(?<!\bat )all|every|each(?! other)|everyone|everybody|everything|everywhere|both|"
    r"always|at all times|entirely|invariably",
    "any": r"any|anyone|anybody|anything|anywhere",
}
_ANY = re.compile(
    rf"(?<![\w'])(?:{'|'.join(f'(?P<k{n}>{p})' for n, p in enumerate(_PHRASES.values()))})(?!\w)",
    re.I,
)
_NAMES = tuple(name.partition(",")[0] for name in _PHRASES)
#: Pairs that say nearly the same, and those that say the same.
_ALIKE = {
    frozenset(pair.split("/"))
    for pair in ("few/some", "few/not all", "not all/most", "all/most", "few/none",
                 "one/some", "one/few", "one/not all", "one/at most one", "at most one/few",
                 "at most one/not all", "at most one/none", "but some/none", "some not/few",
                 "a few/one", "a few/not all", "a few/most",
                 "some not/most", "some not/one")
}  # fmt: skip
_SAME = {
    frozenset(pair.split("/"))
    for pair in ("not all/some", "must not/none", "but some/all", "but some/most",
                 "some not/not all", "some not/some", "a few/some", "a few/some not",
                 "not only/all", "not only/some", "not only/most")
}  # fmt: skip
#: Pairs that say the same if what is said of them is turned round.
_TURNED = {frozenset(pair.split("/")) for pair in ("none/all", "few/most", "some/not all")}
#: What may be done is compared with what may be done alone, or with nothing's being so.
_MODALS = frozenset(("need not", "perhaps not", "may", "must not"))
#: What a quantifier says under a denial, and before one.
_UNDER = {"all": "not all", "any": "none", "most": "few"}
_BEFORE = {"all": "none", "any": "none", "none": "all", "some": "some not", "not all": "some",
           "most": "few", "few": "most", "many": "many not"}  # fmt: skip

_DENIED, _USUAL = frozenset(("none", "all")), frozenset(("most", "all"))
_NOT = vocabulary("not never without cannot")
_NO = vocabulary("no none nothing nobody nowhere neither nor")
#: What a clause begins with, so that what stands before it has no part in it.
_OPENS = vocabulary(
    "but although though because since while when whereas if until so which who unless nor that "
    "why where whose whom how and"
)
_RELATIVE = vocabulary("that which who")
#: Behind a denial that denies no deed of all, or none yet.
_NOT_SO = vocabulary("to only just until even")
_PRONOUNS = vocabulary("he she they we you i it")
#: Words before a quantifier in which a denial is looked for, and behind it.
_BACK, _ON = 7, 10
#: Words behind a quantifier that are looked at.
_NEARBY = 8


class Phrase(NamedTuple):
    """A quantifier: what it says, its place, its tokens, and those that deny with it."""

    kind: str
    start: int
    end: int
    tokens: tuple[int, ...]
    denials: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """Every token that it is told by."""
        return (*self.tokens, *self.denials)


class Phrases(NamedTuple):
    """A text's quantifiers, in order."""

    side: Side
    found: list[Phrase]

    @classmethod
    def of(cls, side: Side) -> Phrases:
        """The quantifiers of a text, each with its denial."""
        found = list(_plain(side.text))
        return cls(side, list(_with_denials(side, found)))


def _plain(text: Reading) -> Iterator[Phrase]:
    starts: list[int] | None = None
    for match in _ANY.finditer(text.plain):
        if starts is None:
            starts = [token.start for token in text.tokens]
        kind = _NAMES[int(str(match.lastgroup)[1:])]
        first = bisect_left(starts, match.start())
        if first and text.tokens[first - 1].end > match.start():
            first -= 1
        last = bisect_left(starts, match.end())
        if first < last:
            yield Phrase(kind, *match.span(), tuple(range(first, last)))


def _with_denials(side: Side, found: list[Phrase]) -> Iterator[Phrase]:
    """The quantifiers as they are meant: with what denies them, and with what they deny."""
    used: set[int] = set()
    at = {i: n for n, phrase in enumerate(found) for i in phrase.tokens}
    for n, phrase in enumerate(found):
        if n in used:
            continue
        kind, denials = phrase.kind, phrase.denials
        if kind in _UNDER:
            by = _denied_by(side, phrase, at)
            if by >= 0 and at.get(by) is None:
                kind, denials = _UNDER[kind], (by,)
            elif kind == "any" and not _is_asked(side, phrase.tokens[0]):
                continue  # "nobody told anyone", "any of them"
            elif kind == "any":
                if "not" in side.low[phrase.tokens[-1] : phrase.tokens[-1] + _NEARBY]:
                    continue  # "if any of them is not", "unless all of them are"
                kind = "some"
        if not denials and kind in _BEFORE:
            by = _denies(side, phrase, at, found)
            if by >= 0:
                kind, denials = _BEFORE[kind], (by,)
                used |= {at[by]} if by in at and side.low[by] != "never" else set()
        yield phrase._replace(kind=kind, denials=denials)


def _denied_by(side: Side, phrase: Phrase, at: dict[int, int]) -> int:
    """What denies a quantifier from before it: "not mention it in every line"; -1 for nothing."""
    first = phrase.tokens[0]
    for k in range(first - 1, max(-1, first - 1 - _BACK), -1):
        low = side.low[k]
        if low == "that" and side.low[k - 1 : k] and side.low[k - 1] in _TRUE:
            continue
        if side.text.apart(k, k + 1, ".;:!?,\n") or (low in _OPENS and low != "nor"):
            return -1
        if low in _NOT or (phrase.kind == "any" and (low in _NO or denies(low))):
            if side.low[k + 1] in ("only", "just", "even"):
                return -1
            return -1 if low == "without" and _acts(side, phrase.tokens[-1]) else k
        if k in at or denies(low):
            return -1
    return -1


def _is_asked(side: Side, i: int) -> bool:
    """Whether a word stands in a condition: "unless any of them is full"."""
    for k in range(i - 1, max(-1, i - 5), -1):
        if side.text.apart(k, k + 1, ".;:!?,\n"):
            return False
        if side.low[k] in ("if", "unless", "whether"):
            return True
    return False


#: "It is not true that all came."
_TRUE = vocabulary("true case")


def _acts(side: Side, i: int) -> bool:
    """Whether an auxiliary stands behind a word: "without a key anybody can"."""
    return side.low[i + 1 : i + 2] != [] and side.low[i + 1] in _AUXILIARIES


_AUXILIARIES = vocabulary(
    "must do does did should shall may can could would will is are was were has have"
)


def _denies(side: Side, phrase: Phrase, at: dict[int, int], found: list[Phrase]) -> int:
    """What denies the deed of which a quantifier is the subject: "all of them are not"."""
    if not _is_subject(side, phrase.tokens[0]):
        return -1
    last, relative = phrase.tokens[-1], False
    for k in range(last + 1, min(len(side.low), last + 1 + _ON)):
        low = side.low[k]
        if side.text.apart(k - 1, k, ".;:!?,\n") or (low in _PRONOUNS and not relative):
            return -1
        if low in _OPENS:  # "nothing that he could not"
            if relative or phrase.kind != "none" or low not in _RELATIVE:
                return -1
            relative = True
        elif low in ("not", "never"):
            then = side.low[k + 1 : k + 3]
            return -1 if (then and then[0] in _NOT_SO) or any(map(denies, then)) else k
        elif denies(low) and _takes(side, k):
            return k
        elif k in at and found[at[k]].kind in _MODALS:
            continue
        elif k in at:
            bare = found[at[k]].kind == "none" and low in _NO and phrase.kind != "none"
            return k if bare else -1
    return -1


def _takes(side: Side, k: int) -> bool:
    """Whether a verb that denies takes a deed, or stands by itself: "all failed to reach it"."""
    if k + 1 >= len(side.low) or side.text.apart(k, k + 1, ".;:!?,\n"):
        return True
    return side.low[k + 1] == "to" or side.low[k + 1].endswith("ing")


def _is_subject(side: Side, i: int) -> bool:
    """Whether nothing with content stands between a token and the beginning of its clause."""
    for k in range(i - 1, max(-1, i - 5), -1):
        if side.text.apart(k, k + 1, ".;:!?,\n") or side.low[k] in _OPENS:
            return True
        if side.tokens[k].weight > 0:
            return False
    return i < 5


# Two texts ----------------------------------------------------------------------------------------


def quantified(mine: Phrases, theirs: Phrases, made: Alignment, found: Agreed) -> None:
    """Add quantifiers that became others before the same word, and those that stayed."""
    if not mine.found:
        return
    old, new = mine.side.text, theirs.side.text
    fresh = [i < 0 or not made.same[i] for i in made.of]
    at = {j: phrase for phrase in theirs.found for j in phrase.denials}
    at |= {j: phrase for phrase in theirs.found for j in phrase.tokens}
    for phrase in mine.found:
        if any(i in found.here for i in phrase.tokens):
            continue
        other = _instead(old, new, made, phrase, at)
        weight = 0.0 if other is None else _weight(mine, theirs, made, phrase, other, fresh)
        if other is not None and weight and not any(j in found.there for j in other.tokens):
            became = new.text[other.start : other.end]
            start, end = phrase.start, phrase.end
            found.losses.append(old.lose(start, end, "constraint", weight, became))
            continue
        places = _said_with(mine, made, phrase)
        if other is None or not (_agrees(phrase, other) and _is_said_with(theirs, other, places)):
            other = _elsewhere(theirs, at, phrase, places)
        if other is not None and (_shared(made, phrase, other) or any(fresh[j] for j in other.all)):
            found.agree(made, phrase.all, other.all)


def _agrees(phrase: Phrase, other: Phrase) -> bool:
    """Whether two quantifiers say the same, with what is denied beside them."""
    return phrase.kind == other.kind or {phrase.kind, other.kind} == {"some not", "not all"}


def _alike(phrase: Phrase, other: Phrase) -> bool:
    """Whether two quantifiers say the same."""
    return phrase.kind == other.kind or frozenset((phrase.kind, other.kind)) in _SAME


def _weight(
    mine: Phrases,
    theirs: Phrases,
    made: Alignment,
    phrase: Phrase,
    other: Phrase,
    fresh: list[bool],
) -> float:
    """What it says that one quantifier stands where another stood; 0 for nothing."""
    pair = frozenset((phrase.kind, other.kind))
    if _alike(phrase, other):
        return 0.0
    if not (_comparable(phrase.kind, other.kind) and _comparable(other.kind, phrase.kind)):
        return 0.0
    whole = all(made.same[i] for i in phrase.all)
    came = any(fresh[j] for j in other.all)
    if not whole and not came and not _shared(made, phrase, other):
        return 0.0  # it stands for another one
    old, new = mine.side.text, theirs.side.text
    if pair == _DENIED and _none_of(old, new, phrase, other):
        return 0.0
    if pair == _USUAL and _daily(old, new, phrase):
        return 0.0
    turned = pair in _TURNED and _turned_too(old, new, made, phrase, other)
    if turned and bool(phrase.denials) != bool(other.denials):
        return 0.0  # "most did not attend", "most were absent"
    if pair in _ALIKE or turned:
        return _NEAR
    copied = copying(made, phrase.tokens, around=phrase.tokens[0])
    return _OTHER if copied >= _REWRITTEN else _OTHER_REWRITTEN


def _said_with(mine: Phrases, made: Alignment, phrase: Phrase) -> set[int]:
    """Where the words are now that a quantifier is said with."""
    side = mine.side
    near = (k for k in side.text.near(phrase.tokens[0], _FAR) if made.same[k])
    return {made.place[k] for k in near if side.tokens[k].weight >= 0.4}


def _is_said_with(theirs: Phrases, other: Phrase, places: set[int]) -> bool:
    return not places.isdisjoint(theirs.side.text.near(other.tokens[0], _FAR))


def _elsewhere(
    theirs: Phrases, at: dict[int, Phrase], phrase: Phrase, places: set[int]
) -> Phrase | None:
    """A quantifier in another place of the same sentence that says the same: "never to anyone",
    "to no one"."""
    near = {k for place in places for k in range(place - _FAR, place + _FAR + 1) if k in at}
    for k in sorted(near):
        other = at[k]
        if not _agrees(phrase, other) or other.kind in ("some", "one"):
            continue
        if other.kind == "all" and not (phrase.denials or other.denials):
            continue
        if _is_said_with(theirs, other, places):
            return other
    return None


#: How far from a quantifier the words are that it is said of.
_FAR = 12


def _none_of(old: Reading, new: Reading, phrase: Phrase, other: Phrase) -> bool:
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


def _daily(old: Reading, new: Reading, phrase: Phrase) -> bool:
    """Whether "every day" is "daily" now, beside a "usually" that came."""
    behind = old.tokens[phrase.tokens[-1] + 1 : phrase.tokens[-1] + 2]
    adverb = _EACH.get(behind[0].text.casefold()) if behind else None
    return adverb is not None and any(token.text.casefold() == adverb for token in new.tokens)


_EACH = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
#: "Every page is not" may mean that some are; "each is not" hardly does.
_SINGLY = vocabulary("each")


def _turned_too(old: Reading, new: Reading, made: Alignment, phrase: Phrase, other: Phrase) -> bool:
    """Whether what is said of all is turned round as well: "never late", "always on time"."""
    gone = range(phrase.tokens[-1] + 1, min(len(old.tokens), phrase.tokens[-1] + _NEARBY))
    came = range(other.tokens[-1] + 1, min(len(new.tokens), other.tokens[-1] + _NEARBY))
    words = [old.tokens[i].text for i in gone if not made.same[i]]
    words += [new.tokens[j].text for j in came if made.of[j] < 0 or not made.same[made.of[j]]]
    return any(averse(word) or denies(word) for word in words)


def _rival(phrase: Phrase, other: Phrase | None) -> bool:
    return other is not None and _comparable(phrase.kind, other.kind)


def _comparable(kind: str, other: str) -> bool:
    """Whether one may stand in the other's place: "may" for "must not", "many" for "few"."""
    return kind == other or other not in _RIVALS or kind in _RIVALS[other]


#: What is looked for only in the place of some others.
_RIVALS = {
    "many": frozenset(("few", "none", "many not")),
    "many not": frozenset(("few", "none", "many")),
    "may": _MODALS,
    "perhaps not": _MODALS,
    "not only": frozenset(("none",)),
    "almost": frozenset[str](),
}


def _shared(made: Alignment, phrase: Phrase, other: Phrase) -> bool:
    """Whether a word of the one stands in the other."""
    return any(made.same[i] and made.place[i] in other.tokens for i in phrase.tokens)


def _instead(
    old: Reading, new: Reading, made: Alignment, phrase: Phrase, at: dict[int, Phrase]
) -> Phrase | None:
    """The quantifier that stands now where one stood: with a word of it, in its gap, or before the
    word that it stood before."""
    kept = [i for i in phrase.tokens if made.same[i]]
    for i in kept:
        if _rival(phrase, at.get(made.place[i])):
            return at[made.place[i]]
    if kept and len(kept) == len(phrase.tokens):
        return None
    after = range(phrase.tokens[-1] + 1, min(len(old.tokens), phrase.tokens[-1] + 6))
    following = next((i for i in after if old.tokens[i].weight > 0 and made.same[i]), None)
    if following is not None and old.apart(phrase.tokens[-1], following):
        following = None
    hole = gap(made, phrase.tokens[0])
    for j in range(hole.begin, min(hole.stop, hole.begin + 6)):
        if _rival(phrase, at.get(j)) and (
            following is None or not _of_another(new, at[j], made.place[following])
        ):
            return at[j]
    if following is None:
        return None
    j = made.place[following]
    near = (k for k in range(j - 1, max(-1, j - 6), -1) if _rival(phrase, at.get(k)))
    before = next(near, None)
    if before is None or new.apart(before, j) or _of_another(new, at[before], j):
        return None
    return at[before]


def _of_another(new: Reading, other: Phrase, j: int) -> bool:
    """Whether a quantifier stands before something else than word j: "no effect on the rooms"."""
    thing = False
    for k in range(other.tokens[-1] + 1, j):
        if thing and new.tokens[k].text.casefold() in _PREPOSITIONS:
            return True
        thing = thing or new.tokens[k].weight > 0
    return False


_PREPOSITIONS = vocabulary("in on at by for with without from to into about over under as than")
