"""What a text is compared by: its words, numbers and bounds, each with its place and weight."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.information_loss.bounds import bounds
from evolsynth.evaluation.text.numbers import UNITS, Number, numbers
from evolsynth.evaluation.text.words import (
    COMMON,
    NEGATORS,
    is_function_word,
    plain,
    stem,
    vocabulary,
    words,
)

__all__ = ["Token", "tokens"]


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
#: Words that join or soften, and ask for nothing.
_FILLERS = vocabulary(
    """additionally furthermore moreover however therefore hence finally likewise currently
    presently basically actually simply kindly overall originally initially lastly ultimately
    meanwhile afterwards subsequently consequently carefully certainly definitely truly indeed
    perhaps maybe somewhat fairly particular specific respective given following below above
    utilizing utilising employing"""
)
#: Words that say little by themselves: such verbs, and nouns for whatever follows.
_LIGHT = frozenset(
    stem(w)
    for w in vocabulary(
        """want like love enjoy decide try begin start plan go went come came take took see saw seem
        become became hope manage happen realize realise use tend choose prefer say said tell told
        put set show contain containing involve ensure ensuring appreciate person thing item
        statement phrase passage paragraph input"""
    )
)
_MONEY = frozenset(stem(w) for w in ("dollars", "cents", "euros", "pounds"))


def tokens(text: str, found: Sequence[Number] | None = None) -> list[Token]:
    """The tokens of a text in order; numbers and bounds are one token each."""
    flat = plain(text)
    found = numbers(text) if found is None else found
    spans: list[tuple[int, int, str, int]] = [
        (n.start, n.end, f"#{n.values[0]}", i) for i, n in enumerate(found)
    ]
    said = words(text)
    spans += [(start, end, key, -1) for start, end, key in bounds(flat, said)]
    special = iter(sorted(spans))
    current = next(special, None)
    never = len(flat) + 1
    begin = never if current is None else current[0]
    made: list[Token] = []
    spaced = flat.isascii()
    last, counted = 0, False  # where the last token ends, and whether it is a number
    for text_, start, end, root, lower in said:
        while current is not None and begin <= start:
            if last <= begin:
                made.append(_special(flat, current))
                last, counted = current[1], current[3] >= 0
            current = next(special, None)
            begin = never if current is None else current[0]
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
    while current is not None:
        if last <= current[0]:
            made.append(_special(flat, current))
            last = current[1]
        current = next(special, None)
    return made


def _special(flat: str, found: tuple[int, int, str, int]) -> Token:
    """The token of a number or a bound."""
    start, end, key, number = found
    return Token(flat[start:end], start, end, key, 0.0, number)


@lru_cache(maxsize=65536)
def _weight(text: str, root: str) -> float:
    if is_function_word(text):
        return 0.0
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
