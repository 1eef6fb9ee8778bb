"""The blocks of a text and where they stand: headings, paragraphs, items, rows of tables, code.

A text is read as Markdown (CommonMark with tables), which a plain text nearly is: its paragraphs
are what stands between empty lines, and "- " begins an item in both. Only indented lines are no
code here, as texts are indented for many reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "Kind", "blocks"]

Kind = Literal["heading", "text", "item", "head", "row", "code"]


class Block(NamedTuple):
    """A piece of a text: ``text[start:end]``, without the marks in front of it.

    Args:
        kind: ``heading``; ``text``, a paragraph; ``item`` of a list, or a paragraph in one;
            ``head``, a table's first row; ``row``, its others; ``code`` between fences.
        start, end: characters.
        said: what it says: its lines joined, in Markdown without marks for emphasis and links.
        level: of a heading, from 1; of an item, how deep its list stands in others, from 1.
        mark: what stands in front of an item ("-", "3."), empty for a paragraph behind its first.
        group: the same number for all blocks of one list or table; 0 for others.
    """

    kind: Kind
    start: int
    end: int
    said: str
    level: int = 0
    mark: str = ""
    group: int = 0


def blocks(text: str, *, marks: bool = True) -> list[Block]:
    """All blocks of a text, in order.

    What says nothing is left out: rules, comments and other HTML, definitions of links. Without
    ``marks`` the text is a plain one, in which a star or a bracket is only that.
    """
    flat = text.replace("\r", " ")  # the places stay
    return list(_blocks(_markdown(marks).parse(flat), _Lines(flat)))


@cache
def _markdown(marks: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt  # takes a while, and a command may do without

    reader = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table").disable("code")
    return reader if marks else reader.disable(["inline", "html_block", "reference"])


class _Lines:
    """A text by its lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        sizes = (len(line) + 1 for line in text.split("\n"))
        self._starts = list(accumulate(sizes, initial=0))

    def of(self, token: Token) -> tuple[int, int]:
        """Where the token's lines stand, without the space around them."""
        first, last = token.map or (0, 0)
        start, end = self._starts[first], min(self._starts[last], len(self.text))
        piece = self.text[start:end]
        return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())

    def inner(self, token: Token) -> tuple[int, int]:
        """Where the token's content stands, without the marks in front of and behind it."""
        start, end = self.of(token)
        said = token.content.strip().split("\n")
        begin = self.text.find(said[0].strip(), start, end)
        last = self.text.rfind(said[-1].strip(), start, end)
        if begin < 0 or last < begin:  # a tab that Markdown made spaces of
            return start, end
        return begin, last + len(said[-1].strip())


def _blocks(tokens: Sequence[Token], lines: _Lines) -> Iterator[Block]:
    """The blocks among the tokens: what is open around a piece says what it is."""
    kind: Kind = "text"
    depth = level = group = 0
    mark, row, cells = "", (0, 0), list[str]()
    for token in tokens:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                group += not depth
                depth += 1
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
            case "list_item_open":
                mark = f"{token.info}{token.markup}"
            case "heading_open":
                kind, level = "heading", int(token.tag[1:])
            case "table_open":
                group += 1
            case "thead_open":
                kind = "head"
            case "tbody_open":
                kind = "row"
            case "heading_close" | "table_close":
                kind = "text"
            case "tr_open":
                row, cells = lines.of(token), []
            case "tr_close":
                yield Block(kind, *row, f"| {' | '.join(cells)} |", group=group)
            case "fence":
                start, end = lines.of(token)
                yield Block("code", start, end, lines.text[start:end])
            case "inline" if kind in ("head", "row"):
                cells.append(_said(token).replace("|", "\\|"))
            case "inline" if said := _said(token):
                place = lines.inner(token)
                if kind == "heading":
                    yield Block(kind, *place, said, level)
                elif depth:
                    yield Block("item", *place, said, depth, mark, group)
                    mark = ""
                else:
                    yield Block("text", *place, said)


def _said(token: Token) -> str:
    """The words of a token's content, the lines joined."""
    if token.children is None or not token.children:
        return " ".join(token.content.split())
    return " ".join("".join(map(_word, token.children)).split())


def _word(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak") or token.content.startswith("<br"):
        return " "
    return "" if token.type in ("image", "html_inline") else token.content
