"""Phrases that set a bound, in whatever words: "not exceeding", "at most", "limited to 20"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import Word, vocabulary

__all__ = ["bounds", "is_bound"]

_FEW = "|".join(COUNTS)
_MANY = f"{_FEW}|hundred|half|a single"
_LARGER = "more|longer|greater|larger|higher|bigger"
_SMALLER = "less|fewer|shorter|smaller"
_UPPER = re.compile(
    rf"""(?:not|no|\w+n't|cannot)\ (?:\w+\ ){{0,4}}?
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
    f"""not no cannot without at maximum max upper ceiling up limit limited limiting restrict
    restricted restricting confine confined confining cap capped capping constrain constrained keep
    kept within under below or minimum over above upwards exactly precisely just
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
        if word.start < end:
            continue
        if word.lower not in _FIRST and not word.text.endswith("n't"):
            continue
        for key, pattern in _PATTERNS:
            match = pattern.match(flat, word.start)
            if match is not None:
                yield word.start, match.end(), key
                end = match.end()
                break


def is_bound(flat: str, words: Iterable[Word], start: int, end: int) -> bool:
    """Whether a bound begins in ``flat[start:end]``."""
    return any(True for _ in bounds(flat, (w for w in words if start <= w.start < end)))
