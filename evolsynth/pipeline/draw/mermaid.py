"""A pipeline as Mermaid text, which GitHub and many editors show as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.pipeline.draw.labels import Counts, label_of, tally
from evolsynth.pipeline.graph import Node, Pipeline

__all__ = ["mermaid"]

_NAME, _OPTION, _OPTIONS = 40, 32, 4  # characters, and how many options
_PLAIN = frozenset(" _,.-=+/()·→−…")


def mermaid(pipeline: Pipeline, counts: Sequence[Counts] | None = None) -> str:
    """A flowchart from left to right.

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
