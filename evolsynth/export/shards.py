"""A data set in several files of even size, in order: ``part-00000-of-00016.parquet``.

All are written beside, and take their places together, after those that were there have gone: what
a killed export leaves is the old set, the new one, or one that lacks files, never a mixed one.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from evolsynth.data.files import row_files
from evolsynth.errors import InputError
from evolsynth.export.table import Lines, schema_of, write_lines

__all__ = ["MOST", "Lot", "check_room", "shard_files", "sizes", "write_shards"]

#: As many as five digits number.
MOST = 100_000
_NAME = re.compile(r"(.+)-(\d{5})-of-(\d{5,6})\.(?:parquet|jsonl)")
_BESIDE = "-contaminated.jsonl"


class Lot(NamedTuple):
    """What goes into one set of shards: how its files are called, its lines, how many they are."""

    stem: str
    lines: Callable[[], Lines]
    many: int


def sizes(count: int, shards: int) -> list[int]:
    """How many lines each shard has, the first ones one more; no more shards than lines."""
    number = min(count, shards)
    return [count // number + (place < count % number) for place in range(number)]


def shard_files(folder: Path) -> dict[str, list[Path]]:
    """The shards that stand in a folder, in their order, by what their names begin with.

    Raises:
        InputError: one is missing, or they are of several sets.
    """
    found: dict[str, dict[int, Path]] = {}
    whole: dict[str, set[int]] = {}
    for file in sorted(folder.iterdir()):
        named = _NAME.fullmatch(file.name)
        if named is not None:
            found.setdefault(named[1], {})[int(named[2])] = file
            whole.setdefault(named[1], set()).add(int(named[3]))
            if len(whole[named[1]]) > 1 or found[named[1]][int(named[2])] != file:
                raise InputError(f"{folder}: shards of two sets stand there. Export them again.")
    for stem, files in found.items():
        (number,) = whole[stem]
        for place in range(number):
            if place not in files:
                raise InputError(
                    f"{folder}: of {number:,} shards called {stem} number {place} (from 0) is "
                    "missing. Export them again."
                )
    return {stem: [files[place] for place in sorted(files)] for stem, files in found.items()}


def check_room(folder: Path, stems: list[str], *, shards: bool) -> None:
    """See that nothing stays in a folder that would be read with what is to be written there.

    Args:
        folder: where that goes.
        stems: what its files are called; shards of that name give way.
        shards: whether shards are to be written; then nothing else may stand there that rows are
            read from.

    Raises:
        InputError: something does; it names the file.
    """
    if not folder.is_dir():
        return
    for file in row_files(folder):
        named = _NAME.fullmatch(file.name)
        if file.name.endswith(_BESIDE) or (named is None and not shards):
            continue
        if not shards or named is None or named[1] not in stems or file.parent != folder:
            raise InputError(
                f"{folder}: {file.relative_to(folder)} stands there, and would be read with what "
                "is to be written. Remove it, or choose another folder."
            )


def write_shards(folder: Path, lots: list[Lot], shards: int, ends: str) -> dict[str, Path]:
    """Write each lot's lines into at most so many files; the pattern of each one's names.

    In Parquet all files of a lot have one schema, that of all its lines.

    Raises:
        InputError: one cannot be written; what stood there before stays.
        SetupError: pyarrow is missing.
    """
    made: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".shards.", dir=folder) as held:
            for lot in lots:
                number = _write(Path(held), lot, shards, ends)
                made[lot.stem] = folder / f"{lot.stem}-*-of-{number:05}{ends}"
            _place(Path(held), folder, {lot.stem for lot in lots})
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}). Choose another place."
        ) from None
    return made


def _write(folder: Path, lot: Lot, shards: int, ends: str) -> int:
    """Write one lot; how many files it has."""
    parts = sizes(lot.many, shards)
    schema = schema_of(lot.lines()) if ends == ".parquet" else None
    lines = iter(lot.lines())
    for place, size in enumerate(parts):
        file = folder / f"{lot.stem}-{place:05}-of-{len(parts):05}{ends}"
        if write_lines(file, islice(lines, size), schema) != size:
            raise InputError("The rows have changed while they were written. Export them again.")
    return len(parts)


def _place(made: Path, folder: Path, stems: set[str]) -> None:
    """Put the files where they belong, once those of these names that stand there have gone."""
    for file in folder.iterdir():
        named = _NAME.fullmatch(file.name)
        if named is not None and named[1] in stems:
            file.unlink()
    for file in sorted(made.iterdir()):
        file.replace(folder / file.name)
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
