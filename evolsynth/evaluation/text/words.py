"""Words, their stems, sentences and clauses of a text: what every check counts in.

The words that rules know are lists in ``words.txt``, and so beside the modules that read others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from evolsynth.evaluation.text import MOST

__all__ = [
    "COMMON",
    "FORM_WORDS",
    "FUNCTION_WORDS",
    "MARKS",
    "NEGATORS",
    "Word",
    "clauses",
    "content",
]
__all__ += ["UNSPACED", "occurs", "plain", "sentences", "stem", "stems", "stems_of", "units"]
__all__ += ["vocabularies", "vocabulary", "word_lists", "words"]

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


def word_lists(beside: str, name: str) -> dict[str, list[str]]:
    """The lists of a data file, by section: the lines under each ``[section]``.

    Args:
        beside: the ``__file__`` of the module that the file belongs to.
        name: the file's name. Lines that begin with "#" are comments.
    """
    found: dict[str, list[str]] = {}
    section: list[str] = []
    for line in Path(beside).with_name(name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(line)
    return found


def vocabularies(beside: str, name: str) -> dict[str, frozenset[str]]:
    """The words of each of `word_lists`."""
    lists = word_lists(beside, name)
    return {section: vocabulary(" ".join(lines)) for section, lines in lists.items()}


_LISTS = vocabularies(__file__, "words.txt")
#: Articles, pronouns, auxiliaries, prepositions and the like, in lower case.
FUNCTION_WORDS = _LISTS["function"]
NEGATORS = _LISTS["negators"]
#: Words of content that nearly every request may hold; weak evidence of a shared topic.
COMMON = _LISTS["common"]

#: Signs that belong to the letter before them and that ``\w`` leaves out: accents by themselves,
#: the vowels and marks of Hebrew, Arabic, Indic scripts, Thai and their neighbours, joiners.
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0903\u093a-\u094f"
    "\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u09d7\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71"
    "\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd\u0bd7\u0c00-\u0c04"
    "\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d81-\u0d83\u0dca-\u0ddf"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u102b-\u103e"
    "\u1056-\u1059\u105e-\u1060\u17b4-\u17d3\u200c\u200d\u3099\u309a"
)
#: Letters of scripts that put no space between words.
UNSPACED = (
    "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u109f\u1780-\u17d3\u3005\u3007\u3040-\u309a\u309d-\u30fa"
    "\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W_]+(?:[{MARKS}]+[^\W_]*)*(?:'[^\W\d_]+)?|<[a-z]+>")
#: A letter of those scripts with its marks, or what stands between them.
_UNIT = re.compile(rf"[{UNSPACED}][{MARKS}]*|[^{UNSPACED}]+")
#: What `_WORD` finds in a text of ASCII, which has none of the marks.
_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+(?:'[a-zA-Z]+)?|<[a-z]+>")
_IN_UNSPACED = re.compile(rf"[{UNSPACED}]")
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


def words(text: str) -> tuple[Word, ...]:
    """All words, contractions undone: "don't" gives "not", "it's" gives "it"."""
    return _words(text) if len(text) <= MOST else _words.__wrapped__(text)


@lru_cache(maxsize=512)
def _words(text: str) -> tuple[Word, ...]:
    # by tuple's own constructor, which is twice as fast: there are 60 words in a text
    make, found = tuple.__new__, []
    for match in (_ASCII_WORD if text.isascii() else _WORD).finditer(plain(text)):
        base, root, lower = _read(match.group())
        start = match.start()
        found.append(make(Word, (base, start, start + len(base), root, lower)))
    return tuple(found)


def units(text: str) -> list[str]:
    """What the order and number of words are looked at by, in lower case: the words, and in scripts
    that put no space between them (Chinese, Japanese, Thai) each letter with its marks."""
    said = [word.lower for word in words(text)]
    if text.isascii() or _IN_UNSPACED.search(text) is None:
        return said
    return [unit for word in said for unit in _UNIT.findall(word)]


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
    return word.casefold() if found in NEGATORS or found == "on" else found


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


def stems(some: Iterable[str]) -> frozenset[str]:
    """The stems of single words."""
    return frozenset(map(stem, some))


#: Stems of words for the form of a text ("list", "paragraph", "story") and of an answer, which fit
#: any request: that they are new, or said again, says nothing about the subject.
FORM_WORDS = stems(_LISTS["form"])


#: Letters that the beginning of a word has at most: who types on a million has no word in mind.
_LONG = 60


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """The stems of a text's words, and, marked by a hyphen, their beginnings: for `occurs`."""
    found = {w.stem for w in words(text)}
    heads = {f"{s[:k]}-" for s in found for k in range(4, min(len(s), _LONG) + 1)}
    return frozenset(found | heads)


def occurs(key: str, found: frozenset[str]) -> bool:
    """Whether a stem is among those of a text (`stems_of`), or one that shares its first letters
    (Japan, Japanese)."""
    head = key[: min(max(4, len(key) - 3), _LONG)]
    return key in found or (len(key) >= 5 and f"{head}-" in found)


def content(text: str) -> list[Word]:
    """The words that carry content: no articles, pronouns, auxiliaries, prepositions."""
    said = words(text)
    return [w for w in said if w.lower not in FUNCTION_WORDS and w.stem not in NEGATORS]


_SENTENCE = re.compile(r"[^.!?\n。！？।؟]+[.!?。！？।؟]*")


def sentences(text: str) -> list[str]:
    """A text cut behind each full stop, question mark, exclamation mark and at the end of a line.

    Cheap, and blind to abbreviations: `clauses` is not. White space stays.
    """
    return _SENTENCE.findall(text)


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
        if "\n" in border.group() or not _ABBREVIATION.search(before):
            spans.append((start, border.end()))
            start = border.end()
    spans.append((start, len(flat)))
    trimmed = []
    for first, end in spans:
        piece = flat[first:end].strip()
        if any(map(str.isalnum, piece)):
            begin = flat.index(piece, first)
            trimmed.append((begin, begin + len(piece)))
    return tuple(trimmed)
