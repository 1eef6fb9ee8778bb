"""What every kind of source has to say: records with their places, in batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from evolsynth.data.columns import ColumnType
from evolsynth.data.threaded import beside

__all__ = ["BATCH", "Named", "Reader", "Record", "WholeFile"]

BATCH = 256

Record = tuple[int, object, bytes | None]
"""A number from 1; a mapping, a row, or an InputError that says what is wrong (or anything else,
which is no row); the line as it stands, where there is one."""


class Named:
    """Something whose records have places that people can find."""

    unit: str = "item"
    """What the numbers count."""

    def __init__(self, label: str) -> None:
        self.label = label

    def place(self, number: int) -> str:
        """A record's place, for people."""
        return f"{self.label}, {self.unit} {number}"


class Reader(Named, ABC):
    """One file, or another place that holds records, which can be read many times."""

    empty: str | None = None
    """What to say if it holds nothing; None if that is all right."""

    def columns(self) -> Mapping[str, ColumnType] | None:
        """The columns as a schema tells them; None if only the records can."""
        return None

    def count(self) -> int | None:
        """How many records there are; None if that takes long to find."""
        return None

    @abstractmethod
    def batches(self) -> Iterator[Iterable[Record]]:
        """All records. The outer iterator may block; the inner ones only compute."""

    def first(self, most: int) -> list[Record]:
        """The first records, at most ``most``."""
        batches = self.batches()
        try:
            return list(islice(chain.from_iterable(batches), most))
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def stream(self) -> AsyncGenerator[Iterable[Record]]:
        """The batches, while other work goes on."""
        return beside(self.batches)


class WholeFile(Reader):
    """A file that is read from its beginning, record by record, and counted by reading it."""

    counted: int
    """Bytes: a larger file is not counted; one of this size takes half a second."""

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(label)
        self.path = path

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """All records."""

    def count(self) -> int | None:
        """The records of a file that is not large."""
        if self.path.stat().st_size > self.counted:
            return None
        return sum(1 for _ in self.records())

    def batches(self) -> Iterator[Iterable[Record]]:
        """The records, some at a time."""
        records = self.records()
        while batch := list(islice(records, BATCH)):
            yield batch
