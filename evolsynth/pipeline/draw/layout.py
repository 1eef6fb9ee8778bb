"""Where the boxes of a pipeline's picture stand, and how the lines between them run.

A pipeline is series-parallel, so this is simple: a chain goes from left to right and is broken
into lines where it is too long; branches stand one below the other. A line of the chain has one
height, its axis, at which rows come in and go out. No box covers another, and all lines run where
no box is: in the gaps between boxes, and in the gutters between lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evolsynth.pipeline.graph import Branches, Part, Pipeline

__all__ = ["Edge", "Frame", "Layout", "Size", "lay_out"]

_STUB = 16.0  # from a box to where its line forks, or from there to the next box
_GUTTER = 36.0  # between two lines of boxes, or branches
_WAYS = 24.0
_HEAD = 26.0  # beside the text on a line


Points = tuple[tuple[float, float], ...]


class Size(NamedTuple):
    """Of a box, and of the room that is wanted under it."""

    width: float
    height: float
    under: float = 0.0


class Frame(NamedTuple):
    """A box in its place; of the node with this number."""

    node: int
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where rows go out."""
        return self.x + self.width

    @property
    def axis(self) -> float:
        """The height at which rows come in and go out."""
        return self.y + self.height / 2


class Edge(NamedTuple):
    """A line from a box's right side to another's left one; ``label`` is the middle of its text."""

    source: int
    target: int
    points: Points
    label: tuple[float, float]


class Layout(NamedTuple):
    """The picture's boxes, in the nodes' order, its lines, and its size; all in pixels."""

    frames: list[Frame]
    edges: list[Edge]
    width: float
    height: float


def lay_out(
    pipeline: Pipeline, sizes: Sequence[Size], *, width: float, label: float = 0.0
) -> Layout:
    """Place a pipeline's steps.

    Args:
        sizes: of the nodes, in their order; one more is a box at the end that takes all rows.
        width: that is not to be passed; it is where branches in branches leave no choice.
        label: room for the text on a line.
    """
    numbers = itertools.count()
    items = _items(pipeline.parts, numbers, sizes, width, label)
    items += [_Leaf(at, sizes[at]) for at in range(next(numbers), len(sizes))]
    chain = _Chain(items, width, label)
    canvas = _Canvas(label)
    chain.place(canvas, 0.0, chain.above)
    frames = sorted(canvas.frames)
    return Layout(frames, canvas.edges, chain.width, chain.above + chain.below)


class _Canvas:
    """What has been placed."""

    def __init__(self, label: float) -> None:
        self.label = label
        self.frames: list[Frame] = []
        self.edges: list[Edge] = []

    def join(self, sources: list[Frame], targets: list[Frame]) -> None:
        """Lines between neighbours in one line; one of the two is alone."""
        fork = sources[0].right + _STUB if len(targets) > 1 else targets[0].x - _STUB
        for source, target in itertools.product(sources, targets):
            begin, end = (source.right, source.axis), (target.x, target.axis)
            points: Points = (begin, end)
            if source.axis != target.axis:
                points = (begin, (fork, source.axis), (fork, target.axis), end)
            if len(targets) > 1:
                place = ((fork + target.x) / 2 - 2, target.axis)
            elif len(sources) > 1 or len(points) > 2:
                place = (source.right + (self.label + _STUB) / 2, source.axis)
            else:
                place = ((source.right + target.x) / 2 - 2, target.axis)
            self.edges.append(Edge(source.node, target.node, points, place))

    def turn(
        self, sources: list[Frame], targets: list[Frame], right: float, gutter: float, left: float
    ) -> None:
        """Lines from the end of one line of boxes to the beginning of the next."""
        for source, target in itertools.product(sources, targets):
            points = (
                (source.right, source.axis),
                (right, source.axis),
                (right, gutter),
                (left, gutter),
                (left, target.axis),
                (target.x, target.axis),
            )
            place = ((left + target.x) / 2 - 2, target.axis)
            if len(sources) > 1:
                place = (source.right + (self.label + _STUB) / 2, source.axis)
            self.edges.append(Edge(source.node, target.node, points, place))


class _Block:
    """Something in a line: how wide, how far above and below the axis, how many ends it has."""

    width: float
    above: float
    below: float
    first: int
    last: int


class _Leaf(_Block):
    """A box."""

    def __init__(self, node: int, size: Size) -> None:
        self.node, self.size = node, size
        self.width = size.width
        self.above = size.height / 2
        self.below = size.height / 2 + size.under
        self.first = self.last = 1

    def place(self, canvas: _Canvas, x: float, axis: float) -> tuple[list[Frame], list[Frame]]:
        frame = Frame(self.node, x, axis - self.above, self.width, self.size.height)
        canvas.frames.append(frame)
        return [frame], [frame]


class _Ways(_Block):
    """Chains one below the other; the axis is half-way between the first's and the last's."""

    def __init__(self, ways: list[_Chain]) -> None:
        self.ways = ways
        self.width = max(way.width for way in ways)
        axes = [ways[0].above]
        for upper, lower in itertools.pairwise(ways):
            axes.append(axes[-1] + upper.below + _WAYS + lower.above)
        self.above = (axes[0] + axes[-1]) / 2
        self.below = axes[-1] + ways[-1].below - self.above
        self._axes = [axis - self.above for axis in axes]
        self.first = sum(way.first for way in ways)
        self.last = sum(way.last for way in ways)

    def place(self, canvas: _Canvas, x: float, axis: float) -> tuple[list[Frame], list[Frame]]:
        begins: list[Frame] = []
        ends: list[Frame] = []
        for way, own in zip(self.ways, self._axes, strict=True):
            first, last = way.place(canvas, x, axis + own)
            begins += first
            ends += last
        return begins, ends


class _Chain(_Block):
    """Boxes and branches one behind the other, in one line or several."""

    def __init__(self, items: list[_Leaf | _Ways], width: float, label: float) -> None:
        self._label = label
        self.first, self.last = items[0].first, items[-1].last
        self.lines = [items]
        self._left = self._right = 0.0
        if self._length(items) > width and len(items) > 1:
            self._left, self._right = label + _HEAD, _STUB
            if any(item.last > 1 for item in items[:-1]):
                self._right += label
            self.lines = self._balanced(items, width - self._left - self._right)
            if len(self.lines) == 1:
                self._left = self._right = 0.0
        self.width = self._left + self._right + max(map(self._length, self.lines))
        self._axes = [max(item.above for item in self.lines[0])]
        self.above = self._axes[0]
        for upper, lower in itertools.pairwise(self.lines):
            deep, high = max(i.below for i in upper), max(i.above for i in lower)
            self._axes.append(self._axes[-1] + deep + _GUTTER + high)
        self.below = self._axes[-1] - self.above + max(item.below for item in self.lines[-1])

    def place(self, canvas: _Canvas, x: float, axis: float) -> tuple[list[Frame], list[Frame]]:
        begins: list[Frame] = []
        before: list[Frame] = []
        right = x + self.width - 1.0
        for number, (line, own) in enumerate(zip(self.lines, self._axes, strict=True)):
            here = axis - self.above + own
            cursor = x + self._left
            for place, item in enumerate(line):
                if place:
                    cursor += self._gap(line[place - 1], item)
                entries, exits = item.place(canvas, cursor, here)
                cursor += item.width
                if place:
                    canvas.join(before, entries)
                elif number:
                    top = here - max(i.above for i in line)
                    canvas.turn(before, entries, right, top - _GUTTER / 2, x + 1.0)
                begins, before = begins or entries, exits
        return begins, before

    def _gap(self, one: _Leaf | _Ways, other: _Leaf | _Ways) -> float:
        """Room for the text on the line and its head, and for where it forks."""
        return self._label + _HEAD + (_STUB if one.last > 1 or other.first > 1 else 0.0)

    def _length(self, items: Sequence[_Leaf | _Ways]) -> float:
        gaps = sum(self._gap(one, other) for one, other in itertools.pairwise(items))
        return gaps + sum(item.width for item in items)

    def _balanced(self, items: list[_Leaf | _Ways], width: float) -> list[list[_Leaf | _Ways]]:
        """As few lines as there must be, of much the same length."""
        best = self._broken(items, width)
        longest = max(map(self._length, best))
        least = max((x for x in map(self._length, _units(items)) if x <= width), default=0.0)
        while longest > least and len(tried := self._broken(items, longest - 1.0)) == len(best):
            now = max(map(self._length, tried))
            if now >= longest:
                break
            best, longest = tried, now
        return best

    def _broken(self, items: list[_Leaf | _Ways], width: float) -> list[list[_Leaf | _Ways]]:
        lines: list[list[_Leaf | _Ways]] = [[]]
        for unit in _units(items):
            if self._length(unit) <= width:  # stays together
                if lines[-1] and self._length([*lines[-1], *unit]) > width:
                    lines.append([])
                lines[-1] += unit
                continue
            for item in unit:
                if lines[-1] and self._length([*lines[-1], item]) > width:
                    lines.append([])
                lines[-1].append(item)
        return lines


def _units(items: list[_Leaf | _Ways]) -> Iterator[list[_Leaf | _Ways]]:
    """What stays in one line: branches with what brings them together, the last two."""
    unit: list[_Leaf | _Ways] = []
    for place, item in enumerate(items, 1):
        unit.append(item)
        if item.last == 1 and place != len(items) - 1:
            yield unit
            unit = []
    if unit:
        yield unit


def _items(
    parts: Sequence[Part],
    numbers: Iterator[int],
    sizes: Sequence[Size],
    width: float,
    label: float,
) -> list[_Leaf | _Ways]:
    items: list[_Leaf | _Ways] = []
    for part in parts:
        if isinstance(part, Branches):
            # what is before and behind has its room in the same line, if it can be
            inner = width - 2 * (label + _HEAD + _STUB) - 100.0
            ways = [
                _Chain(_items(way.parts, numbers, sizes, max(inner, 1.0), label), inner, label)
                for way in part.ways
            ]
            items.append(_Ways(ways))
        else:
            at = next(numbers)
            items.append(_Leaf(at, sizes[at]))
    return items
