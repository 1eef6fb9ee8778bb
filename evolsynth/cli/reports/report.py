"""``evolsynth report``: the HTML report on any data set."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import Any

from evolsynth.atomic import check_apart, writing
from evolsynth.cli.progress.screen import shown
from evolsynth.data.files import read_dataset
from evolsynth.errors import Misread, SetupError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.options import FilePath, OutputPath
from evolsynth.report.build import build_report

__all__ = ["report"]


def report(data: FilePath, *, output: OutputPath = "report.html", **reading: Any) -> int:
    """Make the HTML report on a data set.

    Args:
        data: its folder, or any JSON Lines file with an 'instruction' field.
        output: where to write; - is standard output.
        reading: see `file_origin`.
    """
    check_apart([f"{glob.escape(data)}/*.jsonl"], [("-o", output)])
    rows = read_dataset(data, **reading)
    if rows and not any(row.instruction or row.messages for row in rows):
        fields = ", ".join(sorted({key for row in rows[:100] for key in row.extra})) or "none"
        raise Misread(
            f"{data}: no row has an 'instruction' field (fields found: {fields}). "
            "Rename the field that holds the request to 'instruction'."
        )
    page = build_report(rows, embedder=_embedder(), title=f"Report on {Path(data).name}")
    with writing(output) as write:
        write(page)
    if output == "-":
        print(f"{len(rows)} rows.", file=sys.stderr)
    else:
        print(f"{len(rows)} rows, report in {shown(output)}")
    return 0


def _embedder() -> MiniLM | None:
    """MiniLM; where that is not installed a report has no map, which is said."""
    model = MiniLM()
    try:
        model.load()
    except SetupError as error:
        print(f"Without a map and figures of variety: {shown(error)}", file=sys.stderr)
        return None
    return model
