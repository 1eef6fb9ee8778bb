"""What is said and what is denied: the polarity of each word, and whether it was turned round.

A word is denied by what stands before it in its clause ("not", "fails to"), and twice denied is
said ("did not forget to lock it"). A word and its opposite say the same where one of the two is
denied ("not closed", "open"). So both texts are brought to one form, words with a sign, and the
signs of what stands for one another are compared (natural logic's projection, MacCartney and
Manning 2009, cut down to what can be told without a parser). For English.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, gap, together
from evolsynth.evaluation.information_loss.reading import Loss, Reading
from evolsynth.evaluation.text.lexicon import opposite, same_meaning
from evolsynth.evaluation.text.words import FUNCTION_WORDS, vocabularies, vocabulary

if TYPE_CHECKING:
    from evolsynth.evaluation.information_loss.focus import Agreed

__all__ = ["Side", "averse", "denies", "polarity"]

_LISTS = vocabularies(__file__, "polarity.txt")
_THINGS, _DENY = _LISTS["deny a thing"], frozenset[str]().union(*_LISTS.values()) - _LISTS["averse"]
_AVERSE = _LISTS["averse"]
_AVERSE_FORM = re.compile(r"(?:un|dis|non|in|im|il|ir|mis)[a-z]{4,}|[a-z]{3,}less")
#: What a clause ends with, for what is denied in it.
_ENDS = vocabulary(
    "but although though because since while when whereas if until so which who unless nor"
)
#: What one does not think is not so: the denial may stand behind it as well.
_RAISED = vocabulary(
    "think thinks thought believe believes believed expect expects expected seem seems seemed want "
    "wants wanted suppose supposed plan plans planned intend intends intended"
)
#: Behind which a denial may go on or not.
_JOINS = vocabulary("and or nor than as to for in on at by with from of that about during")
#: "Not only", "not until": nothing is denied.
_NOT_SO = vocabulary("only just merely until simply necessarily")
_QUANTIFIED = vocabulary("all every each everyone everybody everything always both entirely")
#: Verbs that say so little that they have no weight; they may be all that a denial denies.
_DEEDS = vocabulary("make made use used get know like want")
#: Around a "no" that is an answer, or a part of a bound; and verbs that deny only what is done.
_BEFORE_NO, _AFTER_NO = (
    vocabulary("or yes say says said saying answer"),
    vocabulary("or matter doubt more less fewer later sooner"),
)
#: What a "minus" that is a sign stands among.
_SUMS = vocabulary("total sum costs cost expenses revenue revenues income price equals profit x y")
_ONLY_OF_DEEDS = vocabulary("stop stops stopped stopping keep quit")
#: How far a denial reaches, in words of content; and around a word what may deny it too.
_REACH, _AROUND = 4, 8

#: What a word says that was denied and is not any more, or is now: where its denial just went or
#: came in copied text, and in a rewrite; that a denial is still there, but not before this word;
#: that it may have reached it. And what an opposite says in a word's place, copied and rewritten.
_TURNED, _TURNED_REWRITTEN, _ELSEWHERE, _PERHAPS = 0.95, 0.9, 0.45, 0.35
#: The second where nothing around was copied.
_REWRITTEN = 0.45
_OPPOSITE, _OPPOSITE_REWRITTEN = 0.9, 0.5
#: How surely an opposite that is denied stands for a word.
_PAIRED = 0.95


def averse(word: str) -> bool:
    """Whether a word may hold a denial in itself: "gone", "late", "unused"."""
    low = word.casefold()
    return low in _AVERSE or bool(_AVERSE_FORM.fullmatch(low))


def denies(word: str) -> bool:
    """Whether a word is a verb (or the like) that denies what it takes: "fails", "forgot"."""
    return word.casefold() in _LISTS["deny by a verb"]


class _Sign(NamedTuple):
    """Whether a word is denied; how surely: 0 if nothing reaches it, 1 perhaps, 2 as what is
    denied; and by which token."""

    denied: bool
    sure: int
    by: int


class Side:
    """A text with the signs of its tokens.

    ``cue`` says of each token whether it denies; ``target`` what it denies, -1 for none; ``often``
    how often each word is denied and is not.
    """

    def __init__(self, text: Reading) -> None:
        self.text, self.tokens = text, text.tokens
        self.low = ["not" if t.key == "not" else t.text.casefold() for t in text.tokens]
        count = len(self.tokens)
        self.cue = [word in _DENY and self._denies(i) for i, word in enumerate(self.low)]
        self.signs = [_Sign(False, 0, -1)] * count
        self.target = [-1] * count
        for i in range(count):
            if self.cue[i]:
                for k, sure in self._reached(i):
                    if sure == 2 and self.target[i] < 0:
                        self.target[i] = k
                    was = self.signs[k]
                    self.signs[k] = _Sign(not was.denied, max(sure, was.sure), i)
                if self.target[i] < 0 and self.low[i + 1 : i + 2] and self.low[i + 1] in _DEEDS:
                    self.target[i], self.signs[i + 1] = i + 1, _Sign(True, 2, i)
        said = zip(self.tokens, self.signs, strict=True)
        self.often = Counter((token.key, sign.denied) for token, sign in said)

    def _denies(self, i: int) -> bool:
        after = self.low[i + 1] if i + 1 < len(self.low) else ""
        before = self.low[i - 1] if i else ""
        if self.low[i] == "not" and (after in _NOT_SO or before in ("or", "if", "why", "whether")):
            return False
        if self.low[i] == "not" and after == "even" and self._denied_before(i):
            return False  # "it never closes, not even in May"
        if self.low[i] == "no":
            return not (before in _BEFORE_NO or after in _AFTER_NO)
        if self.low[i] == "minus":
            around = [*self.low[max(0, i - 3) : i], *self.low[i + 1 : i + 4]]
            return not any(word in _SUMS or word[:1].isdigit() for word in around)
        if self.low[i] in _ONLY_OF_DEEDS:
            done = after.endswith("ing") and after not in FUNCTION_WORDS
            return done or "from" in self.low[i + 2 : i + 5]
        return True

    def _denied_before(self, i: int) -> bool:
        """Whether something else denies before a token in its sentence."""
        before = (k for k in self.text.near(i, 3 * _REACH) if k < i)
        return any(self.low[k] in _LISTS["deny"] | _THINGS for k in before)

    def _reached(self, i: int) -> Iterator[tuple[int, int]]:
        """The words that a denial reaches, each with how surely."""
        said, sure = 0, 2
        if i + 1 < len(self.low) and self.low[i + 1] in _QUANTIFIED:
            sure = 1
        if "until" in self.low[i + 1 : i + 6]:  # "it was not finished until 1903"
            sure = 1
        for k in range(i + 1, min(i + 1 + 3 * _REACH, len(self.tokens))):
            token, low = self.tokens[k], self.low[k]
            if self.text.apart(k - 1, k, ".;:!?,\n") or low in _ENDS:
                return
            if low == "by" and self.low[i] in _LISTS["deny by a verb"]:
                return  # "it is avoided by all"
            if (said and low in _JOINS) or (k > i + 1 and low == "and"):
                sure = 1
            if low in _RAISED:
                sure = 1
            if token.weight > 0 or self.cue[k]:
                yield k, sure
                if not self.cue[k] and token.weight >= 0.3 and not low.endswith("ly"):
                    said, sure = said + 1, 1
            if said >= _REACH:
                return

    def near(self, i: int) -> Iterator[int]:
        """The tokens around one in its sentence, without itself."""
        return self.text.near(i, _AROUND)


class _Pair(NamedTuple):
    """Both sides; ``fresh`` says of each token whether it has no counterpart."""

    old: Side
    new: Side
    made: Alignment
    gone: list[bool]
    came: list[bool]


def polarity(
    old: Reading,
    new: Reading,
    made: Alignment,
    sides: tuple[Side, Side] | None = None,
    settled: Agreed | None = None,
) -> list[Loss]:
    """Words that were denied and are not any more, or the other way round, or became their
    opposite. Opposites that say the same ("unsafe", "not safe") are paired off in ``made``.

    Args:
        sides: both texts with their signs, where they are known already.
        settled: what says the same in both texts in other words.
    """
    came = [i < 0 or not made.same[i] for i in made.of]
    mine_, theirs_ = sides or (Side(old), Side(new))
    pair = _Pair(mine_, theirs_, made, [not same for same in made.same], came)
    losses: list[Loss] = []
    told: set[tuple[int, int]] = set()
    for i, token in enumerate(old.tokens):
        light = token.weight <= 0
        if token.number >= 0 or (light and not (pair.old.low[i] in _DEEDS and made.same[i])):
            continue
        if pair.old.cue[i]:
            _denied_by_another(pair, i)
            if pair.old.target[i] >= 0 or made.place[i] >= 0:
                continue  # else it denies nothing: "it failed"
        j, turned = _counterpart(pair, i)
        if j < 0:
            _without_prefix(pair, i)
        if j < 0 or pair.new.cue[j] or light != (new.tokens[j].weight <= 0) or (light and turned):
            continue
        mine, theirs = pair.old.signs[i], pair.new.signs[j]
        if (mine.denied != theirs.denied) == turned:
            if turned and not made.same[i] and made.of[j] in (-1, i):  # the same in other words
                made.place[i], made.kept[i], made.of[j] = j, _PAIRED, i
            continue
        if settled and _is_settled(pair, settled, i, j):
            continue
        apart = not turned and not together(old, new, made, i, j)
        weight = 0.0 if apart else _weight(pair, i, j, turned=turned)
        cues = (mine.by, theirs.by)
        if weight and not (weight <= _PERHAPS and cues in told):
            told.add(cues)
            start = _start(old, mine.by) if mine.denied else token.start
            begin = new.tokens[theirs.by if theirs.denied else j].start
            gone = mine.denied and not turned
            became = None if gone else new.text[begin : new.tokens[j].end]
            losses.append(old.lose(start, token.end, "negation", weight, became))
    return losses


def _is_settled(pair: _Pair, settled: Agreed, i: int, j: int) -> bool:
    """Whether what denies words i and j, which stand for one another, says the same in the other
    text, where it is said of the same deed."""
    mine, theirs = pair.old.signs[i], pair.new.signs[j]
    told = {settled.here.get(mine.by)} if mine.denied else set()
    told |= {settled.there.get(theirs.by)} if theirs.denied else set()
    if len(told) != 1:
        return False
    for n in told:
        if n is None:
            return False
        here, there = settled.pairs[n]
        if not (_in_its_clause(pair.old, i, here) and _in_its_clause(pair.new, j, there)):
            return False
    return True


def _in_its_clause(side: Side, i: int, told: Sequence[int]) -> bool:
    """Whether a word is in the clause of some others, and not what they are said by: "he said that
    none of them was late"."""
    first, last = min(told), max(told)
    if first <= i <= last:
        return True
    begin, end = (last, i) if i > last else (i, first)
    for k in range(begin + 1, end + 1):
        if side.text.apart(k - 1, k, ".;:!?\n") or (side.low[k] in _ENDS | _THAT and k != end):
            return False
    return i > last or not _is_subject(side, last)


_THAT = vocabulary("that how why")


def _is_subject(side: Side, i: int) -> bool:
    """Whether an auxiliary stands soon behind a word: "none of them was"."""
    for k in range(i + 1, min(len(side.low), i + 4)):
        if side.text.apart(k - 1, k, ".;:!?,\n"):
            return False
        if side.low[k] in _AUXILIARIES:
            return True
    return False


_AUXILIARIES = vocabulary("must do does did should shall may can could would will is are was were")


def _start(text: Reading, cue: int) -> int:
    """Where a denial begins, with the auxiliary before it."""
    before = cue > 0 and text.tokens[cue - 1].text.casefold() in _AUXILIARIES
    return text.tokens[cue - before].start


def _denied_by_another(pair: _Pair, i: int) -> None:
    """Pair off a verb that denies ("failed to reach") with what denies the same now ("did not")."""
    made, at = pair.made, pair.old.target[i]
    if made.same[i]:
        return
    hole = gap(made, i)
    for k in range(hole.begin, hole.stop):  # "it failed", "it did not succeed"
        instead = pair.new.target[k] if pair.came[k] else -1
        if instead >= 0 and opposite(pair.old.low[i], pair.new.low[instead]):
            made.place[i], made.kept[i] = k, _PAIRED
            return
    if at < 0 or made.place[at] < 0:
        return
    sign = pair.new.signs[made.place[at]]
    if sign.denied == pair.old.signs[at].denied and sign.by >= 0 and pair.came[sign.by]:
        made.place[i], made.kept[i] = sign.by, _PAIRED


def _without_prefix(pair: _Pair, i: int) -> None:
    """ "An uninhabited island" may be "one where nobody lives"."""
    if not _AVERSE_FORM.fullmatch(pair.old.low[i]) or not pair.gone[i]:
        return
    hole = gap(pair.made, i)
    denial = next((k for k in range(hole.begin, hole.stop) if pair.new.cue[k]), None)
    if denial is not None and pair.came[denial] and pair.made.place[i] < 0:
        pair.made.place[i], pair.made.kept[i] = denial, 0.6


def _weight(pair: _Pair, i: int, j: int, *, turned: bool) -> float:
    """How much it says that words i and j, which stand for one another, have other signs."""
    mine, theirs = pair.old.signs[i], pair.new.signs[j]
    if turned:
        if _sides_changed(pair.made, i, j) or _let(pair, j):
            return 0.0
        for side, fresh, at in ((pair.old, pair.gone, i), (pair.new, pair.came, j)):
            if _denied_otherwise(side, fresh, at) or _alone(side, fresh, at):
                return 0.0
        return _OPPOSITE if _copied_around(pair.made, i) else _OPPOSITE_REWRITTEN
    if mine.denied and _denies_another(pair, i, j):
        return 0.0
    if theirs.denied and _sets_against(pair.new, theirs.by) and _is_denied_reason(pair.old, i):
        return 0.0
    if _as_often(pair, i, j) or (mine.denied and _of_some(pair, mine.by, j)):
        return 0.0
    bare, fresh, at, sign = (
        (pair.new, pair.came, j, theirs) if mine.denied else (pair.old, pair.gone, i, mine)
    )
    if sign.sure < 2 and _denied_otherwise(bare, fresh, at):
        return 0.0
    if _of_things(pair, mine, theirs) and _same_deed(pair, i, j, mine, theirs):
        return 0.0
    copied = _copied_around(pair.made, i)
    if max(mine.sure, theirs.sure) < 2:
        return 0.0 if _settled(pair, mine) else _PERHAPS * copied
    if sign.sure < 2 and _still_denies(pair, mine, theirs):
        return 0.0 if sign.sure else _ELSEWHERE
    if copied:
        return _TURNED
    share = copying(pair.made, [i], around=i)
    return _REWRITTEN + (_TURNED_REWRITTEN - _REWRITTEN) * share


def _denies_another(pair: _Pair, i: int, j: int) -> bool:
    """Whether what was not done is said now to have been done otherwise: "the king did not order
    it", "the general, not the king, ordered it"."""
    side, said = pair.new, set(pair.old.near(i))
    for k in side.near(j):
        if side.low[k] != "not" or side.target[k] < 0 or not _sets_against(side, k):
            continue
        for m in range(k + 1, min(len(side.low), k + 6)):
            if side.text.apart(m - 1, m, ".;:!?,\n"):
                break
            if side.tokens[m].weight > 0 and pair.made.of[m] >= 0:
                return pair.made.of[m] in said
    return False


def _is_denied_reason(side: Side, i: int) -> bool:
    """Whether a word is in a reason for which something may not have been done: "he did not leave
    because of the noise"."""
    for k in range(i - 1, max(-1, i - _AROUND), -1):
        if side.text.apart(k, k + 1, ".;:!?,\n"):
            return False
        if side.low[k] == "because":
            return any(side.low[m] == "not" for m in range(max(0, k - _AROUND), k))
    return False


def _sets_against(side: Side, k: int) -> bool:
    """Whether a "not" denies what follows alone, as against something else: ", not the king"."""
    if side.tokens[k].text.casefold() != "not":
        return False
    if k == 0 or side.text.apart(k - 1, k, ",;"):
        return True
    return side.low[k - 1] == "and"


def _as_often(pair: _Pair, i: int, j: int) -> bool:
    """Whether a word that stands in several places is denied in as many of them as before: the
    places may have been taken for one another."""
    counts = [
        Counter({d: s.often[s.tokens[at].key, d] for d in (False, True)})
        for s, at in ((pair.old, i), (pair.new, j))
    ]
    return counts[0] == counts[1] and counts[0].total() > 1


def _of_some(pair: _Pair, by: int, j: int) -> bool:
    """Whether what was not so of all is so of some: "not use all", "use only some"."""
    all_of = any(word in _QUANTIFIED for word in pair.old.low[by + 1 : by + 1 + _REACH])
    return all_of and any(pair.came[k] and pair.new.low[k] in _SOME for k in pair.new.near(j))


_SOME = vocabulary("some sometimes one only several")


def _settled(pair: _Pair, sign: _Sign) -> bool:
    """Whether what a denial stands before is said now by its opposite."""
    target = pair.old.target[sign.by] if sign.by >= 0 else -1
    return target >= 0 and pair.made.kept[target] == _PAIRED and not pair.made.same[target]


def _of_things(pair: _Pair, mine: _Sign, theirs: _Sign) -> bool:
    """Whether what denies a word is a "no", which may as well deny what is said of it."""
    if mine.denied:
        return pair.old.low[mine.by] in _THINGS
    return pair.new.low[theirs.by] in _THINGS


def _same_deed(pair: _Pair, i: int, j: int, mine: _Sign, theirs: _Sign) -> bool:
    """Whether something else near a word is denied on both sides: "no bottle was broken", "the
    bottles were not broken"."""
    for k in pair.old.near(i):
        m = pair.made.place[k]
        if not pair.made.same[k] or abs(m - j) > _AROUND:
            continue
        one, other = pair.old.signs[k], pair.new.signs[m]
        if (mine.denied and one.by != mine.by) or (theirs.denied and other.by != theirs.by):
            continue  # by something else: "no nuts in this, and no milk in that"
        if one.denied and other.denied and 2 in (one.sure, other.sure):
            return True
    return False


def _still_denies(pair: _Pair, mine: _Sign, theirs: _Sign) -> bool:
    """Whether what denies a word on one side denies something on the other, too."""
    if mine.denied:
        return not pair.gone[mine.by] and pair.new.cue[pair.made.place[mine.by]]
    return not pair.came[theirs.by] and pair.old.cue[pair.made.of[theirs.by]]


def _denied_otherwise(side: Side, fresh: list[bool], i: int) -> bool:
    """Whether something near a word that came or went may deny it, too."""
    for k in side.near(i):
        if not fresh[k]:
            continue
        if k > i and any(fresh[m] and side.low[m] in _CONTRASTS for m in range(i + 1, k)):
            continue  # "they attended, but not until the vote"
        if side.low[k] == "but" and k and side.low[k - 1] in _OF_ALL:
            return True  # "everything but wine"
        if side.cue[k]:
            if k > i and (side.low[k - 1] == "and" or _sets_against(side, k)):
                continue  # "it is used, and not in winter"
            target = side.target[k]
            if k < target < i and "and" in side.low[target:i] and i - target <= 3:
                continue  # "it serves no lunch and charges for the bread"
            if side.low[k] in _THINGS or target < 0 or fresh[target]:
                return True
        elif averse(side.low[k]):
            return True
    return False


_CONTRASTS = vocabulary("but though although")
_OF_ALL = vocabulary("all everything everyone everybody everywhere anything")


def _alone(side: Side, fresh: list[bool], i: int) -> bool:
    """Whether an "only" came or went near a word: "closed except on Fridays", "only open then"."""
    return any(fresh[k] and side.low[k] in ("only", "solely") for k in side.near(i))


def _let(pair: _Pair, j: int) -> bool:
    """Whether a "let" came that gives a deed to the other: "he lent me", "he let me borrow"."""
    return any(pair.came[k] and pair.new.low[k] in _LET for k in range(max(0, j - 3), j))


_LET = vocabulary("let lets allowed allows")


def _sides_changed(made: Alignment, i: int, j: int) -> bool:
    """Whether what stood on either side of a word stands on the other now: "she lent him", "he
    borrowed from her"."""
    near = range(max(0, i - 6), min(len(made.place), i + 7))
    sides = [k for k in near if made.same[k] and made.original[k].weight > 0]
    sides = [k for k in sides if abs(made.place[k] - j) <= 10]
    before = [made.place[k] for k in sides if k < i]
    after = [made.place[k] for k in sides if k > i]
    return bool(before and after and max(before) > j > min(after))


def _counterpart(pair: _Pair, i: int) -> tuple[int, bool]:
    """What stands for a word now, -1 for nothing, and whether it is its opposite."""
    made, tokens = pair.made, pair.new.tokens
    word, j = pair.old.tokens[i].text, made.place[i]
    if made.same[i]:
        return j, pair.old.tokens[i].key != tokens[j].key and opposite(word, tokens[j].text)
    hole = gap(made, i)
    for k in range(hole.begin, min(hole.stop, hole.begin + 12)):
        if pair.came[k] and tokens[k].weight > 0 and opposite(word, tokens[k].text):
            return k, True
    if j < 0 or made.of[j] != i:
        return -1, False
    if opposite(word, tokens[j].text):
        return j, True
    close = _copied_around(made, i) and same_meaning(word, tokens[j].text)
    return (j, False) if close else (-1, False)


def _copied_around(made: Alignment, i: int) -> bool:
    """Whether much around a word was copied."""
    return copying(made, [i], around=i) >= _COPIED


#: The share around a word from which on its surroundings were copied.
_COPIED = 0.4
