"""What is found in a text, and what was lost of it.

A text is compared by its tokens (words, numbers, and phrases that set a bound, in whatever words:
"not exceeding", "at most", "limited to 20"), and lost by its segments: the pieces of a request that
can be lost by themselves.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import msgspec

from evolsynth.evaluation.text.numbers import COUNTS, UNITS, Number, numbers
from evolsynth.evaluation.text.words import (
    COMMON,
    FUNCTION_WORDS,
    NEGATORS,
    Word,
    clauses,
    plain,
    stems,
    stems_of,
    vocabularies,
    vocabulary,
    words,
)

__all__ = [
    "ARTICLES",
    "MEANT",
    "InformationLoss",
    "Kind",
    "Loss",
    "LostSpan",
    "Reading",
    "Token",
    "bounds",
]
__all__ += ["segments", "tokens"]

#: Clauses of one text that are looked at by meaning.
MEANT = 64

# Bounds -------------------------------------------------------------------------------------------

_FEW = "|".join(COUNTS)
_MANY = f"{_FEW}|hundred|half|a single"
_LARGER = "more|longer|greater|larger|higher|bigger"
_SMALLER = "less|fewer|shorter|smaller"
_UPPER = re.compile(
    rf"""(?:not|no|none|neither|never|\w+n't|cannot)\ (?:\w+\ ){{0,4}}?
           (?:exceed(?:ing|s)?|surpass(?:ing)?|go(?:ing)?\ (?:over|above|beyond)
           |(?:{_LARGER})\ than)
       |without\ (?:exceeding|surpassing|going\ over)
       |at\ (?:the\ )?most
       |(?:maximum|max|upper\ limit|ceiling)(?:\ word|\ length|\ limit)?(?:\ of)?
       |up\ to
       |(?:limit(?:ed|ing)?|restrict(?:ed|ing)?|confin(?:e|ed|ing)|cap(?:ped|ping)?|constrain(?:ed)?|
           keep|kept)
           (?=[^.;\n]{{0,40}}\b(?:to|at|within|under|below)\b\ [^.;\n]{{0,12}}?(?:\d|{_MANY}))
       |within(?=\ (?:\d|a\ (?:limit|maximum)))
       |(?:{_SMALLER})\ than(?:\ or\ equal\ to)?(?=\ (?:\d|a\ |{_MANY}))
       |(?:under|below)(?=\ \d)
       |or\ (?:less|fewer|shorter|under)""",
    re.I | re.X,
)
_LOWER = re.compile(
    rf"""(?:not|no)\ (?:{_SMALLER})\ than
       |at\ (?:the\ (?:very\ )?)?least
       |minimum(?:\ of)?
       |(?:{_LARGER})\ than(?=\ (?:\d|{_MANY}))
       |(?:over|above)(?=\ \d)
       |or\ (?:more|longer|above)
       |upwards\ of""",
    re.I | re.X,
)
_EXACT = re.compile(rf"exactly|precisely|just(?=\ (?:\d|{_FEW}))", re.I)
#: Upper before lower: "no more than" has "more than" in it.
_PATTERNS = (("<=", _UPPER), (">=", _LOWER), ("==", _EXACT))
#: The words that any of them begins with.
_FIRST = vocabulary(
    f"""not no none neither never cannot without at maximum max upper ceiling up limit limited
    limiting restrict restricted restricting confine confined confining cap capped capping
    constrain constrained keep kept within under below or minimum over above upwards exactly
    precisely just
    {_LARGER.replace("|", " ")} {_SMALLER.replace("|", " ")}"""
)


def bounds(flat: str, words: Iterable[Word]) -> Iterator[tuple[int, int, str]]:
    """The places (start, end) of bounds in a plain text, each with "<=", ">=" or "==".

    Args:
        flat: the text as `plain` gives it.
        words: its words.
    """
    end = 0
    for word in words:
        if word.start < end or not (word.lower in _FIRST or word.text.endswith("n't")):
            continue
        for key, pattern in _PATTERNS:
            match = pattern.match(flat, word.start)
            if match is not None:
                yield word.start, match.end(), key
                end = match.end()
                break


# Tokens -------------------------------------------------------------------------------------------


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
_COMMON = stems(COMMON)
_LISTS = vocabularies(__file__, "reading.txt")
#: Words that join or soften, and ask for nothing.
_FILLERS = _LISTS["fillers"]
#: Words that say little by themselves: such verbs, and nouns for whatever follows.
_LIGHT = stems(_LISTS["light"])
#: What stands before a single thing.
ARTICLES = vocabulary("a an one single each every per another")
_MONEY = stems(("dollars", "cents", "euros", "pounds"))


def tokens(text: str, found: Sequence[Number] | None = None) -> list[Token]:
    """The tokens of a text in order; numbers and bounds are one token each."""
    flat = plain(text)
    found = numbers(text) if found is None else found
    said = words(text)
    special = [
        Token(flat[n.start : n.end], n.start, n.end, f"#{n.values[0]}", 0.0, i)
        for i, n in enumerate(found)
    ]
    special += [Token(flat[s:e], s, e, key, 0.0) for s, e, key in bounds(flat, said)]
    special.sort(key=lambda token: token[1:4])
    special.append(Token("", len(flat) + 1, 0, "", 0.0))  # stands behind all words
    made: list[Token] = []
    spaced = flat.isascii()
    next_, last, counted = 0, 0, False  # where the last token ends, and whether it is a number
    for text_, start, end, root, lower in said:
        while special[next_].start <= start:
            if last <= special[next_].start:
                made.append(special[next_])
                last, counted = special[next_].end, special[next_].number >= 0
            next_ += 1
        if start < last:
            continue
        if spaced or not _WITHOUT_SPACES.search(text_):
            weight = _weight(lower, root)
            if counted and lower in UNITS:
                weight = min(weight, 0.1)
            made.append(tuple.__new__(Token, (text_, start, end, root, weight, -1)))
        else:
            made += [Token(c, start + k, start + k + 1, c, 0.5) for k, c in enumerate(text_)]
        last, counted = end, False
    for token in special[next_:-1]:
        if last <= token.start:
            made.append(token)
            last = token.end
    return made


@lru_cache(maxsize=65536)
def _weight(text: str, root: str) -> float:
    if text in FUNCTION_WORDS:
        return 0.0
    weight = 0.4 if root in _COMMON or root in _MONEY else 1.0
    if text in _FILLERS or root in NEGATORS:
        weight = 0.15 if text in _FILLERS else 0.0
    if root in _LIGHT:
        weight = min(weight, 0.3)
    return 0.4 * weight if len(text) == 1 else weight


# Segments -----------------------------------------------------------------------------------------

_CUT = re.compile(
    # white space from its beginning, or from behind a dash
    r",\s+|:\s+|\s-\s|(?:(?<!\s)|(?<=\s-\s))\s+(?=(?:and then|"
    r"and (?:also|finally|explain|describe|include|give|"
    r"provide|list|write|ensure|make|keep|use|identify|say|tell|what|how|why|who|where|when|which)|"
    r"as well as|while|"
    r"but|so that|because|if|unless|ensuring|without|using|including)\b)",
    re.I,
)
#: Words of content that a piece has at least on either side of a cut.
_LEAST = 2


def _is_list(clause: str) -> bool:
    """Whether a clause is nothing but a list of short items: "hammer, saw, spoon, screwdriver"."""
    *items, last = (len(item.split()) for item in clause.split(","))
    return len(items) >= 2 and max(items) <= 2 and last <= 3


def segments(text: str, tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The places (start, end) of sentences, lines and parts of them that say something, in order.

    A sentence is cut at commas and joining words where both sides have some words of content.
    """
    found: list[tuple[int, int]] = []
    flat = plain(text)
    heavy = [t.start for t in tokens if t.weight > 0 or t.number >= 0]
    for start, end in clauses(text):
        begin = start
        if _is_list(flat[start:end]):
            found.append((start, end))
            continue
        for cut in _CUT.finditer(flat, start, end):
            before = bisect_left(heavy, cut.start()) - bisect_left(heavy, begin)
            after = bisect_left(heavy, end) - bisect_left(heavy, cut.end())
            colon = flat[cut.start()] == ":" and before >= 1 and after >= 1
            if colon or (before >= _LEAST and after >= _LEAST):
                found.append((begin, cut.start()))
                begin = cut.end()
        found.append((begin, end))
    return found


# A text, and what was lost of it ------------------------------------------------------------------

Kind = Literal[
    "number", "quantity", "name", "quotation", "code", "option", "negation", "constraint",
    "sub-question", "topic",
]  # fmt: skip


class LostSpan(msgspec.Struct, frozen=True):
    """What was lost: ``original[start:end] == text``; ``became`` is what stands for it now."""

    text: str
    start: int
    end: int
    kind: Kind
    became: str | None = None


class InformationLoss(msgspec.Struct, frozen=True, omit_defaults=True):
    """``score`` in [0, 1], 0 for nothing lost; ``lost`` in order of place.

    ``note`` says what could not be looked for, such as in a language other than English.
    """

    score: float
    flagged: bool
    lost: tuple[LostSpan, ...] = ()
    note: str | None = None


class Loss(NamedTuple):
    """A span and what it says by itself: from 0 for nothing to 1 for a sure loss."""

    span: LostSpan
    weight: float


class Reading:
    """A text and what is found in it.

    ``plain`` is the text with straight quotes, plain hyphens and spaces, where places stay;
    ``tokens`` are its words, ``numbers`` and bounds.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = plain(text)
        self.numbers = numbers(text)
        self.tokens = tokens(text, self.numbers)

    @cached_property
    def segments(self) -> list[tuple[int, int]]:
        """The pieces that can be lost by themselves."""
        return segments(self.text, self.tokens)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its words and their beginnings: see `occurs`."""
        return stems_of(self.text)

    @cached_property
    def flat(self) -> str:
        """One line, lower case."""
        return " ".join(self.plain.split()).casefold()

    @cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self.tokens]

    @cached_property
    def single(self) -> frozenset[str]:
        """The keys of the tokens with an article, "one" or "each" in the two places before."""
        told = [token.text.casefold() in ARTICLES for token in self.tokens]
        return frozenset(t.key for j, t in enumerate(self.tokens) if any(told[max(0, j - 2) : j]))

    def inside(self, start: int, end: int) -> list[int]:
        """The tokens of a piece."""
        first, last = (bisect_left(self._starts, place) for place in (start, end))
        return list(range(first, last))

    def between(self, first: int, last: int) -> str:
        """What stands between two tokens."""
        return self.plain[self.tokens[first].end : self.tokens[last].start]

    def apart(self, first: int, last: int, marks: str = ".;:!?\n") -> bool:
        """Whether a sentence or list item ends between two tokens."""
        return not set(marks).isdisjoint(self.between(first, last))

    def near(self, i: int, reach: int) -> Iterator[int]:
        """The tokens around one in its sentence, without itself: first those before it, then those
        behind it, the nearest first."""
        for step in (-1, 1):
            k = i + step
            while 0 <= k < len(self.tokens) and abs(k - i) <= reach:
                if self.apart(min(k, k - step), max(k, k - step), ".;!?\n"):
                    break
                yield k
                k += step

    def stretch(self, tokens: Sequence[Token]) -> str | None:
        """The text from the first of some tokens to the last; None for no tokens."""
        return self.text[tokens[0].start : tokens[-1].end] if tokens else None

    def lose(
        self, start: int, end: int, kind: Kind, weight: float, became: str | None = None
    ) -> Loss:
        """A loss of a piece of this text. What it became is cut where it is much longer."""
        if became is not None:
            became = _no_longer(became, int(1.5 * (end - start)) + _LONGER)
        return Loss(LostSpan(self.text[start:end], start, end, kind, became), weight)


#: Characters by which what something became may be longer than it, beside half of its own length.
_LONGER = 20


def _no_longer(text: str, most: int) -> str:
    """The beginning of a text, up to a mark or, if there is none, a space."""
    if len(text) <= most:
        return text
    cut = next((m.start() for m in re.finditer(r"[,;:.!?\n(]\s", text[: most + 1])), 0)
    cut = cut or text.rfind(" ", 0, most + 1)
    return text[: cut if cut > 0 else most].rstrip()
