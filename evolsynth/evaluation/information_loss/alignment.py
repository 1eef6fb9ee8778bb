"""Which words of an original an evolution still has, each word used once.

Most evolutions copy most of the original, so the longest common subsequence of words shows what
was taken out and what was put in its place. What the subsequence leaves over is looked for
elsewhere (sentences move), then among related words (Japan, Japanese; a slip of the pen), then,
with static vectors, among words that mean nearly the same. A word of the evolution that already
stands for another word of the original counts less: two conditions that share their words must
not vouch for each other.

A gap is what became of words that are no longer there, seen from their neighbours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq

from evolsynth.evaluation.information_loss.reading import Reading, Token
from evolsynth.evaluation.text.words import stem, word_lists

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Alignment", "Gap", "WordVectors", "align", "copying", "gap", "in_place", "related"]
__all__ += ["siblings", "together"]

# Which words mean the same, and which exclude each other ------------------------------------------

# Vectors of rare words are poor ("succinct" and "concise" look like strangers), and those of words
# that exclude each other (days, colours, before and after) look the same: both are told by lists,
# the rest by static vectors.


def _groups(section: str) -> dict[str, set[int]]:
    """The numbers of the groups that each stem stands in."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(word_lists(__file__, "synonyms.txt")[section]):
        for word in group.split():
            found[stem(word)].add(number)
    return dict(found)


_SYNONYMS, _SIBLINGS = _groups("synonyms"), _groups("siblings")
_NONE = frozenset[int]()


def siblings(one: str, other: str) -> bool:
    """Whether two words exclude each other: two days of the week, before and after."""
    return one != other and not _SIBLINGS.get(one, _NONE).isdisjoint(_SIBLINGS.get(other, _NONE))


def related(one: str, other: str) -> bool:
    """Whether two stems share their beginning, differ by a slip of the pen, or are synonyms."""
    if one == other or not _SYNONYMS.get(one, _NONE).isdisjoint(_SYNONYMS.get(other, _NONE)):
        return True
    shorter = min(len(one), len(other))
    if one[:1] != other[:1] or shorter < 4 or siblings(one, other):
        return False
    head = max(4, shorter - 3)
    if len(one) >= 5 and one[:head] == other[:head]:
        return True
    return shorter >= 5 and fuzz.ratio(one, other) >= 84


#: Cosines of the static vectors at which two words count as strangers, and as one.
_STRANGE, _SAME = 0.4, 0.7
_KEPT = 50_000


class WordVectors:
    """A memory of word vectors. Bounded: it is emptied when it is full."""

    def __init__(self, static: Embedder) -> None:
        self.static = static
        self._known: dict[str, NDArray[np.float32]] = {}

    def likeness(self, some: Sequence[Token], others: Sequence[Token]) -> NDArray[np.float32]:
        """Of shape (some, others): from 0 for strangers to 1 for words that mean the same."""
        cosines = self._vectors(some) @ self._vectors(others).T
        made: NDArray[np.float32] = np.clip((cosines - _STRANGE) / (_SAME - _STRANGE), 0.0, 1.0)
        return made

    def _vectors(self, tokens: Sequence[Token]) -> NDArray[np.float32]:
        lower = [token.text.casefold() for token in tokens]
        missing = sorted({text for text in lower if text not in self._known})
        if missing:
            if len(self._known) + len(missing) > _KEPT:
                self._known.clear()
                missing = sorted(set(lower))
            self._known |= dict(zip(missing, self.static.embed(missing), strict=True))
        return np.stack([self._known[text] for text in lower])


# Pairs --------------------------------------------------------------------------------------------


class Alignment(NamedTuple):
    """``place[i]`` is the token of the evolution that stands for token i, or -1; ``kept[i]`` in
    [0, 1] says how surely; ``same[i]`` whether it is the same word; ``of[j]`` is the inverse.
    ``left[i]`` and ``right[i]`` are the nearest tokens before and after i that are the same word,
    -1 and the number of tokens where there is none."""

    original: list[Token]
    evolved: list[Token]
    place: list[int]
    kept: list[float]
    same: list[bool]
    of: list[int]
    copied: list[bool]
    left: list[int]
    right: list[int]


def align(
    original: Sequence[Token], evolved: Sequence[Token], vectors: WordVectors | None = None
) -> Alignment:
    """Pair the tokens off. Without ``vectors`` no word stands for another of like meaning."""
    old, new, n = list(original), list(evolved), len(original)
    none = [-1] * n, [0.0] * n, [False] * n, [-1] * len(new), [False] * n
    made = Alignment(old, new, *none, [-1] * n, [n] * n)
    _in_order(made)
    _moved(made)
    _attached(made)
    _related(made)
    _find_runs(made)
    for i in range(1, n):
        made.left[i] = i - 1 if made.same[i - 1] else made.left[i - 1]
        made.right[n - 1 - i] = n - i if made.same[n - i] else made.right[n - i]
    _asked(made)
    _known(made)
    if vectors is not None:
        _alike(made, vectors)
    _used_twice(made, vectors)
    return made


def _pair(made: Alignment, i: int, j: int, kept: float, same: bool) -> None:
    made.place[i], made.kept[i], made.same[i], made.of[j] = j, kept, same, i


def _in_order(made: Alignment) -> None:
    """The longest common subsequence, without function words that match all by themselves."""
    keys = [t.key for t in made.original], [t.key for t in made.evolved]
    pairs: dict[int, int] = {}
    for block in LCSseq.opcodes(*keys):
        if block.tag == "equal":
            spans = range(block.src_start, block.src_end), range(block.dest_start, block.dest_end)
            pairs |= zip(*spans, strict=True)
    for i, j in pairs.items():
        linked = pairs.get(i - 1) == j - 1 or pairs.get(i + 1) == j + 1
        if linked or made.original[i].weight > 0 or made.original[i].number >= 0:
            _pair(made, i, j, 1.0, True)


def _moved(made: Alignment) -> None:
    """The same words elsewhere: each goes to the free one nearest to where its neighbours are."""
    free: dict[str, list[int]] = defaultdict(list)
    for j, token in enumerate(made.evolved):
        if made.of[j] < 0:
            free[token.key].append(j)
    last = 0
    for i, token in enumerate(made.original):
        if made.place[i] >= 0:
            last = made.place[i]
        elif free.get(token.key) and (
            token.weight > 0 or token.number >= 0 or not token.key.isalpha()
        ):
            places = free[token.key]
            k = bisect_left(places, last + 1)
            if k == len(places) or (k and last + 1 - places[k - 1] <= places[k] - last - 1):
                k -= 1
            choice = places.pop(k)
            _pair(made, i, choice, 1.0, True)
            last = choice


def _attached(made: Alignment) -> None:
    """Function words that moved together with a neighbour."""
    for i, token in enumerate(made.original):
        if made.place[i] >= 0:
            continue
        for side in (-1, 1):
            k = i + side
            if 0 <= k < len(made.place) and made.place[k] >= 0:
                j = made.place[k] - side
                if 0 <= j < len(made.of) and made.of[j] < 0 and made.evolved[j].key == token.key:
                    _pair(made, i, j, 1.0, True)
                    break


#: Tokens without a counterpart that are compared each with each.
_MOST = 1000


def _left(made: Alignment) -> tuple[list[int], list[int]]:
    """The tokens with content that stand for nothing yet, on both sides; the first 1,000."""
    return (
        [i for i, t in enumerate(made.original) if made.place[i] < 0 and t.weight > 0][:_MOST],
        [j for j, t in enumerate(made.evolved) if made.of[j] < 0 and t.weight > 0][:_MOST],
    )


def _related(made: Alignment) -> None:
    """Words with the same beginning (Japan, Japanese), and slips of the pen."""
    old, new = _left(made)
    by: dict[object, list[int]] = defaultdict(list)  # only such words can be related
    for j in new:
        if made.evolved[j].text.isalpha():
            for trait in _traits(made.evolved[j].key):
                by[trait].append(j)
    for i in old:
        token = made.original[i]
        if not token.text.isalpha():
            continue
        likely = sorted({j for trait in _traits(token.key) for j in by.get(trait, ())})
        free = (j for j in likely if made.of[j] < 0)
        choice = next((j for j in free if related(token.key, made.evolved[j].key)), None)
        if choice is not None:
            _pair(made, i, choice, 0.95, True)


def _traits(key: str) -> tuple[object, ...]:
    """What two related words have in common, one of these at least: the first letter, or a group
    of synonyms."""
    return (key[:1], *_SYNONYMS.get(key, _NONE))


#: How surely a word stands for one of the same meaning, and for a narrower one.
_SYNONYM, _NARROWER = 0.9, 0.8


#: What "how long" and the like ask for, by the word behind "how".
_ASKED_FOR = {
    "long": frozenset(("time", "duration", "hours", "minutes", "days", "length")),
    "often": frozenset(("times", "frequency")),
    "far": frozenset(("distance", "away")),
    "old": frozenset(("age", "ages")),
    "tall": frozenset(("height",)),
    "high": frozenset(("height",)),
    "fast": frozenset(("speed",)),
    "heavy": frozenset(("weight", "weigh", "weighs")),
    "big": frozenset(("size",)),
}


def _asked(made: Alignment) -> None:
    """ "How long" and "how much time", "how old" and "what age"."""
    for mine, theirs, turned in (
        (made.original, made.evolved, 0),
        (made.evolved, made.original, 1),
    ):
        for i in [k + 1 for k, token in enumerate(mine[:-1]) if token.key == "how"]:
            sought = _ASKED_FOR.get(mine[i].text.casefold())
            if sought is None:
                continue
            for j, token in enumerate(theirs):
                one, two = (j, i) if turned else (i, j)
                if token.text.casefold() in sought and made.place[one] < 0 and made.of[two] < 0:
                    _pair(made, one, two, _SYNONYM, False)
                    break


def _known(made: Alignment) -> None:
    """Words with a meaning in common, and narrower ones in the same place ("tool", "hammer"), by
    WordNet."""
    old, new = _left(made)
    if not old or not new:
        return
    # most evolutions begin with their original, and never come here
    from evolsynth.evaluation.text.lexicon import kind_of, near, senses, sides

    by: dict[int, list[int]] = defaultdict(list)
    near_by: dict[int, list[int]] = defaultdict(list)
    for j in new:
        for sense in senses(made.evolved[j].text) | sides(made.evolved[j].text):
            by[sense].append(j)
        for sense in near(made.evolved[j].text):
            near_by[sense].append(j)
    for i in old:
        if not _common(made.original, i):
            continue
        word = made.original[i].text
        own = [j for sense in senses(word) | near(word) | sides(word) for j in by.get(sense, ())]
        own += [j for sense in senses(word) for j in near_by.get(sense, ())]
        free = (j for j in own if made.of[j] < 0)
        choice = min(free, key=lambda j: (abs(j - made.place[made.left[i]] - 1), j), default=None)
        if choice is not None:
            _pair(made, i, choice, _SYNONYM, False)
            continue
        hole = gap(made, i)
        for j in range(hole.begin, min(hole.stop, hole.begin + _WIDE)):
            if made.of[j] < 0 and kind_of(made.evolved[j].text, made.original[i].text):
                _pair(made, i, j, _NARROWER, False)
                break


def _alike(made: Alignment, vectors: WordVectors) -> None:
    """Words of like meaning, the most alike first."""
    old, new = _left(made)
    old = [i for i in old if _common(made.original, i)]
    if not old or not new:
        return
    likeness = vectors.likeness([made.original[i] for i in old], [made.evolved[j] for j in new])
    for place in np.argsort(-likeness, axis=None, kind="stable"):
        a, b = divmod(int(place), len(new))
        if likeness[a, b] <= 0:
            break
        i, j = old[a], new[b]
        apart = siblings(made.original[i].key, made.evolved[j].key)
        if made.place[i] < 0 and made.of[j] < 0 and not apart:
            _pair(made, i, j, float(likeness[a, b]), False)


def _common(old: Sequence[Token], i: int) -> bool:
    """Whether a token is a word that others may stand for: no name, and no number."""
    name = old[i].text[:1].isupper() and i > 0 and old[i].start - old[i - 1].end <= 1
    return not name and old[i].text.isalpha()


#: What a word of the evolution says for a second word of the original.
_AGAIN = 0.5
_RUN = 4


def _find_runs(made: Alignment) -> None:
    """Mark the tokens of the original in a run that was copied as it is: four words, or fewer in
    a short request."""
    found = made.copied
    least = min(_RUN, max(2, len(found) // 4))  # in a short request, two words are a run
    begin = 0
    for i in range(1, len(found) + 1):
        if not _follows(made, i):
            if i - begin >= least:
                found[begin:i] = [True] * (i - begin)
            begin = i


def _follows(made: Alignment, i: int) -> bool:
    """Whether tokens i - 1 and i were copied as they are, one behind the other."""
    if not 0 < i < len(made.place) or not (made.same[i] and made.same[i - 1]):
        return False
    return made.place[i] == made.place[i - 1] + 1


#: How many tokens on either side tell whether a part was copied or rewritten.
_REACH = 30


def copying(made: Alignment, apart_from: Sequence[int] = (), *, around: int | None = None) -> float:
    """The share in [0, 1] of the original that was copied as it is, in runs of words.

    Args:
        apart_from: tokens that do not count.
        around: count only the neighbourhood of this token.
    """
    left_out = set(apart_from)
    first, last = 0, len(made.place)
    if around is not None:
        ends = (min(left_out, default=around), max(left_out, default=around))
        first, last = max(0, ends[0] - _REACH), min(last, ends[1] + _REACH + 1)
    rest = [made.copied[i] for i in range(first, last) if i not in left_out]
    return sum(rest) / len(rest) if rest else 0.0


def in_place(made: Alignment, i: int) -> bool:
    """Whether token i and its neighbours were copied one behind the other: it is where it was."""
    return made.same[i] and _follows(made, i) and _follows(made, i + 1)


#: How near to a word is what it is said with: in the original, and in the evolution.
_SAID_WITH, _SAID_WITH_NOW = 8, 12


def together(old: Reading, new: Reading, made: Alignment, i: int, j: int) -> bool:
    """Whether something that token i of the original was said with is said with token j of the
    evolution; also if it was said with nothing.

    A word that stands by itself in a sentence that came is no word on what was said of it.
    """
    said = [k for k in old.near(i, _SAID_WITH) if _says_something(old.tokens[k])]
    here = set(new.near(j, _SAID_WITH_NOW))
    return not said or any(made.place[k] in here for k in said)


def _says_something(token: Token) -> bool:
    return token.weight >= 0.4 or token.number >= 0


def _used_twice(made: Alignment, vectors: WordVectors | None) -> None:
    old, _ = _left(made)
    again = _AGAIN * (1.0 - 0.8 * copying(made))
    used: dict[str, int] = {}
    for j, token in enumerate(made.evolved):
        if token.weight > 0:
            used.setdefault(token.key, j)
    rest = []
    for i in old:
        twin = used.get(made.original[i].key)
        if twin is None:
            rest.append(i)
        else:
            made.place[i], made.kept[i] = twin, again
    rest = [i for i in rest if _common(made.original, i)]
    everything = [j for j, t in enumerate(made.evolved) if t.weight > 0]
    if vectors is None or not rest or not everything:
        return
    others = [made.evolved[j] for j in everything]
    likeness = vectors.likeness([made.original[i] for i in rest], others)
    for i, row in zip(rest, likeness, strict=True):
        b = int(row.argmax())
        if row[b] > 0 and not siblings(made.original[i].key, others[b].key):
            made.place[i], made.kept[i] = everything[b], 0.7 * again * float(row[b])


# Gaps ---------------------------------------------------------------------------------------------

#: Words that an evolution may put in the place of a gap.
_WIDE = 12


class Gap(NamedTuple):
    """Tokens ``start:end`` of the original became ``begin:stop`` of the evolution.

    ``tight`` if both neighbours were copied and nothing moved, so that whatever is missing was
    taken out here, and whatever is new was put in here.
    """

    start: int
    end: int
    begin: int
    stop: int
    tight: bool


def gap(made: Alignment, i: int) -> Gap:
    """The gap that token i of the original, which was not copied, stands in."""
    left, right, last = made.left[i], made.right[i], len(made.place)
    begin = made.place[left] + 1 if left >= 0 else 0
    stop = made.place[right] if right < last else len(made.evolved)
    before = left <= 0 or 0 <= made.place[left - 1] == made.place[left] - 1
    after = right >= last - 1 or made.place[right + 1] == made.place[right] + 1
    if 0 <= stop - begin <= right - left - 1:  # no more came than went
        after = after or (_follows(made, left) and _follows(made, left - 1))
        before = before or (_follows(made, right + 1) and _follows(made, right + 2))
    ordered = begin <= stop and (stop - begin <= _WIDE or right >= last)
    return Gap(left + 1, right, begin, max(begin, stop), ordered and before and after)
