"""Which words of an original an evolution still has, each word used once.

Most evolutions copy most of the original, so the longest common subsequence of words shows what
was taken out and what was put in its place. What the subsequence leaves over is looked for
elsewhere (sentences move), then among related words (Japan, Japanese; a slip of the pen), then,
with static vectors, among words that mean nearly the same. A word of the evolution that already
stands for another word of the original counts less: two conditions that share their words must
not vouch for each other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq

from evolsynth.evaluation.loss.bounds import bounds
from evolsynth.evaluation.loss.synonyms import same_meaning
from evolsynth.evaluation.numbers import Number, numbers
from evolsynth.evaluation.units import UNITS
from evolsynth.evaluation.words import (
    COMMON,
    NEGATORS,
    Word,
    functional,
    plain,
    stem,
    vocabulary,
    words,
)

if TYPE_CHECKING:
    from evolsynth.evaluation.loss.likeness import WordVectors

__all__ = ["Alignment", "Token", "align", "copying", "related", "siblings", "tokens"]


class Token(NamedTuple):
    """A word, a number or a phrase that sets a bound: ``text[start:end]``.

    Tokens with the same ``key`` are the same; ``weight`` says how much content it carries (0 for
    function words; numbers and bounds are facts and weigh nothing here).
    """

    text: str
    start: int
    end: int
    key: str
    weight: float
    number: int = -1


#: Chinese and Japanese, where each character is taken for a word.
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_COMMON = frozenset(stem(w) for w in COMMON)
#: Words near one another in meaning that must not stand for one another.
_CLASSES = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "january february march april may june july august september october november december",
    "spring summer autumn fall winter",
    "red blue green yellow black white brown pink purple orange grey gray",
    "north south east west northern southern eastern western",
    "english german french spanish italian chinese japanese korean russian portuguese arabic "
    "hindi dutch danish polish turkish latin greek",
    "breakfast lunch dinner supper", "morning afternoon evening night noon midnight",
    "second minute hour day week month year decade century",
    "boy girl", "man woman men women male female", "mother father mom dad sister brother son "
    "daughter aunt uncle niece nephew", "he she him her his hers",
    "cat dog horse cow pig sheep goat chicken duck fish",
    "formal informal", "more less fewer", "before after", "increase decrease", "first last",
    "high low", "higher lower", "highest lowest", "largest smallest", "maximum minimum",
    "longest shortest", "best worst", "longer shorter", "older younger", "faster slower",
    "earlier later", "larger bigger greater smaller", "taller shorter", "wider narrower",
    "warmer colder", "heavier lighter", "most least", "always sometimes never", "left right",
    "buy sell", "add remove", "ascending descending",
    "advantages disadvantages", "pros cons", "positive negative neutral", "true false", "old new",
    "old young", "hot cold", "open closed", "above below", "input output", "import export",
    "python java javascript ruby rust php perl", "json xml yaml csv html markdown latex",
    "inch foot feet yard mile meter metre centimeter kilometer", "gram kilogram pound ounce ton",
    "dollar cent euro pound yen", "essay poem story letter email speech song haiku limerick",
    "past present future",
)  # fmt: skip
_SIBLINGS: dict[str, set[int]] = defaultdict(set)
for _number, _class in enumerate(_CLASSES):
    for _word in _class.split():
        _SIBLINGS[stem(_word)].add(_number)
#: Words that join or soften, and ask for nothing.
_FILLERS = vocabulary(
    """additionally furthermore moreover however therefore hence finally likewise currently
    presently basically actually simply kindly overall originally initially lastly ultimately
    meanwhile afterwards subsequently consequently carefully certainly definitely truly indeed
    perhaps maybe somewhat fairly particular specific respective given following below above
    utilizing utilising employing"""
)
#: Verbs that say little by themselves.
_LIGHT = frozenset(
    stem(w)
    for w in [
        "want",
        "like",
        "love",
        "enjoy",
        "decide",
        "try",
        "begin",
        "start",
        "plan",
        "go",
        "went",
        "come",
        "came",
        "take",
        "took",
        "see",
        "saw",
        "seem",
        "become",
        "became",
        "hope",
        "manage",
        "happen",
        "realize",
        "realise",
        "use",
        "tend",
        "choose",
        "prefer",
        "say",
        "said",
        "tell",
        "told",
        "put",
        "set",
        "show",
        "contain",
        "containing",
        "involve",
        "ensure",
        "ensuring",
        "appreciate",
    ]
)
_MONEY = frozenset(stem(w) for w in ("dollars", "cents", "euros", "pounds"))


def tokens(text: str, found: Sequence[Number] | None = None) -> list[Token]:
    """The tokens of a text in order; numbers and bounds are one token each."""
    flat = plain(text)
    found = numbers(text) if found is None else found
    spans: list[tuple[int, int, str, int]] = [
        (n.start, n.end, f"#{n.values[0]}", i) for i, n in enumerate(found)
    ]
    spans += [(start, end, key, -1) for start, end, key in bounds(flat, words(text))]
    special = iter(sorted(spans))
    current = next(special, None)
    made: list[Token] = []
    for word in words(text):
        while current is not None and current[0] <= word.start:
            if not made or made[-1].end <= current[0]:
                made.append(
                    Token(flat[current[0] : current[1]], *current[:3], 0.0, number=current[3])
                )
            current = next(special, None)
        if made and word.start < made[-1].end:
            continue
        if not word.text.isascii() and _WITHOUT_SPACES.search(word.text):
            made += [
                Token(c, word.start + k, word.start + k + 1, c, 0.5)
                for k, c in enumerate(word.text)
            ]
            continue
        weight = _weight(word)
        if made and made[-1].number >= 0 and word.text.casefold() in UNITS:
            weight = min(weight, 0.1)
        made.append(Token(word.text, word.start, word.end, word.stem, weight))
    while current is not None:
        if not made or made[-1].end <= current[0]:
            made.append(Token(flat[current[0] : current[1]], *current[:3], 0.0, number=current[3]))
        current = next(special, None)
    return made


@lru_cache(maxsize=65536)
def _weight_of(text: str, root: str) -> float:
    if text in _FILLERS:
        weight = 0.15
    elif root in NEGATORS:
        weight = 0.0
    elif root in _COMMON or root in _MONEY:
        weight = 0.4
    else:
        weight = 1.0
    if root in _LIGHT:
        weight = min(weight, 0.3)
    return 0.4 * weight if len(text) == 1 else weight


def _weight(word: Word) -> float:
    return 0.0 if functional(word) else _weight_of(word.text.casefold(), word.stem)


class Alignment(NamedTuple):
    """``place[i]`` is the token of the evolution that stands for token i, or -1; ``kept[i]`` in
    [0, 1] says how surely; ``same[i]`` whether it is the same word; ``of[j]`` is the inverse."""

    original: list[Token]
    evolved: list[Token]
    place: list[int]
    kept: list[float]
    same: list[bool]
    of: list[int]
    copied: list[bool]


def align(
    original: Sequence[Token], evolved: Sequence[Token], vectors: WordVectors | None = None
) -> Alignment:
    """Pair the tokens off. Without ``vectors`` no word stands for another of like meaning."""
    old, new = list(original), list(evolved)
    made = Alignment(
        old,
        new,
        [-1] * len(old),
        [0.0] * len(old),
        [False] * len(old),
        [-1] * len(new),
        [False] * len(old),
    )
    _in_order(made)
    _moved(made)
    _attached(made)
    _related(made)
    _find_runs(made)
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
    for code in LCSseq.opcodes(*keys):
        if code.tag == "equal":
            span = range(code.src_start, code.src_end)
            pairs |= {i: code.dest_start + k for k, i in enumerate(span)}
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
            choice = min(free[token.key], key=lambda j: (abs(j - last - 1), j))
            free[token.key].remove(choice)
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


def _left(made: Alignment) -> tuple[list[int], list[int]]:
    """The tokens with content that stand for nothing yet, on both sides."""
    return (
        [i for i, t in enumerate(made.original) if made.place[i] < 0 and t.weight > 0],
        [j for j, t in enumerate(made.evolved) if made.of[j] < 0 and t.weight > 0],
    )


def _related(made: Alignment) -> None:
    """Words with the same beginning (Japan, Japanese), and slips of the pen."""
    old, new = _left(made)
    for i in old:
        for j in new:
            both = made.original[i].text.isalpha() and made.evolved[j].text.isalpha()
            if made.of[j] < 0 and both and related(made.original[i].key, made.evolved[j].key):
                _pair(made, i, j, 0.95, True)
                break


def related(one: str, other: str) -> bool:
    """Whether two stems share their beginning, differ by a slip of the pen, or are synonyms."""
    if one == other or same_meaning(one, other):
        return True
    if min(len(one), len(other)) < 4 or siblings(one, other):
        return False
    head = max(4, min(len(one), len(other)) - 3)
    if len(one) >= 5 and one[:head] == other[:head]:
        return True
    return one[0] == other[0] and min(len(one), len(other)) >= 5 and fuzz.ratio(one, other) >= 84


def siblings(one: str, other: str) -> bool:
    """Whether two words exclude each other: two days of the week, before and after."""
    return one != other and bool(_SIBLINGS.get(one, set()) & _SIBLINGS.get(other, set()))


def _alike(made: Alignment, vectors: WordVectors) -> None:
    """Words of like meaning, the most alike first."""
    old, new = _left(made)
    old = [i for i in old if _common(made.original, i)]
    if not old or not new:
        return
    likeness = vectors.likeness(
        [made.original[i].text for i in old], [made.evolved[j].text for j in new]
    )
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
    """Mark the tokens of the original in a run of at least four that was copied as it is."""
    found = made.copied
    begin = 0
    for i in range(1, len(made.place) + 1):
        goes_on = (
            i < len(made.place)
            and made.same[i]
            and made.same[i - 1]
            and made.place[i] == made.place[i - 1] + 1
        )
        if not goes_on:
            if i - begin >= _RUN:
                found[begin:i] = [True] * (i - begin)
            begin = i


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
    likeness = vectors.likeness(
        [made.original[i].text for i in rest], [made.evolved[j].text for j in everything]
    )
    for a, i in enumerate(rest):
        b = int(likeness[a].argmax())
        j = everything[b]
        if likeness[a, b] > 0 and not siblings(made.original[i].key, made.evolved[j].key):
            made.place[i], made.kept[i] = j, 0.7 * again * float(likeness[a, b])
