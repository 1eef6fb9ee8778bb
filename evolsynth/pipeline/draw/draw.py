"""A pipeline drawn offline, as Mermaid text or as an SVG picture that loads nothing.

A chain stands from top to bottom, branches side by side, each in a column of its own. So no box
covers another, and lines run where no box is: down a column, and from one column to another only
in the gap above or below all branches.
"""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.atomic import write
from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.labels import Box, Chain, Fork, mermaid, outline, plain

if TYPE_CHECKING:
    from evolsynth.store.status import StepCounts

__all__ = ["SUFFIXES", "WIDTH", "check_suffix", "draw", "fitted", "svg", "text_width"]

#: What a drawing's file may end in.
SUFFIXES = (".svg", ".mmd", ".md")
#: Pixels that a picture is wide, unless so many branches stand side by side that it is wider with
#: boxes of the least width.
WIDTH = 1136.0

_NAME, _SMALL = 14.0, 12.0  # sizes of text
_PAD = 11.0  # within a box
_BAR = 9.0  # room at its left for its bar
_LEAST, _MOST = 96.0, 232.0  # width of a box
_LINES = 3  # of options
_EDGE = 10.0  # around the picture
_APART = 18.0  # between branches
_GAP = 46.0  # between a box and the next one below
_FORK, _JOIN = 10.0, 27.0  # where a line leaves its column, below what is above the gap


def draw(
    pipeline: Pipeline,
    path: str | os.PathLike[str] | None = None,
    counts: Sequence[StepCounts] | None = None,
) -> str:
    """A pipeline as Mermaid text; with a path, it is drawn there as well.

    Args:
        path: ends in ``.svg`` for a picture, in ``.mmd`` for the text, or in ``.md`` for the text
            as Markdown shows it. The file appears whole or not at all.
        counts: of a run, for the rows on the lines and those rejected at each step.

    Raises:
        InputError: the pipeline does not fit together, the path ends in something else, or the
            file cannot be written.
    """
    text = mermaid(pipeline, counts)
    if path is not None:
        suffix = check_suffix(path)
        fenced = f"```mermaid\n{text}```\n" if suffix == ".md" else text
        write(path, [svg(pipeline, counts) if suffix == ".svg" else fenced])
    return text


def check_suffix(path: str | os.PathLike[str]) -> str:
    """What the path ends in.

    Raises:
        InputError: nothing that can be drawn.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{os.fspath(path)}: a pipeline is drawn into a file that ends in .svg (a picture), "
            ".mmd or .md (Mermaid text)."
        )
    return suffix


def svg(pipeline: Pipeline, counts: Sequence[StepCounts] | None = None) -> str:
    """The picture; with counts, rows stand on its lines, and what was rejected in the boxes.

    A line's number is that of the rows that went on along it: neither rejected nor failed. It is
    valid XML, fits light and dark, and no text of a user's is anything but text in it.

    Raises:
        InputError: the pipeline does not fit together.
    """
    chain = outline(pipeline, counts)
    style = files("evolsynth.pipeline.draw").joinpath("picture.css").read_text("utf-8")
    lanes = _lanes(chain)
    room = (WIDTH - 2 * _EDGE - _APART * (lanes - 1)) / lanes
    drawing = _Drawing(max(_LEAST, min(room, _MOST, max(map(_natural, _boxes(chain))))))
    width, height = drawing.extent(chain)
    drawing.place(chain, 0.0, 0.0)
    wide, high = _number(width + 2 * _EDGE), _number(height + 2 * _EDGE)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="evp" role="img" width="{wide}" '
            f'height="{high}" viewBox="0 0 {wide} {high}">',
            f"<title>{_text(f'The pipeline {plain(pipeline.name)}')}</title>",
            f"<desc>{_text(_told(pipeline.nodes(), list(_boxes(chain))))}</desc>",
            f"<style>\n{style}</style>",
            f'<rect class="evp-paper" width="{wide}" height="{high}"/>',
            f'<g transform="translate({_number(_EDGE)} {_number(_EDGE)})">',
            f'<path class="evp-line" d="{"".join(drawing.lines)}"/>',
            f'<path class="evp-head" d="{"".join(dict.fromkeys(drawing.heads))}"/>',
            *drawing.boxes,
            *drawing.counts,
            "</g>",
            "</svg>",
            "",
        ]
    )


class _Place(NamedTuple):
    """The middle of a box, its upper and lower border, and how many rows went on from it."""

    x: float
    top: float
    bottom: float
    left: int | None


class _Drawing:
    """The pieces of a picture as they are placed; all boxes have one width."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.boxes: list[str] = []
        self.lines: list[str] = []
        self.heads: list[str] = []
        self.counts: list[str] = []

    def size(self, part: Box | Fork) -> tuple[float, float]:
        """Width and height of a box or of branches."""
        if isinstance(part, Box):
            return self.width, _height(part, self.width)
        sizes = [self.extent(way) for way in part.ways]
        width = sum(wide for wide, _ in sizes) + _APART * (len(sizes) - 1)
        return width, max(high for _, high in sizes)

    def extent(self, chain: Chain) -> tuple[float, float]:
        """Width and height of a chain."""
        sizes = [self.size(part) for part in chain]
        height = sum(high for _, high in sizes) + _GAP * (len(sizes) - 1)
        return max(wide for wide, _ in sizes), height

    def place(self, chain: Chain, x: float, y: float) -> tuple[list[_Place], list[_Place]]:
        """Draw a chain with its upper left corner there; where rows come in, and go out."""
        middle = x + self.extent(chain)[0] / 2
        first: list[_Place] = []
        above: list[_Place] = []
        for part in chain:
            width, height = self.size(part)
            here = middle - width / 2
            if isinstance(part, Box):
                entries = exits = [_Place(middle, y, y + height, part.left)]
                self.boxes += _drawn(part, here, y, width, height)
            else:
                entries, exits = [], []
                for way in part.ways:
                    begins, ends = self.place(way, here, y)
                    entries += begins
                    exits += ends
                    here += self.extent(way)[0] + _APART
            self._join(above, entries, y - _GAP)
            first, above = first or entries, exits
            y += height + _GAP
        return first, above

    def _join(self, sources: list[_Place], targets: list[_Place], top: float) -> None:
        """Lines through the gap that begins at ``top``; one of the two ends is alone."""
        for source, target in itertools.product(sources, targets):
            level = top + (_FORK if len(targets) > 1 else _JOIN)
            points = [(source.x, source.bottom), (source.x, level), (target.x, level)]
            if source.x == target.x:
                points = points[:1]
            points.append((target.x, target.top - 4.0))  # under the arrow's head
            self.lines.append("M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points))
            self.heads.append(f"M{_number(target.x)} {_number(target.top)}l-4.5 -8h9z")
            if source.left is not None:
                at = target if len(targets) > 1 else source
                height = top + 30.0 if len(sources) == 1 else source.bottom + 18.0
                self.counts.append(
                    f'<text class="evp-count" text-anchor="middle" x="{_number(at.x)}" '
                    f'y="{_number(height)}">{source.left:,}</text>'
                )


def _boxes(chain: Chain) -> Iterator[Box]:
    """All of them, in the nodes' order."""
    for part in chain:
        if isinstance(part, Box):
            yield part
        else:
            for way in part.ways:
                yield from _boxes(way)


def _lanes(chain: Chain) -> int:
    """How many boxes stand side by side where there are most."""
    return max(
        1 if isinstance(part, Box) else sum(_lanes(way) for way in part.ways) for part in chain
    )


def _natural(box: Box) -> float:
    """How wide a box would be if it were for this alone."""
    name = text_width(box.label.name, _NAME, bold=True)
    told = [*box.label.options, *(text for _, text in box.notes), f"{box.left or 0:,}"]
    return max(name, *(text_width(text, _SMALL) for text in told)) + 2 * _PAD + _BAR


def _lines(box: Box, width: float) -> list[tuple[str, str]]:
    """(what, as a text) of the lines below a box's name: options, an ellipsis where some of them
    are left out, as many in a line as go; then what became of its rows."""
    room = width - 2 * _PAD - _BAR
    lines: list[str] = []
    for option in box.label.options:
        longer = f"{lines[-1]} · {option}" if lines else option
        if lines and text_width(longer, _SMALL) <= room:
            lines[-1] = longer
        elif len(lines) < _LINES:
            lines.append(fitted(option, room, _SMALL))
        else:
            if not lines[-1].endswith("…"):
                lines[-1] = fitted(lines[-1] + " · …", room, _SMALL)
            break
    notes = [(what, fitted(text, room, _SMALL)) for what, text in box.notes]
    return [*(("option", line) for line in lines), *notes]


def _height(box: Box, width: float) -> float:
    lines = len(_lines(box, width))
    return 2 * _PAD + 16.0 + (2.0 + 16.0 * lines if lines else 0.0)


def _drawn(box: Box, x: float, y: float, width: float, height: float) -> Iterator[str]:
    """The box, and its texts in a frame of their own, which nothing can leave."""
    end = box.kind == "end"
    frame = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    yield "<g>"
    yield f"<title>{_text(chr(10).join([box.label.name, *box.label.options]))}</title>"
    kind, rounding = ("evp-end", height / 2) if end else ("evp-box", 10.0)
    yield f'<rect class="{kind}" {frame} rx="{_number(rounding)}"/>'
    if not end:
        bar = {"source": " evp-source", "join": " evp-join"}.get(box.kind, "")
        yield (
            f'<rect class="evp-bar{bar}" x="{_number(x + 8)}" y="{_number(y + 10)}" width="3.5" '
            f'height="{_number(height - 20)}" rx="1.75"/>'
        )
    yield f'<svg {frame} overflow="hidden">'
    name = _text(fitted(box.label.name, width - 2 * _PAD - (0 if end else _BAR), _NAME, bold=True))
    if end:
        middle = f'text-anchor="middle" x="{_number(width / 2)}" y="{_number(_PAD + 12.5)}"'
        yield f'<text class="evp-name evp-accepted" {middle}>{name}</text>'
    else:
        start = _number(_PAD + _BAR)
        yield f'<text class="evp-name" x="{start}" y="{_number(_PAD + 12.5)}">{name}</text>'
        for place, (what, line) in enumerate(_lines(box, width)):
            at = f'x="{start}" y="{_number(_PAD + 31.5 + 16 * place)}"'
            yield f'<text class="evp-{what}" {at}>{_text(line)}</text>'
    yield "</svg>"
    yield "</g>"


def _told(nodes: Sequence[Node], boxes: Sequence[Box]) -> str:
    """The picture in words."""
    sentences = []
    for node, box in zip(nodes, boxes, strict=False):  # the last box may be the end's
        came = ", ".join(boxes[one].label.name for one in node.inputs)
        on = "." if box.left is None else f"; {box.left:,} go on."
        sentences.append(
            f"{box.label.name} " + (f"takes rows from {came}" if came else "makes rows") + on
        )
    return " ".join(sentences)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most, in pixels, in the usual fonts of screens."""
    return size * (1.1 if bold else 1.0) * sum(map(_wide, text))


def fitted(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it would be wider."""
    room = width + 0.01  # sums of the same numbers in another order
    if text_width(text, size, bold=bold) <= room:
        return text
    text = text[: 1 + int(width / size) * 4]  # no more can go in
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _wide(character: str) -> float:
    """In parts of the font's size; measured on the widest of the usual fonts, and rounded up."""
    if character in "ijlI.,:;'|!()[] tfr-/·":
        return 0.43
    if character in "mwMW@%…→−":
        return 1.0
    if character.isascii():
        return 0.76 if character.isupper() else 0.65
    if unicodedata.combining(character):
        return 0.0
    wide = unicodedata.east_asian_width(character) in "WF"
    return 1.4 if unicodedata.category(character) == "So" else 1.05 if wide else 0.85


def _text(text: str) -> str:
    return escape(text, quote=False)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
