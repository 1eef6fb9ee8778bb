"""From pieces of text on pages to Markdown: headings, paragraphs, lists and tables.

A PDF knows neither words nor paragraphs, only where letters stand. What is a heading is told by its
size or weight, what repeats at the edge of pages is no text, cells that stand in rows and columns
are a table, and a word that was cut at the end of a line is made whole.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

__all__ = ["Piece", "written"]


class Piece(NamedTuple):
    """A line of a page, or the part of one that stands apart.

    Args:
        text: of it.
        page: from 0.
        box: a number for the block of lines that it stands in, in the order of reading.
        left, right, low, high: its place in points, from the page's lower left corner.
        edge: how far its middle is from the nearer of the upper and the lower edge, as a share of
            the page's height.
        size: of most of its letters, in points.
        bold: whether most of its letters are.
    """

    text: str
    page: int
    box: int
    left: float
    right: float
    low: float
    high: float
    edge: float
    size: float
    bold: bool


def written(pieces: Sequence[Piece]) -> str:
    """The pieces as Markdown, in their order."""
    pieces = [p for p in _without_edges(pieces) if p.text and not _LEADERS.search(p.text)]
    if not pieces:
        return ""
    look = _Look(pieces)
    blocks: list[str] = []
    for _, page in groupby(pieces, key=lambda piece: piece.page):
        rest, tables = _tables(list(page))
        for box, lines in groupby(_lines(rest), key=lambda piece: piece.box):
            blocks += (tables.pop(at) for at in sorted(tables) if at <= box)
            for kind, text in look.blocks(list(lines)):
                _add(blocks, kind, text, look)
        blocks += (tables[at] for at in sorted(tables))
    return _spaced(blocks)


def _spaced(blocks: Sequence[str]) -> str:
    """The blocks with an empty line between them, except between items."""
    text = ""
    for before, block in zip(["", *blocks], blocks, strict=False):
        gap = "\n" if _ITEM.match(before) and _ITEM.match(block) else "\n\n"
        text += f"{gap if text else ''}{block}"
    return f"{text}\n"


# What is no text ----------------------------------------------------------------------------------

_EDGE = 0.085  # a margin of 2.5 cm on A4
_NUMBER = re.compile(
    r"\W*(?:page|p\.|seite)?\W*(?:\d{1,4}|[ivxl]{1,7})(?:\W*(?:of|/|von)\W*\d{1,4})?\W*", re.I
)
_LEADERS = re.compile(r"(?:\.[ \u00a0]?){6}")  # of a table of contents
_DIGITS = re.compile(r"\d+")


def _without_edges(pieces: Sequence[Piece]) -> list[Piece]:
    """Without page numbers, and what stands at the edge of several pages."""
    pages = max((piece.page for piece in pieces), default=0) + 1
    on: dict[tuple[str, float], set[int]] = defaultdict(set)
    for piece in pieces:
        if piece.edge < _EDGE:
            on[_same(piece)].add(piece.page)
    enough = 2 if pages < 5 else 3

    def stays(piece: Piece) -> bool:
        if piece.edge >= _EDGE:
            return True
        numbered = len(piece.text) < 40 and _NUMBER.fullmatch(piece.text) is not None
        return not numbered and len(on[_same(piece)]) < enough

    return [piece for piece in pieces if stays(piece)]


def _same(piece: Piece) -> tuple[str, float]:
    return _DIGITS.sub("0", piece.text.casefold()), piece.size


# Tables -------------------------------------------------------------------------------------------

_CELL = 32  # characters that cells have at most, on average
_MARK = re.compile(r"(?:[•‣▪◦●○■□–—*·-]|(\d{1,3})[.)])(?:\s+(?=\S)|$)")


def _tables(pieces: list[Piece]) -> tuple[list[Piece], dict[int, str]]:
    """The pieces of a page that stand in no table, and its tables by the box that they begin in."""
    pieces, rows = _beside_marks(pieces), list[list[Piece]]()
    for piece in sorted(pieces, key=lambda p: (-p.low, p.left)):
        if rows and abs(rows[-1][0].low - piece.low) < 0.3 * piece.size:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    rows = [sorted(row, key=lambda piece: piece.left) for row in rows]
    taken: set[int] = set()
    tables: dict[int, str] = {}
    for part in _runs(rows):
        starts = _columns(part)
        cells = [piece for row in part for piece in row]
        if len(starts) < 2 or sum(len(c.text) for c in cells) > _CELL * len(cells):
            continue
        taken.update(map(id, cells))
        tables[min(cell.box for cell in cells)] = _numbered(part) or _table(part, starts)
    return [piece for piece in pieces if id(piece) not in taken], tables


def _runs(rows: Sequence[list[Piece]]) -> Iterator[list[list[Piece]]]:
    """Two or more rows of several pieces, one close under the other."""
    run: list[list[Piece]] = []
    for row in rows:
        apart = run and not (
            run[-1][0].low - row[0].low < 3 * row[0].size and _in_line(run[-1], row)
        )
        if run and (len(row) < 2 or apart):
            if len(run) > 1:
                yield run
            run = []
        if len(row) > 1:
            run.append(row)
    if len(run) > 1:
        yield run


def _in_line(row: Sequence[Piece], other: Sequence[Piece]) -> bool:
    """Whether half of the other row's pieces begin, end or have their middle under one of it."""

    def ends(piece: Piece) -> tuple[float, float, float]:
        return piece.left, piece.right, (piece.left + piece.right) / 2

    under = sum(
        any(abs(a - b) < 3 for one in row for a, b in zip(ends(one), ends(piece), strict=True))
        for piece in other
    )
    return 2 * under >= len(other)


def _columns(rows: Sequence[list[Piece]]) -> list[tuple[float, float]]:
    """The columns of rows, by the left and right ends of what stands in them; none where pieces
    of different columns overlap."""
    spans = sorted((piece.left, piece.right) for row in rows for piece in row)
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(right, columns[-1][1])
        else:
            columns.append((left, right))
    full = sum(len(row) >= max(2, len(columns) - 1) for row in rows)
    return columns if 2 * full >= len(rows) else []


def _table(rows: Sequence[list[Piece]], columns: Sequence[tuple[float, float]]) -> str:
    lines = []
    for row in rows:
        cells = [
            " ".join(p.text for p in row if left <= p.left <= right).replace("|", "\\|")
            for left, right in columns
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines.insert(1, f"|{' --- |' * len(columns)}")
    return "\n".join(lines)


def _numbered(rows: Sequence[list[Piece]]) -> str:
    """Rows of a number each, from 1, and what stands beside it, as a list; else nothing."""
    if [row[0].text for row in rows] != [str(n) for n in range(1, len(rows) + 1)]:
        return ""
    if any(len(row) != 2 for row in rows):
        return ""
    return "\n".join(f"{number.text}. {piece.text}" for number, piece in rows)


def _beside_marks(pieces: list[Piece]) -> list[Piece]:
    """The dot or number of an item put in front of the item's own line, where it stands apart."""
    marks = [p for p in pieces if _MARK.fullmatch(p.text)]
    left = {id(piece): piece for piece in pieces}
    for mark in marks:
        middle = (mark.low + mark.high) / 2
        beside = [
            p
            for p in left.values()
            if p.left > mark.left and p.low - 2 <= middle <= p.high + 2 and p.text != mark.text
        ]
        if beside:
            nearest = min(beside, key=lambda p: (p.left - mark.left, -p.low))
            at = id(nearest)
            left[at] = nearest._replace(text=f"{mark.text} {nearest.text}", left=mark.left)
            del left[id(mark)]
    return list(left.values())


def _lines(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces of one line put together again."""
    last: Piece | None = None
    for piece in pieces:
        if last and piece.box == last.box and abs(piece.low - last.low) < 0.3 * piece.size:
            last = last._replace(text=f"{last.text} {piece.text}", right=piece.right)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last


# Headings, paragraphs, items ----------------------------------------------------------------------

_ITEM = re.compile(r"(?:-|\d{1,3}\.) ")
_ENDED = re.compile(r"[.!?:;…][\"'”’)\]]*$")
_CUT = re.compile(r"([^\W\d_]+)([-\u00ad‐])$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LARGER = 1.12  # times the usual size: a heading
_SHORT = 0.75  # of a block's width: its paragraph's last line


class _Look:
    """How a document looks: the size of its usual letters, the sizes of its headings, its words."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        sizes: Counter[float] = Counter()
        for piece in pieces:
            sizes[piece.size] += len(piece.text)
        self.usual = sizes.most_common(1)[0][0]
        larger = {p.size for p in pieces if p.size > self.usual and self.is_heading(p)}
        self._levels = {size: n for n, size in enumerate(sorted(larger, reverse=True), 1)}
        self._words = {w.casefold() for piece in pieces for w in _WORD.findall(piece.text)}

    def is_heading(self, line: Piece) -> bool:
        """Whether it is larger than the text, or as large and bold, and no sentence."""
        if len(line.text) > 120 or not any(map(str.isalpha, line.text)) or line.text[0] == "•":
            return False
        if line.size >= _LARGER * self.usual:
            return not line.text.endswith((".", ",", ";")) or line.size >= 1.4 * self.usual
        return (
            line.bold and line.size >= 0.95 * self.usual and not line.text.endswith(tuple(".,;:"))
        )

    def blocks(self, lines: Sequence[Piece]) -> Iterator[tuple[str, str]]:
        """The blocks of one box: what each is, and its text."""
        lines = _with_stops(lines)
        left, right = min(p.left for p in lines), max(p.right for p in lines)
        kind, part = "", list[Piece]()
        whole = [self.is_heading(line) for line in lines]
        for line, heading in zip(lines, whole, strict=True):
            mark = None if heading else _MARK.match(line.text)
            now = "heading" if heading else "item" if mark else "text"
            goes_on = (
                part
                and (now == kind or (kind == "item" and now == "text" and line.left > part[0].left))
                and not mark
                and not (kind == "heading" and line.size != part[0].size)
                and not (kind != "heading" and self._begins(part[-1], line, left, right))
            )
            if part and not goes_on:
                yield kind, self._joined(kind, part)
                part = []
            if not part:
                kind = now
            part.append(line)
        if part:
            yield kind, self._joined(kind, part)

    def _begins(self, before: Piece, line: Piece, left: float, right: float) -> bool:
        """Whether a paragraph begins with a line, after one that ends a sentence."""
        if not _ENDED.search(before.text):
            return False
        indented = line.left > left + 0.8 * line.size and before.left <= left + 0.8 * line.size
        short = before.right < left + _SHORT * (right - left)
        return indented or (short and line.text[0].isupper())

    def _joined(self, kind: str, part: Sequence[Piece]) -> str:
        text = part[0].text
        for line in part[1:]:
            text = self.joined(text, line.text)
        if kind == "heading":
            size = part[0].size
            return f"{'#' * min(self._levels.get(size, len(self._levels) + 1), 6)} {text}"
        if kind == "item" and (mark := _MARK.match(text)):
            return f"{f'{mark[1]}.' if mark[1] else '-'} {text[mark.end() :]}"
        return text

    def joined(self, text: str, more: str) -> str:
        """A line behind another; a word that was cut between them is whole again."""
        cut = _CUT.search(text)
        if cut is None or not more[:1].islower():
            return f"{text} {more}"
        first = _WORD.match(more)
        parted = f"{cut[1]}-{first.group() if first else ''}".casefold()
        keep = cut[2] != "\u00ad" and parted in self._words
        return f"{text[: cut.start(2)]}{'-' if keep else ''}{more}"


_COUNTED = re.compile(r"(\d{1,2}) (?=\S)")


def _with_stops(lines: Sequence[Piece]) -> list[Piece]:
    """Lines that are counted from 1 as items of a list are, with a full stop behind the number."""
    counted = [m[1] for line in lines if (m := _COUNTED.match(line.text))]
    if len(counted) < 2 or counted != [str(n) for n in range(1, len(counted) + 1)]:
        return list(lines)
    return [
        line._replace(text=_COUNTED.sub(r"\1. ", line.text, count=1))
        if _COUNTED.match(line.text)
        else line
        for line in lines
    ]


def _add(blocks: list[str], kind: str, text: str, look: _Look) -> None:
    """Add a block, or what goes on with the paragraph before it, on another page or column."""
    last = blocks[-1] if blocks else ""
    goes_on = kind == "text" and text[:1].islower() and last and last[0] not in "#|"
    if goes_on and not _ENDED.search(last):
        blocks[-1] = look.joined(last, text)
    else:
        blocks.append(text)
