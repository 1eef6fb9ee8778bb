"""From records to rows: checked, told apart, and the bad ones named."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from evolsynth.columns import ColumnType
from evolsynth.data.kinds import own_columns
from evolsynth.data.reader import Reader, Record
from evolsynth.errors import InputError
from evolsynth.foreign import failure
from evolsynth.plain import plain_fields, shown
from evolsynth.rows import Row

__all__ = ["Numbers", "ReadingStep", "Taker"]

#: In which step bad rows fail: in a pipeline's ``load``, or while a command ``read`` its file.
ReadingStep = Literal["load", "read"]

_SKIP: dict[ReadingStep, str] = {
    "load": "Or go on without such rows: skip_bad.",
    "read": "Or go on without such lines: --skip-bad.",
}
_BITS = 40  # of a place for the number; those above are for the reader


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
        self._readers: list[Reader] = []
        self._names: dict[str, None] = {}  # of fields, as the source has them
        self._ids = Ids()

    def begin(self, reader: Reader) -> None:
        """The records that follow are this reader's."""
        self._readers.append(reader)

    def row(self, record: Record) -> Row:
        """The record as a row; a bad one as a failed row, or as an error.

        Raises:
            InputError: the record is bad, and bad ones are not to be skipped.
        """
        number, item, line = record
        reader = self._readers[-1]
        place = (len(self._readers) - 1 << _BITS) | number
        try:
            data = self._data(item)
            row = _row(data)
        except InputError as error:
            # those that came as errors name their place
            told = str(error) if error is item else f"{reader.place(number)}: {error}"
            return self._bad(self._unread(number, item, line), told, place)
        if row.verdict is not None and row.verdict.accepted:
            row = row.replace(verdict=None)
        wrong = None if row.settled else self._lacking(data)
        own = not isinstance(item, Row) and data.get("id") is not None
        if own and (before := self._ids.places.get(row.id)) is not None:
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
        name = type(item).__name__
        article = "an" if name[:1] in "aeio" else "a"
        raise InputError(f"{article} {name} is no row. Give a dict or a Row.")

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
        elif isinstance(item, str):
            held = {"text": item}
        else:
            held = {} if isinstance(item, InputError) else {"type": type(item).__name__}
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


# Ids ----------------------------------------------------------------------------------------------


class Numbers:
    """A number for each name, kept by the names' 64-bit hashes in a table of SQLite's in memory.

    Memory: about 30 bytes a name, where a dict takes 130. Two names of a million are taken for
    one another with a chance of 3 in 100 million.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE numbers (name INTEGER PRIMARY KEY, number INTEGER NOT NULL)")

    def get(self, name: str) -> int | None:
        """The name's number; None if it has none."""
        found = self._db.execute("SELECT number FROM numbers WHERE name=?", (hash(name),))
        (number,) = found.fetchone() or (None,)
        return number

    def add(self, name: str, number: int) -> bool:
        """Give the name a number, if it has none; whether that was so."""
        sql = "INSERT OR IGNORE INTO numbers VALUES (?, ?)"
        return self._db.execute(sql, (hash(name), number)).rowcount > 0

    def put(self, name: str, number: int) -> None:
        """Give the name a number, in place of the one it had."""
        self._db.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (hash(name), number))


class Ids:
    """The ids of a source's rows so far, and the places that they stand in."""

    def __init__(self) -> None:
        self.places = Numbers()
        self._times = Numbers()

    def told_apart(self, row: Row, place: int) -> Row:
        """The row, with a number behind its id if that is taken."""
        name = row.id
        while not self.places.add(name, place):
            times = (self._times.get(row.id) or 1) + 1
            self._times.put(row.id, times)
            name = f"{row.id}-{times}"
        return row if name == row.id else row.replace(id=name)
