"""Regular expressions of JSON schemas as GBNF: those that are plain enough for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["CONTROLS", "characters", "pattern_rule"]

Ranges = Sequence[tuple[int, int]]

_LAST = 0x10FFFF
_LONGEST = 500  # characters of a pattern, and
_DEEPEST = 20  # groups in groups
_MOST = 200  # of a counted repetition, and
_MOST_IN_ALL = 1000  # of those in each other
_DIGITS = ((48, 57),)
_WORDS = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACES = ((9, 13), (32, 32))
_CLASSES: dict[str, Ranges] = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
#: Control characters that JSON has a short name for.
CONTROLS = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}
_NAMED = {"b": None, "t": 9, "n": 10, "f": 12, "r": 13, "v": 11}
_ANY: Ranges = ((0, 9), (11, 12), (14, _LAST))  # a dot: all but the ends of lines


class _Hard(Exception):  # noqa: N818 - of the pattern, and not of ours
    """The pattern has something that GBNF has not, or that would make a grammar too large."""


class _Piece(NamedTuple):
    """A part of a pattern as GBNF, as one atom; whether it can be empty; how often it repeats."""

    rule: str
    empty: bool
    times: int = 1


def pattern_rule(pattern: str) -> str | None:
    """GBNF of a JSON string (without its quotes) that the pattern is found in; None if it is not
    plain: letters, classes, groups, ``|``, ``* + ? {m,n}``, and anchors at the very ends."""
    if len(pattern) > _LONGEST:
        return None
    begins = pattern.startswith("^")
    ends = pattern.endswith("$") and (len(pattern) - len(pattern[:-1].rstrip("\\"))) % 2 == 1
    try:
        reader = _Reader(pattern[begins : len(pattern) - ends])
        piece = reader.whole()
    except (_Hard, IndexError, ValueError):
        return None
    if reader.alternatives and (begins or ends):  # an anchor of one of them only
        return None
    anything = f"{characters(((0, _LAST),))}*"
    return " ".join(
        filter(None, ("" if begins else anything, piece.rule, "" if ends else anything))
    )


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0
        self.alternatives = False  # outside of all groups

    def whole(self) -> _Piece:
        """All of it."""
        piece = self._choice()
        if self._at < len(self._text):
            raise _Hard
        return piece

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _choice(self) -> _Piece:
        ways = [self._row()]
        while self._next() == "|":
            self._at += 1
            self.alternatives |= self._depth == 0
            ways.append(self._row())
        if len(ways) == 1:
            return ways[0]
        rule = " | ".join(way.rule or '""' for way in ways)
        return _Piece(f"({rule})", any(w.empty for w in ways), max(w.times for w in ways))

    def _row(self) -> _Piece:
        pieces = []
        while self._next() not in ("", "|", ")"):
            pieces.append(self._repeated(self._atom()))
        rule = " ".join(piece.rule for piece in pieces if piece.rule)
        times = max((piece.times for piece in pieces), default=1)
        return _Piece(rule, all(piece.empty for piece in pieces), times)

    def _atom(self) -> _Piece:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return _Piece(characters(self._class()), empty=False)
        if char == ".":
            return _Piece(characters(_ANY), empty=False)
        if char == "\\":
            return _Piece(characters(self._escaped()), empty=False)
        if char in "*+?{}^$":
            raise _Hard
        return _Piece(characters(((ord(char), ord(char)),)), empty=False)

    def _group(self) -> _Piece:
        if self._next() == "?":
            if self._text[self._at : self._at + 2] != "?:":
                raise _Hard
            self._at += 2
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Hard
        piece = self._choice()
        self._depth -= 1
        if self._take() != ")":
            raise _Hard
        return piece._replace(rule=f"({piece.rule})" if piece.rule else "")

    def _repeated(self, piece: _Piece) -> _Piece:
        least, most = 1, 1
        if self._next() in ("*", "+", "?"):
            least, most = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[self._take()]
        elif self._next() == "{":
            self._at += 1
            counts, closed, _ = self._text[self._at :].partition("}")
            low, comma, high = counts.partition(",")
            if not closed or not low.isdecimal() or not (high.isdecimal() or not high):
                raise _Hard
            self._at += len(counts) + 1
            least, most = int(low), int(high) if high else -1 if comma else int(low)
        else:
            return piece
        if self._next() == "?":  # takes few, which changes where it is found and not whether
            self._at += 1
        if self._next() in ("*", "+", "?", "{"):
            raise _Hard
        times = piece.times * max(least, most, 1)
        # A loop over nothing has so many ways to be read that llama.cpp does not come to an end.
        if piece.empty or max(least, most) > _MOST or times > _MOST_IN_ALL or -1 < most < least:
            raise _Hard
        if most == 0:
            return _Piece("", empty=True)
        bounds = f"{{{least},{'' if most < 0 else most}}}"
        return _Piece(f"{piece.rule}{bounds}", least == 0, times)

    def _escaped(self) -> Ranges:
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char.lower() in _CLASSES:
            return _others(_CLASSES[char.lower()])
        if char in "xu":
            size = 2 if char == "x" else 4
            digits = self._text[self._at : self._at + size]
            self._at += size
            if len(digits) < size or not digits.isalnum():
                raise _Hard
            return ((int(digits, 16), int(digits, 16)),)
        code = _NAMED.get(char, ord(char))
        if code is None or (char.isalnum() and char not in _NAMED):
            raise _Hard
        return ((code, code),)

    def _class(self) -> Ranges:
        negated = self._next() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while (char := self._take()) != "]":
            one = self._escaped() if char == "\\" else ((ord(char), ord(char)),)
            if char == "[":  # of sets, in some languages
                raise _Hard
            single = len(one) == 1 and one[0][0] == one[0][1]
            if self._next() == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                char = self._take()
                other = self._escaped() if char == "\\" else ((ord(char), ord(char)),)
                if not single or len(other) != 1 or other[0][1] < one[0][0]:
                    raise _Hard
                one = ((one[0][0], other[0][1]),)
            ranges += one
        if not ranges:
            raise _Hard
        return _others(ranges) if negated else ranges


def _others(ranges: Ranges) -> Ranges:
    """All characters but these."""
    found, begin = [], 0
    for low, high in sorted(ranges):
        if low > begin:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    return [*found, (begin, _LAST)] if begin <= _LAST else found


def characters(ranges: Ranges) -> str:
    """GBNF of one character of these in a JSON string: as it is, or escaped where it must be.

    Raises:
        _Hard: there is none that JSON can hold.
    """
    has = [any(low <= code <= high for low, high in ranges) for code in range(128)]
    plain = [*((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0x80, 0xD7FF), (0xE000, _LAST))]
    kept = [
        (max(low, first), min(high, last))
        for first, last in plain
        for low, high in sorted(ranges)
        if low <= last and high >= first
    ]
    ways = [f"[{''.join(f'{_code(low)}-{_code(high)}' for low, high in kept)}]"] if kept else []
    named = "".join(name for code, name in CONTROLS.items() if has[code])
    named += ('\\"' if has[0x22] else "") + ("\\\\" if has[0x5C] else "")
    if named:
        ways.append(f'"\\\\" [{named}]')
    if not ways:
        raise _Hard
    return ways[0] if len(ways) == 1 and kept else f"({' | '.join(ways)})"


def _code(point: int) -> str:
    return f"\\U{point:08X}"
