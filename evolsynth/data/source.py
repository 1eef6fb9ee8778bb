"""From records to rows: checked, told apart, and the bad ones named."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, Protocol, TypeVar

from evolsynth.columns import ColumnType
from evolsynth.data.in_memory import broken
from evolsynth.data.reader import BATCH, Named, Reader, Record
from evolsynth.data.values import columns_of, own_columns, plain_fields, shown
from evolsynth.errors import InputError
from evolsynth.rows import Row
from evolsynth.streams import failure, iterate

__all__ = ["Numbers", "Origin", "Read", "ReadingStep", "Taker", "Yielded"]

T = TypeVar("T")
#: In which step bad rows fail: in a pipeline's ``load``, or while a command ``read`` its file.
ReadingStep = Literal["load", "read"]

_SKIP: dict[ReadingStep, str] = {
    "load": "Or go on without such rows: skip_bad.",
    "read": "Or go on without such lines: --skip-bad.",
}
_LOOKED_AT = 100
_BITS = 40  # of a place for the number; those above are for the reader
_PARTS = 256
_FIRST = 8  # slots of a part, a power of two


class Taker:
    """Takes the records of readers, one after the other, as rows with ids of their own.

    A record is bad if it is no row, has a field of a wrong type, has the id of an earlier one, or
    lacks one of the texts in ``needs``, for which settled rows are not asked.
    """

    def __init__(
        self,
        *,
        skip_bad: bool,
        fields: Mapping[str, str] | None,
        needs: Sequence[str] = (),
        step: ReadingStep = "load",
    ) -> None:
        self._skip_bad, self._fields = skip_bad, dict(fields or {})
        self._needs, self._step = tuple(needs), step
        self._readers: list[Named] = []
        self._names: dict[str, None] = {}  # of fields, as the source has them
        self._ids = Ids()

    def begin(self, reader: Named) -> None:
        """The records that follow are this reader's."""
        self._readers.append(reader)

    def row(self, record: Record) -> Row:
        """The record as a row; a bad one as a failed row, or as an error.

        Raises:
            InputError: the record is bad, and bad ones are not to be skipped.
        """
        number, item, line = record
        place = (len(self._readers) - 1 << _BITS) | number
        try:
            data = self._data(item)
            row = _row(data)
        except InputError as error:
            told = str(error)
            if not isinstance(item, InputError):  # those name their place
                told = f"{self._readers[-1].place(number)}: {told}"
            return self._bad(self._unread(number, item, line), told, place)
        if row.verdict is not None and row.verdict.accepted:
            row = row.replace(verdict=None)
        reader = self._readers[-1]
        wrong = None if row.settled else self._lacking(data)
        before = None
        if not isinstance(item, Row) and data.get("id") is not None:
            before = self._ids.place_of(row.id)
        if before is not None:
            wrong = f"field 'id': '{row.id}' is the id of {self._earlier(before)} too. Change one."
            row = row.replace(id=f"{row.id}-{reader.unit}-{number}")
        if wrong is not None:
            return self._bad(row, f"{reader.place(number)}, {wrong}", place)
        return self._ids.told_apart(row, place)

    def _lacking(self, data: Mapping[str, Any]) -> str | None:
        """What is wrong with the needed texts, the field first."""
        for name in self._needs:
            value = data.get(name)
            if value is None:
                texts = [n for n, v in data.items() if isinstance(v, str) and n != "id"]
                there = f"It has {', '.join(texts[:5])}." if texts else "Add it."
                return f"field '{name}': there is none. {there}"
            if not isinstance(value, str):
                return f"field '{name}': a text was expected. Put it in quotes."
            if not value.strip():
                return f"field '{name}': the text is empty. Write one."
        return None

    def _data(self, item: object) -> Mapping[str, Any]:
        if isinstance(item, Row):
            extra = plain_fields(item.extra)  # a struct's own way would write bytes as text
            try:
                item = (item if extra is item.extra else item.replace(extra=extra)).to_dict()
            except (TypeError, RecursionError) as error:
                raise InputError(f"it cannot be written as JSON ({error}). Mend it.") from None
        if isinstance(item, Mapping):
            data = plain_fields(item)
            return self._renamed(data) if self._fields else data
        if isinstance(item, InputError):
            raise item
        raise InputError(f"{_a(type(item).__name__)} is no row. Give a dict or a Row.")

    def _renamed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in data.items():
            self._names.setdefault(name)
            new = self._fields.get(name, name)
            if made.get(new) is None:
                made[new] = value
            elif value is not None:
                raise InputError(
                    f"field '{new}': there are two, one of them renamed. Rename the other too, "
                    "or drop one."
                )
        return made

    def renamed_columns(self, columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
        """A schema's columns under the names that the rows have them."""
        self._names.update(dict.fromkeys(columns))
        return own_columns({self._fields.get(name, name): columns[name] for name in columns})

    def check_fields(self) -> None:
        """See that what is to be renamed was in the records so far, if there were any.

        Raises:
            InputError: it names the field, and those that are there.
        """
        for name in self._fields:
            if self._names and name not in self._names:
                raise InputError(
                    f"fields: '{name}' is not in {self._readers[-1].label}. "
                    f"It has {', '.join(list(self._names)[:10])}."
                )

    def _earlier(self, place: int) -> str:
        reader, number = self._readers[place >> _BITS], place & ((1 << _BITS) - 1)
        same = reader is self._readers[-1]
        return f"{reader.unit} {number}" if same else reader.place(number)

    def _unread(self, number: int, item: object, line: bytes | None) -> Row:
        """A row for a record that cannot be read as one, with what it held."""
        if line is not None and not isinstance(item, Mapping):
            held: dict[str, Any] = {"text": line.decode("utf-8", "replace").strip()}
        elif isinstance(item, Row):
            held = {"row": item.id}
        elif isinstance(item, Mapping):
            held = shown(item)
        elif isinstance(item, InputError):
            held = {}
        else:
            held = {"text": item} if isinstance(item, str) else {"type": type(item).__name__}
        return Row.make(key=self._step, extra={self._readers[-1].unit: {"number": number, **held}})

    def _bad(self, row: Row, message: str, place: int) -> Row:
        if not self._skip_bad:
            raise InputError(f"{message} {_SKIP[self._step]}")
        row = self._ids.told_apart(row, place)
        return row.replace(failure=failure(self._step, InputError(message)))


def _row(data: Mapping[str, Any]) -> Row:
    try:
        return Row.from_dict(data)
    except InputError as error:
        raise InputError(f"{error} Mend it.") from None


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeio' else 'a'} {name}"


# Ids ----------------------------------------------------------------------------------------------


class Numbers:
    """A number from 1 for each name, kept by the names' 64-bit hashes.

    Memory: 25 to 50 bytes a name, where a dict takes 130. Two names of a million are taken for
    one another with a chance of 3 in 100 million. The table is many small ones, so that none
    takes long to grow.
    """

    def __init__(self) -> None:
        self._keys = [array("Q", bytes(8 * _FIRST)) for _ in range(_PARTS)]
        self._values = [array("Q", bytes(8 * _FIRST)) for _ in range(_PARTS)]
        self._used = [0] * _PARTS

    def get(self, name: str) -> int | None:
        """The name's number; None if it has none."""
        part, key = _hashed(name)
        keys = self._keys[part]
        return self._values[part][slot] if keys[slot := _slot(keys, key)] else None

    def put(self, name: str, number: int) -> None:
        """Give the name a number, in place of the one it had."""
        part, key = _hashed(name)
        keys = self._keys[part]
        slot = _slot(keys, key)
        if not keys[slot]:
            if self._used[part] * 8 >= len(keys) * 5:
                self._grow(part)
                keys = self._keys[part]
                slot = _slot(keys, key)
            keys[slot] = key
            self._used[part] += 1
        self._values[part][slot] = number

    def _grow(self, part: int) -> None:
        old = self._keys[part], self._values[part]
        keys, values = (array("Q", bytes(16 * len(column))) for column in old)
        for key, value in zip(*old, strict=True):
            if key:
                slot = _slot(keys, key)
                keys[slot], values[slot] = key, value
        self._keys[part], self._values[part] = keys, values


def _hashed(name: str) -> tuple[int, int]:
    """A part, and a key in it that is not 0."""
    key = hash(name) & 0xFFFF_FFFF_FFFF_FFFF
    return key >> 56, key or 1


def _slot(keys: array[int], key: int) -> int:
    """Where the key is, or the free slot where it belongs."""
    mask = len(keys) - 1
    slot = key & mask
    while (there := keys[slot]) and there != key:
        slot = (slot + 1) & mask
    return slot


class Ids:
    """The ids of a source's rows so far, and the places that they stand in."""

    def __init__(self) -> None:
        self._places = Numbers()
        self._times = Numbers()

    def place_of(self, name: str) -> int | None:
        """Where the id stood first."""
        return self._places.get(name)

    def told_apart(self, row: Row, place: int) -> Row:
        """The row, with a number behind its id if that is taken."""
        name = row.id
        while self._places.get(name) is not None:
            times = (self._times.get(row.id) or 1) + 1
            self._times.put(row.id, times)
            name = f"{row.id}-{times}"
        self._places.put(name, place)
        return row if name == row.id else row.replace(id=name)


# Sources ------------------------------------------------------------------------------------------


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
    """Rows of one or more readers, one after the other.

    With ``checked`` they are all read once to be counted, so that a bad one is told before anything
    runs, and it is all right if there are none.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        label: str,
        *,
        taker: Callable[[], Taker],
        columns: Mapping[str, ColumnType] | None,
        limit: int | None,
        checked: bool = False,
    ) -> None:
        self.label = label
        self._readers, self._taker = readers, taker
        self._columns, self._limit, self._checked = columns, limit, checked
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
        if empty is not None and not self._checked:
            raise InputError(empty)

    def count(self) -> int | None:
        """The sum over the readers.

        Raises:
            InputError: a row is bad, where they are ``checked``.
        """
        if self._checked and all(reader.again for reader in self._readers):
            return sum(1 for _ in self)
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

    def __iter__(self) -> Iterator[Row]:
        """All rows, from the start, for who may wait for them."""
        taker, number = self._taker(), 0
        for reader in self._readers:
            taker.begin(reader)
            for batch in reader.batches():
                for record in batch:
                    number += 1
                    yield taker.row(record)
                    if number == self._limit:
                        return
        if not number:
            self._none()

    async def rows(self) -> AsyncGenerator[Row]:
        """The same, while other work goes on."""
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
