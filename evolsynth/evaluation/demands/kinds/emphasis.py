"""Demands on what is highlighted or in bold.

What passes `highlighted` passes IFEval's detectable_format:number_highlighted_sections, too.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections import Counter

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, Drawn, number, topic
from evolsynth.evaluation.demands.shape import sentences
from evolsynth.evaluation.text.words import Word, content, stems
from evolsynth.options import Count

__all__ = ["bold_words", "highlighted"]

_MARKED = re.compile(r"(?<![*\w\\])(\*\*?)(?![\s*])([^*\n]+)(?<![\s*])\1(?![*\w])")
_STARS = re.compile(r"\*[^*\n]*\*")
_BOLD = re.compile(r"\*\*[^*\n]*\*\*")
_LONG = 6  # letters of a word that is worth marking for being said again
_PLAIN = re.compile(r"[*`\[<|#]")


@kind("highlighted", about="emphasis", tasks=LONG, clashes=("data", "table"))
def highlighted(response: str, *, n: Count) -> Miss | None:
    """At least so many parts highlighted in markdown: "*so*" or "**so**".

    Args:
        n: The fewest parts.
    """
    clear = sum(any(map(str.isalnum, said)) for _, said in _MARKED.findall(response))
    paired = [*_STARS.findall(response), *_BOLD.findall(response)]
    found = min(clear, sum(bool(one.strip("* \t")) for one in paired))
    if found >= n:
        return None
    return Miss(f"{found} parts are highlighted; at least {n} were asked for.")


@highlighted.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = number(chance, case, size=40, least=2, most=5)
    return {"n": n} if n else None


@highlighted.applies
def _(response: str, *, asked: str, n: int) -> str:
    return _emphasized(response, asked, n - len(_MARKED.findall(response)), "*")


def _emphasized(response: str, asked: str, more: int, mark: str) -> str:
    """So many words marked, each once and each in a sentence of its own: the instruction's own, and
    those that the response says again; "" where there are too few."""
    said = content(response)
    often = Counter(word.stem for word in said if len(word.text) >= _LONG)
    subject = stems(topic(asked)) | {root for root, count in often.items() if count > 1}
    starts = [one.start for one in sentences(response)]
    found: dict[int, Word] = {}
    for word in said:
        place = bisect_right(starts, word.start)
        new = place not in found and all(word.stem != other.stem for other in found.values())
        if word.stem in subject and new and len(found) < more and _is_plain(response, word):
            found[place] = word
    made = response
    for word in reversed(found.values()):
        made = f"{made[: word.start]}{mark}{word.text}{mark}{made[word.end :]}"
    return made if len(found) == more else ""


def _is_plain(text: str, word: Word) -> bool:
    """Whether a word stands alone, in a line without other marks."""
    start, end = text.rfind("\n", 0, word.start) + 1, text.find("\n", word.end)
    line = text[start : end if end >= 0 else len(text)].lstrip("*- \t")
    around = text[max(word.start - 1, 0) : word.start] + text[word.end : word.end + 1]
    return not _PLAIN.search(line) and not any(c.isalnum() or c in "-'’_" for c in around)


@kind("bold_words", about="emphasis", tasks=LONG, clashes=("data", "table", "item_beginning"))
def bold_words(response: str, *, n: Count) -> Miss | None:
    """At least so many words or short phrases in bold markdown: "**so**".

    Args:
        n: The fewest.
    """
    some = [said for stars, said in _MARKED.findall(response) if stars == "**"]
    found = sum(1 <= len(said.split()) <= 8 for said in some)
    if found >= n:
        return None
    return Miss(f"{found} words or phrases are in bold; at least {n} were asked for.")


@bold_words.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = number(chance, case, size=40, least=2, most=5)
    return {"n": n} if n else None


@bold_words.applies
def _(response: str, *, asked: str, n: int) -> str:
    some = [said for stars, said in _MARKED.findall(response) if stars == "**"]
    return _emphasized(response, asked, n - len(some), "**")
