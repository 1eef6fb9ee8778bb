"""The points of a list taken out of an answer, and put back with other marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from evolsynth.evaluation.demands.shape import (
    Item,
    in_prose,
    items,
    lines,
    sentence_count,
    sentences,
)

__all__ = ["as_points", "blocks", "marked", "mended", "numbered", "split_list", "terms"]


_LONGEST = 40  # words of a line that can be a point
_TERM = re.compile(r"\*{0,2}([^:*\n|]{1,60}?)\*{0,2}[ \t]?[:–—][ \t*]+(\S.*)", re.S)


def blocks(text: str) -> list[Item]:
    """The points of a list that stand under no other."""
    found = items(text)
    top = min((item.indent for item in found), default=0)
    return [item for item in found if item.indent <= top]


def split_list(text: str) -> tuple[list[str], list[str], list[str]]:
    """The lines before a list, its points without their marks (with the lines that belong to
    them), and the lines behind it. No points where there is no list, or more than one."""
    found = blocks(text)
    if not found:
        return text.split("\n"), [], []
    before = text[: found[0].start].rstrip("\n")
    points: list[str] = []
    ends = [item.start for item in found[1:]]
    for item, end in zip(found, [*ends, len(text)], strict=True):
        rest = text[item.end : end].strip("\n")
        last = end == len(text)
        under, behind = _belonging(rest, item.indent) if last else (rest, "")
        if not last and _belonging(rest, item.indent)[1]:
            return text.split("\n"), [], []
        points.append(f"{item.text}\n{under}" if under.strip() else item.text)
    after = ["", behind] if behind else []
    head = [*before.split("\n"), ""] if before.strip() else []
    return head, points, after


def _belonging(rest: str, indent: int) -> tuple[str, str]:
    """What stands below a point, cut where lines are no longer indented."""
    under: list[str] = []
    some = rest.split("\n")
    for place, line in enumerate(some):
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return "\n".join(under).rstrip(), "\n".join(some[place:]).strip("\n")
        under.append(line)
    return "\n".join(under).rstrip(), ""


def as_points(text: str, n: int) -> list[str]:
    """So many points made of a text without a list: its lines, or else its sentences."""
    some = [line.text for line in lines(text)]
    if not in_prose(text):
        return []
    if len(some) == n > 1 and all(len(line.split()) <= _LONGEST for line in some):
        return some
    if sentence_count(text) == (n, n) and n > 1:
        return [one.text for one in sentences(text)]
    return []


def terms(points: Sequence[str]) -> list[tuple[str, str]]:
    """What stands before and behind the colon of each point ("**Light**: it grows"); [] where a
    point has none."""
    found = [_TERM.fullmatch(" ".join(point.split())) for point in points]
    pairs = [(match[1].strip(), match[2]) for match in found if match]
    return pairs if len(pairs) == len(points) else []


def marked(points: Sequence[str], mark: str) -> list[str]:
    """Points with a mark before each."""
    return [f"{mark} {point}" for point in points]


def numbered(points: Sequence[str]) -> list[str]:
    """Points with their numbers."""
    return [f"{place}. {point}" for place, point in enumerate(points, 1)]


def mended(text: str, n: int, mark: Callable[[Sequence[str]], list[str]]) -> str:
    """A text whose list has so many points, marked anew; "" where it has fewer, or over twice as
    many. Points too many are left out where nothing says how many there are."""
    before, points, after = split_list(text)
    intro = "\n".join(before)
    if not points and before:
        head, body = _headed(text)
        points, before = as_points(body, n), [head, ""] if head else []
    elif n < len(points) <= 2 * n and not any(map(str.isdigit, intro)) and not after:
        points = points[:n]
    return "\n".join([*before, *mark(points), *after]) if len(points) == n else ""


def _headed(text: str) -> tuple[str, str]:
    """A first line that leads on to the rest with a colon, and the rest."""
    head, _, body = text.strip().partition("\n")
    return (head, body) if head.rstrip().endswith(":") and body.strip() else ("", text)
