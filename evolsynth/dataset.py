"""A data set on disk: accepted rows, rejected rows with their reasons, failed rows."""

from __future__ import annotations

import os
from pathlib import Path

from evolsynth.errors import InputError
from evolsynth.rows import Row, read_rows

__all__ = ["read_dataset"]

_FILES = ("accepted", "rejected", "failed")


def read_dataset(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a JSON Lines file, or of all files that a run left in a folder.

    Raises:
        InputError: nothing is there, or a line is no row.
    """
    place = Path(path)
    if not place.is_dir():
        return list(read_rows(place))
    files = [place / f"{status}.jsonl" for status in _FILES]
    found = [file for file in files if file.is_file()]
    if not found:
        raise InputError(
            f"{place}: there is no accepted.jsonl or rejected.jsonl in this folder. "
            "Give a data set's folder, or a JSON Lines file."
        )
    return [row for file in found for row in read_rows(file)]
