"""What evolsynth has written, as a ``ray.data.Dataset``: read by Ray's tasks, block after block."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from evolsynth.cluster.connect import imported
from evolsynth.errors import InputError
from evolsynth.rows import Row

__all__ = ["dataset_of"]

_PIECE = 16 << 20  # bytes of a run's file that one task reads
_BLOCK = 1024  # rows


def dataset_of(folder: str | os.PathLike[str], part: str | None = None) -> Any:
    """The rows of a run's folder, or of shards that ``evolsynth export`` wrote, as a
    ``ray.data.Dataset`` that keeps their order.

    Of a run they are the accepted rows, in the columns of ``--format parquet``; of shards what
    stands there. Nothing is read before Ray is asked for rows. Each task reads a piece, so all
    nodes must see the folder under this path, and for a run have evolsynth. Ray is connected to as
    Ray Data does it: what there is, else the cluster that it finds, else one of this machine.

    Args:
        folder: of a run, or of shards.
        part: which shards, where the folder has several sets: ``train``.

    Raises:
        InputError: neither is there, a shard is missing, or there is no such part.
        SetupError: Ray is not installed.
    """
    place = Path(folder).absolute()
    if not place.is_dir():
        raise InputError(f"{folder}: there is no such folder. Give a run's, or one of shards.")
    imported()
    file = place / "accepted.jsonl"
    if not file.is_file():
        files = [str(one) for one in _set(place, part)]
        return _made(len(files), partial(_shards, files))
    if part is not None:
        raise InputError(f"{folder}: a run has no parts. Leave out part.")
    pieces = max(1, -(-file.stat().st_size // _PIECE))
    return _made(pieces, partial(_pieces, str(file), _PIECE))


def _made(number: int, read: Callable[[Any], Iterator[Any]]) -> Any:
    """A data set of what a task reads for each number, in the order of these.

    ``ray.data.read_parquet`` would know the columns before it reads; by a list of files it looks
    for them in threads, which get in each other's way where fsspec lacks aiohttp (Ray 2.60).
    """
    import ray.data

    made = ray.data.range(number, override_num_blocks=number).map_batches(
        read, batch_size=1, batch_format="pyarrow"
    )
    made.context.execution_options.preserve_order = True
    return made


def _set(place: Path, part: str | None) -> list[Path]:
    from evolsynth.export.shards import shard_files  # what reads files takes a moment to load

    found = shard_files(place)
    if not found:
        raise InputError(
            f"{place}: there is no accepted.jsonl in this folder, and no shard. Write some: "
            "evolsynth export RUN --format parquet --shards 16 -o FOLDER."
        )
    if part is None and len(found) > 1:
        raise InputError(f"{place}: there are several parts. Name one: {', '.join(found)}.")
    if part is not None and part not in found:
        raise InputError(f"{place}: there is no part '{part}', but {', '.join(found)}.")
    return next(iter(found.values())) if part is None else found[part]


def _shards(files: list[str], numbers: Any) -> Iterator[Any]:
    """The rows of some shards, as tables."""
    import pyarrow
    from pyarrow import parquet

    for number in numbers.column(0).to_pylist():
        if files[number].endswith(".parquet"):
            with parquet.ParquetFile(files[number]) as file:
                for batch in file.iter_batches(batch_size=_BLOCK):
                    yield pyarrow.Table.from_batches([batch])
            continue
        with Path(files[number]).open("rb") as lines:
            while some := list(islice(lines, _BLOCK)):
                yield pyarrow.Table.from_pylist([json.loads(line) for line in some])


def _pieces(file: str, size: int, numbers: Any) -> Iterator[Any]:
    """The rows that begin in some pieces of a run's file, as tables."""
    from evolsynth.export.format import EXPORTS
    from evolsynth.export.table import rows_table

    form = EXPORTS["rows"]
    for number in numbers.column(0).to_pylist():
        with Path(file).open("rb") as lines:
            rows = (Row.from_dict(json.loads(line)) for line in _lines(lines, number, size))
            told = (line for row in rows for line in form(row))
            some = list(islice(told, _BLOCK))
            yield rows_table(some)  # also where there is none: a block has a schema
            while some := list(islice(told, _BLOCK)):
                yield rows_table(some)


def _lines(file: Any, number: int, size: int) -> Iterator[bytes]:
    """The lines that begin in a piece."""
    if number:
        file.seek(number * size - 1)
        file.readline()
    while file.tell() < (number + 1) * size and (line := file.readline()):
        if line.strip():
            yield line
