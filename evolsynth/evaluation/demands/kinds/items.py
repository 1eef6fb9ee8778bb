"""Demands on the points of a list, however many: their order, length, and how they begin."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from typing import Literal, get_args

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, Drawn, points_wanted
from evolsynth.evaluation.demands.points import blocks, split_list
from evolsynth.evaluation.demands.shape import items, word_count
from evolsynth.options import Count

__all__ = ["bold_beginnings", "item_length", "list_order"]

_NO_LIST = (
    "paragraphs",
    "sentences",
    "lines",
    "table",
    "data",
    "no_list",
    "comma_list",
    "formatting",
)


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


_Order = Literal["alphabetically", "from shortest to longest", "from longest to shortest"]


def _rank(order: _Order, text: str) -> tuple[int, str]:
    said = " ".join(re.findall(r"\w+", text.casefold()))
    if order == "alphabetically":
        return 0, said
    return (len(text) if order == "from shortest to longest" else -len(text)), ""


@kind("list_order", about="list_order", tasks=("ideas", "advice"), clashes=(*_NO_LIST, "labels"))
def list_order(response: str, *, order: _Order, least: Count = 3) -> Miss | None:
    """A list whose points stand in an order: by their words, or by their characters' number.

    Args:
        order: The order.
        least: The fewest points.
    """
    found = blocks(response)
    if len(found) < least:
        return Miss(f"It lists {_points(len(found))}; at least {least} were asked for.")
    for one, two in pairwise(found):
        if _rank(order, one.text) > _rank(order, two.text):
            return Miss(f"The points are not sorted {order}.", (two.start, two.end))
    return None


@list_order.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=20, least=3, most=6)
    order = chance.choice(["alphabetically", *get_args(_Order)])
    return {"order": order, "least": n} if n else None


@list_order.applies
def _(response: str, *, order: _Order, least: int) -> str:
    found = blocks(response)
    before, points, after = split_list(response)
    if len(found) != len(points):
        return ""
    points = sorted(points, key=lambda point: _rank(order, point))
    marks = [item.mark for item in found]
    ordered = [f"{mark} {point}" for mark, point in zip(marks, points, strict=True)]
    return "\n".join([*before, *ordered, *after])


_BOLD = re.compile(r"\*\*[^\s*](?:[^*\n]{0,60}[^\s*])?\*\*")
_NAMED = re.compile(r"([^\W_][^\n:*–—]{0,50}?)(?:\s?[:–—]|\s-)(?=\s)")


@kind(
    "bold_beginnings",
    about="item_beginning",
    tasks=LONG,
    clashes=("labels", *_NO_LIST, "nested_bullets", "checklist"),
)
def bold_beginnings(response: str, *, least: Count = 2) -> Miss | None:
    """A list each of whose points begins with words in bold ("**...**").

    Args:
        least: The fewest points.
    """
    found = blocks(response)
    for item in found:
        if not _BOLD.match(item.text):
            return Miss("A point does not begin in bold.", (item.start, item.end))
    if len(found) >= least:
        return None
    return Miss(f"It lists {_points(len(found))}; at least {least} were asked for.")


@bold_beginnings.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=25, least=2, most=6)
    return {"least": n} if n else None


@bold_beginnings.applies
def _(response: str, *, least: int) -> str:
    made = response
    for item in reversed(blocks(response)):
        named = _NAMED.match(item.text)
        if named and not _BOLD.match(item.text):
            end = item.start + len(response[item.start : item.end].rstrip())
            start = end - len(item.text)
            bold = f"**{named[1]}**{item.text[named.end(1) :]}"
            made = made[:start] + bold + made[end:]
    return made


@kind("item_length", about="item_length", tasks=LONG, clashes=(*_NO_LIST, "words", "labels"))
def item_length(response: str, *, n: Count, least: Count = 3) -> Miss | None:
    """A list none of whose points has more than so many words.

    Args:
        n: The most words of a point.
        least: The fewest points.
    """
    found = items(response)
    for item in found:
        count = word_count(item.text)[1]
        if count > n:
            return Miss(f"A point has {count} words, over {n}.", (item.start, item.end))
    if len(found) >= least:
        return None
    return Miss(f"It lists {_points(len(found))}; at least {least} were asked for.")


@item_length.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    most = {1: 15, 2: 12}.get(case.round, 10)
    return {"n": most - chance.randint(0, 4), "least": 3} if case.words >= 30 else None
