"""Pipelines drawn: as Mermaid text, and as an SVG picture; both offline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from evolsynth.atomic import write
from evolsynth.errors import InputError
from evolsynth.pipeline.draw.labels import Counts
from evolsynth.pipeline.draw.mermaid import mermaid
from evolsynth.pipeline.draw.picture import svg
from evolsynth.pipeline.graph import Pipeline

__all__ = ["SUFFIXES", "Counts", "check_suffix", "draw", "svg"]

#: What a drawing's file may end in.
SUFFIXES = (".svg", ".mmd", ".md")


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


def _fenced(text: str) -> str:
    return f"```mermaid\n{text}```\n"
