"""From records to rows: checked, told apart, and the bad ones named."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from evolsynth.data.reader import Reader, Record
from evolsynth.data.shape import Shape
from evolsynth.doing import say
from evolsynth.errors import InputError
from evolsynth.foreign import failure
from evolsynth.plain import shown
from evolsynth.rows import Row

__all__ = ["Numbers", "Read", "ReadingStep", "Taker"]

#: In which step bad rows fail: in a pipeline's ``load``, or while a command ``read`` its file.
ReadingStep = Literal["load", "read"]

_SKIP: dict[ReadingStep, str] = {
    "load": "Or go on without such rows: skip_bad.",
    "read": "Or go on without such lines: --skip-bad.",
}
_BITS = 40  # of a place for the number; those above are for the reader


class Read(NamedTuple):
    """A record of a file: its place for people, its number, its columns as they come out again,
    these with what a row has of them, and its line, where it has one and nothing was changed."""

    place: str
    number: int
    given: dict[str, Any]
    fields: dict[str, Any]
    line: bytes | None


class Taker:
    """Takes the records of readers, one after the other, as rows with ids of their own.

    A record is bad if it is no row, has a field of a wrong type, has the id of an earlier (where
    each is of ``one_id`` row), or lacks one of the texts in ``needs``, for which settled rows are
    not asked. Rows that an earlier run accepted are undecided again, unless they are ``judged``.
    """

    def __init__(
        self,
        *,
        skip_bad: bool,
        shape: Shape,
        needs: Sequence[str] = (),
        step: ReadingStep = "load",
        judged: bool = False,
        one_id: bool = True,
    ) -> None:
        self._one_id = one_id
        self._skip_bad, self.shape, self._judged = skip_bad, shape, judged
        self._needs, self.step = tuple(needs), step
        self._readers: list[Reader] = []
        self._ids = Ids()
        #: How many records were bad, what was wrong with the first, and whether others were not.
        self.bad, self.first_bad, self.read_some = 0, "", False

    def begin(self, reader: Reader) -> None:
        """The records that follow are this reader's."""
        self._readers.append(reader)
        self.shape.begin(reader)

    def row(self, record: Record) -> Row:
        """The record as a row; a bad one as a failed row, or as an error.

        Raises:
            InputError: the record is bad, and bad ones are not to be skipped.
        """
        number, item, line = record
        reader = self._readers[-1]
        place = (len(self._readers) - 1 << _BITS) | number
        try:
            data = self._data(item, number)
            row = _row(data)
        except InputError as error:
            # those that came as errors name their place
            told = str(error) if error is item else f"{reader.place(number)}: {error}"
            return self._bad(self._unread(number, item, line), told, place)
        if not self._judged and row.verdict is not None and row.verdict.accepted:
            row = row.replace(verdict=None)
        wrong = None if row.settled else self._lacking(data)
        own = not isinstance(item, Row) and data.get("id") is not None
        if own and not self._one_id and wrong is None:
            self.read_some = True
            return row
        if own and (before := self._ids.places.get(row.id)) is not None:
            wrong = (
                f"field 'id': '{row.id}' is the id of {self._earlier(before)} too. Change one, or "
                "give the column another name (--rename id=key)."
            )
            row = row.replace(id=f"{row.id}-{reader.unit}-{number}")
        if wrong is not None:
            return self._bad(row, f"{reader.place(number)}, {wrong}", place)
        self.read_some = True
        return self._ids.told_apart(row, place)

    def read(
        self, record: Record, check: Callable[[dict[str, Any], str], object] | None = None
    ) -> Read | None:
        """The record as it is, and with what a row has of it; None for a bad one.

        Args:
            record: which.
            check: is called with the fields and the place, and raises where they are of no use.

        Raises:
            InputError: the record is bad, and bad ones are not to be skipped.
        """
        number, item, line = record
        reader = self._readers[-1]
        where = reader.place(number)
        try:
            if isinstance(item, Mapping):
                given = self.shape.given(item, parsed=line is not None)
                fields = self.shape.whole(given, reader, number)
                whole = None if self.shape.changes else line
                one = Read(where, number, dict(given), dict(fields), whole)
            else:
                self._data(item, number)
                return None
        except InputError as error:
            self._note_bad(str(error) if error is item else f"{where}: {error}")
            return None
        try:
            if check is not None:
                check(one.fields, where)
        except InputError as error:
            self._note_bad(str(error))
            return None
        self.read_some = True
        return one

    def end(self, label: str, *, whole: bool = True) -> None:
        """There are no more records; how many of them were bad is said, and what is missing."""
        if whole:
            self.shape.say_unanswered(label)
        if self.bad:
            them = "1 row is" if self.bad == 1 else f"{self.bad:,} rows are"
            say(f"{label}: {them} bad and passed by. The first: {self.first_bad}")

    def _note_bad(self, message: str) -> None:
        if not self._skip_bad:
            raise InputError(f"{message} {_SKIP[self.step]}")
        self.bad += 1
        self.first_bad = self.first_bad or message

    def _lacking(self, data: Mapping[str, Any]) -> str | None:
        """What is wrong with the needed texts, the field first."""
        for name in self._needs:
            value = data.get(name)
            if value is None:
                texts = [f"{n:.60}" for n, v in data.items() if isinstance(v, str) and n != "id"]
                there = f"It has {', '.join(texts[:5])}." if texts else "Add it."
                return f"field '{name}': there is none. {there}"
            if not isinstance(value, str):
                return f"field '{name}': a text was expected. Put it in quotes."
            if not value.strip():
                return f"field '{name}': the text is empty. Write one."
        return None

    def _data(self, item: object, number: int) -> Mapping[str, Any]:
        if isinstance(item, Row):
            extra = self.shape.plain(item.extra)  # a struct's own way would write bytes as text
            try:
                item = (item if extra is item.extra else item.replace(extra=extra)).to_dict()
            except (TypeError, RecursionError) as error:
                raise InputError(f"it cannot be written as JSON ({error}). Mend it.") from None
        if isinstance(item, Mapping):
            return self.shape.whole(self.shape.given(item), self._readers[-1], number)
        if isinstance(item, InputError):
            raise item
        name = type(item).__name__
        article = "an" if name[:1] in "aeio" else "a"
        raise InputError(f"{article} {name} is no row. Give a dict or a Row.")

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
        return Row.make(key=self.step, extra={self._readers[-1].unit: {"number": number, **held}})

    def _bad(self, row: Row, message: str, place: int) -> Row:
        self._note_bad(message)
        row = self._ids.told_apart(row, place)
        return row.replace(failure=failure(self.step, InputError(message)))


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
