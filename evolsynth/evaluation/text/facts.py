"""Facts of a request that a paraphrase must not change: names, quotations, code, options.

Numbers are in `evolsynth.evaluation.text.numbers`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from evolsynth.evaluation.text.words import clauses, plain, words

__all__ = ["Place", "code", "names", "options", "quotations"]


class Place(NamedTuple):
    """A piece of a text: ``text[start:end]``."""

    text: str
    start: int
    end: int


_NAME = re.compile(r"\b[A-Z][\w&]*(?:['-][A-Z]\w*)*(?:\s+(?:of\s+|the\s+|de\s+)?[A-Z][\w&]*)*")


def names(text: str) -> list[Place]:
    """Capitalised words and runs of them, except at the beginning of a clause.

    A clause in capitals says nothing about names, and gives none.
    """
    flat = plain(text)
    found: list[Place] = []
    if flat.islower():
        return found
    for start, end in clauses(text):
        if _CAPITALS.search(flat, start, end) and _in_capitals(text, start, end):
            continue
        for match in _NAME.finditer(flat, start, end):
            first = match.start() if not _opens(flat, match.start()) else _second(match)
            if first is not None and flat[first : match.end()] not in ("I", "A", "OK"):
                found.append(Place(flat[first : match.end()], first, match.end()))
    return found


_CAPITALS = re.compile(r"[^\W\d_a-z]{2}")


def _in_capitals(text: str, start: int, end: int) -> bool:
    part = [w.text for w in words(text) if start <= w.start < end and w.text[0].isalpha()]
    return len(part) > 5 and sum(map(str.isupper, part)) > 0.8 * len(part)


def _opens(flat: str, start: int) -> bool:
    before = flat[max(0, start - 60) : start].rstrip(" \"'([*_#")
    return not before or before[-1] in ".!?:;\n-|>"


def _second(match: re.Match[str]) -> int | None:
    """Where the rest of a run begins whose first word opens the clause ("Visit New York")."""
    rest = re.search(r"\s+([A-Z])", match.group())
    return None if rest is None else match.start() + rest.start(1)


_QUOTED = re.compile(r'"([^"\n]{1,400}?)"|(?<![\w\'])\'([^\'\n]{2,80}?)\'(?!\w)')
_CODE = re.compile(
    r"```.*?```|`[^`\n]+`|https?://[^\s<>\"')\]]+|www\.[^\s<>\"')\]]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.]+\w"
    r"|</?[A-Za-z][^<>\n]{0,60}>|\b\w{1,60}\([\w, ]{0,60}\)|\b\w{1,60}_\w+\b"
    r"|\{\{? ?[A-Za-z_][\w.]{0,40} ?\}|\b[A-Za-z]:\\[\w.\\-]{1,200}|(?<!\w)[#@][A-Za-z]\w{1,60}",
    re.S,
)


def quotations(text: str) -> list[Place]:
    """What stands between quotation marks, without the marks and the space inside them."""
    flat = plain(text)
    found: list[Place] = []
    for match in _QUOTED.finditer(flat):
        inside = (match[1] or match[2]).strip()
        if any(map(str.isalnum, inside)):
            start = flat.index(inside, match.start())
            found.append(Place(inside, start, start + len(inside)))
    return found


def code(text: str) -> list[Place]:
    """Code between backticks, URLs, addresses, paths, tags, places to fill ("{name}"), calls and
    snake_case names."""
    if not _CODE_SIGN.search(text):
        return []
    return [Place(m.group(), *m.span()) for m in _CODE.finditer(plain(text))]


#: Without any of these there is no code, as far as `_CODE` knows it.
_CODE_SIGN = re.compile(r"[`@<(_{#\\]|www\.|://", re.I)


_ITEM = r"[^\s,;:.!?()\n]{1,40}(?: [^\s,;:.!?()\n]{1,40}){0,2}"
_OPTIONS = re.compile(
    rf"(?<![^\s(:])(?P<head>{_ITEM}(?:, {_ITEM}){{1,20}}),? or (?P<last>[^\s,;:.!?()\n]+)"
    r"|\b(?P<a>\w{1,40})/(?P<b>\w{1,40})(?:/(?P<c>\w{1,40}))?\b"
)


def options(text: str) -> list[Place]:
    """The items of an enumeration in running text ("positive, neutral or negative")."""
    flat = plain(text)
    found: list[Place] = []
    if "/" not in flat and (" or " not in flat or "," not in flat):
        return found
    for match in _OPTIONS.finditer(flat):
        for group in ("last", "a", "b", "c"):
            if match[group]:
                found.append(Place(match[group], *match.span(group)))
        if match["head"]:
            # the words before the first item belong to the sentence: only its last word is sure
            for last in re.compile(r"[^\s,]+(?=,|$)").finditer(match["head"]):
                at = match.start("head") + last.start()
                found.append(Place(last.group(), at, at + len(last.group())))
    return [p for p in found if p.text[0].isalpha()]
