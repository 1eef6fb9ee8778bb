"""The notation of wordings: that of `fill`, and more for what others say.

In a wording of ours all but braces stands for itself. In ``found.txt``, beside them:

- ``(one|two|)``: either, or nothing;
- ``(!one|two)``: neither follows;
- ``<name>``: one of the lines of the section ``[<name>]``;
- ``{n=1}``: a value that no word says; the items of a list have " | " between them;
- ``{n+1}``, ``{n-1}``: one more, one less than what is said;
- ``{word:bare}``: it needs no quotation marks, ``{words:listed}`` neither, if there are several;
- ``...``: up to six words;
- a backslash takes the next sign as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Fixed", "Group", "Node", "Pieces", "Slot", "Text", "Unless", "read"]


class Pieces:
    """The pieces of templates that have a name, ``[<name>]``, each read once.

    Args:
        sections: of ``found.txt``.
    """

    def __init__(self, sections: Mapping[str, Sequence[str]]) -> None:
        self._sections = sections
        self._read: dict[str, Group] = {}

    def named(self, name: str) -> Group:
        """Any of a piece's lines.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self._read:
            lines = self._sections[f"<{name}>"]
            some = (branch for line in lines for branch in _Reader(line, self).branches())
            self._read[name] = _group(list(some))
        return self._read[name]


def read(template: str, pieces: Pieces | None = None) -> tuple[Node, ...]:
    """What a template is made of; without ``pieces`` it is a wording of our own."""
    (nodes,) = _Reader(template, pieces).branches()
    return _dense(nodes)


class Text(NamedTuple):
    """Words as they are said."""

    text: str


class Slot(NamedTuple):
    """A value, and how it is said; ``shift`` is added to a number."""

    name: str
    how: str = ""
    shift: int = 0


class Fixed(NamedTuple):
    """A value that no word says."""

    name: str
    value: str


class Group(NamedTuple):
    """One of some branches; none of them, if ``loose``."""

    branches: tuple[tuple[Node, ...], ...]
    loose: bool = False


class Unless(NamedTuple):
    """None of some branches follows."""

    branches: tuple[tuple[Node, ...], ...]


Node = Text | Slot | Fixed | Group | Unless

_BRACES = re.compile(
    r"\{(?P<either>\w+)\?(?P<one>[^|{}]*)\|(?P<more>[^|{}]*)\}"
    r"|\{(?P<fixed>\w+)=(?P<value>[^{}]*)\}"
    r"|\{(?P<name>\w+)(?P<shift>[+-]\d+)?(?::(?P<how>\w+))?\}"
)


class _Reader:
    """Reads one template. Without ``pieces`` brackets are brackets."""

    def __init__(self, text: str, pieces: Pieces | None) -> None:
        self.text, self.place, self.pieces = text, 0, pieces

    def branches(self) -> list[tuple[Node, ...]]:
        """All until the end, or the bracket that closes."""
        found: list[tuple[Node, ...]] = []
        nodes: list[Node] = []
        said = ""
        while self.place < len(self.text):
            sign = self.text[self.place]
            if sign == "{" and (braces := _BRACES.match(self.text, self.place)):
                nodes += [Text(said), _value(braces, own=self.pieces is None)]
                said, self.place = "", braces.end()
                continue
            self.place += 1
            if self.pieces is None:
                said += sign
            elif sign == "\\":
                said += self.text[self.place]
                self.place += 1
            elif sign == "(":
                nodes += [Text(said), self._bracket()]
                said = ""
            elif sign == "<":
                name, _, _ = self.text[self.place :].partition(">")
                self.place += len(name) + 1
                nodes += [Text(said), self.pieces.named(name)]
                said = ""
            elif sign == "|":
                found.append((*nodes, Text(said)))
                nodes, said = [], ""
            elif sign == ")":
                break
            else:
                said += sign
        return [*found, (*nodes, Text(said))]

    def _bracket(self) -> Node:
        if self.text[self.place] != "!":
            return _group(self.branches())
        self.place += 1
        return Unless(_group(self.branches()).branches)


def _group(branches: Sequence[tuple[Node, ...]]) -> Group:
    full: list[tuple[Node, ...]] = []
    loose = False
    for nodes in map(_dense, branches):
        if len(nodes) == 1 and isinstance(nodes[0], Group):
            full += nodes[0].branches
            loose = loose or nodes[0].loose
        elif nodes:
            full.append(nodes)
        else:
            loose = True
    return Group(tuple(full), loose)


def _dense(nodes: Sequence[Node]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node != Text(""))


def _value(braces: re.Match[str], own: bool) -> Node:
    if braces["either"]:
        branches = [_dense([Text(braces["one"])]), _dense([Text(braces["more"])])]
        return Group(tuple(one for one in branches if one), not all(branches))
    if braces["fixed"]:
        return Fixed(braces["fixed"], braces["value"])
    how = braces["how"] or ("bare" if own else "")
    return Slot(braces["name"], how, int(braces["shift"] or 0))
