"""Wordings turned round: patterns that read a demand's values back out of a text.

What begins with a capital begins a sentence, or a part of one ("..., and use at most 50 words");
what does not may stand within a request ("Describe it in at most 50 words").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

from evolsynth.evaluation.demands.demand import Kind
from evolsynth.evaluation.demands.notation import (
    Fixed,
    Group,
    Node,
    Pieces,
    Slot,
    Text,
    Unless,
    read,
)
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import plain, vocabulary
from evolsynth.options import Option

__all__ = ["Phrase"]

# Values in a text ---------------------------------------------------------------------------------

#: A quoted text; typographic quotation marks are straight by now.
QUOTED = r"(?:\"[^\"\n]{1,300}\"|'(?:[^'\n]|'(?=\w)){1,200}'(?!\w)|`[^`\n]{1,200}`)"
_ONE_QUOTED = re.compile(QUOTED)
_AND = r"(?:\s*,?\s*(?:(?:and|or|&)\s+)?)"
_QUOTED_LIST = rf"(?:\[?{QUOTED}(?:{_AND}{QUOTED}){{0,19}}\]?)"
_BARE = r"(?:[^\W_](?:[\w'-]*\w)?)"
_BARE_LIST = (
    rf"(?:\[?(?>{_BARE}(?:\s*,\s*(?!and\b|or\b){_BARE}){{0,19}}(?:,?\s+(?:and|or)\s+{_BARE})?)\]?"
    r"(?=\s*(?:[.;:)!?]|\Z|,\s)|\s(?:in|somewhere|anywhere|at|and\s+(?:exactly\s+)?\d+)\b))"
)
#: Signs that stand for themselves: "***".
_SIGNS = r"(?:(?<![^\w\s\"'.,;:!?()])[^\w\s\"'.,;:!?()]{1,12}(?![^\w\s\"'.,;:!?()]))"
_BARE_ITEM = re.compile(rf"(?<![\w'-])(?!(?:and|or)\b){_BARE}")

_TENS = "|".join(w for w, n in COUNTS.items() if n >= 20)
_SMALL = "|".join(sorted((w for w, n in COUNTS.items() if n < 20), key=len, reverse=True))
_BELOW_100 = rf"(?:(?:{_TENS})(?:[\s-](?:{_SMALL}))?|{_SMALL})"
_WORDS = (
    rf"(?:(?:an?|{_SMALL})\s(?:hundred|thousand)(?:\s(?:and\s)?{_BELOW_100})?|{_BELOW_100}"
    rf"|an?\s(?:dozen|couple\sof))"
)
_NUMBER = rf"(?:(?<![\d.,$€£-])(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}})|{_WORDS})"
_ORDINALS = {
    word: number
    for number, word in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"), 1
    )
}
_ORDINAL = rf"(?:\d{{1,6}}(?:st|nd|rd|th)|{'|'.join(_ORDINALS)})"
_SCALES = {"hundred": 100, "thousand": 1000, "dozen": 12, "couple": 2}


def number_of(text: str) -> int:
    """The number that digits or words say: "1,200", "twenty-five", "a hundred and ten", "3rd"."""
    if text in _ORDINALS:
        return _ORDINALS[text]
    digits = re.match(r"[\d,]+", text)
    if digits:
        return int(digits.group().replace(",", ""))
    total = 0
    for word in re.findall("[a-z]+", text):
        if word in _SCALES:
            total = max(total, 1) * _SCALES[word]
        total += COUNTS.get(word, 0)
    return total


def items_of(text: str, bare: bool) -> list[str]:
    """The texts of an enumeration, each without its quotation marks."""
    quoted = [one.group()[1:-1].rstrip(",") for one in _ONE_QUOTED.finditer(plain(text))]
    if quoted or not bare:
        return _as_written(text, _ONE_QUOTED, 1) if quoted else []
    return _as_written(text, _BARE_ITEM, 0)


def _as_written(text: str, pattern: re.Pattern[str], off: int) -> list[str]:
    """What a pattern finds once quotation marks are straight, in the letters of the text."""
    places = (one.span() for one in pattern.finditer(plain(text)))
    return [text[start + off : end - off].rstrip(",") for start, end in places]


# Patterns -----------------------------------------------------------------------------------------


class Phrase:
    """A template as a pattern over text in lower case.

    Args:
        template: see `evolsynth.evaluation.demands.notation`.
        kind: what it says.
        pieces: those of ``found.txt``; None for a wording of the kind's own.
    """

    def __init__(self, template: str, kind: Kind, pieces: Pieces | None = None) -> None:
        self.kind = kind
        #: Whether it is a wording of ours.
        self.own = pieces is None
        self._text = template.rstrip(".!")
        self._nodes = read(self._text, pieces)
        #: Whether it begins a sentence or a part of one.
        self.opens = self._text[:1].isupper()
        #: Whether it is more than one sentence.
        self.several = _has_border(self._nodes)
        #: Of each of these sets one word stands in whatever it matches; the rarest first.
        self.keys = sorted(_keys(self._nodes), key=_worth, reverse=True)[:_KEYS]

    @cached_property
    def _written(self) -> tuple[re.Pattern[str], _Writer]:
        """Made when it is first needed: most never are, and all together take seconds."""
        writer = _Writer(self.kind.values, self.own)
        body = writer.written(self._nodes)
        first, last = self._nodes[0], self._text[-1:]
        in_word = not isinstance(first, Text) or first.text[:1].isalnum()
        before = r"(?<![\w-])" if in_word else ""
        after = r"(?![\w]|-\w|['’]\w)" if last.isalnum() or last in "})>" else ""
        return re.compile(before + body + after), writer

    @property
    def pattern(self) -> re.Pattern[str]:
        """What it matches."""
        return self._written[0]

    def read(self, match: re.Match[str], text: str) -> dict[str, Any]:
        """The values that a match says, in the letters of the text that it was found in."""
        _, writer = self._written
        found: dict[str, Any] = {}
        for group, one in writer.fixed:
            if match[group] is not None:
                found[one.name] = _fixed(one.value, self.kind.values[one.name].kind)
        for group, (slot, kind) in writer.values.items():
            if match[group] is not None:
                found[slot.name] = _read(text[slice(*match.span(group))], slot, kind)
        return found


def _fixed(value: str, kind: Any) -> Any:
    what = _plain_type(kind)
    return int(value) if what is int else value.split(" | ") if what is list else value


def _read(said: str, slot: Slot, kind: Any) -> Any:
    what = _plain_type(kind)
    if what is int:
        return number_of(said.lower()) + slot.shift
    if what is list:
        some = items_of(said, slot.how in ("bare", "listed"))
        return [_word(one) for one in some] if slot.name == "words" else some
    if said[:1] in "\"'`“”‘’«" and len(said) > 2:
        said = said[1:-1]
    if slot.name == "word":
        return _word(said)
    choices = _choices(kind)
    if said in choices:
        return said
    return next((one for one in choices if str(one).lower() == said.lower()), said)


def _word(said: str) -> str:
    """A word without the stop of its sentence, which some put inside the quotation marks."""
    return said.rstrip(".,;") or said


def _plain_type(kind: Any) -> type:
    """int, list or str: what a value is read as."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if get_origin(kind) in (list, tuple):
        return list
    return int if kind in (int, float) else str


def _choices(kind: Any) -> tuple[Any, ...]:
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return get_args(kind) if get_origin(kind) is Literal else ()


class _Writer:
    """Writes the regular expression of a template, and notes its groups."""

    def __init__(self, options: Mapping[str, Option], own: bool) -> None:
        self.options, self.own = options, own
        self.values: dict[str, tuple[Slot, Any]] = {}
        self.fixed: list[tuple[str, Fixed]] = []

    def written(self, nodes: Sequence[Node]) -> str:
        """A sequence; the space beside what may be left out goes with it."""
        parts = list(nodes)
        made = ""
        for place, node in enumerate(parts):
            if isinstance(node, Group) and node.loose:
                after = parts[place + 1] if place + 1 < len(parts) else None
                inner = self._either(node.branches)
                if made.endswith(_SPACE) and not _is_mark(node):
                    made = rf"{made.removesuffix(_SPACE)}(?:{_SPACE}{inner})?"
                elif isinstance(after, Text) and after.text[:1] == " " and not _is_mark(node):
                    parts[place + 1] = Text(after.text[1:])
                    made += rf"(?:{inner}{_SPACE})?"
                else:
                    made += rf"{inner}?"
            elif isinstance(node, Slot) and made.endswith('"'):
                made += self._one(node._replace(how="in quotes"))
            else:
                made += self._one(node)
        return made

    def _one(self, node: Node) -> str:
        if isinstance(node, Text):
            said = "".join(
                _SPACE if part.isspace() else re.escape(part)
                for part in re.split(r"(\s+)", plain(node.text).lower())
                if part
            )
            return said if self.own else said.replace(_SPACE + _DOTS + _SPACE, _SPACE + _SOME)
        if isinstance(node, Group):
            return self._either(node.branches)
        if isinstance(node, Unless):
            return rf"(?!{_SPACE}{self._either(node.branches)}(?!\w))"
        group = f"v{len(self.values) + len(self.fixed)}"
        if isinstance(node, Fixed):
            self.fixed.append((group, node))
            return f"(?P<{group}>)"
        kind = self.options[node.name].kind
        self.values[group] = (node, kind)
        return f"(?P<{group}>{_pattern(node, kind)})"

    def _either(self, branches: Sequence[Sequence[Node]]) -> str:
        return f"(?:{'|'.join(self.written(one) for one in branches)})"


def _is_mark(group: Group) -> bool:
    """Whether it is punctuation: the space beside it stays where it is left out."""
    first = [branch[0] for branch in group.branches]
    return all(isinstance(one, Text) and not one.text[:1].isalnum() for one in first)


#: White space, also over a line's end, and marks of emphasis beside it.
_SPACE = r"[\s*]{1,6}"
#: "..." in ``found.txt``, and what it stands for.
_DOTS, _SOME = re.escape("..."), rf"(?:[\w'-]+{_SPACE}){{0,6}}?"


def _pattern(slot: Slot, kind: Any) -> str:
    what, bare = _plain_type(kind), slot.how == "bare"
    if what is int:
        return _ORDINAL if slot.how == "ordinal" else _NUMBER
    if what is list and slot.how == "listed":
        return f"(?:{_QUOTED_LIST}|(?={_BARE}(?:\\s*,|\\s+and\\s|\\s+or\\s)){_BARE_LIST})"
    if what is list:
        return f"(?:{_QUOTED_LIST}|{_BARE_LIST})" if bare else _QUOTED_LIST
    choices = "|".join(re.escape(str(one).lower()) for one in _choices(kind))
    if slot.how == "in quotes":
        return r"[^\"\n]{1,200}?"
    if slot.how == "quoted":
        return QUOTED
    if choices:
        return rf"(?:[\"'`](?:{choices})[\"'`]|(?:{choices}))"
    return rf"(?:{QUOTED}|{_SIGNS}|{_BARE})" if bare else rf"(?:{QUOTED}|{_SIGNS})"


_KEYS = 3  # that are looked for before a pattern is
_WORD = re.compile(r"[^\W_]+")
_FIRST, _LAST = re.compile(r"\A[^\W_]+"), re.compile(r"[^\W_]+\Z")
_BORDER = re.compile(r"[.!?][\"')]*\s")


def _has_border(nodes: Sequence[Node]) -> bool:
    """Whether sentences may meet in what a sequence matches."""
    texts = [node.text for node in nodes if isinstance(node, Text)]
    inner = (one for node in nodes if isinstance(node, Group) for one in node.branches)
    ends = any(text.endswith(".") and not text[:-1].strip().isalpha() for text in texts[:-1])
    return ends or "." in texts or any(map(_BORDER.search, texts)) or any(map(_has_border, inner))


def _keys(nodes: Sequence[Node]) -> list[frozenset[str]]:
    """Sets of words: of each, one must stand in what a sequence matches."""
    found: list[frozenset[str]] = []
    for place, node in enumerate(nodes):
        if isinstance(node, Text):
            before = nodes[place - 1] if place else None
            after = nodes[place + 1] if place + 1 < len(nodes) else None
            said = plain(node.text).lower()
            said = _FIRST.sub("", said) if _touches(before) else said
            said = _LAST.sub("", said) if _touches(after) else said
            found += [frozenset([word]) for word in _WORD.findall(said)]
        elif isinstance(node, Group) and not node.loose:
            some = [max(_keys(one), key=_worth, default=None) for one in node.branches]
            if None not in some:
                found.append(frozenset().union(*filter(None, some)))
    return found


def _touches(node: Node | None) -> bool:
    """Whether what it says and a word beside it are one word."""
    return isinstance(node, Slot) or (isinstance(node, Group) and not _is_mark(node))


def _worth(keys: frozenset[str]) -> tuple[float, int]:
    """How well a set of words picks a template: few words, and none that every prompt has."""
    return -sum(5.0 if key in _FREQUENT else 1.0 for key in keys), max(map(len, keys))


_FREQUENT = vocabulary(
    "a an the in of to and or with your answer response reply use write not do it be must should "
    "at is as for this that you by on no all only one"
)
