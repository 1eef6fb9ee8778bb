"""Demands on what is highlighted or in bold.

What passes `highlighted` passes IFEval's detectable_format:number_highlighted_sections, too.
"""

from __future__ import annotations

import random
import re

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, Drawn, number, topic
from evolsynth.evaluation.text.words import content, stems
from evolsynth.options import Count

__all__ = ["bold_words", "highlighted"]

_MARKED = re.compile(r"(?<![*\w\\])(\*\*?)(?![\s*])([^*\n]+)(?<![\s*])\1(?![*\w])")
_STARS = re.compile(r"\*[^*\n]*\*")
_BOLD = re.compile(r"\*\*[^*\n]*\*\*")
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
    """The first so many of the instruction's own words that the response says, marked: each once,
    in lines that have no marks yet; "" where it says too few."""
    subject = stems(topic(asked))
    places: list[tuple[int, int]] = []
    seen: set[str] = set()
    for word in content(response):
        if word.stem not in subject or word.stem in seen or len(places) == more:
            continue
        line = response[response.rfind("\n", 0, word.start) + 1 :].partition("\n")[0]
        around = response[max(word.start - 1, 0) : word.start], response[word.end : word.end + 1]
        if not _PLAIN.search(line.lstrip("*- \t")) and not any(
            c.isalnum() or c in "-'’" for c in around
        ):
            seen.add(word.stem)
            places.append((word.start, word.end))
    if len(places) < more:
        return ""
    made = response
    for start, end in reversed(places):
        made = f"{made[:start]}{mark}{made[start:end]}{mark}{made[end:]}"
    return made


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
