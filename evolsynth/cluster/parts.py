"""A folder of rows as parts, each of which one task reads by itself.

A part is some row groups of a Parquet file, some of the lines of a JSON Lines file, or a whole file
of another kind. Which parts there are depends on the files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evolsynth.data.jsonl import JsonLines, line_object
from evolsynth.data.open import file_origin
from evolsynth.data.packed import check_text, is_packed
from evolsynth.data.parquet import Parquet
from evolsynth.data.reader import Reader, Record
from evolsynth.data.taker import Read, Taker
from evolsynth.errors import InputError, Misread, SetupError

__all__ = ["LINES", "ROWS", "Part", "Reading", "opened", "parts_of", "records", "schema_of"]

#: Rows of a part of a Parquet file, unless one row group has more; bytes of one of lines.
ROWS, LINES = 65_536, 16 << 20
_BOM = b"\xef\xbb\xbf"

#: How rows are to be understood: the options of `file_origin`.
Reading = Mapping[str, Any]


class Part(NamedTuple):
    """Row groups from ``start`` to before ``stop``, bytes, or a whole file; ``first`` is the number
    of its first row in the file, where that is known."""

    path: str
    kind: Literal["groups", "lines", "file"]
    start: int = 0
    stop: int = 0
    first: int = 1


def parts_of(path: str, reading: Reading) -> list[Part]:
    """The parts of a file, of a folder's files or of those that a pattern matches, in order.

    Raises:
        InputError: there is no such thing, or a file that cannot be read.
        SetupError: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise SetupError("--ray needs pyarrow: pip install 'evolsynth[data]'") from None
    if path == "-":
        raise InputError("--ray reads files, and standard input is none. Give a file or a folder.")
    source = file_origin(path, **reading)
    parts = [part for reader in source.readers for part in _parts(reader)]
    if not parts:
        raise Misread(f"{path}: there is no row in it. Give a file or a folder with rows.")
    source.begun(source.readers[0])  # which says how they are understood
    return parts


def _parts(reader: Reader) -> Iterator[Part]:
    place = getattr(reader, "path", None)
    if not isinstance(place, Path):
        raise InputError(f"{reader.label}: --ray reads files of rows, and this is none.")
    path = str(place.absolute())
    if isinstance(reader, Parquet):
        yield from _groups(path, reader.groups())
    elif type(reader) is JsonLines and not reader.texts and not is_packed(place):
        size = place.stat().st_size
        for start in range(0, size, LINES):
            yield Part(path, "lines", start, min(start + LINES, size))
    else:
        yield Part(path, "file")


def _groups(path: str, sizes: Sequence[int]) -> Iterator[Part]:
    start, rows, first = 0, 0, 1
    for k, size in enumerate(sizes):
        rows += size
        if rows >= ROWS or k == len(sizes) - 1:
            if rows:
                yield Part(path, "groups", start, k + 1, first)
            start, rows, first = k + 1, 0, first + rows


def schema_of(part: Part) -> Any:
    """The Arrow schema of a part of a Parquet file."""
    return Parquet(Path(part.path), part.path).schema()


def opened(part: Part, reading: Reading) -> tuple[Reader, Taker]:
    """What reads a part's file, and what takes its records, as all parts of the file do."""
    rest = {name: value for name, value in reading.items() if name != "split"}
    source = file_origin(part.path, **rest)
    return source.readers[0], source.begun(source.readers[0])


def records(
    part: Part,
    reading: Reading,
    check: Callable[[dict[str, Any], str], object] | None = None,
    *,
    some: Collection[int] | None = None,
    bad: list[str] | None = None,
) -> Iterator[tuple[int, Read]]:
    """The records of a part with their places in it, from 0; bad ones are passed by, or raised.

    Args:
        check: see `Taker.read`.
        some: the places of those that are wanted; all if None.
        bad: is told at the end what was wrong with the first bad one, once for each there was.
    """
    reader, taker = opened(part, reading)
    for place, record in enumerate(raw_records(part, reader)):
        if some is not None and place not in some:
            continue
        one = taker.read(record, check)
        if one is not None:
            yield place, one
    if bad is not None:
        bad += [taker.first_bad] * taker.bad


def raw_records(part: Part, reader: Reader) -> Iterator[Record]:
    """The records of a part as its file has them."""
    if part.kind == "groups" and isinstance(reader, Parquet):
        for batch in reader.in_groups(part.start, part.stop, part.first):
            yield from batch
    elif part.kind == "lines":
        yield from _lines(part, reader)
    else:
        for some in reader.batches():
            yield from some


def _lines(part: Part, reader: Reader) -> Iterator[Record]:
    """The lines that begin in a part. To number them from the file's beginning would be to read
    all of it, so they are numbered from that of the part, which is told."""
    if part.start:
        reader.label = f"{reader.label}, from byte {part.start:,} on"
    with Path(part.path).open("rb") as file:
        if part.start:
            file.seek(part.start - 1)
            file.readline()
        number, at = 1, file.tell()
        while at < part.stop and (raw := file.readline()):
            at += len(raw)
            if at == len(raw):
                check_text(raw, reader.label)
                raw = raw.removeprefix(_BOM)
            data = line_object(raw, reader, number)
            if data is not None:
                yield number, data, raw.rstrip(b"\r\n")
            number += 1
