"""Where a pipeline's rows come from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol, TypeVar

from evolsynth.data.columns import ColumnType, columns_of
from evolsynth.data.in_memory import broken
from evolsynth.data.reader import BATCH, Named, Reader
from evolsynth.data.rows_of import Taker
from evolsynth.errors import InputError
from evolsynth.rows import Row
from evolsynth.streams import iterate

__all__ = ["Origin", "Read", "Yielded"]

T = TypeVar("T")
_LOOKED_AT = 100


class Origin(Protocol):
    """Where rows come from."""

    @property
    def label(self) -> str:
        """For people: ``seeds.jsonl``, ``3 dicts``."""

    def columns(self) -> Mapping[str, ColumnType] | None:
        """The columns, known before anything runs; None if they are not known.

        Raises:
            InputError: the first look finds nothing there, or something that is no row.
        """

    def count(self) -> int | None:
        """How many rows there are; None where it takes long to find."""

    def rows(self) -> AsyncGenerator[Row]:
        """The rows in their order, the same ones each time, in bounded memory.

        Raises:
            InputError: a row is bad, or the source ends with an error.
        """


class Read:
    """Rows of one or more readers, one after the other."""

    def __init__(
        self,
        readers: Sequence[Reader],
        label: str,
        *,
        taker: Callable[[], Taker],
        columns: Mapping[str, ColumnType] | None,
        limit: int | None,
    ) -> None:
        self.label = label
        self._readers, self._taker = readers, taker
        self._columns, self._limit = columns, limit
        self._looked = False

    def columns(self) -> Mapping[str, ColumnType] | None:
        """As given; or else as the schema says; or else those of the first 100 rows."""
        if not self._looked:
            found = self._look()
            self._looked = True
            if self._columns is None:
                self._columns = found or None
        return self._columns

    def _look(self) -> Mapping[str, ColumnType]:
        """See what is there, and that it is right as far as that goes."""
        taker, rows = self._taker(), list[Row]()
        told: dict[str, ColumnType] = {}
        most = _LOOKED_AT if self._limit is None else min(_LOOKED_AT, self._limit)
        for reader in self._readers:
            taker.begin(reader)
            schema = reader.columns()
            told |= taker.renamed_columns(schema or {})
            rows += map(taker.row, reader.first(most - len(rows)))
            if len(rows) == most:
                break
        if not rows:
            self._none()
        taker.check_fields()
        return columns_of(rows) | told

    def _none(self) -> None:
        """Say that there is nothing, where that is not all right."""
        empty = self._readers[0].empty
        if empty is not None:
            raise InputError(empty)

    def count(self) -> int | None:
        """The sum over the readers."""
        most = self._limit
        total = 0
        for reader in self._readers:
            count = reader.count()
            if count is None:
                return None
            total += count
            if most is not None and total >= most:
                return most
        return total

    async def rows(self) -> AsyncGenerator[Row]:
        """All rows, from the start."""
        taker, number = self._taker(), 0
        for reader in self._readers:
            taker.begin(reader)
            async with aclosing(reader.stream()) as batches:
                async for batch in batches:
                    for record in batch:
                        number += 1
                        yield taker.row(record)
                        if number == self._limit:
                            return
        if not number:
            self._none()


class Yielded:
    """Rows of an asynchronous generator of the user's own."""

    def __init__(
        self,
        begin: Callable[[], AsyncIterable[object]],
        label: str,
        *,
        taker: Callable[[], Taker],
        columns: Mapping[str, ColumnType] | None,
        limit: int | None,
    ) -> None:
        self.label = label
        self._begin, self._taker = begin, taker
        self._columns, self._limit = columns, limit

    def columns(self) -> Mapping[str, ColumnType] | None:
        """As given; nothing is asked of the generator before the run."""
        return self._columns

    def count(self) -> int | None:
        """Not known."""
        return None

    async def rows(self) -> AsyncGenerator[Row]:
        """What the generator yields; it is closed at the end."""
        taker, number = self._taker(), 0
        taker.begin(Named(self.label))
        async with aclosing(_told(self._begin, self.label)) as items:
            async for item in items:
                number += 1
                yield taker.row((number, item, None))
                if number == self._limit:
                    return
                if number % BATCH == 0:
                    await asyncio.sleep(0)  # a generator that never waits lets others work too


async def _told(begin: Callable[[], AsyncIterable[T]], label: str) -> AsyncGenerator[T]:
    """The items; what the generator raises is told with its name and their number."""
    number = 0
    try:
        async with aclosing(iterate(begin())) as items:
            async for item in items:
                number += 1
                yield item
    except Exception as error:
        raise broken(label, number, error) from error
