"""Where the sentences of a text stand, for whatever is to quote one or to ask about one.

`evolsynth.evaluation.text.words.sentences` is quicker, and cuts at every full stop. Here an
abbreviation, an initial or the number of an item ends nothing, and a heading, an item of a list, a
row of a table and a piece of code are never joined to what stands beside them. The abbreviations
are English, in ``sentences.txt``; that a small letter goes on with a sentence is so in all
languages that have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.words import FUNCTION_WORDS, vocabularies

__all__ = ["sentence_places", "sentences_of"]

_LISTS = vocabularies(__file__, "sentences.txt")
_NAME, _NUMBER, _WITHIN = (_LISTS[n] for n in ("before a name", "before a number", "within"))

# what may end a sentence, and the space behind it; in Chinese and Japanese there is none
_END = re.compile(
    r"(?<![.!?…])[.!?…]+[\"'”’»)\]*_]{0,4}(\s+)(?=\S)|[。！？]+[」』”’)]{0,4}(\s*)(?=\S)"
)
_OPENING = " \t\n\"'“”‘’«([*_¿¡"
# the word before a full stop, with the stops in it
_TOKEN = re.compile(r"(?:[^\W_]|[.&'’])+$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NEXT = re.compile(r"[^\W_]+(?:[.'’][^\W_]+)*\.?")
_NUMERAL = re.compile(r"\d|[IVXLC]+\b|[A-Z]\b")
_ENUMERATED = re.compile(r"\(?(?:\d{1,4}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivx]{1,5})[.)]\s*")


def sentence_places(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a text stands: ``text[start:end]`` has no space around it.

    An item of a list has its own sentences, without the mark in front of it. A row of a table is
    one; its head, headings and code are none.
    """
    found: list[tuple[int, int]] = []
    for block in blocks(text, marks=False):
        if block.kind == "row":
            found.append((block.start, block.end))
        elif block.kind in ("text", "item"):
            piece = text[block.start : block.end]
            found += ((block.start + a, block.start + b) for a, b in sentences_of(piece))
    return found


def sentences_of(paragraph: str) -> Iterator[tuple[int, int]]:
    """The same of one paragraph or item, in which a line's end is only a space."""
    start = len(paragraph) - len(paragraph.lstrip())
    for match in _END.finditer(paragraph):
        end = match.start(1) if match[1] is not None else match.start(2)
        if end > start and _ends(paragraph, start, match.start(), match.end()):
            yield start, end
            start = match.end()
    end = len(paragraph.rstrip())
    if start < end:
        yield start, end


def _ends(text: str, start: int, stop: int, behind: int) -> bool:
    """Whether a sentence that began at ``start`` ends with the mark at ``stop``."""
    rest = text[behind : behind + 60].lstrip(_OPENING)
    if rest[:1].islower():
        return False
    if text[stop] != "." or text[stop : stop + 2] == "..":
        return True
    if _ENUMERATED.fullmatch(text, start, stop + 1):
        return False
    before = _TOKEN.search(text, max(start, stop - 30), stop)
    return before is None or _closes(before.group(), rest)


def _closes(word: str, rest: str) -> bool:
    """Whether the full stop behind a word ends its sentence, if ``rest`` comes next."""
    lower = word.lower()
    if lower in _NAME:
        return False
    if lower in _NUMBER and _NUMERAL.match(rest):
        return False
    if lower in _WITHIN or _INITIALS.fullmatch(word):
        after = _NEXT.match(rest)
        if after is None:
            return not rest[:1].isdigit()
        first = after.group()
        # "J. A. Smith": an initial is no article
        return first.lower() in FUNCTION_WORDS and not first.endswith(".") and first[0].isupper()
    return True
