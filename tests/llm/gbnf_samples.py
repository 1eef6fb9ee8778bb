"""Texts that a grammar admits, drawn at random: a reader of the GBNF that schemas become."""

from __future__ import annotations

import random
import re
from typing import Any, NamedTuple

Node = tuple[Any, ...]

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|\{\d+,?\d*\}|[a-z0-9]+|[()|?*+]', re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-F]{2})|U([0-9A-F]{8})|(.))")
_MOST = 12  # turns of a loop without an end
_DEEPEST = 40


class TooDeep(Exception):  # noqa: N818
    """A draw went round and round."""


class Grammar(NamedTuple):
    """Rules by their names."""

    rules: dict[str, Node]

    @classmethod
    def read(cls, text: str) -> Grammar:
        """All rules of a grammar; anything that is not understood is an error."""
        rules = {}
        for line in text.strip("\n").split("\n"):
            name, _, body = line.partition(" ::= ")
            tokens = _TOKEN.findall(body)
            assert re.fullmatch(r"\w+", name), line
            assert not _TOKEN.sub("", body).strip(), line
            left = list(reversed(tokens))
            rules[name] = _choice(left)
            assert not left, line
        return cls(rules)

    def draw(self, seed: int) -> str:
        """A text that it admits."""
        chance = random.Random(seed)
        for _ in range(200):
            try:
                return self._text(("rule", "root"), chance, 0)
            except TooDeep:
                continue
        raise TooDeep

    def _text(self, node: Node, chance: random.Random, depth: int) -> str:
        if depth > _DEEPEST:
            raise TooDeep
        kind, *rest = node
        if kind == "text":
            return str(rest[0])
        if kind == "class":
            low, high = chance.choice(rest[0])
            return chr(chance.randint(low, min(high, low + 200)))
        if kind == "rule":
            return self._text(self.rules[rest[0]], chance, depth + 1)
        if kind == "either":
            return self._text(chance.choice(rest[0]), chance, depth)
        if kind == "row":
            return "".join(self._text(one, chance, depth) for one in rest[0])
        inner, least, most = rest
        high = least + _MOST // (1 + depth // 4) if most is None else min(most, least + _MOST)
        return "".join(
            self._text(inner, chance, depth) for _ in range(chance.randint(least, max(least, high)))
        )


def _choice(left: list[str]) -> Node:
    ways = [_row(left)]
    while left and left[-1] == "|":
        left.pop()
        ways.append(_row(left))
    return ways[0] if len(ways) == 1 else ("either", ways)


def _row(left: list[str]) -> Node:
    found = []
    while left and left[-1] not in ("|", ")"):
        token = left.pop()
        if token == "(":
            one = _choice(left)
            assert left.pop() == ")"
        elif token[0] == '"':
            one = ("text", _plain(token[1:-1]))
        elif token[0] == "[":
            one = ("class", _ranges(token[1:-1]))
        else:
            one = ("rule", token)
        if left and left[-1] in "?*+":
            one = ("times", one, *{"?": (0, 1), "*": (0, None), "+": (1, None)}[left.pop()])
        elif left and left[-1][0] == "{":
            low, comma, high = left.pop()[1:-1].partition(",")
            one = ("times", one, int(low), int(high) if high else None if comma else int(low))
        found.append(one)
    return ("row", found)


def _char(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    return chr(int(digits, 16)) if digits else match[3]


def _plain(text: str) -> str:
    return _ESCAPE.sub(_char, text)


def _ranges(text: str) -> list[tuple[int, int]]:
    chars = re.findall(r"\\x[0-9A-F]{2}|\\U[0-9A-F]{8}|\\.|.", text)
    found, at = [], 0
    while at < len(chars):
        low = ord(_plain(chars[at]))
        if at + 2 < len(chars) and chars[at + 1] == "-":
            found.append((low, ord(_plain(chars[at + 2]))))
            at += 3
        else:
            found.append((low, low))
            at += 1
    return found
