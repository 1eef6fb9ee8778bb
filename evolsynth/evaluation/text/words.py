"""Words, their stems, and clauses of a text, each with its place: what every check counts in."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "COMMON",
    "NEGATORS",
    "Word",
    "clauses",
    "content",
    "first_content",
    "functional",
    "is_function_word",
    "plain",
    "stem",
    "vocabulary",
    "words",
]

_TYPOGRAPHY = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "′": "'", "`": "`", "´": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "″": '"',
        "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ", "\u0131": "i", "\u0130": "I",
    }
)  # fmt: skip


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text that is written as a plain list of them."""
    return frozenset(text.split())


_FUNCTION_WORDS = vocabulary(
    """a about above across after again against all along already also although always am among an
    and any anyone anything are around as at away back be because become been before being below
    between both but by can could did do does doing done down during each either else enough etc
    even ever every everyone everything few for from further get give given go had has have having
    he her here hers herself him himself his how however i if in into is it its itself just know
    let like lot made make many may me might mine more most much must my myself need now of off on
    once one only onto or other others otherwise our ours out over own per perhaps please provide
    quite rather really same several shall she should since so some someone something still such
    take than that the their theirs them themselves then there these they thing this those through
    thus till to together too toward towards under until up upon us use used using very via want
    was we well were what whatever when where whether which while who whom whose why will wish with
    within would yes yet you your yours yourself d ll m re s t ve"""
)
NEGATORS = vocabulary(
    """not no never without avoid avoiding except excluding exclude excludes neither nor none
    nothing cannot nobody refrain omit omitting lack lacks lacking free instead"""
)
#: Words of content that nearly every request may hold; weak evidence of a shared topic.
COMMON = vocabulary(
    """answer ask brief briefly compare create describe detail detailed discuss example explain
    explanation find follow following generate help identify include including limit list mention
    name output paragraph question response sentence short show step suggest summary talk task tell
    text topic try word write"""
)

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?|<[a-z]+>")
_NOT = re.compile(r"^(?:(ca|wo|sha)|([a-z]+))n't$")


class Word(NamedTuple):
    """A word: as it stands in the (plain) text, where, its stem, and the word in lower case."""

    text: str
    start: int
    end: int
    stem: str
    lower: str


def plain(text: str) -> str:
    """Straight quotes, plain hyphens and spaces, i with a dot. The length stays, so places do."""
    if text.isascii():  # most are, and this is what the table has for them
        return text.replace("\t", " ")
    return text.translate(_TYPOGRAPHY)


@lru_cache(maxsize=512)
def words(text: str) -> tuple[Word, ...]:
    """All words, contractions undone: "don't" gives "not", "it's" gives "it"."""
    found: list[Word] = []
    for match in _WORD.finditer(plain(text)):
        base, root, lower = _read(match.group())
        start = match.start()
        # by tuple's own constructor, which is twice as fast: there are 60 words in a text
        found.append(tuple.__new__(Word, (base, start, start + len(base), root, lower)))
    return tuple(found)


@lru_cache(maxsize=65536)
def _read(whole: str) -> tuple[str, str, str]:
    """A word without its contraction, its stem, and the word in lower case."""
    lower = whole.casefold()
    if ("'" in whole and _NOT.match(lower)) or lower == "cannot":
        return whole, "not", lower
    base = whole.partition("'")[0] if "'" in whole else whole
    return base, stem(base), base.casefold()


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """A light stem: case, accents, plural, -ing, -ed and -ly are dropped; "studies" is "study".

    A word never becomes a negator that it is not ("noting" is not "not").
    """
    found = _stem(word)
    if found in NEGATORS or found == "on":
        return word.casefold()
    return found


def _stem(word: str) -> str:
    base = unicodedata.normalize("NFKD", word.casefold())
    base = "".join(c for c in base if not unicodedata.combining(c))
    if len(base) == 3 and word[:2].isupper() and word[2:3] == "s":
        return base[:2]
    if len(base) <= 3 or not base.isascii() or not base.isalpha():
        return base
    if base.endswith(("ies", "ied")) and len(base) > 4:
        return base[:-3] + "y"
    if base.endswith("s") and not base.endswith(("ss", "us", "is")):
        base = base[:-1]
    for ending in ("ing", "ed", "ly"):
        root = base[: -len(ending)]
        if base.endswith(ending) and len(root) >= 3 and re.search(r"[aeiouy]", root):
            base = root[:-1] if ending != "ly" and _doubled(root) else root
            break
    return base[:-1] if base.endswith("e") and len(base) > 3 else base


def _doubled(root: str) -> bool:
    return root[-1] == root[-2] and root[-1] not in "lsz"


def functional(word: Word) -> bool:
    """Whether a word is an article, pronoun, auxiliary, preposition or the like."""
    return word.lower in _FUNCTION_WORDS


def is_function_word(lower: str) -> bool:
    """The same of a word in lower case."""
    return lower in _FUNCTION_WORDS


def content(text: str) -> list[Word]:
    """The words that carry content: no articles, pronouns, auxiliaries, prepositions."""
    return [word for word in words(text) if not functional(word) and word.stem not in NEGATORS]


def first_content(text: str) -> str:
    """The stem of the first word that carries content; empty where there is none."""
    for match in _WORD.finditer(plain(text)):
        whole = match.group().casefold()
        base = whole.partition("'")[0]
        if base not in _FUNCTION_WORDS and not _NOT.match(whole):
            root = stem(base)
            if root not in NEGATORS:
                return root
    return ""


_BORDER = re.compile(r"(?<=[.!?])[\"')\]]*\s+|;\s+|\n\s*")
_ABBREVIATION = re.compile(
    r"(?:\b[A-Za-z]|\b(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|no|fig))\.$", re.I
)


@lru_cache(maxsize=1024)
def clauses(text: str) -> tuple[tuple[int, int], ...]:
    """The places (start, end) of sentences, lines and parts between semicolons, in order."""
    flat = plain(text)
    spans: list[tuple[int, int]] = []
    start = 0
    for border in _BORDER.finditer(flat):
        before = flat[start : border.start()]
        if "\n" not in border.group() and _ABBREVIATION.search(before):
            continue
        spans.append((start, border.end()))
        start = border.end()
    spans.append((start, len(flat)))
    return tuple(t for s, e in spans if (t := _trim(flat, s, e)) is not None)


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if any(c.isalnum() for c in text[start:end]) else None
