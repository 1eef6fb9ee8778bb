"""What keeps two alike texts apart: another fact, swapped roles, or another thing in one's place.

"Translate it from French into German" and "from German into French" have every word in common,
and the cosine of "buy a house" and "sell a house" is that of a paraphrase. No measure of
similarity tells them apart, so these are looked for one by one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from evolsynth.evaluation.duplicates.index import same_references
from evolsynth.evaluation.text.words import clauses, content, vocabulary, words

__all__ = ["asks_more", "only_difference", "same_request", "swapped_roles"]

#: Words before a noun that say nothing about its part in the sentence.
_ARTICLES = vocabulary("a an the this that these those my your his her its our their some any")
#: What joins two equals: their order means nothing.
_EQUALS = vocabulary("and or nor versus vs with & /")
#: Beside those that `same_facts` knows: a difference in one of these is the request itself.
_OPPOSITES = (
    "win lose, won lost, happy sad, much little, many few, on off, causes consequences, "
    "causes effects, cause effect, advantage drawback, advantages drawbacks, freezes boils, "
    "freeze boil, freezing boiling, open close, opens closes, strong weak, rich poor, young old, "
    "early late, earliest latest, fast slow, faster slower, fastest slowest, tall short, "
    "taller shorter, light dark, lighter darker, warm cool, summer winter, day night, "
    "morning evening, borrow lend, push pull, import export, upload download, "
    "attack defend, accept decline, accept reject, agree disagree, allow forbid, "
    "success failure, strengths weaknesses, northern southern, eastern western, "
    "north south, east west, left right, inside outside, above below, "
    "minimise maximise, minimize maximize, multiply divide, bigger smaller, biggest smallest, "
    "wide narrow, hard soft, love hate, arrive depart, arrives departs, "
    "deep shallow, raise lower, raising lowering, wet dry, arrive leave, arrives leaves, "
    "tighten loosen, sharp blunt, heavy light, heavier lighter, heaviest lightest, thick thin, "
    "clean dirty, full empty, public private, real fake, safe dangerous, safe unsafe, near far, "
    "nearest farthest, sweet sour, sweet bitter, rough smooth, loud quiet, loudest quietest, "
    "simple complex, simple complicated, modern traditional, modern ancient, urban rural, "
    "local global, domestic foreign, introvert extrovert, optimist pessimist, ally enemy, "
    "friend enemy, hero villain, victory defeat, war peace, birth death, life death, "
    "beginning end, begin end, beginning ending, entrance exit, enter leave, enter exit, "
    "attract repel, build destroy, save spend, saving spending, send receive, ask answer, "
    "teach learn, give take, giving taking, laugh cry, remember forget, win loses, profit loss, "
    "income expenses, supply demand, strength weakness, reward punish, praise criticise, "
    "praise criticize, hire fire, export imports, expand contract, expand shrink, grow shrink, "
    "rise fall, rises falls, rising falling, ascend descend, float sink, lengthen shorten, "
    "strengthen weaken, widen narrow, brighten darken, simplify complicate, appear disappear, "
    "connect disconnect, install uninstall, load unload, pack unpack, zip unzip, indoor outdoor, "
    "indoors outdoors, upstairs downstairs, forward backward, forwards backwards, "
    "vertical horizontal, major minor, odd even, single married, male female, past future, "
    "morning night, sunrise sunset, dawn dusk, spring autumn, junior senior, amateur professional, "
    "better worse, most least, maximum least, greater smaller, greatest smallest, "
    "always never, all none, everything nothing, serious funny, questions answers"
)
_POLITE = vocabulary(
    "thank thanks advanc appreciat welcom hello hi hey dear sir madam greet regard"
)
#: The part of a text's words that another may lack and still say all that it says.
_ELSE = 0.1
_SIGN = re.compile(r"(?<=[A-Za-z])(?:\+\+|#)|(?<=[\w)])\s*[+*/^<>=%×÷]\s*(?=[\w(])")
_OPPOSITE: dict[str, set[str]] = {}
for _pair in _OPPOSITES.split(", "):
    _one, _other = _pair.split()
    _OPPOSITE.setdefault(_one, set()).add(_other)
    _OPPOSITE.setdefault(_other, set()).add(_one)


@lru_cache(maxsize=8192)
def same_request(one: str, other: str) -> bool:
    """Whether nothing in two alike texts says that they ask for different things.

    The same names, quotations and code (`same_references`), the same signs, no two words that are
    each other's opposite, none that have changed places, and no sentence that asks for more.
    Numbers and negation are not looked at: only texts with one `fact_key` are compared at all.
    """
    return (
        _signs(one) == _signs(other)
        and same_references(one, other)
        and not _opposed(one, other)
        and not swapped_roles(one, other)
        and not asks_more(one, other)
        and not asks_more(other, one)
    )


def _signs(text: str) -> list[str]:
    """Signs that change what a word or a sum is: "C#" and "C++", "2 + 3" and "2 * 3"."""
    return sorted(match.group().strip() for match in _SIGN.finditer(text))


def _opposed(one: str, other: str) -> bool:
    a, b = ({w.text.casefold() for w in words(text)} for text in (one, other))
    mine, theirs = a - b, b - a
    return any(not theirs.isdisjoint(_OPPOSITE.get(word, ())) for word in mine) or any(
        f"il{x}" in others for xs, others in ((mine, theirs), (theirs, mine)) for x in xs
    )


def swapped_roles(one: str, other: str) -> bool:
    """Whether two words stand each where the other stands in the other text.

    A word's place is the word before it in the clause, articles left out: "from French into
    German" and "from German into French". A phrase or sentence that moved as a whole keeps its
    places, and so do two names that "and" joins.
    """
    mine, theirs = _places(one), _places(other)
    moved = {
        (places[0], theirs[word][0])
        for word, places in mine.items()
        if len(places) == 1 and len(theirs.get(word, ())) == 1 and places != theirs[word]
    }
    return any(
        (after, before) in moved
        for before, after in moved
        if before not in _EQUALS and after not in _EQUALS
    )


@lru_cache(maxsize=8192)
def _places(text: str) -> dict[str, tuple[str, ...]]:
    """For the stem of each word of content, what stands before it wherever it occurs."""
    found: dict[str, tuple[str, ...]] = {}
    for start, end in clauses(text):
        part = text[start:end]
        meant = {word.start for word in content(part)}
        before = ""
        for word in words(part):
            lower = word.text.casefold()
            if word.start in meant:
                found[word.stem] = (*found.get(word.stem, ()), before)
            if lower not in _ARTICLES:
                before = lower
    return found


def asks_more(one: str, other: str) -> bool:
    """Whether ``one`` says all that ``other`` does, and has a sentence of its own beside it.

    "Define this word." and "Define this word. Word: scarce", a request and its evolution. Thanks
    and greetings ask for nothing.
    """
    mine, theirs = ({w.stem for w in content(text)} for text in (one, other))
    parts = clauses(one)
    if len(parts) <= len(clauses(other)) or len(theirs - mine) > _ELSE * len(theirs):
        return False
    for start, end in parts:
        own = {w.stem for w in content(one[start:end])} - _POLITE
        if own and 2 * len(own - theirs) >= len(own):
            return True
    return False


def only_difference(one: str, other: str) -> tuple[str, str] | None:
    """The one word of content that each text has alone, where all else is the same, in order.

    "care for a cactus" and "care for an orchid" give ("cactus", "orchid").
    """
    a, b = ([w for w in words(t) if w.text.casefold() not in _ARTICLES] for t in (one, other))
    if len(a) != len(b):
        return None
    apart = [(x, y) for x, y in zip(a, b, strict=True) if x.stem != y.stem]
    if len(apart) != 1:
        return None
    x, y = apart[0]
    meant = x in content(one) and y in content(other)
    return (x.text, y.text) if meant else None
