"""Demands on lists: how many points, how marked, how deep.

What passes here passes independent verifiers, too: `bullets_exactly` IFEval's
detectable_format:number_bullet_lists, which takes any line that begins with "-" or a single "*" for
a point, `bullet_mark` IFBench's format:list, `nested_bullets` its format:sub-bullets, and
`sentences_then_bullets` its format:no_bullets_bullets.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, Drawn, points_wanted
from evolsynth.evaluation.demands.points import (
    as_points,
    marked,
    mended,
    numbered,
    split_list,
)
from evolsynth.evaluation.demands.shape import (
    Item,
    in_prose,
    items,
    lines,
    paragraphs,
    sentence_count,
)
from evolsynth.options import Count

__all__ = ["bullet_mark", "bullets_between", "bullets_exactly", "checklist", "comma_list"]
__all__ += ["nested_bullets", "no_list", "numbered_exactly", "sentences_then_bullets"]

#: What a bare line of things cannot have.
_ALONE = (
    *("list_order", "item_beginning", "item_length", "title", "headings", "labels"),
    "opening",
    *(
        "summary",
        "postscript",
        "parts",
        "thesis",
        "beginning",
        "ending",
        "quotes",
        "versions",
        "words",
    ),
    *("questions", "request", "commas", "emphasis"),
)
_NO_LIST = ("paragraphs", "sentences", "lines", "table", "data")


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


def _looks_bulleted(line: str) -> bool:
    """Whether a line is a point to those who look at its first character alone."""
    return line.startswith("-") or (line.startswith("*") and line[1:2] not in ("*", ""))


def _bullets(response: str) -> list[Item] | Miss:
    """The points of a text, marked with "*" or "-", or what is wrong with one."""
    found = {item.start: item for item in items(response) if not item.mark[0].isdigit()}
    for line in lines(response):
        start = response.rfind("\n", 0, line.start) + 1
        item = found.get(start)
        if item is None and _looks_bulleted(line.text):
            return Miss("A line looks like a point and is none.", (line.start, line.end))
        if item is not None and item.mark not in "*-":
            return Miss(f'A point is marked with "{item.mark}".', (item.start, item.end))
        if item is not None and not any(map(str.isalnum, item.text)):
            return Miss("A point is empty.", (item.start, item.end))
    return list(found.values())


def _told(found: Sequence[Item], least: int, most: int) -> Miss | None:
    if least <= len(found) <= most:
        return None
    place = (found[most].start, found[-1].end) if len(found) > most else None
    asked = str(least) if least == most else f"{least} to {most}"
    return Miss(f"It has {_points(len(found))}; {asked} were asked for.", place)


# How many, and how marked -------------------------------------------------------------------------


@kind("bullets_exactly", about="list", tasks=LONG, clashes=_NO_LIST)
def bullets_exactly(response: str, *, n: Count) -> Miss | None:
    """So many points marked with "*" or "-", those below others among them.

    Args:
        n: The points.
    """
    found = _bullets(response)
    return found if isinstance(found, Miss) else _told(found, n, n)


@bullets_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=22, least=3, most=9)
    return {"n": n} if n else None


@bullets_exactly.applies
def _(response: str, *, n: int) -> str:
    return mended(response, n, lambda points: marked(points, "*"))


@kind("bullets_between", about="list", tasks=LONG, clashes=_NO_LIST)
def bullets_between(response: str, *, least: Count, most: Count) -> Miss | None:
    """From so many points to so many, marked with "*" or "-".

    Args:
        least: The fewest points.
        most: The most points.
    """
    found = _bullets(response)
    return found if isinstance(found, Miss) else _told(found, least, most)


@bullets_between.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=22, least=3, most=8)
    return {"least": n, "most": n + chance.randint(1, 2)} if n else None


@bullets_between.applies
def _(response: str, *, least: int, most: int) -> str:
    for n in range(most, least - 1, -1):
        made = mended(response, n, lambda points: marked(points, "*"))
        if made and isinstance(found := _bullets(made), list) and not _told(found, least, most):
            return made
    return ""


@kind("numbered_exactly", about="list", tasks=LONG, clashes=_NO_LIST)
def numbered_exactly(response: str, *, n: Count) -> Miss | None:
    """So many points, numbered from 1 with a full stop or bracket behind.

    Args:
        n: The points.
    """
    found = [item for item in items(response) if item.mark[0].isdigit()]
    for place, item in enumerate(found, 1):
        if int(item.mark[:-1]) != place:
            return Miss(f"Point {place} has the number {item.mark[:-1]}.", (item.start, item.end))
        if not any(map(str.isalnum, item.text)):
            return Miss("A point is empty.", (item.start, item.end))
    return _told(found, n, n)


@numbered_exactly.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=22, least=3, most=9)
    return {"n": n} if n else None


@numbered_exactly.applies
def _(response: str, *, n: int) -> str:
    return mended(response, n, numbered)


@kind("bullet_mark", about="list", tasks=LONG, clashes=_NO_LIST)
def bullet_mark(response: str, *, mark: str, least: Count = 2) -> Miss | None:
    """A list whose points all begin with a given mark and a space.

    Args:
        mark: The mark.
        least: The fewest points.
    """
    found = 0
    for line in lines(response):
        mine = line.text.startswith(f"{mark} ")
        found += mine
        if not mine and items(line.text):
            return Miss("A point has another mark.", (line.start, line.end))
    if found >= least:
        return None
    return Miss(f'{_points(found)} of at least {least} begin with "{mark}".')


@bullet_mark.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=30, least=2, most=6)
    return {"mark": chance.choice(["-", "+", "•", "→", "=>", ">>", "~"]), "least": n} if n else None


@bullet_mark.applies
def _(response: str, *, mark: str, least: int) -> str:
    before, points, after = split_list(response)
    points = points or as_points(response, least)
    return "\n".join([*before, *marked(points, mark), *after]) if points else ""


@kind("checklist", about="list", tasks=("howto", "advice", "other"), clashes=_NO_LIST)
def checklist(response: str, *, n: Count) -> Miss | None:
    """So many points, each with an empty box before it: "- [ ] ".

    Args:
        n: The points.
    """
    found = _bullets(response)
    if isinstance(found, Miss):
        return found
    for item in found:
        if not item.text.startswith("[ ] "):
            return Miss("A point has no box.", (item.start, item.end))
    return _told(found, n, n)


@checklist.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=22, least=3, most=9)
    return {"n": n} if n else None


@checklist.applies
def _(response: str, *, n: int) -> str:
    return mended(response, n, lambda points: marked(points, "- [ ]"))


@kind("nested_bullets", about="list", tasks=LONG, clashes=(*_NO_LIST, "emphasis"))
def nested_bullets(response: str, *, n: Count, sub: Count) -> Miss | None:
    """So many points marked with "*", each with so many below it marked with "-".

    Args:
        n: The points.
        sub: The points below each.
    """
    found = _bullets(response)
    if isinstance(found, Miss):
        return found
    tops = [item for item in found if item.mark == "*"]
    if len(tops) != n:
        return _told(tops, n, n)
    below = [sum(t.start < item.start for t in tops) for item in found if item.mark == "-"]
    for place, top in enumerate(tops, 1):
        if below.count(place) != sub:
            why = f"Point {place} has {_points(below.count(place))} below it, not {sub}."
            return Miss(why, (top.start, top.end))
    if "*" in re.sub(r"^[ \t]*\*", "", response, flags=re.M):
        return Miss('"*" stands elsewhere than before a point.')
    return Miss("Some stand before the first point.") if below.count(0) else None


@nested_bullets.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    sub = 2 if case.round < 3 else chance.choice([2, 3])
    n = points_wanted(chance, case, size=15 + 12 * sub, least=2, most=5)
    return {"n": n, "sub": sub} if n else None


@nested_bullets.applies
def _(response: str, *, n: int, sub: int) -> str:
    before, points, after = split_list(response)
    made = list(before)
    for point in points:
        top, *under = point.split("\n")
        found = [items(line) for line in under if line.strip()]
        made.append(f"* {top.replace('*', '')}")
        made += [f"  - {one[0].text.replace('*', '')}" for one in found if one]
    return "\n".join([*made, *after])


# Others -------------------------------------------------------------------------------------------


@kind("comma_list", about="list", tasks=("ideas",), clashes=(*_NO_LIST, *_ALONE))
def comma_list(response: str, *, n: Count) -> Miss | None:
    """So many things on one line, with commas between them and nothing else.

    Args:
        n: The things.
    """
    some = response.strip().removesuffix(".").split(",")
    if "\n" in response.strip() or items(response.strip()):
        return Miss("It is more than one line.")
    for one in some:
        if not any(map(str.isalnum, one)):
            return Miss("There is nothing between two commas.")
        if len(one.split()) > 8 or re.search(r"[.!?:;]\s", one):
            return Miss(f'"{one.strip()[:40]}" is more than a thing of a list.')
    return None if len(some) == n else Miss(f"It has {len(some)} things; {n} were asked for.")


@comma_list.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=10, least=3, most=8)
    return {"n": n} if n else None


@comma_list.applies
def _(response: str, *, n: int) -> str:
    _, points, _ = split_list(response)
    bare = [point.strip().removesuffix(".").replace("**", "") for point in points]
    return ", ".join(bare) if len(bare) == n and not any("," in one for one in bare) else ""


@kind(
    "no_list",
    about="list",
    tasks=("explanation", "advice", "howto", "opinion", "other"),
    clashes=("table", "data", "list_order"),
)
def no_list(response: str) -> Miss | None:
    """No points, bulleted or numbered: running text."""
    found = items(response)
    return Miss("It holds a list.", (found[0].start, found[-1].end)) if found else None


@no_list.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {} if case.words >= 40 else None


@no_list.applies
def _(response: str) -> str:
    before, points, after = split_list(response)
    whole = [" ".join(point.split()) for point in points]
    if not all(point.endswith((".", "!", "?")) for point in whole):
        return ""
    parts = ("\n".join(before).strip(), " ".join(whole), "\n".join(after).strip())
    return "\n\n".join(part for part in parts if part)


@kind(
    "sentences_then_bullets",
    about="list",
    tasks=LONG,
    clashes=(*_NO_LIST, "ending", "postscript", "request"),
)
def sentences_then_bullets(response: str, *, sentences: Count = 2, least: Count = 2) -> Miss | None:
    """A paragraph of at least so many sentences, then points marked with "*", and nothing else.

    Args:
        sentences: The fewest sentences before the points.
        least: The fewest points.
    """
    some = lines(response)
    first = next((k for k, line in enumerate(some) if line.text.startswith("*")), len(some))
    for line in some[first:]:
        if not line.text.startswith("* "):
            return Miss("Among or behind the points stands something else.", (line.start, line.end))
    if len(some) - first < least:
        return Miss(f"It ends with {_points(len(some) - first)}; at least {least} were asked for.")
    before = response[: some[first].start].strip()
    if len(paragraphs(before)) != 1 or not in_prose(before):
        return Miss("Before the points stands more, or less, than a paragraph.")
    if "\n\n" in response[some[first].start :].strip():
        return Miss("Blank lines stand between the points.")
    count = sentence_count(before)
    if count[0] >= sentences:
        return None
    return Miss(f"{count[0]} sentences of at least {sentences} come before the points.")


@sentences_then_bullets.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=40, least=2, most=5)
    return {"sentences": 2, "least": n} if n else None


@sentences_then_bullets.applies
def _(response: str, *, sentences: int, least: int) -> str:
    before, points, after = split_list(response)
    body = " ".join(line.strip() for line in before if line.strip())
    return "" if any(map(str.strip, after)) else "\n".join([body, "", *marked(points, "*")])
