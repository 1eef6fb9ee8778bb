"""Repetition: a text that loops, as a small model's does when it has lost the thread.

What people repeat is left alone: a refrain, "ha ha ha", a row of dashes, a list whose lines begin
alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from evolsynth.evaluation.text.words import vocabulary, words
from evolsynth.findings import Finding

__all__ = ["Kind", "repetition"]

Kind = Literal["instruction", "response"]

_RUN = re.compile(r"([^\W\d_])\1{7,}|([^\s\-_=.*#~])\2{23,}|(\S)\3{119,}")
#: A phrase of up to this many words that comes four times in a row is a loop; a single word may
#: be said five times ("ha ha ha").
_PHRASE, _TIMES, _TIMES_ALONE = 16, 4, 6


def repetition(text: str, kind: Kind) -> Finding | None:
    """Found where the text loops: a run of one character, a phrase, a passage, a line."""
    prose = re.sub(r"```.*?(?:```|$)", " ", text, flags=re.S)
    run = _RUN.search(text)
    if run:
        return Finding("repetition", {"what": "characters", "repeated": run.group()[:20]})
    tokens = [w.text.casefold() for w in words(prose)]
    if stutter := _stutter(prose, kind):
        return Finding("repetition", {"what": "word", "repeated": stutter})
    loop = _loop(tokens)
    if loop is not None:
        return Finding("repetition", {"what": "phrase", "repeated": loop})
    if kind == "response" and (twice := _said_again(tokens) or _sentence_again(prose)):
        return Finding("repetition", {"what": "passage", "repeated": twice})
    lines = [" ".join(s.split()).casefold() for s in prose.splitlines() if len(s.split()) > 1]
    if lines and 1 - len(set(lines)) / len(lines) > 0.5 and len(lines) >= 5:
        return Finding("repetition", {"what": "lines", "repeated": _commonest(lines)})
    grams = [" ".join(tokens[i : i + 4]) for i in range(len(tokens) - 3)]
    if len(grams) >= 24 and 1 - len(set(grams)) / len(grams) > 0.4:
        return Finding("repetition", {"what": "words", "repeated": _commonest(grams)})
    return None


_STUTTER = re.compile(r"\b([^\W\d_]{4,})(,? )\1\b", re.I)
_SAID_TWICE = vocabulary(
    "that very much many long never blah again over more knock really please yada chop night"
)


def _stutter(text: str, kind: Kind) -> str | None:
    """A long word said twice in a row, as nobody types it; after a comma a writer may."""
    for match in _STUTTER.finditer(text):
        listed = kind == "response" and "," in match[2]
        if match[1].islower() and match[1] not in _SAID_TWICE and not listed:
            return match.group()
    return None


_PASSAGE = 10  # words
_LEAST_SENTENCE, _LEAST_TWICE = 4, 6  # words
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")


def _said_again(tokens: Sequence[str]) -> str | None:
    """A passage that stands in the text twice, word for word."""
    seen: dict[tuple[str, ...], int] = {}
    for i in range(len(tokens) - _PASSAGE + 1):
        passage = tuple(tokens[i : i + _PASSAGE])
        if i - seen.setdefault(passage, i) >= _PASSAGE:
            return " ".join(passage)
    return None


def _sentence_again(text: str) -> str | None:
    """A sentence said twice in a row, or a text that is another one twice."""
    flat = " ".join(text.split()).casefold()
    half = len(flat) // 2
    if len(flat.split()) >= _LEAST_TWICE and flat[:half] == flat[half + 1 :]:
        return flat[:half]
    sentences = [" ".join(s.split()) for s in _SENTENCE.findall(text.casefold())]
    for one, next_one in pairwise(filter(None, sentences)):
        if one == next_one and len(one.split()) >= _LEAST_SENTENCE:
            return one
    return None


def _loop(tokens: Sequence[str]) -> str | None:
    """The first phrase said again and again without a break; numbers alone are not a phrase."""
    if len(set(zip(tokens, tokens[1:], tokens[2:], strict=False))) == len(tokens) - 2:
        return None  # in a loop three words in a row come again
    for size in range(1, _PHRASE + 1):
        wanted = size * ((_TIMES if size > 1 else _TIMES_ALONE) - 1)
        same = 0
        for i in range(size, len(tokens)):
            same = same + 1 if tokens[i] == tokens[i - size] else 0
            if same >= wanted:
                phrase = " ".join(tokens[i - size + 1 : i + 1])
                if any(c.isalpha() for c in phrase):
                    return phrase
    return None


def _commonest(items: Sequence[str]) -> str:
    return Counter(items).most_common(1)[0][0]
