"""A pipeline as an SVG picture, made without any other program; it loads nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from html import escape
from math import ceil
from typing import NamedTuple

from evolsynth.pipeline.draw.labels import Counts, Label, fitted, label_of, plain, tally, text_width
from evolsynth.pipeline.draw.layout import Edge, Frame, Size, lay_out
from evolsynth.pipeline.graph import Node, Pipeline

__all__ = ["WIDTH", "svg"]

#: Pixels that a picture is wide at most; it goes on in a further line of boxes.
WIDTH = 1136.0

_NAME, _SMALL = 14.0, 12.0  # sizes of text
_PAD = 11.0  # within a box
_BAR = 9.0  # room at its left for its bar
_LEAST = 88.0  # width of a box
_MOST = (204.0, 184.0, 164.0)  # as wide as it can be without a further line
_LINES = 3  # of options
_EDGE = 10.0  # around the picture
_ROUND = 9.0

_STYLE = """
.evp { font-family: system-ui, -apple-system, "Segoe UI", Roboto, Ubuntu, Cantarell, "Noto Sans",
  sans-serif; font-size: 12px; font-variant-numeric: tabular-nums; }
.evp-paper { fill: #ffffff; }
.evp-box { fill: #f6f7f9; stroke: #ccd2d9; }
.evp-end { fill: #e3f0f8; stroke: #0072b2; }
.evp-bar { fill: #0072b2; }
.evp-source { fill: #00805c; }
.evp-join { fill: #8a95a1; }
.evp-line { fill: none; stroke: #8a95a1; stroke-width: 1.5; }
.evp-head { fill: #8a95a1; }
.evp-name { fill: #1b1f24; font-size: 14px; font-weight: 600; }
.evp-option, .evp-running { fill: #5d6773; }
.evp-count { fill: #1b1f24; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.evp-accepted { fill: #005c91; font-weight: 600; }
.evp-rejected { fill: #b04a00; }
.evp-failed { fill: #9c3f7a; }
@media (prefers-color-scheme: dark) {
  .evp-paper { fill: #14171b; }
  .evp-box { fill: #1c2026; stroke: #3d4752; }
  .evp-end { fill: #10293b; stroke: #56b4e9; }
  .evp-bar { fill: #56b4e9; }
  .evp-source { fill: #3dbd92; }
  .evp-join { fill: #76818d; }
  .evp-line { stroke: #76818d; }
  .evp-head { fill: #76818d; }
  .evp-name { fill: #e6e9ed; }
  .evp-option, .evp-running { fill: #9aa5b1; }
  .evp-count { fill: #e6e9ed; stroke: #14171b; }
  .evp-accepted { fill: #9bd3f3; }
  .evp-rejected { fill: #f08a4b; }
  .evp-failed { fill: #d88fbb; }
}
"""


class _Box(NamedTuple):
    """What stands in a box and under it."""

    kind: str
    label: Label
    lines: tuple[str, ...]
    under: tuple[tuple[str, str], ...]
    size: Size


def svg(pipeline: Pipeline, counts: Sequence[Counts] | None = None) -> str:
    """The picture; with counts, rows stand on its lines, and what was rejected under the boxes.

    A line's number is that of the rows that went on along it: neither rejected nor failed. It is
    valid XML, at most `WIDTH` pixels wide unless branches in branches leave no choice, fits light
    and dark, and no text of a user's is anything but text in it.

    Raises:
        InputError: the pipeline does not fit together.
    """
    nodes = pipeline.nodes()
    known = {one.name: one for one in counts or ()}
    left = [known[node.name].left if node.name in known else None for node in nodes]
    longest = ceil(max((text_width(f"{n:,}", _SMALL) for n in left if n is not None), default=0))
    tries = []
    for most in _MOST:
        boxes = _boxes(nodes, known, most)
        if counts is not None and left[-1] is not None:
            boxes.append(_end(left[-1]))
        sizes = [box.size for box in boxes]
        tries.append((boxes, lay_out(pipeline, sizes, width=WIDTH - 2 * _EDGE, label=longest)))
    boxes, layout = min(tries, key=lambda tried: tried[1].height)  # the first of equal ones
    told = _told(nodes, left)
    body = [
        *_lines(layout.edges, left),
        *itertools.chain.from_iterable(
            _drawn(box, frame, _full(nodes, frame.node, boxes))
            for box, frame in zip(boxes, layout.frames, strict=True)
        ),
    ]
    wide, high = _number(layout.width + 2 * _EDGE), _number(layout.height + 2 * _EDGE)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="evp" role="img" width="{wide}" '
            f'height="{high}" viewBox="0 0 {wide} {high}">',
            f"<title>{_text(f'The pipeline {plain(pipeline.name)}')}</title>",
            f"<desc>{_text(told)}</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect class="evp-paper" width="{wide}" height="{high}"/>',
            f'<g transform="translate({_number(_EDGE)} {_number(_EDGE)})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _boxes(nodes: Sequence[Node], counts: dict[str, Counts], widest: float) -> list[_Box]:
    """Steps are equally large; joins, of which there is little to say, are smaller."""
    labels = [label_of(node) for node in nodes]
    under = [tuple(tally(counts[n.name])) if n.name in counts else () for n in nodes]
    width = ceil(min(widest, max(_natural(*pair) for pair in zip(labels, under, strict=True))))
    lines = [_filled(label.options, width - 2 * _PAD - _BAR) for label in labels]
    most = max(map(len, lines))
    boxes = []
    for node, label, options, notes in zip(nodes, labels, lines, under, strict=True):
        own, high = width, _height(most)
        if node.step.shape == "join":
            high = _height(len(options))
            if not options:
                own = min(width, ceil(_natural(Label(label.name, ()), notes)))
        kind = node.step.shape
        boxes.append(_Box(kind, label, options, notes, Size(own, high, _under(notes))))
    return boxes


def _end(rows: int) -> _Box:
    label = Label(f"{rows:,} accepted", ())
    width = ceil(max(_LEAST, text_width(label.name, _NAME, bold=True) + 2 * _PAD))
    return _Box("end", label, (), (), Size(width, _height(0)))


def _natural(label: Label, notes: Sequence[tuple[str, str]]) -> float:
    """How wide a box would be if it were for this alone."""
    name = text_width(label.name, _NAME, bold=True)
    options = max((text_width(option, _SMALL) for option in label.options), default=0.0)
    inner = max(name, options) + 2 * _PAD + _BAR
    return max(_LEAST, inner, *(text_width(text, _SMALL) for _, text in notes))


def _height(lines: int) -> float:
    return 2 * _PAD + 16.0 + (2.0 + 16.0 * lines if lines else 0.0)


def _under(notes: Sequence[tuple[str, str]]) -> float:
    return 6.0 + 16.0 * len(notes) if notes else 0.0


def _filled(options: Iterable[str], width: float) -> tuple[str, ...]:
    """Options in lines, as many in each as go; an ellipsis where something is left out."""
    lines: list[str] = []
    for option in options:
        longer = f"{lines[-1]} · {option}" if lines else option
        if lines and text_width(longer, _SMALL) <= width:
            lines[-1] = longer
        elif len(lines) < _LINES:
            lines.append(fitted(option, width, _SMALL))
        else:
            if not lines[-1].endswith("…"):
                lines[-1] = fitted(lines[-1] + " · …", width, _SMALL)
            break
    return tuple(lines)


def _lines(edges: Sequence[Edge], left: Sequence[int | None]) -> Iterable[str]:
    """All lines as one path, so that those that run together look like one."""
    if not edges:
        return
    yield f'<path class="evp-line" d="{"".join(_path(edge.points) for edge in edges)}"/>'
    heads = dict.fromkeys(f"M{_pair(edge.points[-1])}l-8 -4.5v9z" for edge in edges)
    yield f'<path class="evp-head" d="{"".join(heads)}"/>'
    for edge in edges:
        rows = left[edge.source]
        if rows is not None:
            at = f'x="{_number(edge.label[0])}" y="{_number(edge.label[1] - 6)}"'
            yield f'<text class="evp-count" text-anchor="middle" {at}>{rows:,}</text>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Along the points, round at its corners; its end is under the arrow's head."""
    last = points[-1]
    points = [*points[:-1], (last[0] - 4.0, last[1])]
    path = [f"M{_pair(points[0])}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(_ROUND, _far(before, here) / 2, _far(here, after) / 2)
        path.append(f"L{_pair(_toward(here, before, reach))}")
        path.append(f"Q{_pair(here)} {_pair(_toward(here, after, reach))}")
    path.append(f"L{_pair(points[-1])}")
    return "".join(path)


def _far(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])  # all lines are level or upright


def _toward(
    one: tuple[float, float], other: tuple[float, float], reach: float
) -> tuple[float, float]:
    part = reach / (_far(one, other) or 1.0)
    return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part


def _drawn(box: _Box, frame: Frame, full: str) -> Iterable[str]:
    """The box, and its texts in a frame of their own, which nothing can leave."""
    x, y, wide, high = map(_number, (frame.x, frame.y, frame.width, frame.height))
    end = box.kind == "end"
    rounding = _number(frame.height / 2 if end else 10.0)
    yield "<g>"
    yield f"<title>{_text(full)}</title>"
    yield (
        f'<rect class="{"evp-end" if end else "evp-box"}" x="{x}" y="{y}" width="{wide}" '
        f'height="{high}" rx="{rounding}"/>'
    )
    if not end:
        bar = {"source": " evp-source", "join": " evp-join"}.get(box.kind, "")
        yield (
            f'<rect class="evp-bar{bar}" x="{_number(frame.x + 8)}" '
            f'y="{_number(frame.y + 10)}" width="3.5" height="{_number(frame.height - 20)}" '
            'rx="1.75"/>'
        )
    yield f'<svg x="{x}" y="{y}" width="{wide}" height="{high}" overflow="hidden">'
    room = frame.width - 2 * _PAD - (0.0 if end else _BAR)
    top = (frame.height - _height(len(box.lines))) / 2 + _PAD + 12.5
    name = fitted(box.label.name, room, _NAME, bold=True)
    if end:
        middle = f'text-anchor="middle" x="{_number(frame.width / 2)}" y="{_number(top)}"'
        yield f'<text class="evp-name evp-accepted" {middle}>{_text(name)}</text>'
    else:
        start = _number(_PAD + _BAR)
        yield f'<text class="evp-name" x="{start}" y="{_number(top)}">{_text(name)}</text>'
        for place, line in enumerate(box.lines):
            at = f'x="{start}" y="{_number(top + 19 + 16 * place)}"'
            yield f'<text class="evp-option" {at}>{_text(line)}</text>'
    yield "</svg>"
    for place, (what, told) in enumerate(box.under):
        at = f'x="{_number(frame.x + frame.width / 2)}" y="{_number(_below(frame, place))}"'
        yield f'<text class="evp-{what}" text-anchor="middle" {at}>{_text(told)}</text>'
    yield "</g>"


def _below(frame: Frame, place: int) -> float:
    return frame.y + frame.height + 17 + 16 * place


def _full(nodes: Sequence[Node], index: int, boxes: Sequence[_Box]) -> str:
    """All that there is to say of a box, for those who point at it."""
    label = boxes[index].label
    if index >= len(nodes):
        return label.name
    return "\n".join([label.name, *label.options])


def _told(nodes: Sequence[Node], left: Sequence[int | None]) -> str:
    """The picture in words."""
    sentences = []
    for node in nodes:
        name = label_of(node).name
        came = ", ".join(label_of(nodes[one]).name for one in node.inputs)
        rows = left[node.index]
        sentences.append(
            (f"{name} takes rows from {came}" if came else f"{name} makes rows")
            + (f"; {rows:,} go on." if rows is not None else ".")
        )
    return " ".join(sentences)


def _text(text: str) -> str:
    return escape(text, quote=False)


def _pair(point: tuple[float, float]) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
