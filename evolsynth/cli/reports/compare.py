"""``evolsynth compare``: two runs, or two files of rows, side by side."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from rich.table import Table as Shown

from evolsynth.atomic import check_apart, writing
from evolsynth.cli.progress.screen import Screen
from evolsynth.data.files import read_dataset
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.options import FilePath, OutputPath
from evolsynth.report.build import comparison_page
from evolsynth.report.comparison import Comparison, compare_sets, told

__all__ = ["compare"]


def compare(
    first: FilePath,
    second: FilePath,
    *,
    output: OutputPath | None = None,
    embedder: bool = True,
    **reading: Any,
) -> int:
    """Compare two runs or files of rows.

    Yield, reasons, kinds, lengths, variety at equal size, and what only one has.

    Args:
        first: a run's folder, or a file of rows.
        second: the other.
        output: an HTML file to write the same into.
        embedder: without it nothing is said of variety.
        reading: see `file_origin`.
    """
    if output is not None:
        check_apart([f"{glob.escape(p)}/*.jsonl" for p in (first, second)], [("-o", output)])
    sets = [read_dataset(path, **reading) for path in (first, second)]
    for path, rows in zip((first, second), sets, strict=True):
        if not rows:
            raise InputError(f"{path}: there are no rows in it, so nothing can be compared.")
    names = _names(first, second)
    found = compare_sets(*sets, names=names, embedder=MiniLM() if embedder else None)
    if output != "-":
        _show(found)
    if output is not None:
        with writing(output) as write:
            write(comparison_page(found))
    return 0


def _names(first: str, second: str) -> tuple[str, str]:
    """The last parts of the paths that tell them apart."""
    one, other = Path(first).parts, Path(second).parts
    for length in range(1, max(len(one), len(other)) + 1):
        names = "/".join(one[-length:]), "/".join(other[-length:])
        if names[0] != names[1]:
            return names
    return first, f"{second} (again)"


def _show(found: Comparison) -> None:
    console = Screen(soft_wrap=True, markup=False, highlight=False)
    for table in found.tables:
        shown = Shown(title=table.title, title_justify="left", box=None, pad_edge=False)
        shown.add_column("")
        for name in found.names:
            shown.add_column(name, justify="right")
        for line in table.lines:
            figures = (told(one, share=table.shares) for one in (line.one, line.other))
            shown.add_row(line.name, *figures, style="bold" if line.apart else None)
        console.print(shown)
        console.print("")
    for name, (count, examples) in zip(found.names, found.only, strict=True):
        console.print(f"{count:,} texts only in {name}" + (", such as" if examples else ""))
        for text in examples:
            console.print(f"  {text}")
    for note in found.notes:
        console.print(note)
