"""From records to rows: checked, told apart, and the bad ones named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.columns import ColumnType, own_columns
from evolsynth.data.ids import Ids
from evolsynth.data.reader import Named, Record
from evolsynth.data.values import plain_fields, shown
from evolsynth.errors import InputError
from evolsynth.rows import Row
from evolsynth.streams import failure

__all__ = ["Taker"]

_SKIP = "Or go on without such rows: skip_bad."
_STEP = "load"
_BITS = 40  # of a place for the number; those above are for the reader


class Taker:
    """Takes the records of readers, one after the other, as rows with ids of their own."""

    def __init__(self, *, skip_bad: bool, fields: Mapping[str, str] | None) -> None:
        self._skip_bad, self._fields = skip_bad, dict(fields or {})
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
        if isinstance(item, Row) or data.get("id") is None:
            return self._ids.told_apart(row, place)
        before = self._ids.place_of(row.id)
        if before is None:
            self._ids.add(row.id, place)
            return row
        reader = self._readers[-1]
        told = (
            f"{reader.place(number)}, field 'id': '{row.id}' is the id of "
            f"{self._earlier(before)} too. Change one."
        )
        return self._bad(row.replace(id=f"{row.id}-{reader.unit}-{number}"), told, place)

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
        return Row.make(key=_STEP, extra={self._readers[-1].unit: {"number": number, **held}})

    def _bad(self, row: Row, message: str, place: int) -> Row:
        if not self._skip_bad:
            raise InputError(f"{message} {_SKIP}")
        row = self._ids.told_apart(row, place)
        return row.replace(failure=failure(_STEP, InputError(message)))


def _row(data: Mapping[str, Any]) -> Row:
    try:
        return Row.from_dict(data)
    except InputError as error:
        raise InputError(f"{error} Mend it.") from None


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeio' else 'a'} {name}"
