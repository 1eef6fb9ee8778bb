"""A data set on disk: accepted rows, rejected rows with their reasons, failed rows."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from evolsynth.errors import InputError
from evolsynth.rows import Row, Status, read_rows

__all__ = ["DatasetWriter", "read_dataset"]

_FILES: tuple[Status, ...] = ("accepted", "rejected", "failed", "pending")


class DatasetWriter:
    """Writes rows into ``accepted.jsonl``, ``rejected.jsonl`` and so on, by their status.

    Each row is in ``<status>.partial.jsonl`` as soon as `add` returns. Leaving the ``with`` block
    without an exception gives the files their names, in place of those of an earlier run; leaving
    it with one keeps the partial files, so that nothing made is lost. ``accepted.jsonl`` and
    ``rejected.jsonl`` are always there, the others only where there are such rows.

    Raises:
        InputError: the folder cannot be made or written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.counts: Counter[Status] = Counter()
        self._open: dict[Status, TextIO] = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for status in _FILES:
                self._partial(status).unlink(missing_ok=True)
            for status in _FILES[:2]:
                self._file(status)
        except OSError as error:
            raise InputError(
                f"{self.folder}: nothing can be written there ({error.strerror}). "
                "Choose another folder with -o."
            ) from None
        return self

    def add(self, row: Row) -> None:
        """Write a row to the file of its status."""
        file = self._file(row.status)
        try:
            file.write(row.to_json() + "\n")
            file.flush()
        except OSError as error:
            raise InputError(
                f"{file.name}: cannot be written ({error.strerror}). What was made so far is in "
                f"{self.folder}; make room and run again."
            ) from None
        self.counts[row.status] += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._open.values():
            file.close()
        if kind is not None:
            return
        for status in _FILES:
            try:
                if status in self._open:
                    self._partial(status).replace(self._final(status))
                else:
                    self._final(status).unlink(missing_ok=True)
            except OSError as problem:
                raise InputError(
                    f"{self._final(status)}: cannot be replaced ({problem.strerror}). The rows "
                    f"are beside it in *.partial.jsonl; move what is in the way."
                ) from None

    def _file(self, status: Status) -> TextIO:
        if status not in self._open:
            path = self._partial(status)
            self._open[status] = path.open("w", encoding="utf-8", newline="\n")
        return self._open[status]

    def _partial(self, status: Status) -> Path:
        return self.folder / f"{status}.partial.jsonl"

    def _final(self, status: Status) -> Path:
        return self.folder / f"{status}.jsonl"


def read_dataset(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a JSON Lines file, or of all files that a `DatasetWriter` left in a folder.

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
