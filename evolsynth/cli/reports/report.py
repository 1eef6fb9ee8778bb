"""``evolsynth report``: the HTML report on any data set."""

from __future__ import annotations

import glob
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from evolsynth.atomic import check_apart, writing
from evolsynth.cli.progress.screen import shown
from evolsynth.cli.progress.told import tell_json
from evolsynth.data.files import read_dataset
from evolsynth.errors import InputError, Misread, SetupError, StoreError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.options import FilePath, OutputPath
from evolsynth.pipeline.run.export import SAMPLE
from evolsynth.pipeline.run.told import page_of
from evolsynth.report.build import build_report
from evolsynth.rows import Row
from evolsynth.store.sqlite_file import STORE
from evolsynth.store.status import stored_rows

__all__ = ["report"]


#: A port of this machine.
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
_NAME = "report.html"


def report(
    data: FilePath,
    *,
    output: OutputPath | None = None,
    live: bool = False,
    port: Port | None = None,
    json: bool = False,
    **reading: Any,
) -> int:
    """Make the HTML report on a data set, or show that on a run while it works.

    Args:
        data: a run's folder, or any JSON Lines file with an 'instruction' field.
        output: where to write; - is standard output (default: report.html).
        live: show the report on a run in a browser, at an address of this machine that nobody else
            can guess, and keep it up to date until Ctrl-C.
        port: of that address (default: the run's own, where the browser has its marks).
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    if live and json:
        raise InputError("--live tells an address, and ends at Ctrl-C. Leave out --json.")
    if live:
        return _live(data, output, port, reading)
    if port is not None:
        raise InputError("--port goes with --live. Leave it out, or give both.")
    output = output or _NAME
    check_apart([data, f"{glob.escape(data)}/*.jsonl"], [("-o", output)])
    rows, total = _rows(data, reading)
    if rows and not any(row.instruction or row.messages for row in rows):
        fields = ", ".join(sorted({key for row in rows[:100] for key in row.extra})) or "none"
        raise Misread(
            f"{data}: no row has an 'instruction' field (fields found: {fields}). "
            "Rename the field that holds the request to 'instruction'."
        )
    page = _page(data, rows, total)
    with writing(output) as write:
        write(page)
    if json:
        count = Counter[str](row.status for row in rows)
        kinds = {kind: count[kind] for kind in ("accepted", "rejected", "failed", "pending")}
        tell_json({"rows": len(rows), "of": total, **kinds, "report": output}, output=output)
    elif output == "-":
        print(f"{len(rows)} rows.", file=sys.stderr)
    else:
        print(f"{len(rows)} rows, report in {shown(output)}")
    return 0


def _live(data: str, output: str | None, port: int | None, reading: Mapping[str, Any]) -> int:
    if output is not None:
        raise InputError(
            "-o writes a file, and --live shows the report in a browser. Leave one of them out."
        )
    if reading:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(reading))
        raise InputError(f"--live reads a run's own store. Leave out {flags}.")
    from evolsynth.cli.reports.live import serve

    return serve(data, port, _embedder)


def _rows(data: str, reading: Mapping[str, Any]) -> tuple[list[Row], int]:
    """The rows, and how many there are; of a run that left no files yet, those of its store."""
    place = Path(data)
    left = any((place / f"{name}.jsonl").exists() for name in ("accepted", "rejected", "failed"))
    if (place / STORE).exists() and not left and not reading:
        return stored_rows(place, SAMPLE)
    rows = read_dataset(data, **reading)
    return rows, len(rows)


def _page(data: str, rows: Sequence[Row], total: int) -> str:
    """With what a run has noted of itself, where there is one."""
    place = Path(data)
    if (place / STORE).exists():
        try:
            return page_of(place, rows, total=total, embedder=_embedder())
        except StoreError as error:
            print(f"Without what the run noted of itself: {shown(error)}", file=sys.stderr)
    return build_report(rows, embedder=_embedder(), title=f"Report on {place.name}")


def _embedder() -> MiniLM | None:
    """MiniLM; where that is not installed a report has no map, which is said."""
    model = MiniLM()
    try:
        model.load()
    except SetupError as error:
        print(f"Without a map and figures of variety: {shown(error)}", file=sys.stderr)
        return None
    return model
