"""What a drawing says of a step, its name, its most telling options, what became of its rows; and
drawings as Mermaid text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Branches, Node, Part, Pipeline
from evolsynth.report.text import visible

if TYPE_CHECKING:
    from evolsynth.store.status import StepCounts

__all__ = ["Box", "Chain", "Fork", "Label", "label_of", "mermaid", "outline", "outlined", "plain"]
__all__ += ["Sketch", "Sketched", "sketch", "tally"]

#: Options in the order in which they tell most; all others follow in their function's order.
_TELLING = ["data", "n", "rounds", "num_instructions", "n_turns"]
_TELLING += ["samples", "candidates", "topic", "columns"]
_SECRET = re.compile(r"key|token(?!s)|secret|passw|credential|auth", re.IGNORECASE)
_ADDRESS = re.compile(r"^(\w[\w+.-]*:)?(//)([^/?#@]*@)?([^?#]*).*$", re.DOTALL)
_LIMIT = 60  # characters of one value
_NAME, _OPTION, _OPTIONS = 40, 32, 4  # characters in Mermaid text, and how many options
_PLAIN = frozenset(" _,.-=+/()·→−…")


class Label(NamedTuple):
    """A step's name, and its options as short texts; all plain."""

    name: str
    options: tuple[str, ...]


class Box(NamedTuple):
    """A step as it is drawn.

    ``kind`` is its shape, or "end" for the box that takes all accepted rows. ``notes`` are what
    `tally` says, and ``left`` is how many rows went on from it; None without the counts of a run.
    """

    kind: str
    label: Label
    notes: tuple[tuple[str, str], ...]
    left: int | None


class Fork(NamedTuple):
    """Branches: chains side by side."""

    ways: list[Chain]


Chain: TypeAlias = "list[Box | Fork]"


def label_of(node: Node) -> Label:
    """What is written into the step's box.

    Options whose names say that they are secret are left out, and so are the user and the query
    of an address.
    """
    step = node.step
    given = {k: v for k, v in step.parameters.items() if v is not None and not _SECRET.search(k)}
    order = sorted(given, key=lambda k: _TELLING.index(k) if k in _TELLING else len(_TELLING))
    options = [_option(name, given[name]) for name in order]
    if not re.fullmatch(re.escape(step.kind) + r"(_\d+)?", node.name):
        options.insert(0, plain(step.kind))
    if step.model is not None:
        options.append(f"model {_value(step.model)}")
    options += [_value(m) for m in (step.input_mappings, step.output_mappings) if m]
    return Label(plain(node.name) or "(no name)", tuple(options))


def tally(counts: StepCounts) -> list[tuple[str, str]]:
    """(what, as a text) of the rows that ended at a step, or are under way in it."""
    kinds = {"rejected": "\u2212", "failed": "\u2212", "running": ""}
    told = {what: getattr(counts, what) for what in kinds}
    return [(what, f"{kinds[what]}{n:,} {what}") for what, n in told.items() if n]


def plain(text: str) -> str:
    """One line without hidden characters, white space squeezed."""
    return " ".join(str(visible(str(text))).split())


def outline(pipeline: Pipeline, counts: Sequence[StepCounts] | None = None) -> Chain:
    """The pipeline as boxes in chains, its last box that of the rows accepted, where it has run.

    Raises:
        InputError: the pipeline does not fit together.
    """
    return outlined(sketch(pipeline), counts)


class Sketched(msgspec.Struct, frozen=True):
    """A step, by its own name, with its shape and what is written into its box."""

    name: str
    shape: str
    label: str
    options: tuple[str, ...]


#: A pipeline without counts, as a run remembers it: steps, and lists of such lists for branches.
Sketch: TypeAlias = "list[Sketched | list[Any]]"


def sketch(pipeline: Pipeline) -> Sketch:
    """What a run keeps of its pipeline, to draw it when the pipeline itself is not at hand.

    Raises:
        InputError: the pipeline does not fit together.
    """
    return _sketched(pipeline.parts, iter(pipeline.nodes()))


def _sketched(parts: Sequence[Part], nodes: Iterator[Node]) -> Sketch:
    """Nodes are numbered in the order in which they stand in the parts."""
    found: Sketch = []
    for part in parts:
        if isinstance(part, Branches):
            found.append([_sketched(way.parts, nodes) for way in part.ways])
        else:
            node = next(nodes)
            found.append(Sketched(node.name, node.step.shape, *label_of(node)))
    return found


def outlined(drawn: Sequence[Any], counts: Sequence[StepCounts] | None = None) -> Chain:
    """`outline` of a sketch, also of one that was read back from a run's store.

    Raises:
        InputError: it is no sketch.
    """
    known = {one.name: one for one in counts or ()}
    try:
        chain, names = _chain(drawn, known)
    except (msgspec.ValidationError, TypeError):
        raise InputError("The picture of the run's pipeline cannot be read.") from None
    last = known.get(names[-1]) if names else None
    if last is not None:
        chain.append(Box("end", Label(f"{last.left:,} accepted", ()), (), None))
    return chain


def _chain(drawn: Sequence[Any], known: Mapping[str, StepCounts]) -> tuple[Chain, list[str]]:
    """The chain, and the names of its steps in order."""
    chain: Chain = []
    names: list[str] = []
    for part in drawn:
        if isinstance(part, list | tuple):
            ways = [_chain(way, known) for way in part]
            chain.append(Fork([way for way, _ in ways]))
            names += [name for _, inside in ways for name in inside]
        else:
            step = part if isinstance(part, Sketched) else msgspec.convert(part, Sketched)
            counts = known.get(step.name)
            notes, left = ((), None) if counts is None else (tuple(tally(counts)), counts.left)
            chain.append(Box(step.shape, Label(step.label, step.options), notes, left))
            names.append(step.name)
    return chain, names


def mermaid(pipeline: Pipeline, counts: Sequence[StepCounts] | None = None) -> str:
    """A flowchart from left to right, which GitHub and many editors show as a picture.

    Sources have round ends, and what brings branches together has slanted ones. Of the texts, all
    characters but letters, digits and a few others are written as numbers, so that none of them
    means anything to Mermaid.

    Raises:
        InputError: the pipeline does not fit together.
    """
    nodes = pipeline.nodes()
    known = {one.name: one for one in counts or ()}
    lines = ["flowchart LR"]
    lines += [f"    n{node.index}{_shape(node, known.get(node.name))}" for node in nodes]
    for node in nodes:
        for one in node.inputs:
            rows = known.get(nodes[one].name)
            told = "" if rows is None else f'|"{rows.left:,}"|'
            lines.append(f"    n{one} -->{told} n{node.index}")
    last = known.get(nodes[-1].name)
    if last is not None:
        lines.append(f'    n{nodes[-1].index} --> n{len(nodes)}(["{last.left:,} accepted"])')
    return "\n".join(lines) + "\n"


def _shape(node: Node, counts: StepCounts | None) -> str:
    label = label_of(node)
    texts = [_escaped(label.name, _NAME)]
    texts += [_escaped(option, _OPTION) for option in label.options[:_OPTIONS]]
    texts += [_escaped(told, _OPTION) for _, told in (tally(counts) if counts else ())]
    inside = '"' + "<br/>".join(texts) + '"'
    shapes = {"source": f"([{inside}])", "join": f"{{{{{inside}}}}}"}
    return shapes.get(node.step.shape, f"[{inside}]")


def _escaped(text: str, limit: int) -> str:
    """At most so many characters, and only those that mean nothing to Mermaid.

    A colon and a semicolon are among those that do, within ``style ...:...;``, even in quotes.
    Formulas and icons are looked for when numbers have become characters again, so a space of no
    width keeps their signs apart.
    """
    text = _cut(text, limit).replace("$$", "$\u200b$").replace(":fa-", ":\u200bfa-")
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        words = plain(name).replace("_", " ")
        return words if value else f"no {words}"
    if name == "data" and isinstance(value, Sequence) and not isinstance(value, str):
        return _many(value, "row")
    told = _value(value)
    return told if name == "data" else f"{plain(name).replace('_', ' ')} {told}"


def _value(value: Any) -> str:
    """A value in a few words, whatever it is."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else "a large number"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str | PurePath):
        return _text(str(value))
    if isinstance(value, Mapping):
        pairs = [f"{_value(k)} → {_value(v)}" for k, v in islice(value.items(), 3)]
        return _cut(", ".join(pairs)) if len(pairs) == len(value) else f"{len(value):,} names"
    if isinstance(value, Sequence):
        short = len(value) <= 3 and all(isinstance(v, str | int | float) for v in value)
        return _cut(", ".join(map(_value, value))) if short and value else _many(value, "item")
    named = getattr(value, "name", None) or getattr(value, "__name__", None)
    return _text(named) if isinstance(named, str) else plain(type(value).__name__)


def _many(value: Sequence[Any], what: str) -> str:
    return f"{len(value):,} {what}" + ("" if len(value) == 1 else "s")


def _text(text: str) -> str:
    """A short text as it is, an address without its secrets, a path by its end."""
    line = plain(text)
    if match := _ADDRESS.match(line):
        line = match[4]
    elif "/" in line and " " not in line and line.rsplit("/", 1)[-1]:
        line = "/".join(line.rsplit("/", 2)[-2:])
    return _cut(line)


def _cut(text: str, limit: int = _LIMIT) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
