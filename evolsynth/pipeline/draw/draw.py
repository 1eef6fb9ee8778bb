"""Pipelines drawn: as Mermaid text, and as an SVG picture; both offline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from evolsynth.atomic import write
from evolsynth.errors import InputError
from evolsynth.pipeline.draw.labels import Counts, label_of, tally
from evolsynth.pipeline.draw.picture import svg
from evolsynth.pipeline.graph import Node, Pipeline

__all__ = ["SUFFIXES", "Counts", "check_suffix", "draw", "mermaid", "svg"]

#: What a drawing's file may end in.
SUFFIXES = (".svg", ".mmd", ".md")

_NAME, _OPTION, _OPTIONS = 40, 32, 4  # characters, and how many options
_PLAIN = frozenset(" _,.-=+/()·→−…")


def draw(
    pipeline: Pipeline,
    path: str | os.PathLike[str] | None = None,
    counts: Sequence[Counts] | None = None,
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
        pictures = {".svg": lambda: svg(pipeline, counts), ".md": lambda: _fenced(text)}
        write(path, [pictures.get(suffix, lambda: text)()])
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


def mermaid(pipeline: Pipeline, counts: Sequence[Counts] | None = None) -> str:
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
    lines += [f"    n{node.index}{_box(node, known.get(node.name))}" for node in nodes]
    for node in nodes:
        for one in node.inputs:
            rows = known.get(nodes[one].name)
            lines.append(f"    n{one} -->{_rows(rows)} n{node.index}")
    last = known.get(nodes[-1].name)
    if last is not None:
        lines.append(f'    n{nodes[-1].index} --> n{len(nodes)}(["{last.left:,} accepted"])')
    return "\n".join(lines) + "\n"


def _box(node: Node, counts: Counts | None) -> str:
    label = label_of(node)
    texts = [_escaped(label.name, _NAME)]
    texts += [_escaped(option, _OPTION) for option in label.options[:_OPTIONS]]
    texts += [_escaped(told, _OPTION) for _, told in (tally(counts) if counts else ())]
    inside = '"' + "<br/>".join(texts) + '"'
    shapes = {"source": f"([{inside}])", "join": f"{{{{{inside}}}}}"}
    return shapes.get(node.step.shape, f"[{inside}]")


def _rows(counts: Counts | None) -> str:
    return f'|"{counts.left:,}"|' if counts is not None else ""


def _escaped(text: str, limit: int) -> str:
    """At most so many characters, and only those that mean nothing to Mermaid.

    A colon and a semicolon are among those that do, within ``style ...:...;``, even in quotes.
    Formulas and icons are looked for when numbers have become characters again, so a space of no
    width keeps their signs apart.
    """
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    text = text.replace("$$", "$\u200b$").replace(":fa-", ":\u200bfa-")
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)


def _fenced(text: str) -> str:
    return f"```mermaid\n{text}```\n"
